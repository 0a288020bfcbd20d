// CompressedPool cut off at each place where V8 looks for interruptions: no value is lost or changed, and no block.
import type { CompressedPool, CompressedPoolOptions } from 'superslab/pools';
import { describe, expect, test, vi } from 'vitest';
import { CUTS, cutEverywhere, evaluateWithPoints } from '../support/cut-points.js';

const { pools, cores, unfinished } = evaluateWithPoints();

const HOT = 2 ** 16;
const plain = { leakDetection: 'off', guard: 'off', hotBytes: HOT, cpuBudget: 1 } as const;

/** What a step works with: an open pool with values, hot and cold, and one that is pinned. */
interface Model {
  readonly pool: CompressedPool;
  /** What each value is filled with. */
  readonly values: Map<number, number>;
  /** What a step has put. It stores each at once. */
  readonly made: number[];
  /** Those that a step may have freed, or whose pins it may have left. */
  readonly mayBeFree: Set<number>;
  readonly promises: Promise<number>[];
  readonly opened: CompressedPool[];
  readonly pinned: number;
}

const LENGTH = 4000;
const MADE = 77;
/** One byte again and again, with an end that is none: it compresses, and is no repeated word. */
const bytesOf = (byte: number): Uint8Array => {
  const bytes = new Uint8Array(LENGTH).fill(byte);
  bytes[LENGTH - 1] = byte ^ 1;
  return bytes;
};
const isWhole = (bytes: Uint8Array, byte: number): boolean =>
  bytes.length === LENGTH && bytes.every((one, i) => one === (i === LENGTH - 1 ? byte ^ 1 : byte));

const freeOne = (model: Model, handle: number): void => {
  model.mayBeFree.add(handle);
  model.pool.free(handle);
};

const steps: Record<string, (model: Model) => void> = {
  put: ({ pool, made }) => {
    made[made.length] = pool.put(bytesOf(MADE));
  },
  'put of many': ({ pool, made }) => {
    for (let i = 0; i < 20; i++) made[made.length] = pool.put(bytesOf(MADE));
  },
  'access and release of a hot one': ({ pool, pinned }) => {
    pool.access(pinned);
    pool.release(pinned);
  },
  'access and release of all': ({ pool, values }) => {
    for (const handle of values.keys()) {
      pool.access(handle);
      pool.release(handle);
    }
  },
  cool: ({ pool }) => void pool.cool(),
  'length, owns, isCold': ({ pool, pinned }) => {
    pool.length(pinned);
    pool.owns(pinned);
    pool.isCold(pinned);
  },
  'free of all': (model) => {
    for (const handle of model.values.keys()) if (handle !== model.pinned) freeOne(model, handle);
  },
  'trim, tiers, report': ({ pool }) => {
    pool.trim();
    pool.tiers();
    pool.report();
  },
  warm: ({ pool }) => pool.warm(3, LENGTH, () => {}),
  putAsync: ({ pool, promises }) => {
    promises[promises.length] = pool.putAsync(bytesOf(MADE));
  },
  'new CompressedPool': ({ opened }) => {
    opened[opened.length] = new pools.CompressedPool(plain);
    opened[0]!.close();
  },
  close: ({ pool }) => pool.close(),
};

const countPools = () => cores.openCores.size + cores.closingCores.size;

function begin(options: CompressedPoolOptions): Model {
  const pool = new pools.CompressedPool({ ...plain, ...options });
  const values = new Map<number, number>();
  for (let i = 0; i < 12; i++) values.set(pool.put(bytesOf(2 * i)), 2 * i);
  pool.cool(5 * LENGTH);
  const pinned = [...values.keys()].find((handle) => !pool.isCold(handle))!;
  pool.access(pinned);
  return { pool, values, made: [], mayBeFree: new Set(), promises: [], opened: [], pinned };
}

/** A pin of an access that was cut off may last, where the program has its buffer. */
function unpin(pool: CompressedPool, handle: number): void {
  try {
    for (;;) pool.release(handle);
  } catch {}
}

function expectValues({ pool, values, made, mayBeFree }: Model): void {
  expect(pool.check()).toEqual([]);
  for (const [handle, byte] of [...values, ...made.map((one) => [one, MADE] as const)]) {
    if (mayBeFree.has(handle) && !pool.owns(handle)) {
      values.delete(handle);
      continue;
    }
    // A close ends those that are cold.
    if (pool.closed && (!pool.owns(handle) || pool.isCold(handle))) continue;
    expect(isWhole(pool.access(handle), byte)).toBe(true);
    pool.release(handle);
  }
}

async function end(model: Model, count: number): Promise<void> {
  const { pool, values, made, promises, opened } = model;
  expectValues(model);
  unfinished.undoInterrupted();
  for (const core of [...cores.openCores.values()] as { serveWaiters(): void; tick(): boolean }[]) {
    core.serveWaiters();
    core.tick();
  }
  for (const core of [...cores.closingCores] as { endClosing(): void; tick(): boolean; settle(): void }[]) {
    core.endClosing();
    core.tick();
    core.settle();
  }
  expectValues(model);
  for (const promise of promises) {
    await promise.then(
      (handle) => pool.free(handle),
      () => {},
    );
  }
  const { hot, cold } = pool.tiers();
  if (!pool.closed) expect(hot.values + cold.values).toBe(values.size + made.length);
  for (const handle of [...values.keys(), ...made]) {
    if (!pool.owns(handle)) continue;
    unpin(pool, handle);
    pool.free(handle);
  }
  expect(pool.check()).toEqual([]);
  if (!pool.closed) pool.trim();
  expect(pool.stats().inUseBytes).toBe(0);
  pool.close();
  for (const one of opened) one.close();
  await vi.waitUntil(() => countPools() === count, { interval: 1 });
}

describe.each(CUTS)('by %s', (how) => {
  describe.each([
    ['LZ4', {}],
    ['zero: release', { zero: 'release' }],
    ['deflate', { codec: 'deflate' }],
  ] as const)('%s', (_, options) => {
    test.for(Object.keys(steps))('in %s', { timeout: 60_000 }, async (name) => {
      const count = countPools();
      await cutEverywhere(
        how,
        () => begin(options),
        (model) => steps[name]!(model),
        (model) => end(model, count),
      );
    });
  });
});
