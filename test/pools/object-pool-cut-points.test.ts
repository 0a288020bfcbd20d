// ObjectPool cut off at each place where V8 looks for interruptions: no object is lost or lent twice, and none is
// destroyed twice.
import type { ObjectPool, ObjectPoolOptions } from 'superslab/pools';
import { describe, expect, test, vi } from 'vitest';
import { CUTS, type Cut, cutEverywhere, doUpkeep, evaluateWithPoints } from '../support/cut-points.js';

const evaluation = evaluateWithPoints();
const { pools, cores } = evaluation;

const MAX = 6;

interface Thing {
  readonly id: number;
  destroyed: number;
}

/** What a step works with: an open pool, some of whose objects are lent and some idle. */
interface Model {
  readonly pool: ObjectPool<Thing>;
  /** Those that the program has. A step stores what it gets at once. */
  readonly things: Thing[];
  readonly opened: ObjectPool<Thing>[];
  readonly promises: Promise<Thing>[];
}

const steps: Record<string, (model: Model) => void> = {
  'get of an idle one': ({ pool, things }) => {
    things[things.length] = pool.get();
  },
  'get of a new one': ({ pool, things }) => {
    pool.trim(0);
    things[things.length] = pool.get();
  },
  'get of none': ({ pool, things }) => {
    for (let i = 0; i < MAX; i++) things[things.length] = pool.get();
  },
  put: ({ pool, things }) => pool.put(things[0]!),
  destroy: ({ pool, things }) => pool.destroy(things[0]!),
  warm: ({ pool }) => pool.warm(3, () => {}),
  trim: ({ pool }) => void pool.trim(),
  use: ({ pool }) => void pool.use(({ id }) => id),
  'use that waits': ({ pool }) => {
    heard(pool.use(async ({ id }) => id));
  },
  useAsync: ({ pool }) => {
    heard(pool.useAsync(async ({ id }) => id));
  },
  'useAsync that waits for an object': ({ pool, things }) => {
    while (pool.inUse < MAX) things[things.length] = pool.get();
    heard(pool.useAsync(({ id }) => id));
    pool.put(things[0]!);
  },
  acquire: ({ pool, promises }) => {
    promises[promises.length] = pool.acquire({ timeoutMs: 10_000 });
  },
  'put for one who waits': ({ pool, things, promises }) => {
    for (let i = 0; i < MAX; i++) promises[promises.length] = pool.acquire();
    pool.put(things[0]!);
  },
  'destroy for one who waits': ({ pool, things, promises }) => {
    for (let i = 0; i < MAX; i++) promises[promises.length] = pool.acquire();
    pool.destroy(things[0]!);
  },
  'new ObjectPool': ({ opened }) => {
    opened[opened.length] = new pools.ObjectPool({ create: () => ({ id: -1, destroyed: 0 }), min: 1 });
    opened[0]!.close();
  },
  'close, and a put after it': ({ pool, things }) => {
    pool.close();
    pool.put(things[0]!);
  },
};

/** Whatever comes of it. */
function heard(promise: Promise<unknown>): void {
  promise.then(
    () => {},
    () => {},
  );
}

/** The same where functions of the program return promises. */
const laterSteps: Record<string, (model: Model) => void> = {
  'acquire of an idle one': ({ pool, promises }) => {
    promises[promises.length] = pool.acquire();
  },
  'acquire of new ones': ({ pool, promises }) => {
    for (let i = 0; i < MAX; i++) promises[promises.length] = pool.acquire();
  },
  put: ({ pool, things }) => {
    pool.put(things[0]!);
  },
  destroy: ({ pool, things }) => {
    pool.destroy(things[0]!);
  },
  useAsync: ({ pool }) => {
    heard(pool.useAsync(({ id }) => id));
  },
  'close, and a put after it': ({ pool, things }) => {
    pool.close();
    pool.put(things[0]!);
  },
};
const later: Partial<ObjectPoolOptions<Thing>> = {
  create: async () => makeThing(),
  destroy: async (thing) => void thing.destroyed++,
  reset: async () => {},
  validate: async () => true,
  validateOnPut: true,
};

const countPools = () => cores.openCores.size + cores.closingCores.size;

/** Options that send operations along different ways. */
const ways: Record<string, Partial<ObjectPoolOptions<Thing>>> = {
  plain: {},
  tested: { reset: () => {}, validate: () => true, validateOnPut: true, order: 'fifo', minIdle: 1 },
  'watched and worn': { leakDetection: 'full', maxUses: 1 },
};

let made: Thing[] = [];

function makeThing(): Thing {
  const thing = { id: made.length, destroyed: 0 };
  made[thing.id] = thing;
  return thing;
}

async function begin(options: Partial<ObjectPoolOptions<Thing>>): Promise<Model> {
  made = [];
  const pool = new pools.ObjectPool<Thing>({
    leakDetection: 'off',
    create: makeThing,
    destroy: (thing) => {
      thing.destroyed++;
    },
    max: MAX,
    // A full stack may look like a create that failed.
    retryMs: 0,
    ...options,
  });
  const things = await Promise.all(Array.from({ length: 4 }, () => pool.acquire()));
  for (const thing of things.splice(2)) pool.put(thing);
  await vi.waitUntil(() => pool.idle === 2 || pool.size === 2, { interval: 1, timeout: 10_000 });
  return { pool, things, opened: [], promises: [] };
}

async function end({ pool, things, opened, promises }: Model, count: number): Promise<void> {
  expect(pool.check()).toEqual([]);
  await doUpkeep(evaluation);
  expect(pool.check()).toEqual([]);
  for (const thing of things) if (pool.owns(thing)) pool.put(thing);
  for (const promise of promises) {
    promise.then(
      (thing) => {
        if (pool.owns(thing)) pool.put(thing);
      },
      () => {},
    );
  }
  for (let i = 0; i < 40; i++) await null;
  await vi.waitUntil(() => pool.waiting === 0, { interval: 1, timeout: 10_000 });
  for (let i = 0; i < 40; i++) await null;
  expect(pool.check()).toEqual([]);
  expect(pool.inUse).toBe(0);
  if (!pool.closed) {
    const all = await Promise.all(Array.from({ length: MAX }, () => pool.acquire()));
    expect(new Set(all).size).toBe(MAX);
    for (const thing of all) expect(thing.destroyed).toBe(0);
    for (const thing of all) pool.put(thing);
    expect(pool.check()).toEqual([]);
    await vi.waitUntil(() => pool.idle === MAX || pool.size === 0, { interval: 1, timeout: 10_000 });
    pool.close();
  }
  // One that was being made has no slot; no slot destroys twice.
  for (const { destroyed } of made) expect(destroyed).toBeLessThanOrEqual(1);
  for (const one of opened) one.close();
  await doUpkeep(evaluation);
  await vi.waitUntil(() => countPools() === count, { interval: 1, timeout: 10_000 });
}

const cutIn = (name: string, all: typeof steps, how: Cut, options: Partial<ObjectPoolOptions<Thing>>) => {
  const count = countPools();
  return cutEverywhere(
    how,
    () => begin(options),
    (model) => all[name]!(model),
    (model) => end(model, count),
  );
};

describe.each(CUTS)('by %s', (how) => {
  describe.each(Object.keys(ways))('%s', (way) => {
    test.for(Object.keys(steps))('in %s', (name) => cutIn(name, steps, how, ways[way]!));
  });
  describe('with promises', () => {
    test.for(Object.keys(laterSteps))('in %s', (name) => cutIn(name, laterSteps, how, later));
  });
});
