// Options that are changed while a pool is open.
import { Worker } from 'node:worker_threads';
import { BufferPool, type LiveOptions } from 'superslab';
import { afterEach, describe, expect, test } from 'vitest';

const MIB = 1 << 20;

let pool: BufferPool;
const open = (options: ConstructorParameters<typeof BufferPool>[0] = {}) => {
  pool = new BufferPool({ guard: 'off', leakDetection: 'off', ...options });
  return pool;
};
afterEach(() => pool.close());

describe('maxBytes', () => {
  test('is raised: who waits gets a buffer', async () => {
    open({ maxBytes: MIB });
    const first = pool.acquire(MIB);
    const second = pool.acquireAsync(MIB);
    pool.tune({ maxBytes: '2m' });
    (await second).release();
    expect(pool.maxBytes).toBe(2 * MIB);
    first.release();
  });

  test('is lowered: what is out stays valid, and no more is given', () => {
    open();
    const bufs = pool.acquireMany(MIB, 3);
    pool.tune({ maxBytes: MIB });
    for (const buf of bufs) buf.fill(7);
    expect(() => pool.acquire(1000)).toThrow(/ERR_SUPERSLAB_EXHAUSTED.*maxBytes of 1048576/);
    pool.releaseMany(bufs);
    pool.acquire(1000).release();
    expect(pool.stats()).toMatchObject({ maxBytes: MIB, inUseBytes: 0 });
  });

  test('is what a request beyond it is told of', async () => {
    open({ maxBytes: MIB, onExhausted: 'wait' });
    pool.tune({ maxBytes: 4 * MIB });
    pool.acquire(3 * MIB).release();
    await expect(pool.acquireAsync(5 * MIB)).rejects.toThrow(/maxBytes of 4194304; raise maxBytes/);
  });

  test('is known of a pool that is closed', () => {
    open();
    pool.tune({ maxBytes: 3 * MIB });
    pool.close();
    expect(pool.maxBytes).toBe(3 * MIB);
  });
});

test('purgeDelayMs is shortened: what lies idle goes back by it', async () => {
  open({ purgeDelayMs: 3_600_000 });
  pool.acquire(8 * MIB).release();
  expect(pool.stats().committedBytes).toBeGreaterThanOrEqual(8 * MIB);
  pool.tune({ purgeDelayMs: 20 });
  await expect.poll(() => pool.stats().committedBytes).toBeLessThan(MIB);
});

test('several options, and those that stay as they are', () => {
  open({ maxBytes: MIB, zero: 'acquire' });
  pool.tune({ populate: 'superslab', hugePages: 'off', numa: 'interleave' });
  // Also an option that is fixed, with the value that it has.
  pool.tune({ zero: 'acquire', maxBytes: undefined } as LiveOptions);
  expect(pool.maxBytes).toBe(MIB);
  expect(pool.acquire(1000).every((byte) => byte === 0)).toBe(true);
  pool.tune({});
});

describe('what is wrong changes nothing', () => {
  test.for<[unknown, RegExp]>([
    [{ maxBytes: 2 * MIB, purgeDelayMs: -1 }, /purgeDelayMs.*-1/],
    [{ maxBytes: 2 * MIB, maxByte: 1 }, /did you mean "?maxBytes/],
    [{ maxBytes: 2 * MIB, zero: 'release' }, /zero is fixed when a pool is opened/],
    [{ maxBytes: 2 * MIB, guard: 'poison' }, /guard is fixed when a pool is opened/],
    [{ maxBytes: 2 * MIB, name: 'other' }, /name is fixed when a pool is opened/],
    [{ maxBytes: 2 * MIB, numa: 1000 }, /numa.*1000/],
    [null, /options must be an object, got null/],
    [[], /options must be an object/],
    [undefined, /options must be an object, got undefined/],
  ])('%o', ([options, message]) => {
    open({ maxBytes: MIB });
    const tuning = () => pool.tune(options as LiveOptions);
    expect(tuning).toThrow(message);
    expect(tuning).toThrow(expect.objectContaining({ code: 'ERR_SUPERSLAB_OPTION' }));
    expect(pool.maxBytes).toBe(MIB);
  });

  test('explicit huge pages, where guards stand behind blocks', () => {
    open({ guard: 'canary' });
    expect(() => pool.tune({ hugePages: '2mb' })).toThrow(/hugePages.*guard.*give thp or off/);
    pool.close();
    open({ sensitive: true });
    expect(() => pool.tune({ hugePages: '2mb' })).toThrow(/hugePages.*sensitive/);
  });

  test('a pool that is closed', () => {
    open().close();
    expect(() => pool.tune({ maxBytes: 1 })).toThrow(
      expect.objectContaining({ code: 'ERR_SUPERSLAB_CLOSED' }),
    );
  });
});

test("the default pool's options are those of all threads", async () => {
  open();
  const worker = new Worker(
    `const superslab = require('superslab');
     const { parentPort } = require('node:worker_threads');
     superslab.default.tune({ maxBytes: 1 << 30 });
     parentPort.postMessage(superslab.default.maxBytes);`,
    { eval: true },
  );
  const inWorker = await new Promise((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
  try {
    expect([inWorker, BufferPool.default.maxBytes]).toEqual([1 << 30, 1 << 30]);
  } finally {
    BufferPool.default.tune({ maxBytes: 0 });
    await worker.terminate();
  }
});
