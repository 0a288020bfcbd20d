// maxBytes: how much, who waits, who is served first.

import { getEventListeners } from 'node:events';
import superslab, { BufferPool, type BufferPoolOptions, type PooledBuffer } from 'superslab';
import { afterEach, describe, expect, test } from 'vitest';
import { blockBytes, largestIn } from './support/block-bytes.js';
import { childJson } from './support/child.js';
import { rejectedBy, thrownBy } from './support/expect-error.js';
import { endWorkers, startWorker } from './support/worker.js';

const pools: BufferPool[] = [];
const makePool = (options: BufferPoolOptions) => {
  const pool = new BufferPool(options);
  pools.push(pool);
  return pool;
};
afterEach(async () => {
  await endWorkers();
  for (const pool of pools.splice(0)) pool.close();
});

/** Whether it is settled after everything that can go on has gone on. */
const settled = async (promise: Promise<unknown>) => {
  let isSettled = false;
  const note = () => {
    isSettled = true;
  };
  promise.then(note, note);
  await new Promise(setImmediate);
  return isSettled;
};

describe('the limit', () => {
  test.for([64, 1024, 1280, 65_536, 1 << 20])('is exact in blocks of %i bytes', (size) => {
    const limit = blockBytes(size) * 20;
    const pool = makePool({ maxBytes: limit });
    const bufs = pool.acquireMany(size, 20);
    thrownBy(() => pool.acquire(1), 'ERR_SUPERSLAB_EXHAUSTED');
    thrownBy(() => pool.acquire(size), 'ERR_SUPERSLAB_EXHAUSTED');
    expect(pool.stats()).toMatchObject({
      inUseBytes: limit,
      chargedBytes: limit,
      maxBytes: limit,
    });
    bufs.pop()!.release();
    bufs.push(pool.acquire(size));
    thrownBy(() => pool.acquire(size), 'ERR_SUPERSLAB_EXHAUSTED');
    pool.releaseMany(bufs);
  });

  test('is exact with blocks of many sizes, whatever the magazines held before', () => {
    const pool = makePool({ maxBytes: 1 << 20 });
    for (let round = 0; round < 5; round++) {
      for (const size of [64, 256, 1024, 4096, 16_384]) pool.releaseMany(pool.acquireMany(size, 10));
      const bufs: PooledBuffer[] = [];
      let bytes = 0;
      for (const size of [131_072, 65_536, 16_384, 4096, 1024, 256, 64]) {
        const block = blockBytes(size);
        while (bytes + block <= 1 << 20) {
          bufs.push(pool.acquire(size));
          bytes += block;
          if (bufs.length % 7 === 0 && size > 64) break;
        }
      }
      const smallest = blockBytes(64);
      while (bytes + smallest <= 1 << 20) {
        bufs.push(pool.acquire(64));
        bytes += smallest;
      }
      thrownBy(() => pool.acquire(64), 'ERR_SUPERSLAB_EXHAUSTED');
      expect(pool.stats().inUseBytes).toBe(bytes);
      pool.releaseMany(bufs);
    }
  });

  test('counts huge blocks by what they take', () => {
    const pool = makePool({ maxBytes: 10 << 20, hugePages: 'off' });
    const [a, b] = [pool.acquire(4 << 20), pool.acquire(4 << 20)];
    thrownBy(() => pool.acquire((2 << 20) + 1), 'ERR_SUPERSLAB_EXHAUSTED');
    const c = pool.acquire(2 << 20);
    thrownBy(() => pool.acquire(64), 'ERR_SUPERSLAB_EXHAUSTED');
    pool.releaseMany([a, b, c]);
    pool.acquire(10 << 20).release();
    thrownBy(() => pool.acquire((10 << 20) + 1), 'ERR_SUPERSLAB_EXHAUSTED');
  });

  test('a huge block that would fit but for its rounding is refused, not waited for', async () => {
    const pool = makePool({ maxBytes: (4 << 20) - 1 });
    thrownBy(() => pool.acquire((4 << 20) - 1), 'ERR_SUPERSLAB_EXHAUSTED');
    await rejectedBy(pool.acquireAsync((4 << 20) - 1), 'ERR_SUPERSLAB_EXHAUSTED');
  });

  test('does not count empty buffers', () => {
    const pool = makePool({ maxBytes: blockBytes(64) });
    const buf = pool.acquire(64);
    pool.releaseMany([pool.acquire(0), pool.acquire(0), buf]);
  });

  test('one byte is too little for any block', async () => {
    const pool = makePool({ maxBytes: 1 });
    thrownBy(() => pool.acquire(1), 'ERR_SUPERSLAB_EXHAUSTED');
    await rejectedBy(pool.acquireAsync(1), 'ERR_SUPERSLAB_EXHAUSTED');
    pool.acquire(0).release();
  });

  test('a shared buffer counts until its last reference is gone', () => {
    const pool = makePool({ maxBytes: blockBytes(64) });
    const buf = pool.acquire(64);
    const token = pool.share(buf);
    buf.release();
    thrownBy(() => pool.acquire(64), 'ERR_SUPERSLAB_EXHAUSTED');
    pool.revoke(token);
    pool.acquire(64).release();
  });
});

describe("onExhausted 'fallback'", () => {
  test('gives plain memory, zeroed and counted, that is released like any other', () => {
    const pool = makePool({ maxBytes: blockBytes(1024), onExhausted: 'fallback' });
    const inside = pool.acquire(1024);
    const outside = pool.acquire(5000);
    expect(outside.buffer.byteLength).toBe(5000);
    expect([outside.length, outside.capacity, outside.refs]).toEqual([5000, 5000, 1]);
    expect(outside.every((byte) => byte === 0)).toBe(true);
    expect(pool.owns(outside)).toBe(true);
    expect(pool.stats()).toMatchObject({ fallbacks: 1, inUseBytes: blockBytes(1024) });
    outside.retain().release();
    outside.release();
    thrownBy(() => outside.release(), 'ERR_SUPERSLAB_RELEASED');
    inside.release();
    pool.acquire(1024).release();
    expect(pool.stats().fallbacks).toBe(1);
  });

  test('acquireAsync does not wait', async () => {
    const pool = makePool({ maxBytes: blockBytes(64), onExhausted: 'fallback' });
    const bufs = [pool.acquire(64), await pool.acquireAsync(64)];
    expect(pool.stats().fallbacks).toBe(1);
    pool.releaseMany(bufs);
  });
});

describe('acquireAsync', () => {
  test('gives at once what there is', async () => {
    const pool = makePool({ maxBytes: blockBytes(1024) });
    const buf = await pool.acquireAsync(1000);
    expect(buf.length).toBe(1000);
    buf.release();
    const unlimited = makePool({});
    (await unlimited.acquireAsync(0)).release();
    (await unlimited.acquireAsync(3 << 20)).release();
  });

  test('waits for a release', async () => {
    const pool = makePool({ maxBytes: blockBytes(1024) });
    const held = pool.acquire(1024);
    const waiting = pool.acquireAsync(1024);
    expect(await settled(waiting)).toBe(false);
    expect(pool.stats().waiting).toBe(1);
    held.release();
    const buf = await waiting;
    expect(buf.length).toBe(1024);
    expect(pool.stats().waiting).toBe(0);
    buf.release();
  });

  test('serves first come first, also where a later one would fit', async () => {
    const block = blockBytes(1024);
    const pool = makePool({ maxBytes: 4 * block });
    const held = pool.acquireMany(1024, 4);
    const threeBlocks = largestIn(3 * block);
    const order: string[] = [];
    const noted = async (name: string, size: number) => {
      const buf = await pool.acquireAsync(size);
      order.push(name);
      return buf;
    };
    const large = noted('large', threeBlocks);
    const small = noted('small', 1024);
    for (const buf of held.slice(0, 2)) buf.release();
    // There is room for these, but not for the first.
    const late = noted('late', 1024);
    expect(await settled(small)).toBe(false);
    expect(await settled(late)).toBe(false);
    thrownBy(() => pool.acquire(64), 'ERR_SUPERSLAB_EXHAUSTED');
    held[2]!.release();
    expect((await large).length).toBe(threeBlocks);
    expect(await settled(small)).toBe(false);
    held[3]!.release();
    await small;
    (await large).release();
    await late;
    expect(order).toEqual(['large', 'small', 'late']);
    pool.releaseMany([await small, await late]);
  });

  test('serves a hundred in their order', async () => {
    const pool = makePool({ maxBytes: 10 * blockBytes(64) });
    const held = pool.acquireMany(64, 10);
    const order: number[] = [];
    const turns = Array.from({ length: 100 }, async (_, i) => {
      const buf = await pool.acquireAsync(64);
      order.push(i);
      await new Promise(setImmediate);
      buf.release();
    });
    pool.releaseMany(held);
    await Promise.all(turns);
    expect(order).toEqual([...Array(100).keys()]);
    expect(pool.stats()).toMatchObject({ inUseBytes: 0, waiting: 0 });
  });

  test('an aborted wait is rejected with the reason, and those behind it are served', async () => {
    const pool = makePool({ maxBytes: 2 * blockBytes(512) });
    const held = pool.acquireMany(512, 2);
    const controller = new AbortController();
    const first = pool.acquireAsync(largestIn(pool.stats().maxBytes), { signal: controller.signal });
    const second = pool.acquireAsync(512);
    held[0]!.release();
    expect(await settled(second)).toBe(false);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(first).rejects.toBe(reason);
    const buf = await second;
    pool.releaseMany([buf, held[1]!]);
    expect(pool.stats()).toMatchObject({ inUseBytes: 0, waiting: 0 });
  });

  test('a wait in the middle of the queue can be aborted', async () => {
    const pool = makePool({ maxBytes: blockBytes(64) });
    const held = pool.acquire(64);
    const controller = new AbortController();
    const [first, second, third] = [
      pool.acquireAsync(64),
      pool.acquireAsync(64, { signal: controller.signal }),
      pool.acquireAsync(64),
    ];
    controller.abort();
    await expect(second).rejects.toMatchObject({ name: 'AbortError' });
    held.release();
    (await first).release();
    (await third).release();
  });

  test('a signal that was aborted before rejects at once, even where there is room', async () => {
    const pool = makePool({ maxBytes: blockBytes(64) });
    await expect(pool.acquireAsync(64, { signal: AbortSignal.abort('no') })).rejects.toBe('no');
    expect(pool.stats()).toMatchObject({ inUseBytes: 0, waiting: 0 });
  });

  test('a signal aborted after the buffer came changes nothing', async () => {
    const pool = makePool({ maxBytes: blockBytes(64) });
    const controller = new AbortController();
    const held = pool.acquire(64);
    const waiting = pool.acquireAsync(64, { signal: controller.signal });
    held.release();
    const buf = await waiting;
    controller.abort();
    expect(buf.released).toBe(false);
    buf.release();
  });

  test.for(['served', 'aborted', 'closed'])('a signal keeps no listener once a wait is %s', async (end) => {
    const pool = makePool({ maxBytes: blockBytes(64) });
    const held = pool.acquire(64);
    const controller = new AbortController();
    const waiting = pool.acquireAsync(64, { signal: controller.signal });
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    if (end === 'served') held.release();
    else if (end === 'aborted') controller.abort();
    else pool.close();
    await waiting.then(
      (buf) => buf.release(),
      () => held.release(),
    );
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  test('a wait that is served while it begins leaves no listener', async () => {
    const pool = makePool({ maxBytes: blockBytes(64) });
    const held = pool.acquire(64);
    const { signal } = new AbortController();
    const listen = signal.addEventListener;
    signal.addEventListener = (...args: unknown[]) => {
      listen.apply(signal, args as never);
      held.release();
    };
    (await pool.acquireAsync(64, { signal })).release();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('close rejects who waits', async () => {
    const pool = makePool({ name: 'closing', maxBytes: blockBytes(64) });
    const held = pool.acquire(64);
    const [first, second] = [pool.acquireAsync(64), pool.acquireAsync(10)];
    const rejected = Promise.all([
      rejectedBy(first, 'ERR_SUPERSLAB_CLOSED'),
      rejectedBy(second, 'ERR_SUPERSLAB_CLOSED'),
    ]);
    pool.close();
    expect((await rejected)[0].message).toContain('pool "closing" was closed while acquireAsync() waited');
    held.release();
  });

  test('rejects what waiting cannot change', async () => {
    const pool = makePool({ maxBytes: blockBytes(1024) });
    const error = await rejectedBy(pool.acquireAsync(5000), 'ERR_SUPERSLAB_EXHAUSTED');
    expect(error.message).toMatch(/; raise maxBytes$/);
  });

  test('waits for huge blocks', async () => {
    const pool = makePool({ maxBytes: 2 * blockBytes(4 << 20) });
    const held = pool.acquireMany(4 << 20, 2);
    const waiting = pool.acquireAsync(6 << 20);
    held[0]!.release();
    expect(await settled(waiting)).toBe(false);
    held[1]!.release();
    (await waiting).release();
  });

  test('is served by the revocation of a token and by the release of a shared buffer', async () => {
    const pool = makePool({ maxBytes: blockBytes(64) });
    const buf = pool.acquire(64);
    const token = pool.share(buf);
    buf.release();
    const waiting = pool.acquireAsync(64);
    superslab.revoke(token);
    const next = await waiting;
    const adopted = superslab.adopt(pool.share(next));
    next.release();
    const after = pool.acquireAsync(64);
    adopted.release();
    (await after).release();
  });
});

describe("onExhausted 'wait' and other threads", () => {
  test('a worker that releases serves acquireAsync of the main thread', async () => {
    const pool = makePool({ maxBytes: blockBytes(4096) });
    const worker = await startWorker();
    for (let round = 0; round < 20; round++) {
      const buf = pool.acquire(4096);
      const token = pool.share(buf);
      await worker.run('state.buf = superslab.default.adopt(argument)', token);
      buf.release();
      const waiting = pool.acquireAsync(4096);
      expect(await settled(waiting)).toBe(false);
      worker.start('state.buf.release()');
      (await waiting).release();
    }
  });

  test('a worker that is terminated serves acquireAsync of the main thread', async () => {
    const pool = makePool({ maxBytes: blockBytes(4096) });
    const worker = await startWorker();
    const buf = pool.acquire(4096);
    await worker.run('state.buf = superslab.default.adopt(argument)', pool.share(buf));
    buf.release();
    const waiting = pool.acquireAsync(4096);
    expect(await settled(waiting)).toBe(false);
    await worker.terminate();
    (await waiting).release();
  });

  test('a synchronous wait ends when a worker releases', async () => {
    const pool = makePool({ maxBytes: blockBytes(4096), onExhausted: 'wait' });
    const worker = await startWorker();
    const buf = pool.acquire(4096);
    const flag = new SharedArrayBuffer(4);
    await worker.run('state.buf = superslab.default.adopt(argument)', pool.share(buf));
    buf.release();
    worker.start('Atomics.wait(new Int32Array(argument), 0, 0, 50); state.buf.release();', flag);
    const waited = pool.acquire(4096);
    expect(waited.length).toBe(4096);
    waited.release();
  });

  test('a synchronous wait that nobody ends throws', () => {
    // The default limit of the wait is a second; the environment sets another in the child below.
    const pool = makePool({ maxBytes: blockBytes(4096), onExhausted: 'wait' });
    const buf = pool.acquire(4096);
    thrownBy(() => pool.acquire(4096), 'ERR_SUPERSLAB_EXHAUSTED');
    thrownBy(() => pool.acquire(5000), 'ERR_SUPERSLAB_EXHAUSTED');
    buf.release();
    pool.acquire(4096).release();
  });

  const shared = (body: string) => `
    import superslab from 'superslab';
    import { Worker } from 'node:worker_threads';
    const start = async (code) => {
      const worker = new Worker(
        "const superslab = require('superslab').default; const { parentPort } = require('node:worker_threads');" + code,
        { eval: true, execArgv: [] });
      await new Promise((resolve) => worker.once('message', resolve));
      return worker;
    };
    const results = {};
    ${body}
    console.log(JSON.stringify(results));
    process.exit(0);`;

  test('an idle worker gives up its magazines to make room', async () => {
    const limit = blockBytes(64 << 10);
    const count = Math.floor(limit / blockBytes(1024)) - 4;
    const seen = await childJson(
      shared(`
        await start("superslab.releaseMany(superslab.acquireMany(1024, ${count})); parentPort.postMessage(0); setInterval(() => {}, 1000);");
        results.before = superslab.stats().cachedBytes > 0;
        const waiting = superslab.acquireAsync(64 << 10);
        results.length = (await waiting).length;`),
      // Not by the upkeep, which also empties idle magazines.
      { env: { SUPERSLAB_MAX_BYTES: `${limit}`, SUPERSLAB_PURGE_DELAY_MS: '3600000' } },
    );
    expect(seen).toEqual({ before: true, length: 65_536 });
  });

  test('a busy worker is squeezed: acquireAsync of the main thread gets its turn', async () => {
    const seen = await childJson(
      shared(`
        await start("parentPort.postMessage(0); setInterval(() => { for (let i = 0; i < 1000; i++) superslab.acquire(1000).release(); }, 0);");
        results.lengths = [];
        for (let i = 0; i < 5; i++) {
          const buf = await superslab.acquireAsync(64 << 10);
          results.lengths.push(buf.length);
          buf.release();
        }`),
      {
        env: {
          SUPERSLAB_MAX_BYTES: `${blockBytes(64 << 10) + 2 * blockBytes(1000)}`,
          SUPERSLAB_ON_EXHAUSTED: 'wait',
        },
      },
    );
    expect(seen.lengths).toEqual([65_536, 65_536, 65_536, 65_536, 65_536]);
  });

  test('threads that fight for one block all get it, and never hear of "no memory"', async () => {
    const seen = await childJson(
      shared(`
        const code = \`
          let got = 0;
          setInterval(() => {}, 1000); // a wait does not keep the thread alive
          parentPort.postMessage(0);
          parentPort.once('message', async () => {
            for (let i = 0; i < 200; i++) {
              const buf = i % 2 ? await superslab.acquireAsync(1000) : superslab.acquire(1000);
              got++;
              buf.release();
            }
            parentPort.postMessage({ got });
          });\`;
        const workers = [await start(code), await start(code)];
        const done = workers.map((worker) => new Promise((resolve, reject) => {
          worker.once('message', resolve);
          worker.once('error', reject);
          worker.postMessage('go');
        }));
        results.got = (await Promise.all(done)).map(({ got }) => got);
        results.inUse = superslab.stats().inUseBytes;`),
      {
        env: {
          SUPERSLAB_MAX_BYTES: `${blockBytes(1000)}`,
          SUPERSLAB_ON_EXHAUSTED: 'wait',
          SUPERSLAB_WAIT_MS: '10000',
        },
      },
    );
    expect(seen).toEqual({ got: [200, 200], inUse: 0 });
  });
});
