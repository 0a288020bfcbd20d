// CompressedPool cut off at each place where V8 looks for interruptions: no value is lost or changed, and no block.
import type { CompressedPool, CompressedPoolOptions } from 'superslab/pools';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { collect } from '../support/collect.js';
import { CUTS, cutEverywhere, doUpkeep, evaluateWithPoints } from '../support/cut-points.js';

const evaluation = evaluateWithPoints();
const { pools, cores } = evaluation;

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
  readonly cold: number;
  /** Of values that are pinned. */
  readonly buffers: Buffer[];
}

const LENGTH = 4000;
const MADE = 77;
/** One byte again and again, with an end that is none: it compresses, and is no repeated word. */
const bytesOf = (byte: number): Uint8Array => {
  const bytes = new Uint8Array(LENGTH).fill(byte);
  bytes[LENGTH - 1] = byte ^ 1;
  return bytes;
};
const known = Array.from({ length: 128 }, (_, byte) => bytesOf(byte));
const isWhole = (bytes: Buffer, byte: number): boolean => bytes.equals(known[byte]!);

const freeOne = (model: Model, handle: number): void => {
  model.mayBeFree.add(handle);
  model.pool.free(handle);
};

/** Cold and hot ones. */
const someOf = (values: Map<number, number>): number[] => [...values.keys()].filter((_, i) => i % 3 === 0);

const steps: Record<string, (model: Model) => void> = {
  put: ({ pool, made }) => {
    made[made.length] = pool.put(bytesOf(MADE));
  },
  'put of many': ({ pool, made }) => {
    for (let i = 0; i < 5; i++) made[made.length] = pool.put(bytesOf(MADE));
  },
  'access and release of a hot one': ({ pool, pinned }) => {
    pool.access(pinned);
    pool.release(pinned);
  },
  'access and release of a cold one': ({ pool, cold }) => {
    pool.access(cold);
    pool.release(cold);
  },
  'access and release of several': ({ pool, values }) => {
    for (const handle of someOf(values)) {
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
  'free of several': (model) => {
    for (const handle of someOf(model.values)) if (handle !== model.pinned) freeOne(model, handle);
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
  'putAsync that waits, and a release': ({ pool, promises, pinned }) => {
    promises[promises.length] = pool.putAsync(bytesOf(MADE));
    pool.release(pinned);
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
  return {
    pool,
    values,
    made: [],
    mayBeFree: new Set(),
    promises: [],
    opened: [],
    pinned,
    cold: [...values.keys()].find((handle) => pool.isCold(handle))!,
    buffers: [pool.access(pinned)],
  };
}

/** What is done before a step, and not cut off. */
const before: Record<string, (model: Model) => void> = {
  // There is room for two: then others become cold.
  'put of many': ({ pool, made }) => {
    while (pool.tiers().hot.bytes < HOT - 3 * LENGTH) made[made.length] = pool.put(bytesOf(MADE));
  },
  'putAsync that waits, and a release': ({ pool, values, pinned, buffers }) => {
    for (let byte = 50; values.size < HOT / 4096; byte += 2) values.set(pool.put(bytesOf(byte)), byte);
    for (const handle of values.keys()) if (handle !== pinned) buffers.push(pool.access(handle));
  },
};

/** A pin of an access that was cut off may last, where the program has its buffer. What is not pinned makes no error, which is dear. */
function freeAnyway(pool: CompressedPool, handle: number): void {
  try {
    pool.free(handle);
  } catch {
    unpin(pool, handle);
    pool.free(handle);
  }
}

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
    // expect() would take longer than the rest.
    if (!isWhole(pool.access(handle), byte)) throw new Error(`the value of ${byte} was changed`);
    pool.release(handle);
  }
}

async function end(model: Model, count: number): Promise<void> {
  const { pool, values, made, promises, opened } = model;
  // Until upkeep has come by, those who wait have the room that looking at cold values takes.
  if (promises.length === 0) expectValues(model);
  else for (const handle of values.keys()) unpin(pool, handle);
  await doUpkeep(evaluation);
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
    freeAnyway(pool, handle);
  }
  if (!pool.closed) pool.trim();
  // What was freed while it was being compressed comes back after that.
  await vi.waitUntil(() => pool.stats().inUseBytes === 0, { interval: 1, timeout: 10_000 });
  pool.close();
  for (const one of opened) one.close();
  await doUpkeep(evaluation);
  await vi.waitUntil(() => countPools() === count, { interval: 1, timeout: 10_000 });
}

/** Options that send operations along different ways, and the steps for which they do; all where none are named. */
const ways: [name: string, options: CompressedPoolOptions, steps?: string[]][] = [
  ['LZ4', {}],
  [
    'zero: release',
    { zero: 'release' },
    ['put', 'put of many', 'access and release of several', 'free of several', 'close'],
  ],
  [
    'deflate',
    { codec: 'deflate' },
    ['put of many', 'access and release of a cold one', 'cool', 'putAsync that waits, and a release'],
  ],
  [
    'watched',
    { leakDetection: 'full' },
    [
      'access and release of a hot one',
      'access and release of a cold one',
      'putAsync that waits, and a release',
      'close',
    ],
  ],
];

describe.each(CUTS)('by %s', (how) => {
  describe.each(ways)('%s', (_, options, named = Object.keys(steps)) => {
    const leaks: unknown[] = [];
    // Those who listen are kept by their pool.
    const kept: CompressedPool[] = [];
    // What a cut left of a pin would tell of a leak, since nobody has its buffer.
    afterAll(async () => {
      await collect();
      expect(leaks).toEqual([]);
      expect(kept.length).toBeGreaterThan(0);
    });
    test.for(named)('in %s', { timeout: 60_000 }, async (name) => {
      const count = countPools();
      await cutEverywhere(
        how,
        () => {
          const model = begin(options);
          model.pool.on('leak', (leak) => leaks.push(leak));
          before[name]?.(model);
          kept.push(model.pool);
          return model;
        },
        (model) => steps[name]!(model),
        (model) => end(model, count),
      );
    });
  });
});
