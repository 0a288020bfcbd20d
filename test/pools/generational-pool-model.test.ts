// GenerationalPool against a Map of handles to bytes: whatever is done in whatever order, each live value is what was put.
import fc from 'fast-check';
import { GenerationalPool, type ValueScope } from 'superslab/pools';
import { expect, test } from 'vitest';
import { thrownBy } from '../support/expect-error.js';

const YOUNG = 2 ** 18;
const CHUNK = YOUNG / 8;

interface Step {
  readonly what: (typeof WHATS)[number];
  readonly at: number;
  readonly length: number;
  readonly count: number;
}

const WHATS = [
  'put',
  'put',
  'put',
  'free',
  'free',
  'pin',
  'unpin',
  'step',
  'collect',
  'scope',
  'trim',
  'write',
] as const;

class Model {
  readonly pool: GenerationalPool;
  readonly values = new Map<number, Buffer>();
  readonly pins = new Map<number, { times: number; view: Buffer }>();
  /** The last that have ended. */
  readonly stale: number[] = [];
  #seed = 0;

  constructor(youngToOld: number) {
    this.pool = new GenerationalPool({
      young: YOUNG,
      promotion: { youngToOld, oldToPermanent: 2, survival: 0.8 },
      leakDetection: 'off',
      guard: 'off',
    });
  }

  bytes(length: number): Buffer {
    this.#seed++;
    return Buffer.from(Array.from({ length }, (_, i) => (this.#seed * 31 + i * 7) & 255));
  }

  pick(at: number): number | undefined {
    return [...this.values.keys()][at % Math.max(this.values.size, 1)];
  }

  put({ length, count }: Step): void {
    for (let i = 0; i < count; i++) {
      const bytes = this.bytes(length);
      this.values.set(this.pool.put(bytes), bytes);
    }
  }

  free({ at, count }: Step): void {
    for (let i = 0; i < count; i++) {
      const handle = this.pick(at);
      if (handle === undefined) return;
      if (this.pins.has(handle)) {
        thrownBy(() => this.pool.free(handle), 'ERR_SUPERSLAB_ARGUMENT');
        return;
      }
      this.pool.free(handle);
      this.values.delete(handle);
      this.stale.push(handle);
    }
  }

  pin({ at }: Step): void {
    const handle = this.pick(at);
    if (handle === undefined) return;
    const view = this.pool.pin(handle);
    this.pins.set(handle, { times: (this.pins.get(handle)?.times ?? 0) + 1, view });
  }

  unpin({ at }: Step): void {
    const handle = [...this.pins.keys()][at % Math.max(this.pins.size, 1)];
    if (handle === undefined) return;
    this.pool.unpin(handle);
    const { times, view } = this.pins.get(handle)!;
    if (times === 1) this.pins.delete(handle);
    else this.pins.set(handle, { times: times - 1, view });
  }

  write({ at }: Step): void {
    const handle = this.pick(at);
    if (handle === undefined) return;
    const bytes = this.bytes(this.values.get(handle)!.length);
    this.pool.get(handle).set(bytes);
    this.values.set(handle, bytes);
  }

  scope(step: Step, depth = 0): void {
    const { length, count, at } = step;
    const made = new Map<number, Buffer>();
    const act = (scope: ValueScope) => {
      for (let i = 0; i < count; i++) {
        const bytes = this.bytes(length);
        const handle = scope.put(bytes);
        made.set(handle, bytes);
        if ((i + at) % 5 === 0) this.values.set(scope.promote(handle), bytes);
        if ((i + at) % 7 === 0) this.put({ ...step, count: 1 });
        if (depth < 2 && i === 3) this.scope(step, depth + 1);
      }
      for (const [handle, bytes] of made) expect(this.pool.get(handle).equals(bytes)).toBe(true);
      if (at % 3 === 0) throw new Error('enough');
    };
    try {
      this.pool.scope(act);
    } catch (error) {
      expect(error).toMatchObject({ message: 'enough' });
    }
    this.stale.push(...made.keys());
  }

  run(step: Step): void {
    switch (step.what) {
      case 'step':
        this.pool.collect({ budgetMs: 0 });
        break;
      case 'collect':
        this.pool.collect();
        break;
      case 'trim':
        this.pool.trim();
        break;
      default:
        this[step.what](step);
    }
  }

  compare(): void {
    const { pool, values, pins } = this;
    expect(pool.check()).toEqual([]);
    for (const [handle, bytes] of values) expect(pool.get(handle).equals(bytes)).toBe(true);
    for (const [handle, { view }] of pins) expect(pool.get(handle).byteOffset).toBe(view.byteOffset);
    for (const handle of this.stale.splice(0).slice(-20)) {
      expect(pool.owns(handle)).toBe(false);
      thrownBy(() => pool.get(handle), 'ERR_SUPERSLAB_STALE');
    }
    const { young, old, permanent, scopes } = pool.generations();
    expect(young.values + old.values + permanent.values).toBe(values.size);
    expect(scopes).toMatchObject({ values: 0, liveBytes: 0 });
    const held = young.heldBytes + old.heldBytes + permanent.heldBytes + scopes.heldBytes;
    expect(pool.stats().inUseBytes).toBeGreaterThanOrEqual(held);
    for (const { values: count, liveBytes, heldBytes } of [young, old, permanent]) {
      expect(liveBytes).toBeLessThanOrEqual(heldBytes);
      expect(liveBytes === 0).toBe(count === 0);
    }
  }

  end(): void {
    for (const [handle, { times }] of this.pins) for (let i = 0; i < times; i++) this.pool.unpin(handle);
    this.pool.close();
    for (const handle of this.values.keys()) this.pool.free(handle);
    expect(this.pool.stats()).toMatchObject({ inUseBytes: 0, committedBytes: 0 });
    expect(this.pool.check()).toEqual([]);
  }
}

test('it holds what was put, whatever is done', { timeout: 120_000 }, () => {
  const step = fc.record({
    what: fc.constantFrom(...WHATS),
    at: fc.nat({ max: 10_000 }),
    length: fc.oneof(
      fc.nat({ max: 600 }),
      fc.nat({ max: CHUNK / 4 }),
      fc.constantFrom(0, 1, 8, CHUNK / 8, CHUNK / 8 + 1, 2 * CHUNK),
    ),
    count: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 60 }), (youngToOld, steps) => {
      const model = new Model(youngToOld);
      for (const one of steps) {
        model.run(one);
        model.compare();
      }
      model.end();
    }),
    { numRuns: 40 },
  );
});
