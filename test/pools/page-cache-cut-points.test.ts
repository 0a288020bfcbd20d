// PageCache cut off at each place where V8 looks for interruptions: no pin, frame or dirty page is lost.
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import type { Page, PageCache, PageCacheOptions } from 'superslab/files';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { collect } from '../support/collect.js';
import { CUTS, cutEverywhere, evaluateWithPoints } from '../support/cut-points.js';
import { folder } from './mapped-files.js';
import { numberedPages } from './page-files.js';

const { files, cores, unfinished } = evaluateWithPoints();

const PAGE = 4096;
const plain = { leakDetection: 'off', guard: 'off', cacheBytes: 8 * PAGE } as const;

interface Model {
  readonly file: string;
  readonly cache: PageCache;
  /** Those that the program has. A step stores what it gets at once. */
  readonly held: Page[];
  readonly promises: Promise<Page>[];
  readonly walks: AsyncIterator<Page>[];
  readonly steps: Promise<unknown>[];
  readonly opened: PageCache[];
}

const BYTE = 99;

const steps: Record<string, (model: Model) => void> = {
  'pinSync of a page that is there': ({ cache, held }) => {
    held[held.length] = cache.pinSync(1);
  },
  'pinSync of others': ({ cache, held }) => {
    held[held.length] = cache.pinSync(20);
    held[held.length] = cache.pinSync(21);
  },
  tryPin: ({ cache, held }) => {
    for (const no of [1, 22, 23]) {
      const page = cache.tryPin(no);
      if (page !== undefined) held[held.length] = page;
    }
  },
  'pinSync of more than there is room for': ({ cache, held }) => {
    for (let no = 30; no < 45; no++) held[held.length] = cache.pinSync(no);
  },
  'a change': ({ held }) => {
    held[0]!.buffer[4] = BYTE;
    held[0]!.markDirty();
  },
  release: ({ held }) => held[0]!.release(),
  pin: ({ cache, promises }) => {
    promises[promises.length] = cache.pin(1);
    promises[promises.length] = cache.pin(50);
    promises[promises.length] = cache.pin(50);
  },
  'pins that wait, and releases': ({ cache, held, promises }) => {
    for (let no = 30; no < 37; no++) held[held.length] = cache.pinSync(no);
    promises[promises.length] = cache.pin(60);
    promises[promises.length] = cache.pin(61);
    for (const page of held) page.release();
  },
  scan: ({ cache }) => {
    for (const _ of cache.scan({ from: 10, to: 14 }));
  },
  'asynchronous scan': ({ cache, walks, steps }) => {
    const walk = cache.scan({ from: 10, to: 14 })[Symbol.asyncIterator]();
    walks[0] = walk;
    steps[0] = walk.next();
  },
  'the end of an asynchronous scan': ({ cache, walks, steps }) => {
    const walk = cache.scan({ from: 1, to: 3 })[Symbol.asyncIterator]();
    walks[0] = walk;
    steps[0] = walk.next();
    steps[1] = walk.return!();
  },
  prefetch: ({ cache }) => void cache.prefetch(70, 2),
  grow: ({ cache }) => void cache.grow(1),
  'checkpoint and flush': ({ cache }) => {
    cache.flush(2);
    void cache.checkpoint().catch(() => {});
  },
  warm: ({ cache }) => cache.warm(3, () => {}),
  'trim, figures, report': ({ cache }) => {
    cache.trim();
    cache.figures();
    cache.report();
  },
  open: ({ file, opened }) => {
    opened[opened.length] = files.PageCache.open({ ...plain, file: `${file}.other` });
    opened[0]!.close();
  },
  close: ({ cache }) => cache.close(),
};

/** Those that read by other threads where the kernel has no page. */
const READING = new Set(['pin', 'tryPin', 'pins that wait, and releases', 'asynchronous scan', 'prefetch']);

const countPools = () => cores.openCores.size + cores.closingCores.size;

const content = numberedPages(100);

/** In memory, where nothing waits for a disk. */
const inMemory = mkdtempSync('/dev/shm/superslab-test-');
afterAll(() => rmSync(inMemory, { recursive: true }));

/** Kernels before 6.6 have no O_DIRECT in memory. */
function canBeDirect(): boolean {
  const file = `${inMemory}/direct`;
  try {
    closeSync(openSync(file, constants.O_CREAT | constants.O_RDWR | constants.O_DIRECT));
    return true;
  } catch {
    return false;
  }
}
const isDiskNeeded = !canBeDirect();

function begin(options: Partial<PageCacheOptions>, place: string): Model {
  const file = `${place}/pages`;
  writeFileSync(file, content, { mode: 0o600 });
  rmSync(`${file}.other`, { force: true });
  const cache = files.PageCache.open({ file, ...plain, ...options });
  const held = [cache.pinSync(0)];
  for (const no of [1, 2, 3]) {
    const page = cache.pinSync(no);
    page.buffer[4] = no;
    page.markDirty();
    page.release();
  }
  return { file, cache, held, promises: [], walks: [], steps: [], opened: [] };
}

function upkeep(): void {
  unfinished.undoInterrupted();
  for (const core of [...cores.openCores.values()] as { serveWaiters(): void; tick(): boolean }[]) {
    core.tick();
    core.serveWaiters();
  }
  for (const core of [...cores.closingCores] as { endClosing(): void; tick(): boolean; settle(): void }[]) {
    core.endClosing();
    core.tick();
    core.settle();
  }
}

const allClosed = (count: number) =>
  vi.waitUntil(
    () => {
      upkeep();
      return countPools() === count;
    },
    { interval: 1, timeout: 10_000 },
  );

/** A pin of a release that was cut off may last. */
function letGo(pages: readonly Page[]): void {
  for (const page of pages) while (!page.released) page.release();
}

async function end(
  { file, cache, held, promises, walks, steps, opened }: Model,
  count: number,
): Promise<void> {
  upkeep();
  letGo(held);
  // All have somebody who listens at once: a rejection must not be looked at later than that.
  const pinned = promises.map((promise) =>
    promise.then(
      (page) => letGo([page]),
      () => {},
    ),
  );
  await Promise.all([...pinned, ...steps.map((step) => step.catch(() => {}))]);
  for (const walk of walks) await walk.return!();
  // A loop that was cut off has left an iterator, which nobody has.
  const isPinned = () => !cache.closed && cache.figures().pinned > 0;
  if (isPinned()) await collect(() => !isPinned());
  expect(cache.check()).toEqual([]);
  if (!cache.closed) {
    expect(cache.figures().pinned).toBe(0);
    const pages = [0, 1, 2, 3].map((no) => cache.pinSync(no));
    expect(pages.slice(1).map(({ buffer }) => buffer[4])).toEqual([1, 2, 3]);
    letGo(pages);
    await cache.checkpoint();
    cache.trim();
  }
  expect(cache.stats().inUseBytes).toBe(0);
  cache.close();
  for (const one of opened) one.close();
  await allClosed(count);
  // Whoever was cut off has given the file back, with all that was dirty.
  const again = files.PageCache.open({ file, ...plain });
  for (const no of [1, 2, 3]) {
    const page = again.pinSync(no);
    expect(page.buffer[4]).toBe(no);
    page.release();
  }
  again.close();
  await allClosed(count);
}

describe.each(CUTS)('by %s', (how) => {
  describe.each([
    ['as it is', { direct: false }],
    ['direct', { direct: true }],
  ] as const)('%s', (_, options) => {
    const names = Object.keys(steps).filter((name) => options.direct !== true || READING.has(name));
    test.for(names)('in %s', { timeout: 60_000 }, async (name) => {
      const count = countPools();
      const place = options.direct && isDiskNeeded ? folder() : inMemory;
      await cutEverywhere(
        how,
        () => begin(options, place),
        (model) => steps[name]!(model),
        (model) => end(model, count),
      );
    });
  });
});
