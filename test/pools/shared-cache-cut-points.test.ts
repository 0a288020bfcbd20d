// SharedCache cut off at each place where V8 looks for interruptions: no page that nobody has, no place for a pin that is lost.
import { mkdtempSync, rmSync } from 'node:fs';
import type { CachePage, SharedCache } from 'superslab/files';
import { afterAll, describe, expect, test } from 'vitest';
import { CUTS, cutEverywhere, evaluateWithPoints } from '../support/cut-points.js';

const { files } = evaluateWithPoints();
const folder = mkdtempSync('/dev/shm/superslab-test-');
const cache = files.SharedCache.open({ path: `${folder}/cache`, maxBytes: 2 << 20 });

afterAll(() => {
  cache.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Model {
  readonly cache: SharedCache;
  /** Those that the program has. A step stores what it gets at once. */
  readonly pages: CachePage[];
  readonly target: Buffer;
}

const steps: Record<string, (model: Model) => void> = {
  'get of a value that was found before': ({ cache }) => void cache.get('known'),
  'get of another': ({ cache }) => void cache.get('other'),
  getInto: ({ cache, target }) => void cache.getInto('known', target),
  'getInto of another': ({ cache, target }) => void cache.getInto('other', target),
  'pin of a page that there was before': ({ cache, pages }) => {
    pages[pages.length] = cache.pin('known')!;
  },
  'pin of one that is pinned': ({ cache, pages }) => {
    pages[pages.length] = cache.pin('pinned')!;
  },
  'pin of another': ({ cache, pages }) => {
    pages[pages.length] = cache.pin('other')!;
  },
  release: ({ pages }) => {
    if (!pages[0]!.released) pages[0]!.release();
  },
  set: ({ cache, target }) => void cache.set('known', target, { tags: ['x'] }),
  delete: ({ cache }) => void cache.delete('known'),
};

function begin(): Model {
  cache.clear();
  for (const key of ['known', 'other', 'pinned']) cache.set(key, Buffer.from(key));
  for (let i = 0; i < 4; i++) cache.get('known');
  cache.pin('known')!.release();
  return { cache, pages: [cache.pin('pinned')!], target: Buffer.alloc(64) };
}

function end({ cache, pages }: Model): void {
  for (const page of pages) while (page !== undefined && !page.released) page.release();
  expect(cache.pinnedKeys()).toEqual([]);
  expect(cache.stats().objects).toMatchObject({ inUse: 0 });
  expect(cache.check()).toEqual([]);
  // All places for pins are still there.
  cache.set('again', Buffer.from('value'));
  for (let i = 0; i < 447; i++) cache.set(`key ${i}`, Buffer.from(`${i}`));
  const all = Array.from({ length: 447 }, (_, i) => cache.pin(`key ${i}`)!);
  expect(all.every((page, i) => page.buffer.toString() === `${i}`)).toBe(true);
  for (const page of all) page.release();
}

describe.each(CUTS)('by %s', (how) => {
  test.each(Object.keys(steps))('%s', { timeout: 60_000 }, async (name) => {
    await cutEverywhere(how, begin, steps[name]!, end);
  });
});
