// The facade where a test environment has replaced timers, clocks, AbortSignal and typed arrays before it is loaded.
const { performance: realPerformance } = jest.requireActual('node:perf_hooks');
const { setTimeout: realSetTimeout } = jest.requireActual('node:timers');
const { BufferPool, acquire, release } = require('superslab');

const pause = (ms) => new Promise((resolve) => realSetTimeout(resolve, ms));
const MEBIBYTE = 1 << 20;

test('the environment is the one that is meant', () => {
  expect(typeof document).toBe('object');
  expect(typeof setTimeout(() => {}, 1)).not.toBe('undefined');
  const before = performance.now();
  jest.advanceTimersByTime(5000);
  expect(performance.now() - before).toBe(5000);
});

test('buffers are acquired and released', () => {
  for (const size of [0, 1, 1500, 100_000, 3 * MEBIBYTE]) {
    const buf = acquire(size);
    expect(Buffer.isBuffer(buf)).toBe(true);
    expect(buf.fill(7).every((byte) => byte === 7)).toBe(true);
    release(buf);
    expect(() => buf.release()).toThrow(expect.objectContaining({ code: 'ERR_SUPERSLAB_RELEASED' }));
  }
});

test('buffers equal plain ones', () => {
  const buf = BufferPool.default.from('hello');
  expect(buf.toString()).toBe('hello');
  expect(Buffer.compare(buf, Buffer.from('hello'))).toBe(0);
  buf.release();
});

test('from() takes the ArrayBuffers of this realm and of Node.js', () => {
  const data = new ArrayBuffer(3);
  new Uint8Array(data).set([1, 2, 3]);
  for (const source of [data, new Uint8Array(data), structuredCloneOf(data)]) {
    const buf = BufferPool.default.from(source);
    expect([...buf]).toEqual([1, 2, 3]);
    buf.release();
  }
});

function structuredCloneOf(data) {
  return jest.requireActual('node:v8').deserialize(jest.requireActual('node:v8').serialize(data));
}

test('a blocking wait ends, though the clock stands still', () => {
  const pool = new BufferPool({ maxBytes: MEBIBYTE, onExhausted: 'wait' });
  const held = pool.acquire(MEBIBYTE);
  const start = realPerformance.now();
  expect(() => pool.acquire(MEBIBYTE)).toThrow(expect.objectContaining({ code: 'ERR_SUPERSLAB_EXHAUSTED' }));
  expect(realPerformance.now() - start).toBeGreaterThan(500);
  held.release();
  pool.close();
});

test('acquireAsync() waits, is served, and takes the AbortSignal of jsdom', async () => {
  const pool = new BufferPool({ maxBytes: MEBIBYTE, onExhausted: 'wait' });
  const held = pool.acquire(MEBIBYTE);
  const waiting = pool.acquireAsync(MEBIBYTE);
  const control = new AbortController();
  const aborted = pool.acquireAsync(MEBIBYTE, { signal: control.signal });
  control.abort();
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
  await expect(pool.acquireAsync(1, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    name: 'AbortError',
  });
  held.release();
  (await waiting).release();
  expect(pool.stats().inUseBytes).toBe(0);
  pool.close();
});

test('idle memory goes back by itself, though no fake timer runs', async () => {
  const pool = new BufferPool({ purgeDelayMs: 20, maxBytes: 64 * MEBIBYTE });
  for (const buf of pool.acquireMany(MEBIBYTE, 32)) {
    buf.fill(1);
    buf.release();
  }
  const { committedBytes } = pool.stats();
  expect(committedBytes).toBeGreaterThan(16 * MEBIBYTE);
  for (let i = 0; i < 200 && pool.stats().purgedBytes === 0; i++) await pause(20);
  expect(pool.stats().purgedBytes).toBeGreaterThan(0);
  pool.close();
});

test('a replaced Uint8Array leaves no secret behind', () => {
  const pool = new BufferPool({ zero: 'release' });
  const real = globalThis.Uint8Array;
  const bufs = [pool.acquire(100).fill(7), pool.acquire(3 * MEBIBYTE).fill(7)];
  const fill = Object.getPrototypeOf(real.prototype).fill;
  globalThis.Uint8Array = class extends real {
    fill() {
      return this;
    }
  };
  Object.getPrototypeOf(real.prototype).fill = function () {
    return this;
  };
  try {
    for (const buf of bufs) buf.release();
  } finally {
    globalThis.Uint8Array = real;
    Object.getPrototypeOf(real.prototype).fill = fill;
  }
  for (const buf of bufs) expect(buf.every((byte) => byte === 0)).toBe(true);
  pool.close();
});

test.each(['poison', 'canary', 'detach'])('guard %s', (guard) => {
  const pool = new BufferPool({ guard, leakDetection: 'full' });
  const buf = pool.acquire(1000).fill(1);
  const adopted = pool.adopt(pool.share(buf));
  expect(adopted[999]).toBe(1);
  adopted.release();
  buf.release();
  expect(pool.check()).toEqual([]);
  expect(pool.trim()).toBeGreaterThanOrEqual(0);
  expect(pool.stats().inUseBytes).toBe(0);
  pool.close();
});

test('scope() releases', async () => {
  const pool = new BufferPool();
  await pool.scope(async ({ acquire: take }) => {
    take(100);
    await Promise.resolve();
    take(5000);
  });
  expect(pool.stats().inUseBytes).toBe(0);
  pool.close();
});
