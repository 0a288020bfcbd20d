// SharedCache cut off at each place where V8 looks for interruptions: no page that nobody has, no place for a pin that is lost.
import { mkdtempSync, rmSync } from 'node:fs';
import type { CachePage, SharedCache } from 'superslab/files';
import { afterAll, describe, expect, test } from 'vitest';
import { CUTS, cutEverywhere, doUpkeep, evaluateWithPoints } from '../support/cut-points.js';

const evaluation = evaluateWithPoints();
const { files } = evaluation;
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

interface Asking {
  /** Computes `other's` until release() is called. */
  readonly other: SharedCache;
  release(): void;
  readonly abort: AbortController;
  readonly promises: Promise<unknown>[];
}

const VALUE = Buffer.from('computed');
const ABORTED = 'a wait that is ended';
const computations: Record<string, (asking: Asking) => void> = {
  'a value that is computed at once': ({ promises }) => {
    promises[promises.length] = cache.getOrCompute('own', () => VALUE);
  },
  'a value that comes later, twice': ({ promises }) => {
    promises[promises.length] = cache.getOrCompute('own', () => Promise.resolve(VALUE));
    promises[promises.length] = cache.getOrCompute('own', () => VALUE);
  },
  'a computation that fails': ({ promises }) => {
    promises[promises.length] = cache.getOrCompute('own', () => {
      throw new Error('of the program');
    });
  },
  'what another computes': ({ promises }) => {
    promises[promises.length] = cache.getOrCompute("other's", () => VALUE);
    promises[promises.length] = cache.getOrCompute("other's", () => VALUE);
  },
  [ABORTED]: ({ promises, abort }) => {
    promises[promises.length] = cache.getOrCompute("other's", () => VALUE, { signal: abort.signal });
    promises[promises.length] = cache.getOrCompute("other's", () => VALUE);
    abort.abort(new Error('enough'));
  },
};

function ask(): Asking {
  cache.clear();
  const other = files.SharedCache.open({ path: cache.path });
  let release = (): void => {};
  const computing = other.getOrCompute(
    "other's",
    () => new Promise((resolve) => (release = () => resolve(VALUE))),
  );
  return { other, release, abort: new AbortController(), promises: [computing] };
}

/** Every promise is settled, and no claim is left with nobody who computes. */
async function endAsking({ other, release, promises }: Asking): Promise<void> {
  const settled = Promise.allSettled(promises);
  await doUpkeep(evaluation);
  release();
  await settled;
  for (const key of ['own', "other's"]) {
    // A call that waits for a claim with nobody behind it would wait for half a minute.
    const value = await other.getOrCompute(key, () => VALUE);
    expect(value).toEqual(VALUE);
  }
  other.close();
  expect(cache.check()).toEqual([]);
}

describe.each(CUTS)('getOrCompute() by %s', (how) => {
  // A listener that a full stack keeps from being entered Node.js tells of as an uncaught exception.
  const names = Object.keys(computations).filter((name) => how === 'termination' || name !== ABORTED);
  test.each(names)('%s', { timeout: 60_000 }, async (name) => {
    await cutEverywhere(how, ask, computations[name]!, endAsking);
  });
});

describe.each(CUTS)('by %s', (how) => {
  test.each(Object.keys(steps))('%s', { timeout: 60_000 }, async (name) => {
    await cutEverywhere(how, begin, steps[name]!, end);
  });
});
