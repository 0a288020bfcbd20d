// How many leases each of those that are sampled stands for.
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';

const require = createRequire(import.meta.url);
const { SampleBatch } =
  require('../dist/cjs/guard/sample-batch.js') as typeof import('../lib/guard/sample-batch.js');

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

test('samples stand for the leases since the one before, as long as none is missed', () => {
  const batch = new SampleBatch(0);
  const weights = [10, 15, 40].map((count) => batch.add(count));
  expect(weights).toEqual([10, 5, 25]);
  expect(weights.map((weight) => batch.share(weight, 40))).toEqual([10, 5, 25]);
});

test('and together for those that came later, until the next batch begins', () => {
  const batch = new SampleBatch(0);
  const weights = [10, 20].map((count) => batch.add(count));
  expect(weights.map((weight) => batch.share(weight, 200))).toEqual([100, 100]);
  batch.end(400);
  expect(weights.map((weight) => batch.share(weight, 10_000))).toEqual([200, 200]);
});

test('batches one after the other stand for each lease once', () => {
  const first = new SampleBatch(0);
  const early = [3, 9, 12].map((count) => first.add(count));
  first.end(499);
  const second = new SampleBatch(499);
  const late = [500, 507].map((count) => second.add(count));
  const shares = [
    ...early.map((weight) => first.share(weight, 900)),
    ...late.map((weight) => second.share(weight, 900)),
  ];
  expect(sum(shares)).toBeCloseTo(900);
  expect(sum(shares.slice(0, 3))).toBeCloseTo(499);
});

test('counts that begin again at 0, after 2 ** 32 leases', () => {
  const batch = new SampleBatch(2 ** 32 - 10);
  const weight = batch.add(10);
  expect(weight).toBe(20);
  expect(batch.share(weight, 30)).toBe(40);
});
