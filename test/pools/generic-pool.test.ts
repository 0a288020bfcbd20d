// superslab/generic-pool does what generic-pool does: the same program with both, and what it saw.
import * as original from 'generic-pool';
import { stats } from 'superslab';
import * as ours from 'superslab/generic-pool';
import { describe, expect, test } from 'vitest';

interface Resource {
  readonly id: number;
}

type Log = (...what: unknown[]) => void;

/** What both packages have. */
interface Package {
  createPool(factory: object, options?: object): ours.Pool<Resource>;
}

type Program = (pools: Package, log: Log) => Promise<void>;

const soon = () => new Promise<void>((resolve) => setImmediate(resolve));
const later = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Makes resources with ids from 0 on, and notes what is called. */
function factoryOf(log: Log, more: object = {}) {
  let made = 0;
  return {
    create: async () => {
      log('create', made);
      return { id: made++ };
    },
    destroy: async ({ id }: Resource) => log('destroy', id),
    ...more,
  };
}

const figures = (pool: ours.Pool<Resource>) => ({
  size: pool.size,
  available: pool.available,
  borrowed: pool.borrowed,
  pending: pool.pending,
  spare: pool.spareResourceCapacity,
});

const failure = (log: Log, what: string) => (error: Error) => {
  log(what, error.name, error.message);
};

async function finish(pool: ours.Pool<Resource>, log: Log): Promise<void> {
  await pool.drain();
  log('drained', figures(pool));
  await pool.clear();
  // generic-pool goes on to count, and to lend, resources that clear() has destroyed.
  const { available: _, ...others } = figures(pool);
  log('cleared', others);
}

const programs: Record<string, Program> = {
  'limits by default': async ({ createPool }, log) => {
    const pool = createPool(factoryOf(log));
    log(pool.min, pool.max, figures(pool));
    await finish(pool, log);
  },
  'malformed limits': async ({ createPool }, log) => {
    for (const [min, max] of [
      ['asf', []],
      [5, 3],
      ['2', '4'],
      [-1, 0],
      [null, undefined],
    ]) {
      const pool = createPool(
        factoryOf(() => {}),
        { min, max, autostart: false },
      );
      log(pool.min, pool.max);
    }
  },
  'wrong factories': async ({ createPool }, log) => {
    const wrong = [
      {},
      { create: 1 },
      { create() {} },
      { create() {}, destroy: 1 },
      { create() {}, destroy() {}, validate: 1 },
    ];
    for (const factory of wrong) {
      try {
        createPool(factory);
        log('made');
      } catch (error) {
        failure(log, 'refused')(error as Error);
      }
    }
  },
  'acquire, release, and figures meanwhile': async ({ createPool }, log) => {
    const pool = createPool(factoryOf(log), { max: 2 });
    log(figures(pool));
    const first = pool.acquire();
    log('asked', figures(pool));
    const one = await first;
    log('got', figures(pool));
    const other = await pool.acquire();
    const third = pool.acquire().then((resource) => log('third got', resource.id, figures(pool)));
    log('waits', figures(pool));
    log('release', await pool.release(one), figures(pool));
    await third;
    await pool.release(one);
    await pool.release(other);
    log('back', figures(pool));
    await finish(pool, log);
  },
  'in the order of a queue': async ({ createPool }, log) => {
    const pool = createPool(factoryOf(log), { max: 3 });
    const all = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()]);
    for (const one of all) await pool.release(one);
    for (let i = 0; i < 3; i++) log((await pool.acquire()).id);
    for (const one of all) pool.release(one);
    await finish(pool, log);
  },
  'in the order of a stack': async ({ createPool }, log) => {
    const destroy = async () => {};
    const pool = createPool(factoryOf(log, { destroy }), { max: 3, fifo: false });
    const all = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()]);
    for (const one of all) await pool.release(one);
    for (let i = 0; i < 3; i++) log((await pool.acquire()).id);
    for (const one of all) pool.release(one);
    await pool.drain();
    await pool.clear();
  },
  priorities: async ({ createPool }, log) => {
    const pool = createPool(factoryOf(log), { max: 1, priorityRange: 3 });
    const served: string[] = [];
    const ask = (name: string, priority?: unknown) =>
      pool.acquire(priority as number).then((resource) => {
        served.push(name);
        return pool.release(resource);
      });
    const held = await pool.acquire();
    const all = [
      ask('two', 2),
      ask('far', 99),
      ask('one', 1),
      ask('none'),
      ask('zero', 0),
      ask('negative', -1),
      ask('text', '1'),
    ];
    await pool.release(held);
    await Promise.all(all);
    log(served);
    await finish(pool, log);
  },
  strangers: async ({ createPool }, log) => {
    const pool = createPool(factoryOf(log), { max: 2 });
    const one = await pool.acquire();
    for (const stranger of [{}, undefined, null, 1, { ...one }]) {
      await pool.release(stranger as Resource).catch(failure(log, 'release'));
      await pool.destroy(stranger as Resource).catch(failure(log, 'destroy'));
      log(pool.isBorrowedResource(stranger as Resource));
    }
    log(pool.isBorrowedResource(one));
    await pool.release(one);
    log(pool.isBorrowedResource(one));
    await pool.release(one).catch(failure(log, 'again'));
    await finish(pool, log);
  },
  destroy: async ({ createPool }, log) => {
    const pool = createPool(factoryOf(log), { max: 1 });
    const one = await pool.acquire();
    const waiting = pool.acquire().then((other) => {
      log('other', other.id, figures(pool));
      return pool.release(other);
    });
    log(await pool.destroy(one));
    await waiting;
    await finish(pool, log);
  },
  'a minimum': async ({ createPool }, log) => {
    const pool = createPool(factoryOf(log), { min: 2, max: 4 });
    log(figures(pool));
    await pool.ready();
    log('ready', figures(pool));
    const one = await pool.acquire();
    await pool.destroy(one);
    await soon();
    log(figures(pool));
    await finish(pool, log);
  },
  'a start by hand': async ({ createPool }, log) => {
    const pool = createPool(factoryOf(log), {
      min: 1,
      max: 2,
      autostart: false,
      evictionRunIntervalMillis: 10_000,
    });
    await soon();
    log(figures(pool), pool._scheduledEviction);
    pool.start();
    pool.start();
    await pool.ready();
    log(figures(pool), pool._scheduledEviction === null);
    await finish(pool, log);
    log(pool._scheduledEviction);
  },
  'a start by acquire': async ({ createPool }, log) => {
    const pool = createPool(factoryOf(log), { autostart: false, evictionRunIntervalMillis: 10_000 });
    const one = await pool.acquire();
    log(pool._scheduledEviction === null);
    await pool.release(one);
    await finish(pool, log);
  },
  'a limit of those who wait': async ({ createPool }, log) => {
    for (const maxWaitingClients of [0, 1]) {
      const pool = createPool(factoryOf(log), { max: 1, maxWaitingClients });
      const first = pool.acquire();
      const second = pool.acquire().catch(failure(log, 'second'));
      await pool.acquire().catch(failure(log, 'third'));
      await pool.release(await first);
      const got = await second;
      if (got !== undefined) await pool.release(got as Resource);
      await finish(pool, log);
    }
  },
  'time out': async ({ createPool }, log) => {
    const pool = createPool(factoryOf(log), { max: 1, acquireTimeoutMillis: 20 });
    const held = await pool.acquire();
    await pool.acquire().catch(failure(log, 'late'));
    await pool.release(held);
    log((await pool.acquire()).id, pool.available);
    await pool.release(held);
    await finish(pool, log);
  },
  'errors of create': async ({ createPool }, log) => {
    let calls = 0;
    const create = async () => {
      if (++calls <= 5) throw new Error(`failure ${calls}`);
      return { id: calls };
    };
    const pool = createPool(factoryOf(log, { create }), { max: 1 });
    pool.on('factoryCreateError', failure(log, 'event'));
    const one = await pool.acquire();
    log(one.id, figures(pool));
    await pool.release(one);
    await finish(pool, log);
  },
  'errors of destroy': async ({ createPool }, log) => {
    const destroy = async () => {
      throw new Error('cannot');
    };
    const pool = createPool(factoryOf(log, { destroy }), { max: 1 });
    pool.on('factoryDestroyError', failure(log, 'event'));
    await pool.destroy(await pool.acquire());
    await soon();
    await finish(pool, log);
  },
  'a destroy that takes too long': async ({ createPool }, log) => {
    const pool = createPool(factoryOf(log, { destroy: () => later(60) }), {
      max: 1,
      destroyTimeoutMillis: 10,
    });
    pool.on('factoryDestroyError', failure(log, 'event'));
    await pool.destroy(await pool.acquire());
    await later(30);
    await finish(pool, log);
  },
  'validation before each loan': async ({ createPool }, log) => {
    const validate = async ({ id }: Resource) => {
      log('validate', id);
      return id !== 1;
    };
    const pool = createPool(factoryOf(log, { validate }), { max: 2, testOnBorrow: true });
    const [zero, one] = await Promise.all([pool.acquire(), pool.acquire()]);
    await pool.release(one!).catch(failure(log, 'release'));
    await pool.release(zero!).catch(failure(log, 'release'));
    log(figures(pool));
    await finish(pool, log);
  },
  'use that is resolved and rejected': async ({ createPool }, log) => {
    const pool = createPool(factoryOf(log), { max: 1 });
    log(await pool.use(async ({ id }) => `used ${id}`));
    log(figures(pool));
    await pool
      .use(async () => {
        throw new Error('broken');
      })
      .catch(failure(log, 'use'));
    await soon();
    log(figures(pool));
    log(await pool.use(async ({ id }) => id, 0));
    await finish(pool, log);
  },
  'no work while it drains': async ({ createPool }, log) => {
    const pool = createPool(factoryOf(log), { max: 1 });
    const held = await pool.acquire();
    const waiting = pool.acquire().then((one) => {
      log('served', one.id);
      return pool.release(one);
    });
    let isDrained = false;
    const drained = pool.drain().then(() => {
      isDrained = true;
    });
    await pool.acquire().catch(failure(log, 'acquire'));
    await soon();
    log(isDrained);
    await pool.release(held);
    await waiting;
    await drained;
    log(isDrained, figures(pool));
    pool.start();
    await finish(pool, log);
  },
  'resources that are idle for too long': async ({ createPool }, log) => {
    const pool = createPool(factoryOf(log), {
      max: 3,
      idleTimeoutMillis: 60,
      evictionRunIntervalMillis: 20,
    });
    const all = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()]);
    for (const one of all) await pool.release(one);
    await later(30);
    log(figures(pool));
    await later(150);
    log(figures(pool));
    await finish(pool, log);
  },
  'some that stay idle, down to the minimum': async ({ createPool }, log) => {
    // Which of them go depends on when exactly the timers ring.
    const destroy = async () => log('destroy');
    const pool = createPool(factoryOf(log, { destroy }), {
      min: 1,
      max: 3,
      softIdleTimeoutMillis: 20,
      evictionRunIntervalMillis: 10,
      numTestsPerEvictionRun: 1,
    });
    const all = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()]);
    for (const one of all) await pool.release(one);
    await later(200);
    log(figures(pool));
    await finish(pool, log);
  },
  'promises of another class': async ({ createPool }, log) => {
    class Other<T> extends Promise<T> {}
    const pool = createPool(factoryOf(log), { max: 1, Promise: Other });
    const asked = pool.acquire();
    const one = await asked;
    const answers = [asked, pool.release(one), pool.release({ id: 9 }), pool.ready(), pool.drain()];
    for (const answer of answers) {
      log(answer instanceof Other);
      await answer.catch(failure(log, 'rejected'));
    }
    await pool.clear();
  },
};

async function seen(pools: Package, program: Program): Promise<unknown[]> {
  const said: unknown[] = [];
  await program(pools, (...what) => said.push(what));
  return said;
}

describe('as generic-pool', () => {
  test.concurrent.for(Object.keys(programs))('%s', async (name) => {
    const [theirs, own] = await Promise.all([
      seen(original as unknown as Package, programs[name]!),
      seen(ours as unknown as Package, programs[name]!),
    ]);
    expect(own).toEqual(theirs);
    expect(own.length).toBeGreaterThan(0);
  });
});

describe('beyond generic-pool', () => {
  test('a pool is in the figures of the process until it is drained and cleared', async () => {
    const pool = ours.createPool(
      factoryOf(() => {}),
      { max: 2, name: 'dropped in' },
    );
    const one = await pool.acquire();
    const own = () => stats().pools.filter(({ name }) => name === 'dropped in');
    expect(own()).toMatchObject([{ objects: { inUse: 1, idle: 0, max: 2, made: 1 } }]);
    expect(pool.report()).toContain('dropped in');
    await pool.release(one);
    await pool.drain();
    await pool.clear();
    expect(own()).toEqual([]);
  });

  test('what a timed-out waiter was given goes to the next one', async () => {
    const pool = ours.createPool(
      factoryOf(() => {}),
      { max: 1, acquireTimeoutMillis: 30 },
    );
    const held = await pool.acquire();
    const late = pool.acquire().catch((error: Error) => error);
    await later(20);
    const next = pool.acquire();
    expect(await late).toBeInstanceOf(ours.TimeoutError);
    expect(pool.pending).toBe(1);
    await pool.release(held);
    expect(await next).toBe(held);
    await pool.release(held);
    await pool.drain();
    await pool.clear();
  });

  test('clear() destroys what is idle, and the minimum is made anew', async () => {
    const destroyed: number[] = [];
    const destroy = async ({ id }: Resource) => destroyed.push(id);
    const pool = ours.createPool(
      factoryOf(() => {}, { destroy }),
      { min: 2, max: 3 },
    );
    await pool.ready();
    await pool.clear();
    await pool.ready();
    expect(destroyed).toEqual([0, 1]);
    expect([pool.size, pool.available]).toEqual([2, 2]);
    const next = await pool.acquire();
    expect(next.id).toBe(2);
    await pool.release(next);
  });

  test('a validate that throws does not lose the resource', async () => {
    let calls = 0;
    const validate = async () => {
      if (++calls === 2) throw new Error('gone');
      return true;
    };
    const pool = ours.createPool(
      factoryOf(() => {}, { validate }),
      { max: 1, testOnBorrow: true },
    );
    const one = await pool.acquire();
    await pool.release(one);
    const other = await pool.acquire();
    expect(other).not.toBe(one);
    await pool.release(other);
    await pool.drain();
    await pool.clear();
  });

  test('testOnReturn keeps what is broken from the next one', async () => {
    const validate = async ({ id }: Resource) => id !== 0;
    const pool = ours.createPool(
      factoryOf(() => {}, { validate }),
      { max: 1, testOnReturn: true },
    );
    await pool.release(await pool.acquire());
    const next = await pool.acquire();
    expect(next.id).toBe(1);
    await pool.release(next);
  });

  test('a factory that throws at once, and resources that are no objects', async () => {
    let made = 0;
    const create = () => {
      if (made++ === 0) throw new Error('not yet');
      return made as unknown as Resource;
    };
    const pool = ours.createPool<Resource>({ create, destroy: () => {} }, { max: 1 });
    const errors: unknown[] = [];
    pool.on('factoryCreateError', (error) => errors.push(error));
    const one = await pool.acquire();
    expect(one).toBe(2);
    expect(pool.isBorrowedResource(one)).toBe(true);
    await pool.release(one);
    expect(await pool.acquire()).toBe(2);
    expect(errors).toHaveLength(1);
  });

  test('an evictor of the program decides', async () => {
    const asked: ours.IdleResource<Resource>[] = [];
    class All implements ours.Evictor<Resource> {
      evict(_: ours.EvictionConfig, resource: ours.IdleResource<Resource>): boolean {
        asked.push(resource);
        return true;
      }
    }
    const pool = new ours.Pool<Resource>(
      All,
      undefined,
      undefined,
      factoryOf(() => {}),
      {
        evictionRunIntervalMillis: 5,
      },
    );
    const one = await pool.acquire();
    await pool.release(one);
    await expect.poll(() => pool.size).toBe(0);
    expect(asked[0]!.obj).toBe(one);
    expect(Math.abs(Date.now() - asked[0]!.lastIdleTime)).toBeLessThan(5000);
  });

  test('an option that does not exist is told of', async () => {
    const warned: Error[] = [];
    const listener = (warning: Error) => warned.push(warning);
    process.on('warning', listener);
    ours.createPool(
      factoryOf(() => {}),
      { maxx: 2 } as ours.Options,
    );
    await soon();
    process.off('warning', listener);
    expect(warned.map(({ message }) => message)).toEqual([
      'Unknown option "maxx" of createPool(); did you mean "max"?',
    ]);
  });
});
