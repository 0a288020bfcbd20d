// What is published on superslab:pool:*, and that it costs nothing while nobody listens.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { BufferPool, type PooledBuffer } from 'superslab';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { blockBytes } from './support/block-bytes.js';
import { childJson } from './support/child.js';
import { rejectedBy, thrownBy } from './support/expect-error.js';
import { internal } from './support/internal.js';
import { sharedPoolMethods } from './support/native-calls.js';

const { channels } = internal<typeof import('../lib/measure/channels.js')>('measure/channels');

const undo: (() => void)[] = [];
afterEach(() => {
  for (const one of undo.splice(0).reverse()) one();
  vi.restoreAllMocks();
});

const makePool = (options: ConstructorParameters<typeof BufferPool>[0]) => {
  const pool = new BufferPool({ name: 'told', ...options });
  undo.push(() => pool.close());
  return pool;
};

/** Where blocks must be as large as their leases, or be free at once, whatever the environment says. */
const UNGUARDED = { guard: 'off', leakDetection: 'off' } as const;

/** The messages about the pool "told" from now on. */
function listen(end: string, also: (message: any) => void = () => {}): any[] {
  const messages: any[] = [];
  const hear = (message: any) => {
    if (message.pool !== 'told') return;
    messages.push(message);
    also(message);
  };
  subscribe(`superslab:pool:${end}`, hear);
  undo.push(() => unsubscribe(`superslab:pool:${end}`, hear));
  return messages;
}

const committed = (pool: BufferPool) => pool.stats().committedBytes;

describe('grow', () => {
  test('tells of each acquire that took memory, and of no other', () => {
    const pool = makePool({});
    const messages = listen('grow');
    pool.acquire(100).release();
    expect(messages).toEqual([{ pool: 'told', bytes: committed(pool), committedBytes: committed(pool) }]);
    expect(committed(pool)).toBeGreaterThan(0);
    pool.acquire(100).release();
    expect(messages).toHaveLength(1);
    const before = committed(pool);
    pool.acquire(5 << 20).release();
    expect(messages).toHaveLength(2);
    expect(messages[1]).toEqual({
      pool: 'told',
      bytes: committed(pool) - before,
      committedBytes: committed(pool),
    });
    expect(messages[1].bytes).toBeGreaterThanOrEqual(5 << 20);
  });

  test('a subscriber may use the pool that grows, and does not hear of itself', () => {
    const pool = makePool({});
    const bufs: PooledBuffer[] = [];
    const messages = listen('grow', () => {
      // More than the refill brought: if the outer acquire took its block only now, there would be none.
      for (let i = 0; i < 200; i++) bufs.push(pool.acquire(64).fill(1) as PooledBuffer);
      pool.acquire(9 << 20).release();
    });
    const first = pool.acquire(64).fill(2);
    expect(messages).toHaveLength(1);
    expect(bufs).toHaveLength(200);
    expect(first.every((byte) => byte === 2)).toBe(true);
    expect(bufs.every((buf) => buf.every((byte) => byte === 1))).toBe(true);
    pool.releaseMany([first, ...bufs]);
    expect(pool.stats().inUseBytes).toBe(0);
  });

  test('a subscriber may abort those who wait, and close the pool', async () => {
    for (const act of ['abort', 'close'] as const) {
      const pool = new BufferPool({ name: 'told', maxBytes: '4m', ...UNGUARDED });
      const held = pool.acquire(4 << 20);
      pool.trim();
      const abort = new AbortController();
      const [first, second] = [abort.signal, undefined].map((signal) =>
        pool.acquireAsync(3 << 20, { signal }),
      );
      const listening = listen('grow', () => (act === 'abort' ? abort.abort() : pool.close()));
      vi.spyOn(sharedPoolMethods, 'committedBytes').mockImplementation(
        () => listening.length + performance.now(),
      );
      held.release();
      vi.restoreAllMocks();
      if (act === 'abort') {
        await expect(first).rejects.toThrow('abort');
        (await second!).release();
      } else {
        for (const one of [first, second]) await rejectedBy(one!, 'ERR_SUPERSLAB_CLOSED');
      }
      expect(listening.length).toBeGreaterThan(0);
      expect(pool.stats().inUseBytes).toBe(0);
      pool.close();
      for (const one of undo.splice(0)) one();
    }
  });
});

describe('trim', () => {
  test('tells of trim()', () => {
    const pool = makePool({});
    const messages = listen('trim');
    pool.releaseMany(pool.acquireMany(32 << 10, 300));
    const before = committed(pool);
    const bytes = pool.trim();
    expect(messages).toEqual([{ pool: 'told', bytes, committedBytes: before - bytes }]);
    expect(pool.trim()).toBe(0);
    expect(messages).toHaveLength(1);
  });

  test('tells of what went back by itself', async () => {
    const pool = makePool({ purgeDelayMs: 1 });
    const messages = listen('trim');
    pool.releaseMany(pool.acquireMany(32 << 10, 300));
    const before = committed(pool);
    await vi.waitFor(() => expect(committed(pool)).toBe(0), { timeout: 10_000, interval: 20 });
    expect(messages.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(before);
    expect(messages.at(-1).committedBytes).toBe(0);
  });

  test('tells of what a closed pool gives back, at once and with the last release', async () => {
    const pool = new BufferPool({ name: 'told' });
    const messages = listen('trim');
    pool.releaseMany(pool.acquireMany(32 << 10, 300));
    const last = pool.acquire(8 << 20);
    const before = committed(pool);
    pool.close();
    const soFar = messages.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(soFar).toBeGreaterThanOrEqual(300 * (32 << 10));
    expect(soFar).toBeLessThan(before);
    last.release();
    await vi.waitFor(() => expect(messages.at(-1).committedBytes).toBe(0), { timeout: 10_000 });
    expect(messages.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(before);
  });
});

describe('exhausted', () => {
  const limit = { maxBytes: 64 << 10, ...UNGUARDED };

  test('throw: one message, with what was asked for', () => {
    const pool = makePool(limit);
    const messages = listen('exhausted');
    const held = pool.acquire(64 << 10);
    expect(messages).toEqual([]);
    thrownBy(() => pool.acquire(1000), 'ERR_SUPERSLAB_EXHAUSTED');
    expect(messages).toEqual([{ pool: 'told', size: 1000, maxBytes: 64 << 10, outcome: 'throw' }]);
    held.release();
  });

  test('fallback', () => {
    const pool = makePool({ ...limit, onExhausted: 'fallback' });
    const messages = listen('exhausted');
    const held = pool.acquire(64 << 10);
    pool.acquire(1000).release();
    expect(messages.map(({ outcome }) => outcome)).toEqual(['fallback']);
    held.release();
  });

  test('wait in acquireAsync(), unless that would be in vain', async () => {
    const pool = makePool({ ...limit, onExhausted: 'wait' });
    const messages = listen('exhausted');
    const held = pool.acquire(64 << 10);
    const buf = pool.acquireAsync(10);
    expect(messages.map(({ outcome }) => outcome)).toEqual(['wait']);
    held.release();
    (await buf).release();
    await rejectedBy(pool.acquireAsync(65 << 10), 'ERR_SUPERSLAB_EXHAUSTED');
    expect(messages.map(({ outcome }) => outcome)).toEqual(['wait', 'throw']);
  });

  test('wait, blocking', async () => {
    const seen = await childJson(
      `import { subscribe } from 'node:diagnostics_channel';
       import { BufferPool } from 'superslab';
       const outcomes = [];
       subscribe('superslab:pool:exhausted', ({ outcome }) => outcomes.push(outcome));
       const pool = new BufferPool({ maxBytes: ${blockBytes(65_536)}, onExhausted: 'wait' });
       const held = pool.acquire(65536);
       try { pool.acquire(10); } catch ({ code }) { outcomes.push(code); }
       console.log(JSON.stringify(outcomes));`,
      { env: { SUPERSLAB_WAIT_MS: '30' } },
    );
    expect(seen).toEqual(['wait', 'throw', 'ERR_SUPERSLAB_EXHAUSTED']);
  });

  test('a subscriber that makes room lets who waits have it', async () => {
    const pool = makePool(limit);
    const held = pool.acquire(64 << 10);
    listen('exhausted', () => held.release());
    (await pool.acquireAsync(10)).release();
  });

  test('a subscriber that acquires in vain does not hear of itself', () => {
    const pool = makePool(limit);
    const held = pool.acquire(64 << 10);
    const messages = listen('exhausted', () => thrownBy(() => pool.acquire(20), 'ERR_SUPERSLAB_EXHAUSTED'));
    thrownBy(() => pool.acquire(10), 'ERR_SUPERSLAB_EXHAUSTED');
    expect(messages.map(({ size }) => size)).toEqual([10]);
    held.release();
  });
});

test('without subscribers nothing is measured or made', async () => {
  const measure = vi.spyOn(sharedPoolMethods, 'committedBytes');
  const publish = Object.values(channels).map((one) => vi.spyOn(one, 'publish'));
  const pool = new BufferPool({ maxBytes: '16m', purgeDelayMs: 1, ...UNGUARDED });
  pool.releaseMany(pool.acquireMany(32 << 10, 300));
  pool.acquire(5 << 20).release();
  pool.trim();
  const held = pool.acquire(16 << 20);
  thrownBy(() => pool.acquire(1), 'ERR_SUPERSLAB_EXHAUSTED');
  held.release();
  await vi.waitUntil(() => pool.stats().committedBytes === 0, { timeout: 10_000 });
  pool.close();
  expect(measure).not.toHaveBeenCalled();
  for (const one of publish) expect(one).not.toHaveBeenCalled();
});

test('a subscriber that throws does no harm to the acquire', async () => {
  const seen = await childJson(`
    import { subscribe } from 'node:diagnostics_channel';
    import { BufferPool } from 'superslab';
    const uncaught = [];
    process.on('uncaughtException', ({ message }) => uncaught.push(message));
    subscribe('superslab:pool:grow', () => { throw new Error('mine'); });
    const pool = new BufferPool();
    const lengths = [pool.acquire(100).length, pool.acquire(5 << 20).length];
    setImmediate(() => console.log(JSON.stringify({ uncaught, lengths })));`);
  expect(seen).toEqual({ uncaught: ['mine', 'mine'], lengths: [100, 5 << 20] });
});

test('channels are there for those who look before anything is published, and stay', async () => {
  const seen = await childJson(
    `import { subscribe } from 'node:diagnostics_channel';
     let heard = 0;
     subscribe('superslab:pool:grow', () => heard++);
     const { BufferPool } = await import('superslab');
     for (let i = 0; i < 3; i++) { gc(); await new Promise(setImmediate); }
     new BufferPool().acquire(10).release();
     console.log(heard);`,
    { nodeArguments: ['--expose-gc'] },
  );
  expect(seen).toBe(1);
});

describe('slowPathHistogram()', () => {
  test('records from the first call on, and only what leaves the magazines', () => {
    const pool = makePool({ guard: 'off', leakDetection: 'off' });
    pool.releaseMany(pool.acquireMany(100, 500));
    const histogram = pool.slowPathHistogram();
    expect(histogram.count).toBe(0);
    expect(pool.slowPathHistogram()).toBe(histogram);
    const before = pool.stats();
    const bufs = pool.acquireMany(4096, 500);
    const refills = pool.stats().refills - before.refills;
    expect(refills).toBeGreaterThan(1);
    expect(histogram.count).toBe(refills);
    expect(histogram.min).toBeGreaterThan(0);
    expect(histogram.max).toBeLessThan(10e9);
    for (let i = 0; i < 100; i++) pool.acquire(64).release();
    pool.releaseMany(bufs);
    const { count } = histogram;
    expect(count).toBeGreaterThan(refills);
    pool.acquire(3 << 20).release();
    expect(histogram.count).toBe(count + 2);
    // The magazine of blocks beyond 2 MiB was not used until then; now it has that one.
    pool.acquire(3 << 20).release();
    histogram.reset();
    pool.acquire(3 << 20).release();
    expect(histogram.count).toBe(0);
  });

  test('leaves out the time that acquire() waited for room', async () => {
    const seen = await childJson(
      `import { BufferPool } from 'superslab';
       const pool = new BufferPool({ maxBytes: ${blockBytes(65_536)}, onExhausted: 'wait' });
       pool.acquire(65536);
       const histogram = pool.slowPathHistogram();
       try { pool.acquire(10); } catch {}
       console.log(JSON.stringify([histogram.count > 0, histogram.max < 900e6]));`,
      { env: { SUPERSLAB_WAIT_MS: '1000' } },
    );
    expect(seen).toEqual([true, true]);
  });
});
