// NumaPool cut off at each place where V8 looks for interruptions: no memory is lost or lent twice, and no pool stays open.
// On a machine with several nodes (`npm run test:numa`) the shares of each node are cut off, too.
import type { PooledBuffer } from 'superslab';
import type { NumaPool } from 'superslab/pools';
import { describe, expect, test, vi } from 'vitest';
import { overlap } from '../support/bytes.js';
import { CUTS, cutEverywhere, evaluateWithPoints } from '../support/cut-points.js';

const { pools, cores, unfinished } = evaluateWithPoints();

const SIZE = 100;
const BLOCK = 128;
const plain = { leakDetection: 'off', guard: 'off' } as const;

interface Model {
  readonly pool: NumaPool;
  /** Those that the program has. A step stores what it gets at once. */
  readonly bufs: PooledBuffer[];
  readonly tokens: string[];
  /** Of the same memory as one of the others. */
  readonly adopted: PooledBuffer[];
  readonly opened: NumaPool[];
  readonly promises: Promise<PooledBuffer>[];
}

const steps: Record<string, (model: Model) => void> = {
  get: ({ pool, bufs }) => {
    bufs[bufs.length] = pool.get(SIZE);
  },
  'get of another size': ({ pool, bufs }) => {
    bufs[bufs.length] = pool.get(5000);
  },
  'get of a huge one': ({ pool, bufs }) => {
    bufs[bufs.length] = pool.get(3 << 20);
  },
  'get of a huge one that lies at hand': ({ pool, bufs }) => {
    for (let i = 0; i < 3; i++) pool.warm(3 << 20, 1);
    bufs[bufs.length] = pool.get(3 << 20);
  },
  put: ({ pool, bufs }) => pool.put(bufs[0]!),
  'share, adopt and put': ({ pool, bufs, tokens, adopted }) => {
    tokens[tokens.length] = pool.share(bufs[0]!);
    adopted[adopted.length] = pool.adopt(tokens[0] as never);
    pool.put(adopted[0]!);
  },
  warm: ({ pool }) => pool.warm(SIZE, 4, () => {}),
  trim: ({ pool }) => void pool.trim(),
  tune: ({ pool }) => pool.tune({ numaMoveBytes: '1m' }),
  getAsync: ({ pool, promises }) => {
    promises[promises.length] = pool.getAsync(SIZE);
  },
  'new NumaPool': ({ opened }) => {
    opened[opened.length] = new pools.NumaPool({ ...plain, maxBytes: '1m' });
    opened[0]!.close();
  },
  'close, and put after it': ({ pool, bufs }) => {
    pool.close();
    pool.put(bufs[0]!);
  },
};

const countPools = () => cores.openCores.size + cores.closingCores.size;

function begin(zero: 'never' | 'acquire' | 'release'): Model {
  const pool = new pools.NumaPool({ ...plain, maxBytes: '8m', zero });
  return { pool, bufs: [pool.get(SIZE), pool.get(SIZE)], tokens: [], adopted: [], opened: [], promises: [] };
}

async function end({ pool, bufs, tokens, adopted, opened, promises }: Model, count: number): Promise<void> {
  expect(pool.check()).toEqual([]);
  unfinished.undoInterrupted();
  for (const core of [...cores.openCores.values()] as { serveWaiters(): void }[]) core.serveWaiters();
  expect(pool.check()).toEqual([]);
  for (const promise of promises) {
    promise.then(
      (buf) => buf[Symbol.dispose](),
      () => {},
    );
  }
  for (let i = 0; i < 40; i++) await null;
  for (const token of tokens) {
    // Unless it was adopted before the cut.
    try {
      pool.revoke(token as never);
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_SUPERSLAB_TOKEN_USED' });
    }
  }
  const live = bufs.filter((buf) => !buf.released);
  live.forEach((buf, i) => {
    for (const other of live.slice(i + 1))
      if (buf.buffer === other.buffer) expect(overlap(buf, other)).toBe(false);
  });
  for (const buf of [...bufs, ...adopted]) buf[Symbol.dispose]();
  if (!pool.closed) {
    expect(pool.stats().inUseBytes).toBe(0);
    const all = Array.from({ length: 100 }, () => pool.get(BLOCK));
    for (const buf of all) pool.put(buf);
    expect(pool.check()).toEqual([]);
    pool.close();
  }
  expect(pool.stats().inUseBytes).toBe(0);
  for (const one of opened) one.close();
  await vi.waitUntil(() => countPools() === count, { interval: 1 });
}

describe.each(CUTS)('by %s', (how) => {
  describe.each(['never', 'acquire', 'release'] as const)('zero: %s', (zero) => {
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
