// Blocks beyond 2 MiB: runs of superslabs of their own, the big cache, and runs that are split again.

import { BufferPool, type PooledBuffer } from 'superslab';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hasStampedPages, isStamped, overlap, stamp, stampPages } from './support/bytes.js';
import { thrownBy } from './support/expect-error.js';
import { internal } from './support/internal.js';

const MiB = 1 << 20;
let pool: BufferPool;
beforeEach(() => {
  pool = new BufferPool({ name: 'huge' });
});
afterEach(() => {
  expect(pool.stats()).toMatchObject({ inUseBytes: 0, doubleFrees: 0 });
  pool.close();
});

test.for([2 * MiB + 1, 3 * MiB, 4 * MiB, 5 * MiB + 17, 16 * MiB, 64 * MiB])(
  '%i bytes hold what was written',
  (size) => {
    const bufs = pool.acquireMany(size, 2);
    for (const [i, buf] of bufs.entries()) {
      expect(buf.length).toBe(size);
      expect(buf.capacity).toBeGreaterThanOrEqual(size);
      expect(buf.byteOffset).toBe(0);
      stampPages(buf, i + 1);
    }
    expect(bufs.every((buf, i) => hasStampedPages(buf, i + 1))).toBe(true);
    pool.releaseMany(bufs);
  },
);

test('a fresh one reads as zeros', () => {
  const buf = pool.acquire(9 * MiB);
  for (let at = 0; at < buf.length; at += 4096) expect(buf[at]).toBe(0);
  buf.release();
});

test('a released one is reused from the big cache for a request of similar size', () => {
  // A guard would hold the first one back.
  const own = new BufferPool({ quarantineBytes: 0 });
  own.acquire(8 * MiB).release();
  own.acquire(7 * MiB).release();
  expect(own.stats()).toMatchObject({ hugeMisses: 1, hugeHits: 1 });
  own.close();
});

test('one that is reused is exactly as long as was asked for', () => {
  pool.acquire(8 * MiB).release();
  const buf = pool.acquire(7 * MiB + 3);
  expect(buf.length).toBe(7 * MiB + 3);
  stampPages(buf, 5);
  expect(hasStampedPages(buf, 5)).toBe(true);
  buf.release();
});

test('a much smaller request does not take a cached one', () => {
  pool.acquire(32 * MiB).release();
  const buf = pool.acquire(3 * MiB);
  expect(pool.stats().hugeHits).toBe(0);
  buf.release();
});

test('a run that was given back is cut into small blocks, and joined again', () => {
  for (let round = 1; round <= 3; round++) {
    const huge = pool.acquire(8 * MiB);
    stampPages(huge, round);
    expect(hasStampedPages(huge, round)).toBe(true);
    huge.release();
    pool.trim();

    const small: PooledBuffer[] = [];
    for (let i = 0; i < 400; i++) small.push(pool.acquire(1 + ((i * 977) % 60_000)));
    small.forEach(stamp);
    const again = pool.acquire(8 * MiB);
    stampPages(again, round + 100);
    expect(small.every(isStamped)).toBe(true);
    expect(hasStampedPages(again, round + 100)).toBe(true);
    expect(small.some((buf) => overlap(buf, again))).toBe(false);
    pool.releaseMany([...small, again]);
    pool.trim();
  }
});

test('a stale view of a run that was split reads without a crash', () => {
  const stale = pool.acquire(8 * MiB);
  stale.fill(1);
  stale.release();
  pool.trim();
  const small = pool.acquireMany(100_000, 60);
  small.forEach(stamp);
  let sum = 0;
  for (let at = 0; at < stale.length; at += 4096) sum += stale[at]!;
  expect(sum).toBeGreaterThanOrEqual(0);
  expect(small.every(isStamped)).toBe(true);
  pool.releaseMany(small);
});

test('a run of another size over the same superslabs has a window of its own size', () => {
  for (const mib of [9, 3, 12, 5, 3, 21, 2.5]) {
    const buf = pool.acquire(mib * MiB);
    expect(buf.buffer.byteLength).toBeGreaterThanOrEqual(buf.length);
    expect(buf.buffer.byteLength).toBe(buf.capacity);
    stampPages(buf, mib);
    expect(hasStampedPages(buf, mib)).toBe(true);
    buf.release();
    pool.trim();
  }
});

test('many of mixed sizes live side by side', () => {
  const bufs = Array.from({ length: 12 }, (_, i) =>
    pool.acquire(2 * MiB + 1 + ((i * 7919 * 1024) % (6 * MiB))),
  );
  bufs.forEach((buf, i) => {
    stampPages(buf, i);
  });
  expect(bufs.every((buf, i) => hasStampedPages(buf, i))).toBe(true);
  pool.releaseMany(bufs.filter((_, i) => i % 2 === 0));
  const more = Array.from({ length: 6 }, (_, i) => pool.acquire(3 * MiB + i * 100_000));
  more.forEach((buf, i) => {
    stampPages(buf, 50 + i);
  });
  expect(bufs.every((buf, i) => i % 2 === 0 || hasStampedPages(buf, i))).toBe(true);
  pool.releaseMany([...bufs.filter((_, i) => i % 2 === 1), ...more]);
});

test('copies between huge and small ones are right', () => {
  const huge = pool.acquire(3 * MiB);
  const small = pool.acquire(1000);
  stamp(small, 9);
  small.copy(huge, 3 * MiB - 1000);
  expect(isStamped(huge.subarray(3 * MiB - 1000), 9)).toBe(true);
  pool.releaseMany([huge, small]);
});

describe('blocks that a thread keeps', () => {
  let own: BufferPool;
  /** Lends and releases `count` at once, three times: from then on they stay at hand. */
  const use = (size: number, count = 1) => {
    for (let round = 0; round < 3; round++) own.releaseMany(own.acquireMany(size, count));
  };
  /** What is lent, by the figures of leases. */
  const lent = () => {
    const { acquires, releases } = own.stats();
    return acquires - releases;
  };
  beforeEach(() => {
    own = new BufferPool({ name: 'keeps', leakDetection: 'off', guard: 'off', guardPages: false });
  });
  afterEach(() => {
    expect(own.stats()).toMatchObject({ inUseBytes: 0, doubleFrees: 0 });
    expect(lent()).toBe(0);
    expect(own.check()).toEqual([]);
    own.close();
  });

  test('are lent again without a call to the native side', () => {
    use(4 * MiB);
    const { slow, acquires } = own.stats();
    for (let i = 1; i <= 100; i++) {
      const buf = own.acquire(4 * MiB);
      expect(lent()).toBe(1);
      buf.release();
      expect(lent()).toBe(0);
    }
    expect(own.stats()).toMatchObject({
      slow: { count: slow.count },
      acquires: acquires + 100,
      inUseBytes: 0,
      cachedBytes: 4 * MiB,
      heldHugeBytes: 4 * MiB,
      bigCacheBytes: 0,
    });
  });

  test('are no empty buffers', () => {
    use(4 * MiB);
    // Nothing is known of sizes any more once upkeep has run.
    for (const core of internal<typeof import('../lib/pool/cores.js')>('pool/cores').allCores()) core.tick();
    expect(own.stats().cachedBytes).toBe(4 * MiB);
    const empty = own.acquire(0);
    expect(empty.capacity).toBe(0);
    empty.release();
    for (const wrong of [-1, 4194304.5, '4194304', Number.NaN])
      thrownBy(() => own.acquire(wrong as number), 'ERR_SUPERSLAB_SIZE');
  });

  test('go back after a rest, by trim() and by close()', async () => {
    use(4 * MiB, 2);
    expect(own.stats().cachedBytes).toBe(8 * MiB);
    expect(own.trim()).toBe(8 * MiB);
    expect(own.stats()).toMatchObject({ cachedBytes: 0, committedBytes: 0 });
    own.tune({ purgeDelayMs: 40 });
    use(4 * MiB, 2);
    await expect.poll(() => own.stats().cachedBytes, { timeout: 5000 }).toBe(0);
    use(4 * MiB);
    own.close();
    expect(own.stats()).toMatchObject({ cachedBytes: 0, committedBytes: 0, chargedBytes: 0 });
  });

  test('serve leases that are up to a quarter shorter, and no others', () => {
    use(8 * MiB);
    const shorter = own.acquire(7 * MiB + 3);
    expect(shorter.length).toBe(7 * MiB + 3);
    expect(shorter.capacity).toBe(8 * MiB);
    stampPages(shorter, 3);
    expect(hasStampedPages(shorter, 3)).toBe(true);
    shorter.release();
    for (const size of [3 * MiB, 9 * MiB]) {
      const { heldHugeBytes } = own.stats();
      expect(heldHugeBytes).toBeGreaterThan(0);
      const other = own.acquire(size);
      expect(own.stats().heldHugeBytes).toBe(heldHugeBytes);
      other.release();
    }
  });

  test('do not let a second release, or the use of a range, go unnoticed', () => {
    use(3 * MiB);
    const buf = own.acquire(3 * MiB);
    buf.release();
    const next = own.acquire(3 * MiB);
    thrownBy(() => buf.release(), 'ERR_SUPERSLAB_RELEASED');
    expect(next.released).toBe(false);
    const range = next.retainedSubarray(MiB, 2 * MiB);
    next.release();
    const other = own.acquire(3 * MiB);
    stampPages(other, 1);
    stamp(range, 2);
    expect(hasStampedPages(other, 1)).toBe(true);
    expect(isStamped(range, 2)).toBe(true);
    range.release();
    other.release();
  });

  test('make room under maxBytes for other leases', async () => {
    own.tune({ maxBytes: 16 * MiB });
    use(4 * MiB, 4);
    expect(own.stats().cachedBytes).toBe(16 * MiB);
    const small = own.acquireMany(200_000, 40);
    const waiting = own.acquireAsync(12 * MiB);
    own.releaseMany(small);
    (await waiting).release();
  });

  test('are cleared where that was asked for', () => {
    using secret = new BufferPool({ name: 'cleared', zero: 'release', leakDetection: 'off', guard: 'off' });
    for (let round = 0; round < 5; round++) {
      const buf = secret.acquire(3 * MiB);
      for (let at = 0; at < buf.length; at += 4096) expect(buf[at]).toBe(0);
      buf.fill(7);
      buf.release();
    }
    expect(secret.stats().heldHugeBytes).toBeGreaterThan(0);
  });
});
