// The time that samples of leak detection may take is a share of the thread's, not of each pool's.
import { BufferPool, type PooledBuffer } from 'superslab';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { internal } from './support/internal.js';

const { binding } = internal<{ binding: { now(): number } }>('addon/binding');

let pools: BufferPool[];
let now = 0;
/** What each look at the clock takes; ms. */
let step = 0;

beforeEach(() => {
  now = binding.now();
  vi.spyOn(binding, 'now').mockImplementation(() => {
    now += step;
    return now;
  });
  pools = Array.from(
    { length: 25 },
    (_, i) => new BufferPool({ name: `pool ${i}`, leakDetection: 'sampled', guard: 'off' }),
  );
});
afterEach(() => {
  vi.restoreAllMocks();
  for (const pool of pools) pool.close();
});

/** Only a buffer that is watched has an ArrayBuffer of its own. */
const isWatched = (buf: PooledBuffer) => buf.buffer.byteLength === buf.capacity;

/** How many of `pools` sample a lease, in as many that each asks whether it may. */
function samples(): number {
  const asksAfter = 4096;
  return pools.filter((pool) => {
    let count = 0;
    for (let i = 0; i < asksAfter; i++) {
      const buf = pool.acquire(100);
      if (isWatched(buf)) count++;
      buf.release();
    }
    return count > 0;
  }).length;
}

test('one sample that takes long makes all pools wait, until the thread has had its time', () => {
  expect(samples()).toBe(25);
  now += 60_000;
  step = 10;
  expect(samples()).toBe(1);
  step = 0;
  expect(samples()).toBe(0);
  now += 2000;
  expect(samples()).toBe(25);
});
