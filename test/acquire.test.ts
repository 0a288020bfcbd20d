// acquire(), alloc(), from() and the rest of what gives buffers.

import superslab, {
  acquire,
  alloc,
  BufferPool,
  type BufferPoolOptions,
  type PooledBuffer,
  release,
} from 'superslab';
import { afterEach, describe, expect, test } from 'vitest';
import { blockBytes } from './support/block-bytes.js';
import { isStamped, stamp } from './support/bytes.js';
import { hasCanaries } from './support/watching.js';

const pools: BufferPool[] = [];
const makePool = (options?: BufferPoolOptions) => {
  const pool = new BufferPool({ leakDetection: 'off', ...options }); // buffers are forgotten here
  pools.push(pool);
  return pool;
};
afterEach(() => {
  for (const pool of pools.splice(0)) pool.close();
});

describe('acquire', () => {
  test.for([1, 63, 64, 65, 100, 1500, 4096, 65_537, 1 << 20, 2 << 20])('gives exactly %i bytes', (size) => {
    const buf = makePool().acquire(size);
    expect(buf.length).toBe(size);
    expect(buf.byteLength).toBe(size);
    expect(buf.capacity).toBeGreaterThanOrEqual(size);
    buf.release();
  });

  test('gives an empty buffer that can be released once', () => {
    const buf = makePool().acquire(0);
    expect(buf.length).toBe(0);
    expect(buf.refs).toBe(1);
    buf.release();
    expect(() => buf.release()).toThrow(/ERR_SUPERSLAB_RELEASED/);
  });

  test('takes -0 for 0', () => {
    const buf = makePool().acquire(-0);
    expect(buf.length).toBe(0);
    buf.release();
  });

  test('starts each buffer at a multiple of 64 bytes', () => {
    const pool = makePool();
    for (let size = 1; size <= 300_000; size = Math.ceil(size * 1.3)) {
      const bufs = pool.acquireMany(size, 3);
      for (const buf of bufs) expect(buf.byteOffset % 64, `size ${size}`).toBe(0);
      pool.releaseMany(bufs);
    }
  });

  test('is bound', () => {
    const { acquire, release } = makePool();
    const buf = acquire(10);
    expect(buf.length).toBe(10);
    release(buf);
    expect(buf.released).toBe(true);
  });

  test('gives the same memory again after its release', () => {
    const pool = makePool();
    const first = pool.acquire(1000);
    const { byteOffset, buffer } = first;
    first.release();
    const second = pool.acquire(900);
    expect([second.byteOffset, second.buffer === buffer]).toEqual([byteOffset, true]);
    second.release();
  });

  test('of the package is that of the default pool', () => {
    expect(acquire).toBe(BufferPool.default.acquire);
    expect(alloc).toBe(BufferPool.default.alloc);
    expect(release).toBe(BufferPool.default.release);
    expect(superslab).toBe(BufferPool.default);
  });
});

describe('size classes', () => {
  const classBytes: number[] = [];
  for (let base = 128; base < 2 << 20; base *= 2) {
    for (let step = 1; step <= 4; step++) classBytes.push(base + (step * base) / 4);
  }
  const boundaries = [64, 128, ...classBytes.filter((bytes) => bytes % 64 === 0)];

  test('at each boundary, one byte less and the boundary itself fit, one more takes the next class', () => {
    const pool = makePool();
    for (const bytes of boundaries) {
      for (const size of [bytes - 1, bytes, bytes + 1]) {
        const buf = pool.acquire(size);
        expect(buf.length).toBe(size);
        if (size <= bytes) expect(buf.capacity, `size ${size}`).toBe(bytes);
        else expect(buf.capacity, `size ${size}`).toBeGreaterThan(bytes);
        buf.release();
      }
    }
  });

  test('at most a fifth of a block is waste beyond 256 bytes', () => {
    const pool = makePool();
    for (let size = 257; size <= 2 << 20; size = Math.ceil(size * 1.07)) {
      const buf = pool.acquire(size);
      const granular = Math.ceil(size / 64) * 64;
      expect(granular / buf.capacity, `size ${size}`).toBeGreaterThan(0.79);
      buf.release();
    }
  });

  test('buffers of every class live side by side without a byte in common', () => {
    const pool = makePool();
    const bufs = boundaries
      .filter((bytes) => bytes <= 512 << 10)
      .flatMap((bytes) => pool.acquireMany(bytes, 3));
    bufs.forEach((buf, i) => {
      stamp(buf, i);
    });
    expect(bufs.every((buf, i) => isStamped(buf, i))).toBe(true);
    pool.releaseMany(bufs);
    expect(pool.stats().inUseBytes).toBe(0);
  });
});

describe('alloc', () => {
  test.for([1, 100, 4096, 1 << 20, 3 << 20])('gives %i zero bytes where others were', (size) => {
    const pool = makePool();
    const dirty = pool.acquire(size);
    dirty.fill(0xaa);
    dirty.release();
    const clean = pool.alloc(size);
    expect(clean.every((byte) => byte === 0)).toBe(true);
    clean.release();
  });
});

describe('zero', () => {
  test("'acquire' clears for acquire, acquireMany, scope and acquireAsync", async () => {
    const pool = makePool({ zero: 'acquire' });
    const dirty = () => {
      const bufs = pool.acquireMany(1000, 8);
      for (const buf of bufs) buf.fill(0xaa);
      pool.releaseMany(bufs);
    };
    const isZero = (buf: Buffer) => buf.every((byte) => byte === 0);
    dirty();
    expect(isZero(pool.acquire(1000))).toBe(true);
    dirty();
    expect(pool.acquireMany(1000, 3).every(isZero)).toBe(true);
    dirty();
    expect(pool.scope((scope) => isZero(scope.acquire(1000)))).toBe(true);
    dirty();
    expect(isZero(await pool.acquireAsync(1000))).toBe(true);
  });

  test.for([100, 100_000, 3 << 20])("'release' clears the whole block of a buffer of %i bytes", (size) => {
    const pool = makePool({ zero: 'release' });
    const buf = pool.acquire(size);
    const whole = new Uint8Array(buf.buffer, buf.byteOffset, buf.capacity);
    // What is behind the buffer may be the guard's.
    (hasCanaries ? buf : whole).fill(0xaa);
    buf.release();
    expect(whole.every((byte) => byte === 0)).toBe(true);
  });

  test("'release' does not clear while references are left", () => {
    const pool = makePool({ zero: 'release' });
    const buf = pool.acquire(100).fill(0xaa);
    buf.retain();
    buf.release();
    expect(buf.every((byte) => byte === 0xaa)).toBe(true);
    buf.release();
    expect(buf.every((byte) => byte === 0)).toBe(true);
  });

  test("'never' leaves the bytes", () => {
    const pool = makePool({ zero: 'never' });
    const buf = pool.acquire(100).fill(0xaa);
    buf.release();
    expect(buf.every((byte) => byte === 0xaa)).toBe(true);
  });
});

describe('from', () => {
  test.for<[string, BufferEncoding]>([
    ['grüß 🦄', 'utf8'],
    ['grüß', 'latin1'],
    ['00ff10', 'hex'],
    ['AP8Q', 'base64'],
    ['AP8Q', 'base64url'],
    ['grüß', 'utf16le'],
    ['abc', 'ascii'],
    ['', 'utf8'],
  ])('encodes %j as %s, as Buffer.from does', ([text, encoding]) => {
    const buf = makePool().from(text, encoding);
    expect(Buffer.compare(buf, Buffer.from(text, encoding))).toBe(0);
    buf.release();
  });

  test.for<[string, BufferEncoding]>([
    ['00zz', 'hex'],
    ['abc', 'hex'],
    ['A===', 'base64'],
    ['!!!!', 'base64'],
  ])('is as short as Buffer.from makes malformed %j of %s', ([text, encoding]) => {
    const pool = makePool();
    const buf = pool.from(text, encoding);
    expect([...buf]).toEqual([...Buffer.from(text, encoding)]);
    buf.release();
    expect(pool.stats().inUseBytes).toBe(0);
  });

  test('copies a Uint8Array, a view, an ArrayBuffer and a SharedArrayBuffer', () => {
    const pool = makePool();
    const bytes = Uint8Array.of(1, 2, 3, 4);
    const shared = new SharedArrayBuffer(4);
    new Uint8Array(shared).set(bytes);
    expect([...pool.from(bytes)]).toEqual([1, 2, 3, 4]);
    expect([...pool.from(bytes.subarray(1, 3))]).toEqual([2, 3]);
    expect([...pool.from(bytes.buffer)]).toEqual([1, 2, 3, 4]);
    expect([...pool.from(shared as unknown as ArrayBuffer)]).toEqual([1, 2, 3, 4]);
  });

  test('makes a copy, not a view', () => {
    const bytes = Uint8Array.of(1, 2);
    const buf = makePool().from(bytes);
    bytes[0] = 9;
    expect([...buf]).toEqual([1, 2]);
  });
});

describe('acquireMany and releaseMany', () => {
  test('give and take distinct buffers', () => {
    const pool = makePool();
    const bufs = pool.acquireMany(300, 200);
    const memories = [...new Set(bufs.map((buf) => buf.buffer))];
    expect(new Set(bufs.map((buf) => `${memories.indexOf(buf.buffer)} ${buf.byteOffset}`)).size).toBe(200);
    const block = blockBytes(300);
    expect(pool.stats().classes.find((one) => one.blockBytes === block)!.inUseBlocks).toBe(200);
    pool.releaseMany(new Set(bufs));
    expect(bufs.every((buf) => buf.released)).toBe(true);
    expect(pool.stats().inUseBytes).toBe(0);
  });

  test('acquireMany of none is empty', () => {
    expect(makePool().acquireMany(300, 0)).toEqual([]);
  });

  test('acquireMany gives all back when one cannot be had', () => {
    const pool = makePool({ maxBytes: blockBytes(64) * 10 });
    expect(() => pool.acquireMany(64, 11)).toThrow(/ERR_SUPERSLAB_EXHAUSTED/);
    expect(pool.stats().inUseBytes).toBe(0);
    expect(pool.acquireMany(64, 10)).toHaveLength(10);
  });

  test('releaseMany releases the rest after one that fails, and then throws', () => {
    const pool = makePool();
    const [a, b, c] = pool.acquireMany(64, 3) as [PooledBuffer, PooledBuffer, PooledBuffer];
    pool.release(b);
    expect(() => pool.releaseMany([a, b, Buffer.alloc(1), c])).toThrow(/ERR_SUPERSLAB_RELEASED/);
    expect(pool.stats().inUseBytes).toBe(0);
  });
});

describe('owns', () => {
  test('knows its own live buffers and nothing else', () => {
    const [pool, other] = [makePool(), makePool()];
    const buf = pool.acquire(10);
    expect(pool.owns(buf)).toBe(true);
    expect(other.owns(buf)).toBe(false);
    expect(pool.owns(buf.subarray(0, 5))).toBe(false);
    expect(pool.owns(Buffer.alloc(10))).toBe(false);
    expect(pool.owns(null as never)).toBe(false);
    expect(pool.owns('x' as never)).toBe(false);
    buf.retain();
    expect(pool.owns(buf)).toBe(true);
    buf.release();
    buf.release();
    expect(pool.owns(buf)).toBe(false);
  });

  test('knows empty, large and adopted buffers', () => {
    const [pool, other] = [makePool(), makePool()];
    const [empty, large] = [pool.acquire(0), pool.acquire(3 << 20)];
    expect([pool.owns(empty), pool.owns(large)]).toEqual([true, true]);
    const adopted = other.adopt(pool.share(large));
    expect([pool.owns(adopted), other.owns(adopted)]).toEqual([false, true]);
    pool.releaseMany([empty, large, adopted]);
  });
});

describe('release', () => {
  test('of any pool takes buffers of every pool, each back to its own', () => {
    const [pool, other] = [makePool(), makePool()];
    const [a, b] = [pool.acquire(100), other.acquire(100)];
    other.release(a);
    pool.release(b);
    expect([pool.stats().inUseBytes, other.stats().inUseBytes]).toEqual([0, 0]);
  });

  test('of another pool brings the block back into the magazine that it came from', () => {
    const [pool, other] = [makePool(), makePool()];
    const a = pool.acquire(100);
    other.release(a);
    const again = pool.acquire(100);
    expect(again.buffer).toBe(a.buffer);
    again.release();
  });
});
