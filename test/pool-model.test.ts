// Random sequences of everything a pool does, on several pools, against a model: what is live, with how
// many references, and the bytes it must hold.
import fc from 'fast-check';
import { BufferPool, type BufferPoolOptions, type PooledBuffer, type ShareToken } from 'superslab';
import { expect, test } from 'vitest';
import { isStamped, overlap, stamp } from './support/bytes.js';
import { revokes } from './support/watching.js';

/** One buffer object that the test holds. Several may show one block, as shares do. */
interface Held {
  readonly buf: PooledBuffer;
  readonly block: Block;
  refs: number;
}

/** Bytes of a pool that somebody has a reference to. */
interface Block {
  readonly pool: number;
  readonly size: number;
  readonly capacity: number;
  seed: number;
}

interface OpenToken {
  readonly token: ShareToken;
  readonly block: Block;
}

class Model {
  readonly pools: BufferPool[];
  readonly limits: number[];
  held: Held[] = [];
  tokens: OpenToken[] = [];
  readonly spent: ShareToken[] = [];
  readonly released: PooledBuffer[] = [];
  #seed = 0;

  constructor(options: readonly BufferPoolOptions[]) {
    this.pools = options.map((one) => new BufferPool(one));
    this.limits = options.map((one) => Number(one.maxBytes ?? 0));
  }

  inUse(pool: number): number {
    const blocks = new Set([...this.held, ...this.tokens].map(({ block }) => block));
    return [...blocks].reduce((sum, block) => sum + (block.pool === pool ? block.capacity : 0), 0);
  }

  take(pool: number, size: number, zeroed: boolean): void {
    let buf: PooledBuffer;
    const before = this.pools[pool]!.stats().inUseBytes;
    try {
      buf = zeroed ? this.pools[pool]!.alloc(size) : this.pools[pool]!.acquire(size);
    } catch (error) {
      expect((error as { code?: string }).code).toBe('ERR_SUPERSLAB_EXHAUSTED');
      expect(this.limits[pool]).toBeGreaterThan(0);
      // It was right to refuse: the smallest block for `size` does not fit. What is to be revoked has pages of its own.
      const least = revokes ? 4096 : 128;
      expect(this.inUse(pool) + size * 1.34 + least).toBeGreaterThan(this.limits[pool]!);
      return;
    }
    expect(buf.length).toBe(size);
    if (zeroed) expect(buf.every((byte) => byte === 0)).toBe(true);
    for (const other of this.held) expect(overlap(buf, other.buf)).toBe(false);
    this.#seed++;
    stamp(buf, this.#seed);
    // A block beyond 2 MiB is charged for what was asked; a cached one that serves it may be larger.
    const capacity =
      size === 0 ? 0 : size <= 2 << 20 ? buf.capacity : this.pools[pool]!.stats().inUseBytes - before;
    expect(capacity).toBeGreaterThanOrEqual(size);
    const block = { pool, size, capacity, seed: this.#seed };
    this.held.push({ buf, block, refs: 1 });
    if (this.limits[pool] !== 0) expect(this.inUse(pool)).toBeLessThanOrEqual(this.limits[pool]!);
  }

  pick<T>(from: readonly T[], at: number): T | undefined {
    return from.length === 0 ? undefined : from[at % from.length];
  }

  release(at: number, by: number): void {
    const one = this.pick(this.held, at);
    if (one === undefined) return;
    if (by < this.pools.length) this.pools[by]!.release(one.buf);
    else if (by === this.pools.length) one.buf.release();
    else one.buf[Symbol.dispose]();
    one.refs--;
    expect([one.buf.refs, one.buf.released]).toEqual([one.refs, one.refs === 0]);
    if (one.refs === 0) {
      this.held = this.held.filter((other) => other !== one);
      this.released.push(one.buf);
    }
  }

  retain(at: number): void {
    const one = this.pick(this.held, at);
    if (one === undefined) return;
    one.buf.retain();
    one.refs++;
  }

  share(at: number): void {
    const one = this.pick(this.held, at);
    if (one === undefined) return;
    if (one.block.size === 0) {
      expect(() => this.pools[0]!.share(one.buf)).toThrow(/ERR_SUPERSLAB_ARGUMENT/);
      return;
    }
    this.tokens.push({ token: this.pools[one.block.pool]!.share(one.buf), block: one.block });
  }

  adopt(at: number, by: number): void {
    const one = this.pick(this.tokens, at);
    if (one === undefined) return;
    const buf = this.pools[by]!.adopt(structuredClone(one.token));
    expect(buf.length).toBe(one.block.size);
    expect(this.pools[by]!.owns(buf)).toBe(true);
    this.tokens = this.tokens.filter((other) => other !== one);
    this.spent.push(one.token);
    this.held.push({ buf, block: one.block, refs: 1 });
  }

  revoke(at: number, by: number): void {
    const one = this.pick(this.tokens, at);
    if (one === undefined) return;
    this.pools[by]!.revoke(one.token);
    this.tokens = this.tokens.filter((other) => other !== one);
    this.spent.push(one.token);
  }

  misuse(at: number): void {
    const buf = this.pick(this.released, at);
    if (buf !== undefined) {
      expect(() => buf.release()).toThrow(/ERR_SUPERSLAB_RELEASED/);
      expect(() => this.pools[0]!.share(buf)).toThrow(/ERR_SUPERSLAB_RELEASED/);
    }
    const token = this.pick(this.spent, at);
    if (token !== undefined) expect(() => this.pools[0]!.adopt(token)).toThrow(/ERR_SUPERSLAB_TOKEN_USED/);
    const live = this.pick(this.held, at);
    if (live !== undefined && live.buf.length > 1) {
      expect(() => this.pools[0]!.release(live.buf.subarray(1))).toThrow(/ERR_SUPERSLAB_FOREIGN/);
    }
  }

  rewrite(at: number): void {
    const one = this.pick(this.held, at);
    if (one === undefined) return;
    one.block.seed = ++this.#seed;
    stamp(one.buf, one.block.seed);
  }

  scope(pool: number, sizes: readonly number[]): void {
    this.pools[pool]!.scope(({ acquire }) => {
      try {
        for (const size of sizes) acquire(size).fill(0xff);
      } catch (error) {
        expect((error as { code?: string }).code).toBe('ERR_SUPERSLAB_EXHAUSTED');
      }
    });
  }

  /** Every byte that is live is what was written, and the pools count what the model counts. */
  check(): void {
    for (const { buf, block } of this.held) expect(isStamped(buf, block.seed)).toBe(true);
    for (const [i, pool] of this.pools.entries()) {
      expect(pool.stats()).toMatchObject({ inUseBytes: this.inUse(i), doubleFrees: 0 });
    }
  }

  end(): void {
    for (const { token } of this.tokens.splice(0)) this.pools[0]!.revoke(token);
    for (const { buf, refs } of this.held.splice(0)) for (let i = 0; i < refs; i++) buf.release();
    for (const pool of this.pools) {
      expect(pool.stats().inUseBytes).toBe(0);
      pool.close();
      expect(pool.stats()).toMatchObject({ closed: true, committedBytes: 0 });
    }
  }
}

const size = fc.oneof(
  { weight: 10, arbitrary: fc.nat(3000) },
  { weight: 4, arbitrary: fc.nat(70_000) },
  { weight: 1, arbitrary: fc.nat(600_000) },
  { weight: 1, arbitrary: fc.integer({ min: (2 << 20) - 64, max: (2 << 20) + 70_000 }) },
);
const at = fc.nat(1000);

type Step = (model: Model) => void;

/** A step with a name, so that a counterexample can be read. */
const step = <T extends readonly unknown[]>(
  name: string,
  weight: number,
  act: (model: Model, ...args: T) => void,
  ...args: { [K in keyof T]: fc.Arbitrary<T[K]> }
) => ({
  weight,
  arbitrary: fc.tuple(...(args as fc.Arbitrary<unknown>[])).map((values) => {
    const run: Step = (model) => act(model, ...(values as unknown as T));
    return Object.assign(run, { [fc.toStringMethod]: () => `${name}(${values.map(String).join(', ')})` });
  }),
});

const steps = (pools: number) => {
  const pool = fc.nat(pools - 1);
  return fc.array(
    fc.oneof(
      step('acquire', 30, (m: Model, p: number, n: number) => m.take(p, n, false), pool, size),
      step('alloc', 6, (m: Model, p: number, n: number) => m.take(p, n, true), pool, size),
      step('release', 32, (m: Model, i: number, by: number) => m.release(i, by), at, fc.nat(pools + 1)),
      step('retain', 5, (m: Model, i: number) => m.retain(i), at),
      step('share', 6, (m: Model, i: number) => m.share(i), at),
      step('adopt', 5, (m: Model, i: number, by: number) => m.adopt(i, by), at, pool),
      step('revoke', 2, (m: Model, i: number, by: number) => m.revoke(i, by), at, pool),
      step('rewrite', 4, (m: Model, i: number) => m.rewrite(i), at),
      step('misuse', 4, (m: Model, i: number) => m.misuse(i), at),
      step(
        'scope',
        2,
        (m: Model, p: number, n: number[]) => m.scope(p, n),
        pool,
        fc.array(size, { maxLength: 5 }),
      ),
      step('trim', 2, (m: Model, p: number) => void m.pools[p]!.trim(), pool),
      step('check', 2, (m: Model) => m.check()),
      step('books', 2, (m: Model, p: number) => void m.pools[p]!.check(), pool),
    ),
    { maxLength: 250, size: 'max' },
  );
};

const run = (options: readonly BufferPoolOptions[], runs: number) =>
  fc.assert(
    fc.property(steps(options.length), (sequence) => {
      const model = new Model(options);
      try {
        for (const one of sequence) one(model);
        model.check();
        model.end();
        for (const pool of model.pools) expect(pool.check()).toEqual([]);
      } finally {
        for (const pool of model.pools) pool.close();
      }
    }),
    { numRuns: runs },
  );

test('three plain pools', { timeout: 60_000 }, () => run([{}, {}, {}], 60));

test('pools that clear', { timeout: 60_000 }, () => run([{ zero: 'release' }, { zero: 'acquire' }], 40));

test('pools with little room', { timeout: 60_000 }, () =>
  run([{ maxBytes: 100_000 }, { maxBytes: 3 << 20 }, { maxBytes: 4096 }], 60),
);

test('pools without huge pages that purge at once', { timeout: 60_000 }, () =>
  run(
    [
      { hugePages: 'off', purgeDelayMs: 0 },
      { hugePages: 'off', populate: 'off' },
    ],
    40,
  ),
);
