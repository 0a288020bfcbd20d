// GenerationalPool cut off at each place where V8 looks for interruptions: no value is lost or changed, and no chunk.
import type { GenerationalPool, GenerationalPoolOptions } from 'superslab/pools';
import { describe, expect, test, vi } from 'vitest';
import { CUTS, cutEverywhere, doUpkeep, evaluateWithPoints } from '../support/cut-points.js';

const evaluation = evaluateWithPoints();
const { pools, cores } = evaluation;

const YOUNG = 2 ** 18;
const CHUNK = YOUNG / 8;
const LIMIT = 16 * CHUNK;
const plain = { leakDetection: 'off', guard: 'off', young: YOUNG, promotion: { youngToOld: 1 } } as const;

/** What a step works with: an open pool with values, some of which have ended. */
interface Model {
  readonly pool: GenerationalPool;
  /** What each value is filled with. */
  readonly values: Map<number, number>;
  /** What a step has put. It stores each at once. */
  readonly made: number[];
  /** Those that a step may have freed. */
  readonly mayBeFree: Set<number>;
  readonly promises: Promise<number>[];
  readonly opened: GenerationalPool[];
}

const MADE = 77;
/** Eight of them fill a chunk. */
const small = new Uint8Array(4000).fill(MADE);
const large = new Uint8Array(CHUNK).fill(MADE);

const filled: Uint8Array[] = [];
/** Whether all bytes are so, which one comparison of memory tells. */
function isFilledWith(bytes: Buffer, byte: number): boolean {
  filled[byte] ??= new Uint8Array(CHUNK).fill(byte);
  return bytes.equals(filled[byte].subarray(0, bytes.length));
}

const freeOne = (model: Model, handle: number): void => {
  model.mayBeFree.add(handle);
  model.pool.free(handle);
};

const relieve = (pool: GenerationalPool): void => {
  const core = [...cores.openCores.values()].find(({ name }) => name === pool.name)!;
  for (let step = 1; step <= 3; step++) core.relieve(step);
};

const steps: Record<string, (model: Model) => void> = {
  put: ({ pool, made }) => {
    made[made.length] = pool.put(small);
  },
  'put in a new chunk': ({ pool, made }) => {
    for (let i = 0; i < 6; i++) made[made.length] = pool.put(small);
  },
  'put of a large one': ({ pool, made }) => {
    made[made.length] = pool.put(large);
  },
  'put with young full': ({ pool, made }) => {
    for (let i = 0; i < 12; i++) made[made.length] = pool.put(small);
  },
  'get, length, copyTo': ({ pool, values }) => {
    const [handle] = values.keys();
    pool.get(handle!);
    pool.length(handle!);
    pool.copyTo(handle!, new Uint8Array(4000));
  },
  'free of one': (model) => freeOne(model, [...model.values.keys()][1]!),
  'free of all': (model) => {
    for (const handle of [...model.values.keys()]) freeOne(model, handle);
  },
  'pin and unpin': (model) => {
    const [handle] = model.values.keys();
    model.pool.pin(handle!);
    model.pool.unpin(handle!);
  },
  collect: ({ pool }) => void pool.collect({ onProgress: () => {} }),
  'collect in steps': ({ pool, made }) => {
    for (let i = 0; i < 3; i++) pool.collect({ budgetMs: 0 });
    made[made.length] = pool.put(small);
    pool.collect();
  },
  'collect twice': ({ pool }) => {
    pool.collect();
    pool.collect();
  },
  scope: ({ pool, made }) =>
    pool.scope((scope) => {
      for (let i = 0; i < 9; i++) scope.put(small);
      made[made.length] = scope.promote(scope.put(small));
    }),
  'scope of one value': ({ pool, made }) =>
    pool.scope((scope) => {
      made[made.length] = scope.promote(scope.put(small));
    }),
  'scopes within scopes': (model) => {
    const { pool, made } = model;
    pool.scope((outer) => {
      outer.put(large);
      pool.scope((inner) => {
        inner.put(small);
        outer.put(small);
        made[made.length] = inner.promote(inner.put(small));
      });
      pool.scope((inner) => void inner.put(large));
    });
  },
  trim: ({ pool }) => void pool.trim(),
  'the steps of memory pressure': ({ pool }) => relieve(pool),
  'memory pressure, and a collection': ({ pool }) => {
    relieve(pool);
    pool.collect();
  },
  warm: ({ pool }) => pool.warm(3, () => {}),
  putAsync: ({ pool, promises }) => {
    promises[promises.length] = pool.putAsync(large);
  },
  'putAsync of a small one': ({ pool, promises }) => {
    promises[promises.length] = pool.putAsync(small);
  },
  'putAsync that waits, and a free': (model) => {
    const { pool, promises } = model;
    promises[promises.length] = pool.putAsync(large);
    freeOne(model, [...model.values.keys()].at(-1)!);
  },
  'new GenerationalPool': ({ opened }) => {
    opened[opened.length] = new pools.GenerationalPool(plain);
    opened[0]!.close();
  },
  'close, and a free after it': (model) => {
    model.pool.close();
    freeOne(model, [...model.values.keys()][0]!);
  },
};

/** How many values a new model's pool takes before young is full. */
function roomInYoung(): number {
  const { pool, values } = begin({});
  const { pretenured } = pool.generations();
  const put: number[] = [];
  while (pool.generations().pretenured === pretenured) put.push(pool.put(small));
  for (const handle of [...put, ...values.keys()]) pool.free(handle);
  pool.close();
  return put.length - 1;
}
let room = -1;

/** What is done before a step, and not cut off. */
const before: Record<string, (model: Model) => void> = {
  // A few still fit; then the step begins an old chunk.
  'put with young full': ({ pool, made }) => {
    if (room < 0) room = roomInYoung();
    for (let i = 3; i < room; i++) made[made.length] = pool.put(small);
  },
  'putAsync that waits, and a free': ({ pool, values }) => {
    while (pool.stats().inUseBytes < LIMIT) values.set(pool.put(large), MADE);
  },
};

const countPools = () => cores.openCores.size + cores.closingCores.size;

function begin(options: GenerationalPoolOptions): Model {
  const pool = new pools.GenerationalPool({ ...plain, maxBytes: LIMIT, ...options });
  const values = new Map<number, number>();
  const put = (length: number, byte: number) => values.set(pool.put(new Uint8Array(length).fill(byte)), byte);
  // Of more slots than a small table has: they go back by trim().
  const burst = Array.from({ length: 70 }, () => pool.put(new Uint8Array(1)));
  for (const handle of burst.reverse()) pool.free(handle);
  for (let i = 0; i < 10; i++) put(4000, i);
  pool.collect();
  for (let i = 10; i < 15; i++) put(3900, i);
  put(CHUNK, 15);
  for (const handle of [...values.keys()].filter((_, i) => i % 3 === 0)) {
    pool.free(handle);
    values.delete(handle);
  }
  return { pool, values, made: [], mayBeFree: new Set(), promises: [], opened: [] };
}

/** A pin that was cut off may last; no other step pins. What is not pinned makes no error, which is dear. */
function freeAnyway(pool: GenerationalPool, handle: number): void {
  try {
    pool.free(handle);
  } catch {
    pool.unpin(handle);
    pool.free(handle);
  }
}

/** Thousands of values: expect() takes longer than what it looks at. */
function expectThat(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(what);
}

function expectValues({ pool, values, made, mayBeFree }: Model): void {
  expect(pool.check()).toEqual([]);
  for (const [handle, byte] of values) {
    if (mayBeFree.has(handle) && !pool.owns(handle)) {
      values.delete(handle);
      continue;
    }
    const isIntact = isFilledWith(pool.get(handle), byte);
    // A free clears before it frees, and may be done again.
    const isCleared = mayBeFree.has(handle) && isFilledWith(pool.get(handle), 0);
    expectThat(isIntact || isCleared, `the value of ${byte} was changed`);
  }
  for (const handle of made) expectThat(isFilledWith(pool.get(handle), MADE), 'a new value was changed');
}

async function end(model: Model, count: number): Promise<void> {
  const { pool, values, made, promises, opened } = model;
  expectValues(model);
  await doUpkeep(evaluation);
  expectValues(model);
  if (promises.length > 0 && pool.stats().waiting > 0) {
    const handle = [...values.keys()].at(-1)!;
    values.delete(handle);
    pool.free(handle);
  }
  for (const promise of promises) {
    await promise.then(
      (handle) => pool.free(handle),
      () => {},
    );
  }
  if (!pool.closed) {
    await null; // A collection that was cut off is over when the stack is empty.
    pool.collect();
    pool.collect();
    expectValues(model);
  }
  const { young, old, permanent, scopes } = pool.generations();
  expect(young.values + old.values + permanent.values).toBe(values.size + made.length);
  expect(scopes.values).toBe(0);
  for (const handle of [...values.keys(), ...made]) {
    freeAnyway(pool, handle);
  }
  if (!pool.closed) pool.trim();
  expect(pool.stats().inUseBytes).toBe(0);
  pool.close();
  for (const one of opened) one.close();
  await doUpkeep(evaluation);
  await vi.waitUntil(() => countPools() === count, { interval: 1, timeout: 10_000 });
}

/** Options that send operations along different ways, and the steps for which they do; all where none are named. */
const ways: [name: string, options: GenerationalPoolOptions, steps?: string[]][] = [
  ['plain', {}],
  [
    'zero: release',
    { zero: 'release' },
    [
      'put',
      'free of one',
      'free of all',
      'collect',
      'collect in steps',
      'scope',
      'scopes within scopes',
      'memory pressure, and a collection',
      'putAsync that waits, and a free',
      'close, and a free after it',
    ],
  ],
  [
    'watched',
    { leakDetection: 'full' },
    ['put', 'put of a large one', 'free of one', 'scope of one value', 'putAsync', 'putAsync of a small one'],
  ],
];

describe.each(CUTS)('by %s', (how) => {
  describe.each(ways)('%s', (_, options, named = Object.keys(steps)) => {
    test.for(named)('in %s', { timeout: 60_000 }, async (name) => {
      const count = countPools();
      await cutEverywhere(
        how,
        () => {
          const model = begin(options);
          before[name]?.(model);
          return model;
        },
        (model) => steps[name]!(model),
        (model) => end(model, count),
      );
    });
  });
});
