// A CompressedPool against a Map of the same values, whatever is pinned, freed and compressed in which order.
import fc from 'fast-check';
import { CompressedPool } from 'superslab/pools';
import { describe, expect, test } from 'vitest';

const KIB = 2 ** 10;

const bytesOf = (kind: number, length: number, seed: number): Buffer => {
  const out = Buffer.alloc(length);
  let x = (seed * 2654435761 + 12345) >>> 0;
  for (let i = 0; i < length; i++) {
    if (kind === 0) out[i] = seed;
    else if (kind === 1) out[i] = 97 + ((i * (1 + (seed % 5))) % 23);
    else {
      x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
      out[i] = x >>> 24;
    }
  }
  return out;
};

interface Model {
  bytes: Buffer;
  pins: number;
}

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('put' as const),
      kind: fc.nat(2),
      length: fc.nat(9000),
      seed: fc.nat(255),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('read' as const), at: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('write' as const), at: fc.nat(), byte: fc.nat(255) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pin' as const), at: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('unpin' as const), at: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('free' as const), at: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cool' as const), bytes: fc.nat(50_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('trim' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

class Run {
  readonly pool: CompressedPool;
  readonly model = new Map<number, Model>();
  exhausted = 0;

  constructor(isCache: boolean, leakDetection: 'off' | 'full') {
    this.pool = new CompressedPool({
      hotBytes: 64 * KIB,
      coldBytes: 64 * KIB,
      cpuBudget: 1,
      leakDetection,
      guard: 'off',
      ...(isCache ? { onEvict: (handle: number, length: number) => this.evicted(handle, length) } : {}),
    });
  }

  evicted(handle: number, length: number): void {
    const value = this.model.get(handle);
    expect(value).toMatchObject({ pins: 0 });
    expect(value!.bytes.length).toBe(length);
    this.model.delete(handle);
  }

  /** What needs room may find none, and changes nothing then. */
  attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_SUPERSLAB_EXHAUSTED') throw error;
      this.exhausted++;
    }
  }

  handleAt(at: number): number | undefined {
    const handles = [...this.model.keys()];
    return handles.length === 0 ? undefined : handles[at % handles.length];
  }

  pinned(handle: number, act: (buffer: Buffer) => void): void {
    this.attempt(() => {
      const buffer = this.pool.access(handle);
      act(buffer);
      this.pool.release(handle);
    });
  }

  do(one: Step): void {
    const { pool, model } = this;
    if (one.do === 'put') {
      const bytes = bytesOf(one.kind, one.length, one.seed);
      this.attempt(() => model.set(pool.put(bytes), { bytes, pins: 0 }));
      return;
    }
    if (one.do === 'cool') {
      pool.cool(one.bytes);
      return;
    }
    if (one.do === 'trim') {
      pool.trim();
      return;
    }
    const handle = this.handleAt(one.at);
    if (handle === undefined) return;
    const value = model.get(handle)!;
    if (one.do === 'read') this.pinned(handle, (buffer) => expect(buffer.equals(value.bytes)).toBe(true));
    else if (one.do === 'write') {
      this.pinned(handle, (buffer) => {
        if (buffer.length === 0) return;
        buffer[one.byte % buffer.length] = one.byte;
        value.bytes[one.byte % buffer.length] = one.byte;
      });
    } else if (one.do === 'pin') {
      this.attempt(() => {
        pool.access(handle);
        value.pins++;
      });
    } else if (one.do === 'unpin') {
      if (value.pins === 0) expect(() => pool.release(handle)).toThrow('ERR_SUPERSLAB_RELEASED');
      else {
        pool.release(handle);
        value.pins--;
      }
    } else if (value.pins > 0) expect(() => pool.free(handle)).toThrow('ERR_SUPERSLAB_ARGUMENT');
    else {
      pool.free(handle);
      model.delete(handle);
    }
  }

  check(): void {
    const { hot, cold } = this.pool.tiers();
    let bytes = 0;
    for (const value of this.model.values()) bytes += value.bytes.length;
    expect(hot.values + cold.values).toBe(this.model.size);
    expect(hot.bytes + cold.bytes).toBe(bytes);
    expect(cold.chunkBytes).toBeLessThanOrEqual(64 * KIB);
    expect(this.pool.check()).toEqual([]);
  }

  end(): void {
    for (const [handle, value] of this.model) {
      for (; value.pins > 0; value.pins--) this.pool.release(handle);
    }
    for (const [handle, value] of [...this.model]) {
      // Reading one may end another one of a cache.
      if (!this.model.has(handle)) continue;
      this.pinned(handle, (buffer) => expect(buffer.equals(value.bytes)).toBe(true));
      this.pool.free(handle);
      this.model.delete(handle);
    }
    this.check();
    this.pool.close();
    expect(this.pool.stats()).toMatchObject({ committedBytes: 0, inUseBytes: 0 });
  }
}

describe.each([
  ['that loses nothing', false, 'off'],
  ['that is a cache', true, 'off'],
  ['whose pins are watched', false, 'full'],
] as const)('a pool %s', (_, isCache, leakDetection) => {
  test('has what a Map has', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 250 }), (steps) => {
        const run = new Run(isCache, leakDetection);
        for (const [i, one] of steps.entries()) {
          run.do(one);
          if (i % 10 === 0) run.check();
        }
        run.end();
      }),
      { numRuns: 60 },
    );
  });
});
