// ObjectPool against a model: whatever is taken, given, destroyed, waited for, made in vain or grows old, no object is
// lent twice or after its end, none is lost, and the figures add up. The clock is the test's.
import fc from 'fast-check';
import { ObjectPool, type ObjectPoolOptions } from 'superslab/pools';
import { afterEach, expect, test, vi } from 'vitest';
import { internal } from '../support/internal.js';

const clock = internal<typeof import('../../lib/addon/clock.js')>('addon/clock');
const { openCores } = internal<typeof import('../../lib/pool/cores.js')>('pool/cores');

interface Thing {
  readonly madeAt: number;
  destroyed: number;
}

type Step =
  | { readonly what: 'get' | 'acquire' | 'abort' | 'trim' | 'turn' | 'fail' | 'break' }
  | { readonly what: 'put' | 'destroy'; readonly at: number }
  | { readonly what: 'time'; readonly ms: number };

const MAX_AGE_MS = 1000;

const plain = (what: 'get' | 'acquire' | 'abort' | 'trim' | 'turn' | 'fail' | 'break') =>
  fc.constant<Step>({ what });
const step = fc.oneof(
  { weight: 4, arbitrary: plain('get') },
  { weight: 4, arbitrary: plain('acquire') },
  { weight: 6, arbitrary: fc.record({ what: fc.constant('put' as const), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('destroy' as const), at: fc.nat() }) },
  { weight: 1, arbitrary: plain('abort') },
  { weight: 1, arbitrary: plain('trim') },
  { weight: 3, arbitrary: plain('turn') },
  { weight: 1, arbitrary: plain('fail') },
  { weight: 1, arbitrary: plain('break') },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 600 }) }),
  },
);

interface Options {
  readonly max: number;
  readonly min: number;
  readonly isAsync: boolean;
  readonly tests: boolean;
  readonly resets: boolean;
  readonly order: 'lifo' | 'fifo';
  readonly maxUses: number;
}

const settings: fc.Arbitrary<Options> = fc.record({
  max: fc.integer({ min: 1, max: 5 }),
  min: fc.integer({ min: 0, max: 1 }),
  isAsync: fc.boolean(),
  tests: fc.boolean(),
  resets: fc.boolean(),
  order: fc.constantFrom('lifo' as const, 'fifo' as const),
  maxUses: fc.constantFrom(0, 3),
});

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

afterEach(() => {
  vi.restoreAllMocks();
});

/** A pool, and all that the test knows of it. */
class Model {
  time = 0;
  readonly made: Thing[] = [];
  readonly lent = new Set<Thing>();
  readonly aborts: AbortController[] = [];
  taken = 0;
  given = 0;
  /** What the next call of create, and the next test, is to do. */
  failsNext = false;
  breaksNext = false;
  readonly pool: ObjectPool<Thing>;

  readonly #isAsync: boolean;

  constructor(options: Options) {
    this.#isAsync = options.isAsync;
    this.pool = new ObjectPool<Thing>(this.#optionsOf(options));
  }

  #optionsOf(options: Options): ObjectPoolOptions<Thing> {
    const { max, min, isAsync, tests, resets, order, maxUses } = options;
    const given = <V>(value: V): V | Promise<V> => (isAsync ? Promise.resolve(value) : value);
    return {
      create: () => {
        if (this.failsNext) {
          this.failsNext = false;
          throw new Error('asked for');
        }
        const thing = { madeAt: this.time, destroyed: 0 };
        this.made.push(thing);
        return given(thing);
      },
      destroy: (thing) => {
        thing.destroyed++;
        expect(this.lent).not.toContain(thing);
        return given(undefined);
      },
      ...(resets ? { reset: () => given(undefined) } : {}),
      ...(tests
        ? {
            validate: () => {
              const answer = !this.breaksNext;
              this.breaksNext = false;
              return given(answer);
            },
          }
        : {}),
      max,
      min: Math.min(min, max),
      order,
      maxUses,
      maxAgeMs: MAX_AGE_MS,
      maxAgeJitter: 0,
      retryMs: 0,
      leakDetection: 'off',
    };
  }

  got(thing: Thing): void {
    this.taken++;
    expect(this.lent).not.toContain(thing);
    expect(thing.destroyed).toBe(0);
    this.lent.add(thing);
  }

  giveBack(at: number, how: (thing: Thing) => void): void {
    const thing = [...this.lent][at % Math.max(this.lent.size, 1)];
    if (thing === undefined) return;
    this.lent.delete(thing);
    this.given++;
    how(thing);
  }

  async do(step: Step): Promise<void> {
    const { pool } = this;
    switch (step.what) {
      case 'get':
        try {
          const thing = pool.get();
          // One of a promise is as old as the promise is settled, which the test does not see.
          if (!this.#isAsync) expect(this.time - thing.madeAt).toBeLessThan(MAX_AGE_MS);
          this.got(thing);
        } catch (error) {
          expect((error as { code: string }).code).toMatch(/_(EXHAUSTED|ASYNC|CREATE)$/);
        }
        break;
      case 'acquire': {
        const abort = new AbortController();
        this.aborts.push(abort);
        pool.acquire({ signal: abort.signal }).then(
          (thing) => this.got(thing),
          (error: Error) => expect(error.message).toBe('enough'),
        );
        break;
      }
      case 'abort':
        this.aborts.shift()?.abort(new Error('enough'));
        break;
      case 'put':
        this.giveBack(step.at, pool.put);
        break;
      case 'destroy':
        this.giveBack(step.at, (thing) => pool.destroy(thing));
        break;
      case 'trim':
        pool.trim(0);
        break;
      case 'fail':
        this.failsNext = true;
        break;
      case 'break':
        this.breaksNext = true;
        break;
      case 'time':
        this.time += step.ms;
        for (const core of openCores.values()) if (core.name === pool.name) core.tick();
        break;
      case 'turn':
        await turn();
    }
  }

  check(): void {
    const { pool } = this;
    expect(pool.check()).toEqual([]);
    const { objects, acquires, releases } = pool.stats();
    expect(acquires - releases).toBe(objects!.inUse);
    expect(objects!.inUse + objects!.idle + objects!.pending).toBe(pool.size);
    expect(objects!.peakInUse).toBeGreaterThanOrEqual(objects!.inUse);
    expect(objects!.peakInUse).toBeLessThanOrEqual(pool.max);
    expect(pool.size).toBeLessThanOrEqual(pool.max);
    for (const thing of this.lent) expect(pool.owns(thing)).toBe(true);
  }

  /** Everything is given back, and nobody waits. */
  async end(): Promise<void> {
    const { pool } = this;
    for (const abort of this.aborts) abort.abort(new Error('enough'));
    for (let i = 0; i < 3; i++) {
      await turn();
      for (const thing of [...this.lent]) {
        this.lent.delete(thing);
        this.given++;
        pool.put(thing);
      }
    }
    await turn();
    this.check();
    const { objects, acquires, releases } = pool.stats();
    expect({ acquires, releases, inUse: objects!.inUse }).toEqual({
      acquires: this.taken,
      releases: this.given,
      inUse: 0,
    });
    await pool.drain();
    for (const { destroyed } of this.made) expect(destroyed).toBe(1);
    const { length } = this.made;
    expect(pool.stats().objects).toMatchObject({ made: length, destroyed: length, destroyFailures: 0 });
  }
}

test('whatever happens', async () => {
  await fc.assert(
    fc.asyncProperty(settings, fc.array(step, { maxLength: 60, size: 'max' }), async (options, steps) => {
      let model: Model | undefined;
      const now = vi.spyOn(clock, 'now').mockImplementation(() => model?.time ?? 0);
      model = new Model(options);
      try {
        for (const one of steps) {
          await model.do(one);
          model.check();
        }
        await model.end();
      } finally {
        now.mockRestore();
        model.pool.close();
      }
    }),
    { numRuns: 300 },
  );
}, 60_000);
