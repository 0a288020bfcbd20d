// Sharing by token: without a copy, exactly once, and home when the last has released.
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import superslab, { BufferPool } from 'superslab';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blockBytes } from './support/block-bytes.js';
import { hasStampedPages, isStamped, stamp, stampPages } from './support/bytes.js';
import { thrownBy } from './support/expect-error.js';
import { endWorkers, startWorker } from './support/worker.js';

let pool: BufferPool;
beforeEach(() => {
  pool = new BufferPool({ name: 'share' });
});
afterEach(async () => {
  await endWorkers();
  expect(pool.stats()).toMatchObject({ inUseBytes: 0, doubleFrees: 0, leakedBlocks: 0 });
  pool.close();
});

const inUse = () => pool.stats().inUseBytes;

describe('in one thread', () => {
  test('an adopted buffer is the same memory', () => {
    const buf = pool.from('hello');
    const adopted = pool.adopt(pool.share(buf));
    expect(adopted).not.toBe(buf);
    expect(adopted.length).toBe(5);
    expect(adopted.capacity).toBe(buf.capacity);
    adopted[0] = 0x48;
    expect(buf.toString()).toBe('Hello');
    pool.releaseMany([buf, adopted]);
  });

  test('an adopted buffer is in the same window', () => {
    const buf = pool.from('hello');
    const adopted = pool.adopt(pool.share(buf));
    expect([adopted.buffer === buf.buffer, adopted.byteOffset]).toEqual([true, buf.byteOffset]);
    pool.releaseMany([buf, adopted]);
  });

  test('the memory goes home with the last release, in any order', () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const buf = pool.acquire(1000);
      const bufs = [buf, pool.adopt(pool.share(buf)), pool.adopt(pool.share(buf))];
      for (const [done, i] of order.entries()) {
        expect(inUse()).toBe(blockBytes(1000));
        bufs[i]!.release();
        expect(inUse()).toBe(done === 2 ? 0 : blockBytes(1000));
      }
    }
  });

  test('a token keeps the memory when the buffer is released first', () => {
    const buf = pool.acquire(1000);
    stamp(buf, 5);
    const token = pool.share(buf);
    buf.release();
    const others = pool.acquireMany(1000, 100);
    others.forEach((other) => {
      other.fill(0xff);
    });
    const adopted = pool.adopt(token);
    expect(isStamped(adopted, 5)).toBe(true);
    pool.releaseMany([adopted, ...others]);
  });

  test('revoke takes back the reference of a token', () => {
    const buf = pool.acquire(1000);
    const token = pool.share(buf);
    buf.release();
    expect(inUse()).toBe(blockBytes(1000));
    pool.revoke(token);
    expect(inUse()).toBe(0);
  });

  test('revoke by another pool works', () => {
    const [first, second] = [pool.acquire(1000), pool.acquire(1000)];
    superslab.revoke(pool.share(first));
    const buf = superslab.adopt(pool.share(second));
    expect(buf.length).toBe(1000);
    // Both first references are still there: told by the pool, which is closed with them.
    expect(inUse()).toBe(2 * blockBytes(1000));
    const leftover = pool;
    pool = new BufferPool({ name: 'share' });
    leftover.close();
    buf.release();
    first.release();
    second.release();
  });

  test('retained references and shares add up', () => {
    const buf = pool.acquire(1000).retain();
    const adopted = pool.adopt(pool.share(buf)).retain();
    expect([buf.refs, adopted.refs]).toEqual([2, 2]);
    for (const one of [buf, adopted, buf, adopted]) {
      expect(inUse()).toBe(blockBytes(1000));
      one.release();
    }
    expect(inUse()).toBe(0);
    thrownBy(() => buf.release(), 'ERR_SUPERSLAB_RELEASED');
    thrownBy(() => adopted.release(), 'ERR_SUPERSLAB_RELEASED');
  });

  test('an adopted buffer can be shared again', () => {
    let buf = pool.acquire(1000);
    stamp(buf, 6);
    for (let i = 0; i < 20; i++) {
      const next = pool.adopt(pool.share(buf));
      buf.release();
      buf = next;
    }
    expect(isStamped(buf, 6)).toBe(true);
    buf.release();
  });

  test('many tokens of one buffer are all different and each good once', () => {
    const buf = pool.acquire(64);
    const tokens = Array.from({ length: 50 }, () => pool.share(buf));
    buf.release();
    expect(new Set(tokens.map((token) => token.slice(26))).size).toBe(50);
    for (const [i, token] of tokens.entries()) {
      if (i % 2 === 0) pool.revoke(token);
      else pool.adopt(token).release();
      thrownBy(() => pool.adopt(token), 'ERR_SUPERSLAB_TOKEN_USED');
    }
    expect(inUse()).toBe(0);
  });

  test('a stale token does not reach the next lease of the same block', () => {
    const first = pool.acquire(1000);
    const stale = pool.share(first);
    pool.revoke(stale);
    const { byteOffset } = first;
    first.release();
    let second = pool.acquire(1000);
    const others = [];
    for (; second.byteOffset !== byteOffset && others.length < 1000; second = pool.acquire(1000))
      others.push(second);
    expect(second.byteOffset).toBe(byteOffset);
    const fresh = pool.share(second);
    thrownBy(() => pool.adopt(stale), 'ERR_SUPERSLAB_TOKEN_USED');
    // The nonce of the one with the number of the other is forged.
    const mixed = (fresh.slice(0, 26) + stale.slice(26)) as typeof fresh;
    thrownBy(() => pool.adopt(mixed), 'ERR_SUPERSLAB_TOKEN');
    pool.revoke(fresh);
    pool.releaseMany([second, ...others]);
  });

  test('a token survives JSON, structuredClone and a MessageChannel', () => {
    const { port1, port2 } = new MessageChannel();
    const send = <T>(value: T): T => {
      port1.postMessage(value);
      return receiveMessageOnPort(port2)!.message as T;
    };
    for (const travel of [<T>(t: T) => JSON.parse(JSON.stringify(t)) as T, structuredClone, send]) {
      const buf = pool.from('travelled');
      const adopted = pool.adopt(travel(pool.share(buf)));
      expect(adopted.toString()).toBe('travelled');
      pool.releaseMany([buf, adopted]);
    }
    port1.close();
  });

  test.for([3 << 20, 8 << 20])('blocks of %i bytes are shared like others', (size) => {
    const buf = pool.acquire(size);
    stampPages(buf, 7);
    const token = pool.share(buf);
    buf.release();
    const adopted = pool.adopt(token);
    expect(adopted.length).toBe(size);
    expect(hasStampedPages(adopted, 7)).toBe(true);
    adopted.release();
    expect(inUse()).toBe(0);
  });

  test("zero: 'release' clears a shared block with its last reference", () => {
    const zeroing = new BufferPool({ zero: 'release' });
    const buf = zeroing.acquire(1000).fill(7);
    const adopted = zeroing.adopt(zeroing.share(buf));
    buf.release();
    expect(adopted.every((byte) => byte === 7)).toBe(true);
    adopted.release();
    expect(adopted.every((byte) => byte === 0)).toBe(true);
    zeroing.close();
  });

  test("zero: 'release' clears when the last reference is a token that is revoked", () => {
    const zeroing = new BufferPool({ zero: 'release' });
    const buf = zeroing.acquire(1000).fill(7);
    const token = zeroing.share(buf);
    buf.release();
    zeroing.revoke(token);
    expect(buf.every((byte) => byte === 0)).toBe(true);
    zeroing.close();
  });

  test("zero: 'release' clears when another pool has the last reference", () => {
    const zeroing = new BufferPool({ zero: 'release' });
    const buf = zeroing.acquire(1000).fill(7);
    const adopted = pool.adopt(zeroing.share(buf));
    buf.release();
    adopted.release();
    expect(buf.every((byte) => byte === 0)).toBe(true);
    zeroing.close();
  });
});

describe('across workers', () => {
  test('a worker sees the bytes, and writes into the same memory', async () => {
    const worker = await startWorker();
    const buf = pool.from('from the main thread');
    const seen = await worker.run(
      `const buf = superslab.default.adopt(argument);
       const text = buf.toString();
       buf.write('FROM');
       buf.release();
       return text;`,
      pool.share(buf),
    );
    expect(seen).toBe('from the main thread');
    expect(buf.toString()).toBe('FROM the main thread');
    buf.release();
  });

  test('a worker releases last: the block goes home to the thread that acquired it', async () => {
    const worker = await startWorker();
    const buf = pool.acquire(1000);
    const token = pool.share(buf);
    buf.release();
    expect(inUse()).toBe(blockBytes(1000));
    await worker.run('superslab.default.adopt(argument).release()', token);
    expect(inUse()).toBe(0);
    const again = pool.acquireMany(1000, 200);
    again.forEach(stamp);
    expect(again.every(isStamped)).toBe(true);
    pool.releaseMany(again);
  });

  test('a worker shares with the main thread and ends: the bytes stay', async () => {
    const worker = await startWorker();
    const token = await worker.run(
      `const buf = superslab.acquire(3000).fill(0x55);
       const token = superslab.default.share(buf);
       buf.release();
       return token;`,
    );
    await worker.terminate();
    const adopted = superslab.adopt(token);
    expect(adopted.every((byte) => byte === 0x55)).toBe(true);
    adopted.release();
  });

  test('a worker that holds the buffer it shared is terminated: the bytes stay', async () => {
    const worker = await startWorker();
    const token = await worker.run(
      `state.buf = superslab.acquire(3000).fill(0x66);
       return superslab.default.share(state.buf);`,
    );
    await worker.terminate();
    const others = superslab.acquireMany(3000, 200);
    for (const other of others) other.fill(0);
    const adopted = superslab.adopt(token);
    expect(adopted.every((byte) => byte === 0x66)).toBe(true);
    superslab.releaseMany([adopted, ...others]);
  });

  test('blocks of 8 MiB go to a worker and back', async () => {
    const worker = await startWorker();
    const buf = pool.acquire(8 << 20);
    stampPages(buf, 11);
    const back = await worker.run(
      `const buf = superslab.default.adopt(argument);
       const sum = buf[4096];
       buf[100] = 77;
       const token = superslab.default.share(buf);
       buf.release();
       return { sum, token };`,
      pool.share(buf),
    );
    buf.release();
    const adopted = pool.adopt(back.token);
    expect([back.sum, adopted[100]]).toEqual([(11 + 4096) & 255, 77]);
    adopted.release();
    expect(inUse()).toBe(0);
  });

  test('a token that a worker used is used everywhere, and can be revoked by any thread', async () => {
    const worker = await startWorker();
    const buf = pool.acquire(100);
    const [used, revoked] = [pool.share(buf), pool.share(buf)];
    await worker.run('superslab.default.adopt(argument).release()', used);
    thrownBy(() => pool.adopt(used), 'ERR_SUPERSLAB_TOKEN_USED');
    await worker.run('superslab.default.revoke(argument)', revoked);
    thrownBy(() => pool.adopt(revoked), 'ERR_SUPERSLAB_TOKEN_USED');
    await expect(worker.run('superslab.default.adopt(argument)', used)).rejects.toMatchObject({
      code: 'ERR_SUPERSLAB_TOKEN_USED',
    });
    buf.release();
  });

  test('of many workers that race for a token exactly one gets it', async () => {
    const workers = await Promise.all([startWorker(), startWorker(), startWorker()]);
    for (let round = 0; round < 50; round++) {
      const buf = pool.acquire(64);
      const token = pool.share(buf);
      const got = await Promise.all(
        workers.map((worker) =>
          worker.run(
            `try { superslab.default.adopt(argument).release(); return 1; }
             catch (error) { if (error.code !== 'ERR_SUPERSLAB_TOKEN_USED') throw error; return 0; }`,
            token,
          ),
        ),
      );
      expect(got.reduce((sum, one) => sum + one)).toBe(1);
      buf.release();
    }
    expect(inUse()).toBe(0);
  });

  test('one buffer is read by several workers at once', async () => {
    const workers = await Promise.all([startWorker(), startWorker(), startWorker()]);
    const buf = pool.acquire(100_000);
    buf.fill('superslab');
    const tokens = workers.map(() => pool.share(buf));
    buf.release();
    const wanted = Buffer.alloc(100_000, 'superslab').toString('latin1');
    const seen = await Promise.all(
      workers.map((worker, i) =>
        worker.run(
          'const buf = superslab.default.adopt(argument); const text = buf.toString("latin1"); buf.release(); return text;',
          tokens[i],
        ),
      ),
    );
    for (const text of seen) expect(text === wanted).toBe(true);
    expect(inUse()).toBe(0);
  });

  test('a ring of workers hands buffers on, a thousand times', async () => {
    const workers = await Promise.all([startWorker(), startWorker()]);
    const bufs = pool.acquireMany(500, 20);
    bufs.forEach(stamp);
    let tokens = bufs.map((buf) => pool.share(buf));
    pool.releaseMany(bufs);
    for (let hop = 0; hop < 50; hop++) {
      tokens = await workers[hop % 2]!.run(
        `return argument.map((token) => {
           const buf = superslab.default.adopt(token);
           const next = superslab.default.share(buf);
           buf.release();
           return next;
         });`,
        tokens,
      );
    }
    const back = tokens.map((token) => pool.adopt(token));
    expect(back.every(isStamped)).toBe(true);
    pool.releaseMany(back);
    expect(inUse()).toBe(0);
  });
});
