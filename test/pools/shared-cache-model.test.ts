// SharedCache against a Map with times and tags, through two openers: whatever it has is what was stored last.
import { mkdtempSync, rmSync } from 'node:fs';
import fc from 'fast-check';
import { type CachePage, SharedCache } from 'superslab/files';
import { expect, test } from 'vitest';

/** Sequences of steps that are tried; more by TEST_RUNS. */
const RUNS = Number(process.env.TEST_RUNS ?? 60);

interface Stored {
  readonly value: Buffer;
  readonly tags: readonly string[];
}

/** What should be there; the cache may have given up any of it. */
class Model {
  readonly values = new Map<string, Stored>();
  readonly pages: { page: CachePage; value: Buffer }[] = [];
  constructor(readonly caches: readonly SharedCache[]) {}
}

type Step = (model: Model, cache: SharedCache) => void;

const key = fc.integer({ min: 0, max: 30 }).map((n) => `key ${n}`);
const tag = fc.constantFrom('x', 'y', 'z');
const value = fc
  .tuple(fc.integer({ min: 0, max: 40_000 }), fc.integer({ min: 0, max: 255 }))
  .map(([length, byte]) => Buffer.alloc(length, byte));

const expected = (model: Model, name: string, found: Buffer | undefined) => {
  const stored = model.values.get(name);
  if (found !== undefined) expect(stored?.value.equals(found)).toBe(true);
  return stored;
};

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(key, value, fc.uniqueArray(tag)).map(
    ([name, bytes, tags]): Step =>
      (model, cache) => {
        if (cache.set(name, bytes, { tags })) model.values.set(name, { value: bytes, tags });
        else model.values.delete(name);
      },
  ),
  key.map(
    (name): Step =>
      (model, cache) =>
        void expected(model, name, cache.get(name)),
  ),
  key.map(
    (name): Step =>
      (model, cache) => {
        const target = Buffer.alloc(40_000);
        const length = cache.getInto(name, target);
        expected(model, name, length < 0 ? undefined : target.subarray(0, length));
      },
  ),
  key.map(
    (name): Step =>
      (model, cache) => {
        const page = cache.pin(name);
        const stored = expected(model, name, page?.buffer);
        if (page !== undefined) model.pages.push({ page, value: stored!.value });
      },
  ),
  fc.constant<Step>((model) => {
    const held = model.pages.shift();
    if (held === undefined) return;
    expect(held.page.buffer.equals(held.value)).toBe(true);
    held.page.release();
  }),
  key.map(
    (name): Step =>
      (model, cache) => {
        const was = cache.delete(name);
        if (was) expect(model.values.has(name)).toBe(true);
        model.values.delete(name);
        expect(cache.has(name)).toBe(false);
      },
  ),
  tag.map(
    (name): Step =>
      (model, cache) => {
        cache.deleteTag(name);
        for (const [of, { tags }] of model.values) if (tags.includes(name)) model.values.delete(of);
      },
  ),
  fc.constant<Step>((model, cache) => {
    if (model.pages.length % 5 !== 4) return;
    cache.clear();
    model.values.clear();
  }),
);

test('it has what was stored last, or nothing', { timeout: 120_000 }, () => {
  const folder = mkdtempSync('/dev/shm/superslab-test-');
  let files = 0;
  try {
    fc.assert(
      fc.property(fc.array(fc.tuple(steps, fc.boolean()), { minLength: 50, maxLength: 400 }), (program) => {
        const path = `${folder}/${++files}`;
        using one = SharedCache.open({ path, maxBytes: 2 << 20 });
        using other = SharedCache.open({ path });
        const model = new Model([one, other]);
        for (const [step, isOther] of program) step(model, isOther ? other : one);
        for (const { page, value: was } of model.pages) expect(page.buffer.equals(was)).toBe(true);
        expect(one.check()).toEqual([]);
        // Nothing was given up while there was room.
        const bytes = [...model.values.values()].reduce((sum, stored) => sum + stored.value.length, 0);
        const { evictions, entries } = one.stats().cache;
        if (evictions === 0 && bytes < 1 << 19) {
          for (const [name, { tags }] of model.values)
            if (tags.length === 0) expect(other.has(name)).toBe(true);
          expect(entries).toBeGreaterThanOrEqual(model.values.size);
        }
        rmSync(path);
      }),
      { numRuns: RUNS },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
