// FixedPool cut off at each place where V8 looks for interruptions: no buffer is lost or lent twice, and no block.
import type { FixedBuffer, FixedPool } from 'superslab/pools';
import { describe, expect, test, vi } from 'vitest';
import { CUTS, cutEverywhere, evaluateWithPoints } from '../support/cut-points.js';

const { pools, cores, unfinished } = evaluateWithPoints();

const MAX = 12;
const plain = { leakDetection: 'off', guard: 'off' } as const;

/** What a step works with: an open pool, some of whose buffers are out and some idle. */
interface Model {
  readonly pool: FixedPool;
  /** Those that the program has. A step stores what it gets at once. */
  readonly bufs: FixedBuffer[];
  bulk: FixedBuffer[];
  readonly opened: FixedPool[];
  readonly promises: Promise<FixedBuffer>[];
}

const steps: Record<string, (model: Model) => void> = {
  'get of an idle one': ({ pool, bufs }) => {
    bufs[bufs.length] = pool.get();
  },
  'get of a new one': ({ pool, bufs }) => {
    pool.trim();
    bufs[bufs.length] = pool.get();
  },
  put: ({ pool, bufs }) => pool.put(bufs[0]!),
  'release of one': ({ bufs }) => bufs[0]!.release(),
  'getBulk of idle ones': (model) => {
    model.bulk = model.pool.getBulk(3);
  },
  'getBulk of new ones': (model) => {
    model.bulk = model.pool.getBulk(8);
  },
  putBulk: ({ pool, bufs }) => pool.putBulk(bufs),
  'putBulk with one that is put': ({ pool, bufs }) => {
    pool.put(bufs[0]!);
    pool.putBulk(bufs);
  },
  warm: ({ pool }) => pool.warm(7, () => {}),
  trim: ({ pool }) => void pool.trim(),
  getAsync: ({ pool, promises }) => {
    promises[promises.length] = pool.getAsync();
  },
  'put for one who waits': ({ pool, bufs, promises }) => {
    for (let i = 0; i < 9; i++) promises[promises.length] = pool.getAsync();
    pool.put(bufs[0]!);
  },
  'new FixedPool': ({ opened }) => {
    opened[opened.length] = new pools.FixedPool({ ...plain, size: 100, initial: 2 });
    opened[0]!.close();
  },
  'close, and a put after it': ({ pool, bufs }) => {
    pool.close();
    pool.put(bufs[0]!);
  },
};

const countPools = () => cores.openCores.size + cores.closingCores.size;

function begin(zero: 'never' | 'release'): Model {
  const pool = new pools.FixedPool({ ...plain, size: 1500, max: MAX, initial: 8, zero });
  return { pool, bufs: pool.getBulk(4), bulk: [], opened: [], promises: [] };
}

async function end({ pool, bufs, bulk, opened, promises }: Model, count: number): Promise<void> {
  expect(pool.check()).toEqual([]);
  unfinished.undoInterrupted();
  for (const core of [...cores.openCores.values()] as { serveWaiters(): void }[]) core.serveWaiters();
  expect(pool.check()).toEqual([]);
  for (const buf of [...bufs, ...bulk]) if (!buf.released) pool.put(buf);
  for (const promise of promises) {
    promise.then(
      // One that the program had put before may be another's again.
      (buf) => buf.released || pool.put(buf),
      () => {},
    );
  }
  for (let i = 0; i < 40; i++) await null;
  expect(pool.stats().inUseBytes).toBe(0);
  if (!pool.closed) {
    const all = pool.getBulk(MAX);
    expect(new Set(all).size).toBe(MAX);
    pool.putBulk(all);
    expect(pool.check()).toEqual([]);
    pool.close();
  }
  for (const one of opened) one.close();
  await vi.waitUntil(() => countPools() === count, { interval: 1 });
}

describe.each(CUTS)('by %s', (how) => {
  describe.each(['never', 'release'] as const)('zero: %s', (zero) => {
    test.for(Object.keys(steps))('in %s', async (name) => {
      const count = countPools();
      await cutEverywhere(
        how,
        () => begin(zero),
        (model) => steps[name]!(model),
        (model) => end(model, count),
      );
    });
  });
});
