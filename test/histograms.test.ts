// Sizes and lifetimes of sampled leases.
import { afterEach, expect, test } from 'vitest';
import { BufferPool, type Histogram, watchHistograms } from '../dist/esm/index.js';
import { endWorkers, startWorker } from './support/worker.js';

const watches: Disposable[] = [];
const watch = () => {
  const one = watchHistograms();
  watches.push(one);
  return one;
};

afterEach(async () => {
  for (const one of watches.splice(0)) one[Symbol.dispose]();
  await endWorkers();
});

const turn = (ms = 1) => new Promise((resolve) => setTimeout(resolve, ms));
const share = ({ buckets, count }: Histogram, value: number) =>
  buckets[Math.floor(Math.log2(value))]! / count;

/** Goes on until `samples` leases were measured. */
async function until(samples: number, pool: BufferPool, step: () => void): Promise<void> {
  for (let turns = 0; pool.stats().sizes.samples < samples; turns++) {
    if (turns > 20_000) throw new Error(`only ${pool.stats().sizes.samples} samples`);
    step();
    await turn();
  }
}

test('nothing is recorded while nobody watches', async () => {
  const pool = new BufferPool();
  for (let i = 0; i < 10; i++) {
    pool.releaseMany(pool.acquireMany(1000, 100));
    await turn(5);
  }
  expect(pool.stats()).toMatchObject({
    sizes: { count: 0, samples: 0 },
    lifetimes: { count: 0, samples: 0 },
  });
  pool.close();
});

test('each sample counts for the leases since the one before', async () => {
  const pool = new BufferPool();
  pool.releaseMany(pool.acquireMany(1000, 50)); // before anybody watched
  watch();
  await until(10, pool, () => {
    for (let i = 0; i < 100; i++) pool.acquire(1500).release();
  });
  const { sizes, lifetimes, acquires, internalWaste } = pool.stats();
  expect(sizes.unit).toBe('bytes');
  expect(sizes.buckets).toHaveLength(32);
  expect(sizes.buckets[10]).toBe(sizes.count);
  expect(sizes.count).toBeLessThanOrEqual(acquires - 50);
  // What came after the last sample is not in it yet.
  expect(sizes.count).toBeGreaterThan((acquires - 50) / 4);
  expect(lifetimes).toMatchObject({ unit: 'us', count: sizes.count, samples: sizes.samples });
  expect(internalWaste).toBeCloseTo(1 - 1500 / 1536, 10);
  pool.close();
});

test('which lease of a turn is measured is left to chance', async () => {
  const pool = new BufferPool();
  watch();
  await until(60, pool, () => {
    // The first of each turn is another: a trap that took it would see nothing else.
    for (let i = 0; i < 100; i++) pool.acquire(i === 0 ? 100_000 : 100).release();
  });
  const { sizes } = pool.stats();
  expect(share(sizes, 100_000)).toBeLessThan(0.3);
  expect(share(sizes, 100)).toBeGreaterThan(0.7);
  pool.close();
});

test('lifetimes, whichever way a lease ends', async () => {
  const pool = new BufferPool();
  watch();
  await until(12, pool, () => {
    const buf = pool.acquire(100).retain();
    buf.release();
    setTimeout(() => buf.release(), 40);
  });
  await turn(60);
  const { lifetimes, sizes } = pool.stats();
  expect(lifetimes.samples).toBe(sizes.samples);
  // 40 ms is in [2^15, 2^16) us; on a busy machine longer.
  expect(lifetimes.buckets.slice(0, 15).reduce((sum, n) => sum + n, 0)).toBe(0);
  expect(lifetimes.count).toBe(sizes.count);
  pool.close();
});

test('a sampled lease is a lease like any other', async () => {
  const pool = new BufferPool({ zero: 'release' });
  watch();
  await until(10, pool, () => {
    const buf = pool.acquire(3000);
    buf.fill(1);
    expect([buf.length, buf.refs, buf.capacity, pool.owns(buf)]).toEqual([3000, 1, 3072, true]);
    buf.release();
    expect(() => buf.release()).toThrow(/ERR_SUPERSLAB_RELEASED/);
  });
  expect(pool.stats().inUseBytes).toBe(0);
  pool.close();
  expect(pool.stats().releases).toBe(pool.stats().acquires);
});

test('blocks beyond 2 MiB are measured too', async () => {
  const pool = new BufferPool();
  watch();
  await until(3, pool, () => pool.acquire(3 << 20).release());
  expect(share(pool.stats().sizes, 3 << 20)).toBe(1);
  pool.close();
});

test('it ends with the last who watches', async () => {
  const pool = new BufferPool();
  const [first, second] = [watch(), watch()];
  first[Symbol.dispose]();
  first[Symbol.dispose](); // counts once
  await until(2, pool, () => pool.acquire(100).release());
  second[Symbol.dispose]();
  const { samples } = pool.stats().sizes;
  for (let i = 0; i < 20; i++) {
    pool.acquire(100).release();
    await turn(5);
  }
  expect(pool.stats().sizes.samples).toBe(samples);
  pool.close();
});

test('the default pool counts the leases of all threads that watch', async () => {
  const worker = await startWorker();
  const before = BufferPool.default.stats().sizes.samples;
  await worker.run(`
    const watch = superslab.watchHistograms();
    while (superslab.default.stats().sizes.samples < ${before + 2}) {
      superslab.acquire(100).release();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    watch[Symbol.dispose]();
  `);
  expect(BufferPool.default.stats().sizes.samples).toBe(before + 2);
});
