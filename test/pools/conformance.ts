// What every kind of pool must do (lib/pools/pool.ts): one suite, which the test file of a kind runs with an adapter.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { type Pool, type PoolPressureMessage, type PoolStats, type SuperslabError, stats } from 'superslab';
import { collectSuperslab } from 'superslab/prometheus';
import { afterEach, describe, expect, test } from 'vitest';
import { childJson } from '../support/child.js';
import { collect } from '../support/collect.js';
import { rejectedBy, thrownBy } from '../support/expect-error.js';
import { FakeMachine } from '../support/fake-machine.js';
import { endWorkers, startWorker } from '../support/worker.js';

/** How the suite uses one kind of pool. All that it lends is of one size. */
export interface PoolKind<Kind extends Pool, Thing extends object> {
  /** Its class, as the package exports it. */
  readonly name: string;
  open(options: object): Kind;
  /** Options under which a pool lends `count` things at once, and no more. */
  limitedTo(count: number): object;
  /** How many it lends at once, whatever the options say. */
  readonly fixedLimit?: number;
  /** It has nothing of its own to give back: neither to trim() nor under pressure. */
  readonly keepsNothing?: boolean;
  /** No code of the program runs while something is taken. */
  readonly isUninterrupted?: boolean;
  take(pool: Kind): Thing;
  /** Gives it back through `pool`, whichever it came from. */
  give(pool: Kind, thing: unknown): void;
  /** As soon as there is room. */
  wait?(pool: Kind, signal?: AbortSignal): Promise<Thing>;
  /** Has memory for `count` things taken, touched and given back. */
  warm?(pool: Kind, count: number, onProgress?: (done: number, count: number) => void): void;
  isLent(thing: Thing): boolean;
  /** Whether two things that are lent have memory in common. */
  overlap(one: Thing, other: Thing): boolean;
  /** Whether it may lend the same thing again, so that a late release of it cannot be told from one that is due. */
  readonly lendsAgain: boolean;
  /** Things with which give() must fail, though they look like what the pool lends. */
  strangers(thing: Thing): readonly unknown[];
  /** Whether there is a limit even where no option says one. */
  readonly isAlwaysLimited?: boolean;
  /** How many things its figures say are lent. */
  lent(figures: PoolStats): number;
  /** A kind that counts objects, or blocks in a file, takes no memory from the operating system for them. */
  readonly counts?: 'bytes' | 'objects' | 'file';
  /** What it lent ends with the pool. By default it stays valid until it is given back. */
  readonly endsAtClose?: boolean;
  /** What trim() lowers by what it returns: committed bytes, but for a kind that counts something else. */
  kept?(figures: PoolStats): number;
  /** Has `act` called in the midst of taking something for which the pool has nothing; by default when it takes memory. */
  whileTaking?(pool: Kind, act: () => void): void;
  /** Whether the collector tells when nobody has a thing any more: not of numbers. By default it does. */
  readonly isCollected?: boolean;
  /** Whether a thing that is given back through another pool goes to its own, which is so by default, or is refused. */
  readonly goesHome?: boolean;
  /** Wrong options, and what the error must say. */
  readonly wrongOptions: readonly (readonly [options: object, ...said: string[]])[];
  /** The same for programs of their own: expressions of `superslab`, `pool` and `thing`, which each lend 1 MiB or more. */
  readonly source: { readonly open: string; readonly take: string; readonly give: string };
  /** With which step of memory pressure it gives back what it has lent and got back: 'idle' by default. */
  readonly relievedBy?: 'caches' | 'cold';
  /** Options by which nobody watches its leases. */
  readonly unwatched?: string;
}

/** Takes something while a subscriber of superslab:pool:grow does `act`. */
function takeWhileGrowing(name: string, take: () => void, act: () => void): void {
  const listener = ({ pool }: { pool: string }) => {
    if (pool === name) act();
  };
  subscribe('superslab:pool:grow', listener as never);
  try {
    take();
  } finally {
    unsubscribe('superslab:pool:grow', listener as never);
  }
}

let opened = 0;

export function conformance<Kind extends Pool, Thing extends object>(kind: PoolKind<Kind, Thing>): void {
  const pools: Kind[] = [];
  const open = (options: object = {}): Kind => {
    const pool = kind.open({ name: `${kind.name} under test ${++opened}`, ...options });
    pools.push(pool);
    return pool;
  };
  const takeMany = (pool: Kind, count: number): Thing[] =>
    Array.from({ length: count }, () => kind.take(pool));
  const whereOneWaits = (
    name: string,
    body: (wait: NonNullable<PoolKind<Kind, Thing>['wait']>) => Promise<void>,
  ): void => {
    const wait = kind.wait?.bind(kind);
    if (wait !== undefined) test(name, () => body(wait));
  };
  const giveAll = (pool: Kind, things: Thing[]): void => {
    for (const thing of things.splice(0)) kind.give(pool, thing);
  };
  const { unwatched = "leakDetection: 'off', guard: 'off'" } = kind;
  const lentOf = (pool: Kind): number => kind.lent(pool.stats());
  /** All of it went well: nothing is out, and the books are right. */
  const expectWhole = (pool: Kind): void => {
    expect(pool.check()).toEqual([]);
    expect(lentOf(pool)).toBe(0);
  };

  afterEach(async () => {
    await endWorkers();
    for (const pool of pools.splice(0)) {
      expect(pool.check()).toEqual([]);
      pool.close();
      expect(pool.check()).toEqual([]);
    }
  });

  describe(`${kind.name} as a pool`, () => {
    test('has a name and a limit, and shows them in its figures', () => {
      const pool = open({ name: 'uploads', ...kind.limitedTo(5) });
      expect(pool.name).toBe('uploads');
      expect([pool.maxBytes, pool.max].filter((limit) => limit !== undefined)).toHaveLength(1);
      expect(pool.maxBytes ?? pool.max).toBeGreaterThan(0);
      expect(pool.closed).toBe(false);
      expect(pool.stats()).toMatchObject({ name: 'uploads', closed: false });
      const [one, other] = [kind.open({}), kind.open({})];
      pools.push(one, other);
      expect(one.name).not.toBe(other.name);
      if (kind.isAlwaysLimited) expect(one.maxBytes ?? one.max).toBeGreaterThan(0);
      else expect(one.maxBytes ?? one.max).toBe(0);
    });

    test('is in the figures of the process, until it is closed', () => {
      const pool = open();
      const thing = kind.take(pool);
      const own = () => stats().pools.filter(({ name }) => name === pool.name);
      expect(own()).toHaveLength(1);
      expect(kind.lent(own()[0]!)).toBe(1);
      kind.give(pool, thing);
      pool.close();
      expect(own()).toEqual([]);
    });

    test('is in the metrics', async () => {
      const register = new Registry();
      using _ = collectSuperslab({ register });
      const pool = open();
      const thing = kind.take(pool);
      const own = (await register.metrics()).split('\n').filter((line) => line.includes(`"${pool.name}"`));
      const made = { bytes: 'slabs_made', objects: 'objects_made', file: 'file_allocs' }[
        kind.counts ?? 'bytes'
      ];
      expect(own).toContainEqual(expect.stringMatching(new RegExp(`^superslab_${made}_total{.*} [1-9]`)));
      kind.give(pool, thing);
    });

    test('tells of itself in words', () => {
      const pool = open();
      expect(pool.report()).toContain(pool.name);
      expect(pool.advice()).toEqual([]);
      expect(pool.leaks()).toEqual([]);
    });

    test('notes the most that it lent, and when', () => {
      const pool = open();
      const before = Date.now();
      giveAll(pool, takeMany(pool, 40));
      const peakOf = ({ objects, peakChargedBytes, peakChargedAtMs }: PoolStats) =>
        objects === undefined
          ? { most: peakChargedBytes, atMs: peakChargedAtMs }
          : { most: objects.peakInUse, atMs: objects.peakInUseAtMs };
      const peak = peakOf(pool.stats());
      // The clock that is read ticks a few hundred times a second.
      expect(peak.atMs).toBeGreaterThan(before - 50);
      expect(peak.atMs).toBeLessThanOrEqual(Date.now());
      expect(peak.most).toBeGreaterThanOrEqual(40);
      giveAll(pool, takeMany(pool, 20));
      expect(peakOf(pool.stats())).toEqual(peak);
      expect(pool.report()).toMatch(/^ {2}peak {5}\d.* at \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/m);
    });

    test('lends no memory twice', () => {
      const pool = open();
      const things = takeMany(pool, 40);
      for (const thing of things) expect(kind.isLent(thing)).toBe(true);
      things.forEach((thing, i) => {
        for (const other of things.slice(i + 1)) expect(kind.overlap(thing, other)).toBe(false);
      });
      giveAll(pool, things);
      expectWhole(pool);
    });
  });

  describe(`${kind.name} at its limit`, () => {
    const room = kind.fixedLimit ?? 7;

    test('refuses one more, says how to go on, and lends it after a release', () => {
      const pool = open(kind.limitedTo(room));
      const things = takeMany(pool, room);
      for (let i = 0; i < 3; i++) {
        const { message } = thrownBy(() => kind.take(pool), 'ERR_SUPERSLAB_EXHAUSTED');
        expect(message).toContain(`"${pool.name}"`);
        expect(message).toContain(`${kind.fixedLimit ?? pool.maxBytes ?? pool.max}`);
        expect(message).toMatch(/; .*(release|raise)/);
      }
      expect(pool.stats().exhausted).toBe(3);
      kind.give(pool, things.pop());
      things.push(kind.take(pool));
      thrownBy(() => kind.take(pool), 'ERR_SUPERSLAB_EXHAUSTED');
      expect(lentOf(pool)).toBe(room);
      giveAll(pool, things);
      expectWhole(pool);
    });

    whereOneWaits('serves those who wait in their order', async (wait) => {
      const pool = open(kind.limitedTo(room));
      const things = takeMany(pool, room);
      const served: number[] = [];
      const waiting = [0, 1, 2].map(async (i) => {
        const thing = await wait(pool);
        served.push(i);
        return thing;
      });
      await new Promise(setImmediate);
      expect(served).toEqual([]);
      expect(pool.stats().waiting).toBe(3);
      for (let i = 0; i < 3; i++) {
        kind.give(pool, things.pop());
        await new Promise(setImmediate);
        expect(served).toHaveLength(i + 1);
      }
      expect(served).toEqual([0, 1, 2]);
      giveAll(pool, [...things, ...(await Promise.all(waiting))]);
      expectWhole(pool);
    });

    whereOneWaits('lets those go who wait no more', async (wait) => {
      const pool = open(kind.limitedTo(room));
      const things = takeMany(pool, room);
      const abort = new AbortController();
      const first = wait(pool, abort.signal);
      const second = wait(pool);
      abort.abort(new Error('enough'));
      await expect(first).rejects.toThrow('enough');
      kind.give(pool, things.pop());
      things.push(await second);
      expect(pool.stats().waiting).toBe(0);
      giveAll(pool, things);
      expectWhole(pool);
    });

    test('lends what a release gives while somebody is told that there is none', () => {
      const pool = open(kind.limitedTo(1));
      const held = takeMany(pool, kind.fixedLimit ?? 1);
      const told: unknown[] = [];
      const listener = (message: unknown) => {
        told.push(message);
        giveAll(pool, held);
        expect(pool.check()).toEqual([]);
        held.push(kind.take(pool));
      };
      subscribe('superslab:pool:exhausted', listener);
      try {
        thrownBy(() => kind.take(pool), 'ERR_SUPERSLAB_EXHAUSTED');
      } finally {
        unsubscribe('superslab:pool:exhausted', listener);
      }
      expect(told).toHaveLength(1);
      giveAll(pool, held);
      expectWhole(pool);
    });
  });

  const warm = kind.warm?.bind(kind);
  if (warm !== undefined)
    describe(`${kind.name} warmed`, () => {
      test('has memory for so many things, lends none, and tells how far it is', () => {
        const pool = open(kind.limitedTo(150));
        const told: [number, number][] = [];
        warm(pool, 150, (done, count) => told.push([done, count]));
        expect(told).toEqual([
          [64, 150],
          [128, 150],
          [150, 150],
        ]);
        expectWhole(pool);
        expect(pool.stats().acquires).toBe(150);
        const { committedBytes } = pool.stats();
        giveAll(pool, takeMany(pool, 150));
        expect(pool.stats().committedBytes).toBe(committedBytes);
      });

      test('takes nothing when there is no room, or when the program throws', () => {
        const pool = open(kind.limitedTo(100));
        thrownBy(() => warm(pool, 101), 'ERR_SUPERSLAB_EXHAUSTED');
        expect(() =>
          warm(pool, 100, () => {
            throw new Error('enough');
          }),
        ).toThrow('enough');
        for (const wrong of [-1, 1.5, '1'])
          thrownBy(() => warm(pool, wrong as number), 'ERR_SUPERSLAB_ARGUMENT');
        thrownBy(() => warm(pool, 1, 1 as never), 'ERR_SUPERSLAB_ARGUMENT');
        expectWhole(pool);
      });
    });

  describe(`${kind.name} and misuse`, () => {
    test('a second release throws, and harms nobody', () => {
      const pool = open();
      const thing = kind.take(pool);
      kind.give(pool, thing);
      const { message } = thrownBy(() => kind.give(pool, thing), 'ERR_SUPERSLAB_RELEASED');
      expect(message).toContain(`"${pool.name}"`);
      expect(message).toMatch(/; .*paired/);
      const [one, other] = takeMany(pool, 2) as [Thing, Thing];
      if (!kind.lendsAgain) thrownBy(() => kind.give(pool, thing), 'ERR_SUPERSLAB_RELEASED');
      expect(kind.overlap(one, other)).toBe(false);
      expect(lentOf(pool)).toBe(2);
      giveAll(pool, [one, other]);
      expectWhole(pool);
      expect(stats().misuse).toContainEqual(
        expect.objectContaining({
          kind: 'released-twice',
          pool: pool.name,
          noticed: expect.stringContaining('at '),
        }),
      );
    });

    test('a release of what is not lent throws, and changes nothing', () => {
      const pool = open();
      const thing = kind.take(pool);
      const strangers = [...kind.strangers(thing), undefined, null, 1, 'text', {}, new Uint8Array(8)];
      for (const stranger of strangers) {
        const { message } = thrownBy(() => kind.give(pool, stranger), 'ERR_SUPERSLAB_FOREIGN');
        expect(message.length).toBeGreaterThan('ERR_SUPERSLAB_FOREIGN: '.length + 20);
      }
      expect(lentOf(pool)).toBe(1);
      kind.give(pool, thing);
      expectWhole(pool);
    });

    test('what another pool lent goes back to that one', () => {
      const [one, other] = [open(), open()];
      const thing = kind.take(one);
      if (kind.goesHome ?? true) {
        kind.give(other, thing);
      } else {
        const { message } = thrownBy(() => kind.give(other, thing), 'ERR_SUPERSLAB_FOREIGN');
        expect(message).toContain(`none of pool "${other.name}"`);
        expect(lentOf(one)).toBe(1);
        kind.give(one, thing);
      }
      expectWhole(one);
      expectWhole(other);
    });

    if (kind.isCollected ?? true) {
      test('a leak is reported with the stack of who took it, and comes back', async () => {
        const pool = open({ leakDetection: 'full' });
        const events: { pool: string; stack: string }[] = [];
        pool.on('leak', (leak) => events.push(leak));
        (function forgetful() {
          kind.take(pool);
        })();
        expect(lentOf(pool)).toBe(1);
        await collect(() => events.length > 0);
        expect(events).toMatchObject([{ pool: pool.name, stack: expect.stringContaining('forgetful') }]);
        expect(pool.leaks()).toMatchObject([{ count: 1, stack: expect.stringContaining('forgetful') }]);
        expectWhole(pool);
      });
    }

    test('there are no events but those of a pool', () => {
      const pool = open();
      const { message } = thrownBy(() => pool.on('leek' as 'leak', () => {}), 'ERR_SUPERSLAB_ARGUMENT');
      for (const part of ['"leek"', '"leak"', '"guard"']) expect(message).toContain(part);
    });

    test.for(kind.wrongOptions)('%j is refused', ([options, ...said]) => {
      const { message } = thrownBy(() => kind.open(options), 'ERR_SUPERSLAB_OPTION');
      for (const part of said) expect(message).toContain(part);
    });

    test('a target that is no number of bytes is refused', () => {
      const pool = open();
      for (const target of [-1, Number.NaN, '1', null]) {
        const { message } = thrownBy(() => pool.trim(target as number), 'ERR_SUPERSLAB_ARGUMENT');
        expect(message).toContain(typeof target === 'string' ? `"${target}"` : String(target));
      }
    });
  });

  describe(`${kind.name} at its end`, () => {
    const refusesAll = async (pool: Kind): Promise<void> => {
      expect(pool.closed).toBe(true);
      for (const act of [() => kind.take(pool), () => pool.trim()]) {
        expect(thrownBy(act, 'ERR_SUPERSLAB_CLOSED').message).toContain(`"${pool.name}" is closed`);
      }
      if (kind.wait !== undefined) await rejectedBy(kind.wait(pool), 'ERR_SUPERSLAB_CLOSED');
    };
    const expectSettled = (pool: Kind): void => {
      expectWhole(pool);
      expect(pool.stats()).toMatchObject({ name: pool.name, closed: true, committedBytes: 0 });
      expect(pool.report()).toContain(pool.name);
    };

    if (kind.endsAtClose) {
      test('what is out ends with it, and may be given back; nothing else is lent', async () => {
        const pool = open();
        const things = takeMany(pool, 3);
        pool.close();
        pool.close();
        await refusesAll(pool);
        for (const thing of things) expect(kind.isLent(thing)).toBe(false);
        expectSettled(pool);
        giveAll(pool, things);
        expectSettled(pool);
      });
    } else {
      test('what is out stays valid and comes back; nothing else is lent', async () => {
        const pool = open();
        const things = takeMany(pool, 3);
        pool.close();
        pool.close();
        await refusesAll(pool);
        for (const thing of things) expect(kind.isLent(thing)).toBe(true);
        expect(lentOf(pool)).toBe(3);
        expect(pool.check()).toEqual([]);
        giveAll(pool, things);
        expectSettled(pool);
      });
    }

    whereOneWaits('those who wait are told', async (wait) => {
      const pool = open(kind.limitedTo(1));
      const thing = kind.take(pool);
      const waiting = wait(pool);
      pool.close();
      expect((await rejectedBy(waiting, 'ERR_SUPERSLAB_CLOSED')).message).toContain(`"${pool.name}"`);
      kind.give(pool, thing);
      expectWhole(pool);
    });

    test('`using` closes it', () => {
      const pool = open();
      {
        using own = pool;
        expect(own.closed).toBe(false);
      }
      expect(pool.closed).toBe(true);
    });

    if (!kind.isUninterrupted) {
      test('it may be closed from within', () => {
        const pool = open();
        const failures: unknown[] = [];
        const take = () => {
          try {
            kind.take(pool);
          } catch (error) {
            failures.push((error as SuperslabError).code);
          }
        };
        const close = () => pool.close();
        if (kind.whileTaking === undefined) takeWhileGrowing(pool.name, take, close);
        else {
          kind.whileTaking(pool, close);
          take();
        }
        expect(failures).toEqual(['ERR_SUPERSLAB_CLOSED']);
        expectWhole(pool);
        expect(pool.stats().committedBytes).toBe(0);
      });
    }

    if (kind.keepsNothing) {
      test('trim() has nothing to give back', () => {
        const pool = open();
        giveAll(pool, takeMany(pool, 40));
        expect(pool.trim()).toBe(0);
        expectWhole(pool);
      });
    } else {
      test('trim() gives idle memory back, and says how much', () => {
        const pool = open();
        const things = takeMany(pool, 40);
        giveAll(pool, things);
        const kept = kind.kept ?? ((figures: PoolStats) => figures.committedBytes);
        const before = kept(pool.stats());
        const given = pool.trim();
        expect(given).toBeGreaterThan(0);
        expect(kept(pool.stats())).toBe(before - given);
        expectWhole(pool);
      });
    }

    test('a worker that is terminated leaves nothing behind', async () => {
      const worker = await startWorker();
      await worker.run(
        `state.pool = ${kind.source.open.replace('OPTIONS', `{ name: 'of a worker', ${unwatched} }`)};
         const { pool } = state;
         state.things = [${kind.source.take}, ${kind.source.take}];
         pool.check();`,
      );
      const inWorker = () => stats().pools.filter(({ name }) => name === 'of a worker');
      expect(inWorker()).toHaveLength(1);
      expect(kind.lent(inWorker()[0]!)).toBeGreaterThan(0);
      await worker.terminate();
      await expect.poll(inWorker).toEqual([]);
    });
  });

  describe(`${kind.name} and its figures`, () => {
    test('add up, whatever is taken and given', () => {
      const limit = kind.fixedLimit ?? 100;
      const step = fc.record({ take: fc.boolean(), count: fc.integer({ min: 1, max: 20 }), at: fc.nat() });
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
          const pool = kind.open(kind.limitedTo(100));
          const things: Thing[] = [];
          let taken = 0;
          let refused = 0;
          for (const { take, count, at } of steps) {
            for (let i = 0; i < count; i++) {
              if (!take && things.length > 0) kind.give(pool, things.splice(at % things.length, 1)[0]);
              else if (take && things.length < limit) taken += things.push(kind.take(pool)) > 0 ? 1 : 0;
              else if (take) {
                refused++;
                thrownBy(() => kind.take(pool), 'ERR_SUPERSLAB_EXHAUSTED');
              }
            }
            const figures = pool.stats();
            expect(kind.lent(figures)).toBe(things.length);
            expect(figures).toMatchObject({
              acquires: taken,
              releases: taken - things.length,
              exhausted: refused,
            });
            expect(figures.inUseBytes + figures.cachedBytes).toBe(figures.chargedBytes);
            expect(figures.committedBytes).toBeGreaterThanOrEqual(figures.chargedBytes);
            expect(pool.check()).toEqual([]);
          }
          giveAll(pool, things);
          expectWhole(pool);
          pool.close();
          expect(pool.stats()).toMatchObject({ acquires: taken, releases: taken, committedBytes: 0 });
        }),
        { numRuns: 25 },
      );
    });

    test('are in the report at exit', async () => {
      const said = await childJson(
        `import * as superslab from 'superslab';
         const pool = ${kind.source.open.replace('OPTIONS', "{ name: 'seen at exit' }")};
         const written = [];
         process.stderr.write = (text) => written.push(text);
         process.on('exit', () => console.log(JSON.stringify(written.join(''))));
         globalThis.kept = pool;`,
        { env: { SUPERSLAB_STATS: '1' } },
      );
      expect(said).toContain('"seen at exit"');
    });
  });

  if (kind.keepsNothing) return;

  test(`${kind.name} gives back under pressure: caches, cold data, what is idle`, async () => {
    using machine = new FakeMachine();
    const options = `name: 'pressed', ${unwatched}${(kind.counts ?? 'bytes') === 'bytes' ? ', purgeDelayMs: 60000' : ''}`;
    const { calm, events, wrong, level, given, report } = await childJson(
      `${machine.script}
       import * as superslab from 'superslab';
       const pool = ${kind.source.open.replace('OPTIONS', `{ ${options} }`)};
       const things = [${kind.source.take}, ${kind.source.take}, ${kind.source.take}];
       const kept = ${kind.source.take};
       for (const thing of things) ${kind.source.give};
       const events = [];
       pool.on('pressure', (message) => events.push(message));
       await later(400);
       const calm = events.length;
       use(99);
       await until(() => events.length >= 3);
       const { pressureCacheBytes, pressureColdBytes, pressureIdleBytes, objects } = pool.stats();
       const again = ${kind.source.take};
       for (const thing of [again, kept]) ${kind.source.give};
       console.log(JSON.stringify({
         calm, events, wrong: pool.check(), level: superslab.stats().pressure.level, report: pool.report(),
         given: { caches: pressureCacheBytes, cold: pressureColdBytes, idle: pressureIdleBytes + (objects?.relieved ?? 0) },
       }));`,
      { env: { SUPERSLAB_PRESSURE_INTERVAL_MS: '100' } },
    );
    expect({ calm, wrong, level }).toEqual({ calm: 0, wrong: [], level: 'critical' });
    expect(events.map(({ step }: PoolPressureMessage) => step)).toEqual(['caches', 'cold', 'idle']);
    for (const event of events) {
      expect(event).toMatchObject({ pool: 'pressed', level: 'critical' });
      expect(event.reason).toBe('99 % of the 1 GiB that a control group may have were in use');
    }
    // What is told is what is counted.
    const told = events.map(({ bytes, objects }: PoolPressureMessage) => bytes + objects);
    expect([given.caches, given.cold, given.idle]).toEqual(told);
    expect(given[kind.relievedBy ?? 'idle']).toBeGreaterThan(0);
    expect(report).toMatch(/^ {2}pressure critical since (.|\n)*gave back /m);
  });

  if ((kind.counts ?? 'bytes') !== 'bytes') return;

  // It may have to run several times, see withoutMemory().
  test(`${kind.name} goes on when the operating system refuses memory`, { timeout: 120_000 }, async () => {
    const seen = await withoutMemory(
      `import * as superslab from 'superslab';
       const pool = ${kind.source.open.replace('OPTIONS', "{ name: 'pressed', purgeDelayMs: 60000 }")};
       const things = [];
       let error;
       try {
         for (;;) things.push(${kind.source.take});
       } catch (thrown) {
         error = thrown;
       }
       const findings = pool.check().length;
       const { osFailures } = pool.stats();
       for (const thing of things.splice(0, 8)) ${kind.source.give};
       things.push(${kind.source.take});
       for (const thing of things.splice(0)) ${kind.source.give};
       pool.trim();
       console.log(JSON.stringify({ code: error.code, message: error.message, findings, osFailures,
         inUse: pool.stats().inUseBytes, after: pool.check().length }));`,
    );
    expect(seen).toMatchObject({ code: 'ERR_SUPERSLAB_NO_MEMORY', findings: 0, inUse: 0, after: 0 });
    expect(seen.osFailures).toBeGreaterThan(0);
    for (const part of ['"pressed"', ' B;', 'RLIMIT_AS']) expect(seen.message).toContain(part);
  });
}

/** What V8 says when it ends the process because it cannot have memory of its own. */
const OUT_OF_MEMORY = /Committing semi space failed|Zone|out of memory/;

/** Of `ulimit -v`. */
const ADDRESSES_KIB = 2_500_000;
/** What is added for each further run: no part of the 2 MiB in which pools take addresses, so that something else is left over for V8. */
const MORE_ADDRESSES_KIB = 600;

/**
 * Runs a program that takes all the memory there is. V8 may need more at that moment than what is left over, which is less than the last
 * thing that the pool did not get, and end it: then it runs again, with a limit that leaves over something else.
 */
async function withoutMemory(script: string): Promise<Record<string, number | string>> {
  for (let run = 1; ; run++) {
    try {
      return await childJson(script, {
        env: { SUPERSLAB_LEAK_DETECTION: 'off', SUPERSLAB_GUARD: 'off' },
        shellLimit: `ulimit -v ${ADDRESSES_KIB + (run - 1) * MORE_ADDRESSES_KIB}`,
        // V8's young space at its full size from the beginning: Node 22 ends when it cannot grow.
        nodeArguments: ['--max-old-space-size=100', '--min-semi-space-size=16'],
      });
    } catch (error) {
      if (run === 8 || !OUT_OF_MEMORY.test((error as Error).message)) throw error;
    }
  }
}
