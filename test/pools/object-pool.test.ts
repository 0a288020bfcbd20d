// ObjectPool keeps the contract of every pool, and what it does beyond that.
import { type SuperslabError, stats } from 'superslab';
import { type LeaseTimeoutMessage, ObjectPool, type ObjectPoolOptions } from 'superslab/pools';
import { afterEach, describe, expect, test } from 'vitest';
import { collect } from '../support/collect.js';
import { rejectedBy, thrownBy } from '../support/expect-error.js';
import { conformance } from './conformance.js';

interface Thing {
  readonly id: number;
}

let made = 0;
/** What is done when the next object is made. */
let whileMaking: (() => void) | undefined;

function make(): Thing {
  const act = whileMaking;
  whileMaking = undefined;
  act?.();
  return { id: made++ };
}

const opened: WeakRef<ObjectPool<Thing>>[] = [];

conformance<ObjectPool<Thing>, Thing>({
  name: 'ObjectPool',
  open: (options) => {
    const pool = new ObjectPool<Thing>({ create: make, ...options });
    opened.push(new WeakRef(pool));
    return pool;
  },
  limitedTo: (count) => ({ max: count }),
  take: (pool) => pool.get(),
  give: (pool, thing) => pool.put(thing as Thing),
  wait: (pool, signal) => pool.acquire(signal === undefined ? {} : { signal }),
  warm: (pool, count, onProgress) => pool.warm(count, onProgress),
  isLent: (thing) => opened.some((ref) => ref.deref()?.owns(thing)),
  overlap: (one, other) => one === other,
  lendsAgain: true,
  strangers: (thing) => [{ ...thing }, Object.create(thing), new Proxy(thing, {}), () => thing],
  lent: ({ objects }) => objects!.inUse,
  counts: 'objects',
  kept: ({ objects }) => objects!.idle,
  whileTaking: (_, act) => {
    whileMaking = act;
  },
  wrongOptions: [
    [{ create: undefined }, 'create', 'ObjectPool()'],
    [{ create: 1 }, 'create', 'a function', 'got 1'],
    [{ maxx: 1 }, '"maxx"', 'did you mean "max"?'],
    [{ max: -1 }, 'max', '-1'],
    [{ min: 3, max: 2 }, 'min', 'at most max, 2', 'got 3'],
    [{ minIdle: 3, max: 2 }, 'minIdle', 'at most max, 2', 'got 3'],
    [{ validateOnPut: true }, 'validateOnPut', 'validate'],
    [{ order: 'random' }, 'order', '"random"'],
    [{ maxAgeJitter: 2 }, 'maxAgeJitter', '2'],
    [{ idleMs: 'soon' }, 'idleMs', '"soon"'],
    [{ maxBytes: 1 }, '"maxBytes"'],
    [{ guard: 'off' }, '"guard"'],
    [{ leakDetection: 'ful' }, '"leakDetection"', 'did you mean "full"?'],
    [{ name: '' }, 'name', '""'],
  ],
  source: {
    open: "new (await import('superslab/pools')).ObjectPool({ create: () => ({}), ...OPTIONS })",
    take: 'pool.get()',
    give: 'pool.put(thing)',
  },
  unwatched: "leakDetection: 'off'",
});

const unwatched = { leakDetection: 'off' } as const;
const soon = () => new Promise<void>((resolve) => setImmediate(resolve));
const later = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A promise that is settled by hand. */
function byHand<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  return { promise, resolve, reject };
}

/** A pool whose figures must add up at the end of the test. */
const pools: ObjectPool<Thing>[] = [];
function open(options: Partial<ObjectPoolOptions<Thing>> = {}): ObjectPool<Thing> {
  const pool = new ObjectPool<Thing>({ ...unwatched, create: make, ...options });
  pools.push(pool);
  return pool;
}

afterEach(() => {
  for (const pool of pools.splice(0)) {
    expect(pool.check()).toEqual([]);
    const { acquires, releases, objects } = pool.stats();
    expect(acquires - releases).toBe(objects!.inUse);
    expect(objects!.made - objects!.destroyed).toBeLessThanOrEqual(pool.size);
    pool.close();
    expect(pool.check()).toEqual([]);
  }
});

describe('objects', () => {
  test('are lent again, the last one first, or in turn', () => {
    for (const order of ['lifo', 'fifo'] as const) {
      const pool = open({ order });
      const things = [pool.get(), pool.get(), pool.get()];
      for (const thing of things) pool.put(thing);
      const again = [pool.get(), pool.get(), pool.get()];
      expect(again).toEqual(order === 'lifo' ? things.toReversed() : things);
      for (const thing of again) pool.put(thing);
    }
  });

  test('may be functions, frozen, proxies or of another realm', () => {
    const kinds = [
      () => () => {},
      () => Object.freeze({}),
      () => new Proxy({}, {}),
      () => Object.create(null),
    ];
    for (const create of kinds) {
      const pool = open({ create: create as () => Thing });
      const thing = pool.get();
      pool.put(thing);
      thrownBy(() => pool.put(thing), 'ERR_SUPERSLAB_RELEASED');
      expect(pool.get()).toBe(thing);
    }
  });

  test('that the pool has already, or none, are failures of create', () => {
    const same = make();
    const pool = open({ create: () => same });
    expect(pool.get()).toBe(same);
    const { cause } = thrownBy(() => pool.get(), 'ERR_SUPERSLAB_CREATE');
    expect((cause as Error).message).toContain('has already');
    const empty = open({ create: () => undefined as never });
    expect((thrownBy(() => empty.get(), 'ERR_SUPERSLAB_CREATE').cause as Error).message).toContain(
      'undefined',
    );
    // Another pool may have it as well, and each knows its own.
    const other = open({ create: () => same });
    expect(other.get()).toBe(same);
    other.put(same);
    expect(other.idle).toBe(1);
    expect(pool.inUse).toBe(1);
    pool.put(same);
    expect(pool.idle).toBe(1);
  });

  test('that leave go after so many uses, or when they are too old, are replaced', async () => {
    const worn = open({ maxUses: 2 });
    const seen = Array.from({ length: 4 }, () => {
      const thing = worn.get();
      worn.put(thing);
      return thing;
    });
    expect(seen[0]).toBe(seen[1]);
    expect(new Set(seen).size).toBe(2);
    expect(worn.stats().objects).toMatchObject({ made: 2, destroyed: 2 });
    const old = open({ maxAgeMs: 20, maxAgeJitter: 0 });
    const thing = old.get();
    old.put(thing);
    expect(old.get()).toBe(thing);
    await later(25);
    old.put(thing);
    expect(old.stats().objects).toMatchObject({ idle: 0, destroyed: 1 });
  });

  test('that are idle for too long go, but for min; so do those that are too old', async () => {
    const destroyed: Thing[] = [];
    const pool = open({ idleMs: 40, min: 1, destroy: (thing) => destroyed.push(thing) });
    const things = [pool.get(), pool.get(), pool.get()];
    for (const thing of things) pool.put(thing);
    await expect.poll(() => pool.size).toBe(1);
    // The one that was used last stays.
    expect(destroyed).toEqual(things.slice(0, 2));
    const old = open({ maxAgeMs: 30, min: 2 });
    const before = [old.get(), old.get()];
    for (const thing of before) old.put(thing);
    await expect.poll(() => old.stats().objects!.destroyed).toBeGreaterThan(1);
    expect(before).not.toContain(old.get());
  });

  test('are made ahead, and kept ready', async () => {
    const pool = open({ min: 2, max: 5 });
    await pool.ready();
    expect(pool.stats().objects).toMatchObject({ idle: 2, made: 2 });
    const idle = open({ minIdle: 2, max: 5, create: async () => make() });
    await expect.poll(() => idle.idle).toBe(2);
    await idle.acquire();
    await expect.poll(() => [idle.idle, idle.size]).toEqual([2, 3]);
    for (let i = 0; i < 4; i++) await idle.acquire();
    expect([idle.idle, idle.size]).toEqual([0, 5]);
  });

  test('trim() destroys idle ones beyond min, or down to what it is told', () => {
    const pool = open({ min: 1 });
    const things = Array.from({ length: 5 }, () => pool.get());
    for (const thing of things) pool.put(thing);
    expect(pool.trim(3)).toBe(2);
    expect(pool.size).toBe(3);
    expect(pool.trim()).toBe(2);
    expect(pool.size).toBe(1);
  });
});

describe('reset and validate', () => {
  test('a reset that throws or is rejected destroys the object, and put() says nothing', async () => {
    const reset = [
      () => {
        throw new Error('stuck');
      },
      async () => {
        throw new Error('stuck');
      },
    ];
    for (const one of reset) {
      const pool = open({ reset: one });
      pool.put(pool.get());
      await soon();
      expect(pool.stats().objects).toMatchObject({ idle: 0, destroyed: 1, invalid: 1, pending: 0 });
    }
  });

  test('an object is in the hand of the pool while its reset lasts', async () => {
    const done = byHand<void>();
    const pool = open({ max: 1, reset: () => done.promise });
    const thing = pool.get();
    pool.put(thing);
    expect(pool.stats().objects).toMatchObject({ idle: 0, inUse: 0, pending: 1 });
    thrownBy(() => pool.put(thing), 'ERR_SUPERSLAB_RELEASED');
    thrownBy(() => pool.get(), 'ERR_SUPERSLAB_EXHAUSTED');
    const waiting = pool.acquire();
    done.resolve();
    expect(await waiting).toBe(thing);
  });

  test('what fails its test is destroyed, and another one is lent', async () => {
    const bad = new Set<Thing>();
    const tests: ObjectPoolOptions<Thing>['validate'][] = [
      (thing) => !bad.has(thing),
      async (thing) => !bad.has(thing),
      (thing) => {
        if (bad.has(thing)) throw new Error('broken');
        return true;
      },
    ];
    for (const validate of tests) {
      const pool = open({ validate: validate! });
      const thing = await pool.acquire();
      bad.add(thing);
      pool.put(thing);
      expect(await pool.acquire()).not.toBe(thing);
      expect(pool.stats().objects).toMatchObject({ invalid: 1, destroyed: 1 });
    }
  });

  test('who waits does not get an object that was not tested', async () => {
    let isBroken = false;
    const pool = open({ max: 1, validate: () => !isBroken });
    const thing = pool.get();
    const waiting = pool.acquire();
    isBroken = true;
    pool.put(thing);
    expect(await waiting).not.toBe(thing);
  });

  test('get() does not wait for a promise, and loses nothing', async () => {
    const pool = open({ create: async () => make() });
    expect(thrownBy(() => pool.get(), 'ERR_SUPERSLAB_ASYNC').message).toContain('use acquire()');
    await soon();
    const thing = pool.get();
    pool.put(thing);
    const tested = open({ validate: async () => true });
    tested.put(tested.get());
    thrownBy(() => tested.get(), 'ERR_SUPERSLAB_ASYNC');
    await soon();
    expect(tested.idle).toBe(1);
  });

  test('idle objects are tested now and then', async () => {
    let isBroken = false;
    const pool = open({ validate: async () => !isBroken, validateEveryMs: 20 });
    const thing = await pool.acquire();
    pool.put(thing);
    isBroken = true;
    await expect.poll(() => pool.size).toBe(0);
    expect(pool.stats().objects).toMatchObject({ invalid: 1 });
  });
});

describe('create that fails', () => {
  test('is called again, later and later; then those who wait are told why', async () => {
    const times: number[] = [];
    const create = async () => {
      times.push(performance.now());
      throw new Error('no route');
    };
    const pool = open({ create, retries: 3, retryMs: 50, max: 1 });
    const errors: unknown[] = [];
    pool.on('createError', (error) => errors.push(error));
    const all = [pool.acquire(), pool.acquire()];
    for (const one of all) {
      const error = await rejectedBy(one, 'ERR_SUPERSLAB_CREATE');
      expect(error.message).toContain('no route');
      expect((error.cause as Error).message).toBe('no route');
    }
    expect(times).toHaveLength(4);
    expect(errors).toHaveLength(4);
    const [first, second, third] = times.slice(1).map((time, i) => time - times[i]!) as [
      number,
      number,
      number,
    ];
    // 50, 100 and 200 ms. Node.js reckons a timer from when its turn of the event loop began, which may be a while ago.
    expect(first).toBeGreaterThanOrEqual(25);
    expect(second).toBeGreaterThanOrEqual(50);
    expect(third).toBeGreaterThanOrEqual(100);
    expect(pool.stats()).toMatchObject({ waiting: 0, objects: { createFailures: 4, pending: 0 } });
  });

  test('serves who waited once it works again', async () => {
    let calls = 0;
    const create = () => {
      if (++calls < 3) throw new Error('not yet');
      return make();
    };
    const pool = open({ create, retryMs: 1 });
    expect((await pool.acquire()).id).toBeGreaterThan(0);
    expect(pool.stats().objects!.createFailures).toBe(2);
  });

  test('and get() throws its error at once', () => {
    const pool = open({
      create: () => {
        throw new Error('no');
      },
    });
    expect(thrownBy(() => pool.get(), 'ERR_SUPERSLAB_CREATE').cause).toEqual(new Error('no'));
    expect(pool.size).toBe(0);
  });

  test('that never settles makes room again, and what it makes late is destroyed', async () => {
    const first = byHand<Thing>();
    const destroyed: Thing[] = [];
    let calls = 0;
    const pool = open({
      create: () => (++calls === 1 ? first.promise : make()),
      destroy: (thing) => destroyed.push(thing),
      factoryTimeoutMs: 20,
      retryMs: 1,
      max: 1,
    });
    const keepAlive = setInterval(() => {}, 1000);
    const thing = await pool.acquire();
    clearInterval(keepAlive);
    expect(pool.size).toBe(1);
    const late = make();
    first.resolve(late);
    await soon();
    expect(destroyed).toEqual([late]);
    pool.put(thing);
  });
});

describe('waiting', () => {
  test('by priority, and in turn', async () => {
    const pool = open({ max: 1, priorities: 3 });
    const thing = pool.get();
    const served: string[] = [];
    const ask = async (name: string, priority: number) => {
      const got = await pool.acquire({ priority });
      served.push(name);
      pool.put(got);
    };
    const all = [ask('low', 2), ask('middle', 1), ask('high', 0), ask('high too', 0), ask('low too', 2)];
    pool.put(thing);
    await Promise.all(all);
    expect(served).toEqual(['high', 'high too', 'middle', 'low', 'low too']);
    for (const wrong of [-1, 3, 0.5])
      expect((await rejectedBy(pool.acquire({ priority: wrong }), 'ERR_SUPERSLAB_OPTION')).message).toContain(
        '0 to 2',
      );
  });

  test('ends in time, and tells who has the objects; what comes then goes to the next one', async () => {
    const pool = open({ max: 1, leaseTimeoutMs: 60_000, acquireTimeoutMs: 5000 });
    const thing = (function holder() {
      return pool.get();
    })();
    const late = pool.acquire({ timeoutMs: 20 });
    const next = pool.acquire();
    const { message } = await rejectedBy(late, 'ERR_SUPERSLAB_TIMEOUT');
    for (const part of [`"${pool.name}"`, '20 ms', '1 are lent', 'holder']) expect(message).toContain(part);
    expect(pool.waiting).toBe(1);
    pool.put(thing);
    expect(await next).toBe(thing);
    expect(pool.stats().objects!.waitTimeouts).toBe(1);
  });

  test('takes an idle object though another is reset for long', async () => {
    const done = byHand<void>();
    let resets = 0;
    const pool = open({
      validate: async () => true,
      reset: () => (++resets === 2 ? done.promise : undefined),
    });
    const [one, other] = [pool.get(), pool.get()];
    pool.put(one);
    pool.put(other);
    expect(await pool.acquire()).toBe(one);
    done.resolve();
  });

  test('ends when the signal is aborted while an object is made', async () => {
    const abort = new AbortController();
    const making = byHand<Thing>();
    const pool = open({
      create: () => {
        abort.abort(new Error('enough'));
        return making.promise;
      },
    });
    await expect(pool.acquire({ signal: abort.signal })).rejects.toThrow('enough');
    making.resolve(make());
    await soon();
    expect(pool.idle).toBe(1);
  });

  test('of one does not keep get() from making an object where there is room', async () => {
    const first = byHand<Thing>();
    let calls = 0;
    const pool = open({ create: () => (++calls === 1 ? first.promise : make()) });
    const waiting = pool.acquire();
    const thing = pool.get();
    first.resolve(make());
    expect(await waiting).not.toBe(thing);
  });

  test('has a limit', async () => {
    const pool = open({ max: 1, maxWaiting: 1 });
    const thing = pool.get();
    const waiting = pool.acquire();
    expect((await rejectedBy(pool.acquire(), 'ERR_SUPERSLAB_EXHAUSTED')).message).toContain('maxWaiting');
    pool.put(thing);
    expect(await waiting).toBe(thing);
  });

  test('ends when a lent object is destroyed, since there is room then', async () => {
    const pool = open({ max: 1 });
    const thing = pool.get();
    const waiting = pool.acquire();
    pool.destroy(thing);
    expect(await waiting).not.toBe(thing);
    thrownBy(() => pool.put(thing), 'ERR_SUPERSLAB_RELEASED');
    thrownBy(() => pool.destroy(thing), 'ERR_SUPERSLAB_RELEASED');
    expect(thrownBy(() => pool.destroy({ id: 1 }), 'ERR_SUPERSLAB_FOREIGN').message).toContain('destroy');
  });
});

describe('use', () => {
  test('gives the object back, however the work ends', async () => {
    const pool = open();
    expect(pool.use(({ id }) => id)).toBeTypeOf('number');
    expect(await pool.use(async ({ id }) => id)).toBeTypeOf('number');
    expect(() =>
      pool.use(() => {
        throw new Error('broken');
      }),
    ).toThrow('broken');
    const broken = async () => {
      throw new Error('broken');
    };
    await expect(pool.use(broken)).rejects.toThrow('broken');
    await expect(pool.useAsync(broken)).rejects.toThrow('broken');
    expect(await pool.useAsync(({ id }) => id)).toBeTypeOf('number');
    pool.use((thing) => pool.destroy(thing));
    expect(pool.inUse).toBe(0);
    thrownBy(() => pool.use(1 as never), 'ERR_SUPERSLAB_ARGUMENT');
  });
});

describe('leases that last too long', () => {
  test('are told of once, with the stack of who took the object', async () => {
    const pool = open({ leaseTimeoutMs: 20, max: 2 });
    const told: LeaseTimeoutMessage[] = [];
    pool.on('leaseTimeout', (message) => told.push(message));
    const thing = (function slow() {
      return pool.get();
    })();
    const fast = pool.get();
    pool.put(fast);
    await expect.poll(() => told.length).toBe(1);
    expect(told[0]).toMatchObject({ pool: pool.name, stack: expect.stringContaining('slow') });
    expect(told[0]!.heldMs).toBeGreaterThanOrEqual(20);
    await later(60);
    expect(told).toHaveLength(1);
    expect(pool.stats().objects!.leaseTimeouts).toBe(1);
    pool.put(thing);
  });
});

describe('figures', () => {
  test('are in the report, and in those of the process', async () => {
    const pool = open({ name: 'reported', max: 3, destroy: () => Promise.reject(new Error('stuck')) });
    const [one, other] = [pool.get(), pool.get()];
    pool.put(one);
    pool.destroy(other);
    await soon();
    pool.get();
    expect(pool.report()).toContain(
      'objects  1 in use of 3, 0 idle, 0 made or tested now; 2 made, 1 destroyed\n  peak     2 objects at ',
    );
    expect(pool.report()).toContain('1 calls of destroy; 0 leases too long');
    const own = stats().pools.find(({ name }) => name === 'reported')!;
    expect(own.objects).toEqual(pool.stats().objects);
    expect(own).toMatchObject({ acquires: 3, releases: 2, committedBytes: 0, chargedBytes: 0 });
    const buffers = stats().pools.find(({ name }) => name === 'default')!;
    expect(buffers.objects).toBeUndefined();
  });
});

describe('leaks', () => {
  test('an object that the collector took while it was lent makes room', async () => {
    const pool = open({ max: 1 });
    (function forget() {
      pool.get();
    })();
    const waiting = pool.acquire();
    await collect(() => pool.stats().objects!.collected > 0);
    expect((await waiting).id).toBeGreaterThan(0);
    expect(pool.leaks()).toEqual([]);
  });

  test('one for which somebody waited has his stack, and not that of who made room', async () => {
    const pool = open({ max: 1, leakDetection: 'full' });
    const leaks: { stack: string }[] = [];
    pool.on('leak', (leak) => leaks.push(leak));
    const thing = pool.get();
    const waiting = (async function forgetful() {
      await pool.acquire();
    })();
    (function giver() {
      pool.destroy(thing);
    })();
    await waiting;
    await collect(() => leaks.length > 0);
    expect(leaks[0]!.stack).toContain('forgetful');
    expect(leaks[0]!.stack).not.toContain('giver');
  });
});

describe('the end', () => {
  test('drain() serves who waits, waits for all that is lent, and for destroy', async () => {
    const destroying = byHand<void>();
    const pool = open({ max: 1, destroy: () => destroying.promise });
    const thing = pool.get();
    const waiting = pool.acquire();
    let isDrained = false;
    const drained = pool.drain().then(() => {
      isDrained = true;
    });
    thrownBy(() => pool.get(), 'ERR_SUPERSLAB_CLOSED');
    pool.put(thing);
    pool.put(await waiting);
    await soon();
    expect([pool.size, isDrained]).toEqual([0, false]);
    destroying.resolve();
    await drained;
    expect(pool.closed).toBe(true);
    await rejectedBy(pool.drain(), 'ERR_SUPERSLAB_CLOSED');
  });

  test('an object that is put after close() is destroyed, and one that is being made then', async () => {
    const destroyed: Thing[] = [];
    const making = byHand<Thing>();
    const creations = [make(), making.promise];
    const pool = open({ create: () => creations.shift()!, destroy: (thing) => destroyed.push(thing) });
    const thing = await pool.acquire();
    const waiting = pool.acquire();
    pool.close();
    await rejectedBy(waiting, 'ERR_SUPERSLAB_CLOSED');
    pool.put(thing);
    const late = make();
    making.resolve(late);
    await soon();
    expect(destroyed).toEqual([thing, late]);
    expect(pool.size).toBe(0);
  });

  test('errors of destroy are told, and the pool goes on', async () => {
    for (const destroy of [
      () => {
        throw new Error('stuck');
      },
      async () => {
        throw new Error('stuck');
      },
    ]) {
      const pool = open({ destroy });
      const errors: unknown[] = [];
      pool.on('destroyError', (error) => errors.push(error));
      pool.destroy(pool.get());
      await soon();
      expect(errors).toEqual([new Error('stuck')]);
      expect(pool.stats().objects).toMatchObject({ destroyFailures: 1, destroyed: 1 });
      pool.put(pool.get());
    }
  });
});

describe('functions of the program may use the pool', () => {
  test('from within each of them', async () => {
    let depth = 0;
    const act = (pool: ObjectPool<Thing>) => {
      if (depth > 2) return;
      depth++;
      pool.use(() => {});
      void pool.acquire().then(pool.put, () => {});
      pool.trim(0);
      depth--;
    };
    const pool: ObjectPool<Thing> = open({
      max: 4,
      create: () => {
        act(pool);
        return make();
      },
      reset: () => act(pool),
      validate: () => {
        act(pool);
        return true;
      },
      destroy: () => act(pool),
      retryMs: 0,
    });
    for (let i = 0; i < 20; i++) {
      try {
        pool.put(pool.get());
      } catch (error) {
        // What they took made it so.
        expect((error as SuperslabError).code).toMatch(/EXHAUSTED|CREATE/);
      }
      if (i % 5 === 0) pool.trim(0);
    }
    await soon();
    await expect.poll(() => pool.waiting).toBe(0);
    expect(pool.check()).toEqual([]);
    expect(pool.inUse).toBe(0);
  });

  test('and close it', async () => {
    for (const where of ['create', 'reset', 'validate', 'destroy'] as const) {
      let isArmed = false;
      const close = () => {
        if (isArmed) pool.close();
        return true;
      };
      const pool: ObjectPool<Thing> = open({
        create: () => {
          if (where === 'create') close();
          return make();
        },
        [where === 'create' ? 'reset' : where]: close,
      });
      const things = [pool.get(), pool.get()];
      pool.put(things[0]!);
      isArmed = true;
      try {
        pool.destroy(things[1]!);
        const thing = pool.get();
        pool.put(thing);
        pool.get();
        pool.get();
      } catch (error) {
        expect((error as SuperslabError).code).toBe('ERR_SUPERSLAB_CLOSED');
      }
      expect(pool.closed, where).toBe(true);
      expect(pool.check()).toEqual([]);
    }
  });
});
