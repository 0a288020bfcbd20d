// Workers come and go, in whatever way; what their code still held comes home.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import superslab, { BufferPool } from 'superslab';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blockBytes } from './support/block-bytes.js';
import { isStamped, stamp } from './support/bytes.js';
import { childJson, runChild } from './support/child.js';
import { endWorkers, startWorker } from './support/worker.js';

afterEach(endWorkers);

const before = { inUse: 0, leaked: 0 };
beforeEach(() => {
  const stats = superslab.stats();
  before.inUse = stats.inUseBytes;
  before.leaked = stats.leakedBlocks;
  expect(stats.threads).toBe(1);
});

/** What changed since the test began. */
const now = () => {
  const { inUseBytes, leakedBlocks, threads, doubleFrees } = superslab.stats();
  return { inUse: inUseBytes - before.inUse, leaked: leakedBlocks - before.leaked, threads, doubleFrees };
};

/** Buffers of all sizes, all at once, that hold what is written. */
const poolWorks = () => {
  const bufs = [10, 100, 1000, 5000, 50_000, 500_000, 3 << 20].flatMap((size) =>
    superslab.acquireMany(size, 6),
  );
  bufs.forEach(stamp);
  expect(bufs.every(isStamped)).toBe(true);
  superslab.releaseMany(bufs);
};

describe('a worker', () => {
  test('has the default pool, with magazines of its own', async () => {
    const worker = await startWorker();
    const buf = superslab.acquire(1000).fill(1);
    const offset = await worker.run('state.buf = superslab.acquire(1000).fill(2); return state.buf.length');
    expect(offset).toBe(1000);
    expect(superslab.stats().threads).toBe(2);
    expect(buf.every((byte) => byte === 1)).toBe(true);
    await worker.run('state.buf.release()');
    buf.release();
    expect(now().inUse).toBe(0);
  });

  test('has pools of its own, which end with it', async () => {
    const worker = await startWorker();
    const inUse = await worker.run(
      `state.pool = new superslab.BufferPool({ maxBytes: 1 << 20 });
       state.buf = state.pool.acquire(100000);
       return state.pool.stats().inUseBytes;`,
    );
    expect(inUse).toBeGreaterThan(100_000);
    await worker.terminate();
    expect(now()).toEqual({ inUse: 0, leaked: 0, threads: 1, doubleFrees: 0 });
  });

  test('knows a pooled buffer that arrives by postMessage as a copy', async () => {
    const worker = await startWorker();
    const buf = superslab.from('copied');
    const result = await worker.run(
      `const text = Buffer.from(argument).toString();
       try { superslab.release(argument); } catch (error) { return [text, error.code]; }`,
      buf,
    );
    expect(result).toEqual(['copied', 'ERR_SUPERSLAB_FOREIGN']);
    buf.release();
  });
});

describe('what a worker held', () => {
  const hold = `
    state.bufs = [100, 1000, 100000, 3 << 20].flatMap((size) => superslab.default.acquireMany(size, 5));
    superslab.default.acquireMany(700, 20).forEach((buf) => buf.release());`;

  test('is counted as leaked and reclaimed after terminate()', async () => {
    const worker = await startWorker();
    await worker.run(hold);
    expect(now()).toMatchObject({ leaked: 0, threads: 2 });
    await worker.terminate();
    expect(now()).toEqual({ inUse: 0, leaked: 20, threads: 1, doubleFrees: 0 });
    poolWorks();
  });

  test('is counted as leaked and reclaimed after process.exit() in it', async () => {
    const worker = await startWorker();
    worker.start(`${hold} process.exit(5);`);
    expect(await worker.ended).toBe(5);
    expect(now()).toEqual({ inUse: 0, leaked: 20, threads: 1, doubleFrees: 0 });
    poolWorks();
  });

  test('is counted as leaked and reclaimed after an error that nobody caught', async () => {
    const worker = await startWorker();
    worker.start(`${hold} setImmediate(() => { throw new Error('nobody caught this'); });`);
    expect(await worker.ended).toBe(1);
    expect(worker.errors).toMatchObject([{ message: 'nobody caught this' }]);
    expect(now()).toEqual({ inUse: 0, leaked: 20, threads: 1, doubleFrees: 0 });
  });

  test('is not leaked when it was released before', async () => {
    const worker = await startWorker();
    worker.start(`${hold} superslab.default.releaseMany(state.bufs); process.exit(0);`);
    await worker.ended;
    expect(now()).toEqual({ inUse: 0, leaked: 0, threads: 1, doubleFrees: 0 });
  });

  test('and had retained is one leak a block', async () => {
    const worker = await startWorker();
    await worker.run('state.buf = superslab.acquire(100).retain().retain();');
    await worker.terminate();
    expect(now()).toEqual({ inUse: 0, leaked: 1, threads: 1, doubleFrees: 0 });
  });

  test('and had shared with itself is one leak a block', async () => {
    const worker = await startWorker();
    await worker.run(`
      state.bufs = superslab.default.acquireMany(1000, 10);
      state.again = superslab.default.adopt(superslab.default.share(state.bufs[0]));`);
    await worker.terminate();
    expect(now()).toEqual({ inUse: 0, leaked: 10, threads: 1, doubleFrees: 0 });
  });

  test('of another thread goes home when it had adopted it', async () => {
    const worker = await startWorker();
    const bufs = superslab.acquireMany(1000, 10);
    bufs.forEach(stamp);
    await worker.run(
      'state.bufs = argument.map((token) => superslab.default.adopt(token));',
      bufs.map((buf) => superslab.share(buf)),
    );
    superslab.releaseMany(bufs.slice(0, 5));
    expect(now().inUse).toBe(10 * blockBytes(1000));
    await worker.terminate();
    expect(now()).toMatchObject({ inUse: 5 * blockBytes(1000), threads: 1 });
    expect(bufs.slice(5).every((buf, i) => isStamped(buf, i + 5))).toBe(true);
    superslab.releaseMany(bufs.slice(5));
    expect(now().inUse).toBe(0);
    poolWorks();
  });

  test('of a pool of another thread goes home to that pool', async () => {
    const pool = new BufferPool();
    const worker = await startWorker();
    const buf = pool.acquire(1000);
    await worker.run('state.buf = superslab.default.adopt(argument)', pool.share(buf));
    buf.release();
    expect(pool.stats().inUseBytes).toBe(blockBytes(1000));
    await worker.terminate();
    expect(pool.stats().inUseBytes).toBe(0);
    pool.close();
  });

  test("is cleared when SUPERSLAB_ZERO is 'release'", async () => {
    const seen = await childJson(
      `
      import superslab from 'superslab';
      import { Worker } from 'node:worker_threads';
      const worker = new Worker(
        \`const superslab = require('superslab').default;
         const secrets = superslab.acquireMany(1000, 50).map((buf) => buf.fill(0x77));
         require('node:worker_threads').parentPort.postMessage(superslab.share(secrets[0]));
         setInterval(() => secrets, 1000);\`,
        { eval: true, execArgv: [] });
      const token = await new Promise((resolve) => worker.once('message', resolve));
      const view = superslab.adopt(token);
      const whole = new Uint8Array(view.buffer);
      const secrets = () => whole.reduce((sum, byte) => sum + (byte === 0x77 ? 1 : 0), 0);
      const before = secrets();
      view.release();
      await worker.terminate();
      console.log(JSON.stringify({ before, after: secrets() }));`,
      { env: { SUPERSLAB_ZERO: 'release' } },
    );
    expect(seen.before).toBeGreaterThanOrEqual(50_000);
    expect(seen.after).toBe(0);
  });
});

describe('terminate() at a random moment', () => {
  const random = (most: number) => Math.floor(Math.random() * most);
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  /** Starts a worker on `body`, terminates it up to 15 ms later, `rounds` times, two at once. */
  async function terminations(rounds: number, body: string, argument?: () => unknown): Promise<void> {
    const lane = async () => {
      for (let round = 0; round < rounds / 2; round++) {
        const worker = await startWorker();
        worker.start(body, argument?.());
        await sleep(random(15));
        await worker.terminate();
      }
    };
    await Promise.all([lane(), lane()]);
  }

  test('in the middle of acquire and release', async () => {
    const mine = superslab.acquireMany(1000, 50);
    mine.forEach(stamp);
    await terminations(
      24,
      `const held = [];
       for (let i = 0; ; i++) {
         held.push(superslab.acquire(1 + (i * 7919) % 20000).fill(0xdd));
         if (held.length > 40) held.splice((i * 31) % 40, 1)[0].release();
       }`,
    );
    expect(mine.every(isStamped)).toBe(true);
    superslab.releaseMany(mine);
    expect(now()).toMatchObject({ inUse: 0, threads: 1, doubleFrees: 0 });
    expect(now().leaked).toBeGreaterThan(0);
    poolWorks();
  });

  test('in the middle of nothing but acquire and release of one size', async () => {
    await terminations(16, 'for (;;) superslab.acquire(100).release();');
    expect(now()).toMatchObject({ inUse: 0, threads: 1, doubleFrees: 0 });
    poolWorks();
  });

  test('in the middle of large blocks', async () => {
    await terminations(
      12,
      `const held = [];
       for (let i = 0; ; i++) {
         held.push(superslab.acquire((2 << 20) + 1 + (i % 7) * 500000));
         if (held.length > 3) held.shift().release();
       }`,
    );
    expect(now()).toMatchObject({ inUse: 0, threads: 1, doubleFrees: 0 });
    poolWorks();
  });

  test('in the middle of sharing and adopting', async () => {
    const bufs = superslab.acquireMany(3000, 10);
    bufs.forEach(stamp);
    await terminations(
      16,
      `const held = argument.map((token) => superslab.default.adopt(token));
       for (let i = 0; ; i++) {
         const own = superslab.acquire(2000);
         const adopted = superslab.default.adopt(superslab.default.share(i % 2 ? own : held[i % held.length]));
         own.release();
         adopted.release();
       }`,
      () => bufs.map((buf) => superslab.share(buf)),
    );
    expect(bufs.every(isStamped)).toBe(true);
    superslab.releaseMany(bufs);
    // Tokens on their way at the moment of a termination are nobody's: each may keep one block.
    expect(now()).toMatchObject({ threads: 1, doubleFrees: 0 });
    expect(now().inUse).toBeLessThanOrEqual(26 * 3072);
    poolWorks();
  });

  test('in the middle of file reads into pooled buffers: no byte lands in a block of somebody else', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'superslab-reads-'));
    const file = join(folder, 'file');
    writeFileSync(file, Buffer.alloc(1 << 20, 0xbb));
    try {
      for (let round = 0; round < 12; round++) {
        const worker = await startWorker();
        worker.start(
          `const { open } = await import('node:fs/promises');
           const files = await Promise.all(Array.from({ length: 4 }, () => open(argument)));
           const turn = async (file) => {
             for (;;) {
               const buf = superslab.acquire(60000);
               await file.read({ buffer: buf, position: 0 });
               buf.release();
             }
           };
           await Promise.all(files.flatMap((file) => [turn(file), turn(file), turn(file)]));`,
          file,
        );
        await sleep(random(25));
        await worker.terminate();
        // The blocks of the dead worker, if they are given out again now.
        const bufs = superslab.acquireMany(60_000, 30);
        for (const buf of bufs) buf.fill(0x11);
        await sleep(5);
        expect(bufs.every((buf) => buf.every((byte) => byte === 0x11))).toBe(true);
        superslab.releaseMany(bufs);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
    expect(now()).toMatchObject({ inUse: 0, threads: 1, doubleFrees: 0 });
  });

  test('in the middle of a wait for room', async () => {
    await terminations(
      8,
      `const pool = new superslab.BufferPool({ maxBytes: 1 << 16, onExhausted: 'wait' });
       pool.acquire(1 << 16);
       for (;;) { try { pool.acquire(64); } catch {} }`,
    );
    expect(now()).toMatchObject({ inUse: 0, threads: 1 });
  });

  // A hundred threads begin and end: on a busy machine that takes its time.
  test('a hundred times, memory does not grow', { timeout: 120_000 }, async () => {
    const seen = await childJson(
      `
      import superslab from 'superslab';
      import { Worker } from 'node:worker_threads';
      const code = \`
        const { default: superslab, acquire, BufferPool } = require('superslab');
        const pool = new BufferPool();
        const held = superslab.acquireMany(3000, 200).concat(pool.acquireMany(50000, 10));
        require('node:worker_threads').parentPort.postMessage('ready');
        for (let i = 0; ; i++) { held[i % 200].release(); held[i % 200] = acquire(3000); }\`;
      const once = async () => {
        const worker = new Worker(code, { eval: true, execArgv: [] });
        await new Promise((resolve) => worker.once('message', resolve));
        await worker.terminate();
      };
      const many = async (n) => { for (let i = 0; i < n; i += 2) await Promise.all([once(), once()]); };
      await many(20);
      const first = superslab.stats();
      await many(100);
      const last = superslab.stats();
      console.log(JSON.stringify({
        grown: last.committedBytes - first.committedBytes,
        inUse: last.inUseBytes,
        threads: last.threads,
        leaked: last.leakedBlocks - first.leakedBlocks,
        reserved: last.reservedBytes - first.reservedBytes,
      }));`,
      { timeoutMs: 110_000 },
    );
    expect(seen).toMatchObject({ inUse: 0, threads: 1 });
    // What a worker held is 1.1 MB. Two at a time may come to overlap more than before.
    expect(seen.grown).toBeLessThanOrEqual(4 << 20);
    expect(seen.reserved).toBeLessThanOrEqual(4 << 20);
    expect(seen.leaked).toBeGreaterThan(100 * 150);
    expect(seen.leaked).toBeLessThanOrEqual(100 * 200);
  });
});

describe('the process', () => {
  test('ends by itself with buffers, pools and workers that are idle', async () => {
    const { code, signal, stderr } = await runChild(`
      import superslab, { BufferPool } from 'superslab';
      import { Worker } from 'node:worker_threads';
      superslab.acquireMany(1000, 100);
      new BufferPool({ purgeDelayMs: 10 }).acquire(5 << 20);
      new Worker("require('superslab').acquire(100)", { eval: true, execArgv: [] });`);
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  });

  test('may exit while workers run', async () => {
    const { code, signal } = await runChild(`
      import superslab from 'superslab';
      import { Worker } from 'node:worker_threads';
      const code = "const { acquire } = require('superslab'); postMessage = require('node:worker_threads').parentPort.postMessage(1); for (;;) acquire(1000).release()";
      for (let i = 0; i < 3; i++) {
        const worker = new Worker(code, { eval: true, execArgv: [] });
        await new Promise((resolve) => worker.once('message', resolve));
      }
      superslab.acquire(5);
      process.exit(7);`);
    expect({ code, signal }).toEqual({ code: 7, signal: null });
  });
});
