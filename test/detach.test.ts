// User code takes a window away: it is noticed and replaced, and nothing is lost.
import { MessageChannel } from 'node:worker_threads';
import { BufferPool, type PooledBuffer } from 'superslab';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isStamped, stamp } from './support/bytes.js';
import { collect } from './support/collect.js';

let pool: BufferPool;
beforeEach(() => {
  pool = new BufferPool({ name: 'detach' });
});
afterEach(() => {
  expect(pool.stats()).toMatchObject({ inUseBytes: 0, doubleFrees: 0 });
  pool.close();
});

type Transferable = ArrayBuffer & { transfer?(): ArrayBuffer };

/** Ways to take the memory of `buf` from under it. None need succeed; the result tells whether one did. */
const ways: Record<string, (buf: PooledBuffer) => Promise<boolean>> = {
  async 'a BYOB read'(buf) {
    const stream = new ReadableStream({
      type: 'bytes',
      pull(controller) {
        controller.enqueue(new Uint8Array([1]));
        controller.close();
      },
    });
    const reader = stream.getReader({ mode: 'byob' });
    const view = new Uint8Array(buf.buffer, buf.byteOffset, buf.length);
    await reader.read(view).catch(() => {});
    return buf.length === 0;
  },
  async 'structuredClone with a transfer list'(buf) {
    try {
      structuredClone(buf.buffer, { transfer: [buf.buffer as ArrayBuffer] });
    } catch {
      // Node 22 and later refuse.
    }
    return buf.length === 0;
  },
  async 'postMessage with a transfer list'(buf) {
    const { port1, port2 } = new MessageChannel();
    try {
      port1.postMessage(buf, [buf.buffer as ArrayBuffer]);
    } catch {
      // The same.
    }
    port1.close();
    port2.close();
    return buf.length === 0;
  },
  async 'ArrayBuffer.prototype.transfer'(buf) {
    try {
      (buf.buffer as Transferable).transfer?.();
    } catch {
      // Refused, where it can be.
    }
    return buf.length === 0;
  },
  async 'a borrowed ArrayBuffer.prototype.transfer'(buf) {
    try {
      (ArrayBuffer.prototype as Transferable).transfer?.call(buf.buffer);
    } catch {
      // The same.
    }
    return buf.length === 0;
  },
};

test('a BYOB read detaches the window in Node 20: the tests below test something', async ({ skip }) => {
  if (Number(process.versions.node.split('.')[0]) > 20) skip('later versions refuse');
  const buf = pool.acquire(100);
  expect(await ways['a BYOB read']!(buf)).toBe(true);
  expect(buf.buffer.byteLength).toBe(0);
  buf.release();
});

describe.for(Object.keys(ways))('%s', (name) => {
  const detach = ways[name]!;

  test('what is acquired afterwards is whole', async () => {
    const buf = pool.acquire(1000);
    await detach(buf);
    const next = pool.acquireMany(1000, 50);
    for (const one of next) expect(one.length).toBe(1000);
    next.forEach(stamp);
    expect(next.every(isStamped)).toBe(true);
    pool.releaseMany([buf, ...next]);
  });

  test('the buffer can be released, once, and its block is used again', async () => {
    const buf = pool.acquire(1000);
    await detach(buf);
    buf.release();
    expect(() => buf.release()).toThrow(/ERR_SUPERSLAB_RELEASED/);
    const next = pool.acquire(1000);
    expect(next.length).toBe(1000);
    stamp(next, 3);
    expect(isStamped(next, 3)).toBe(true);
    next.release();
  });

  test('other buffers of the window keep their memory for nobody else, and go home', async () => {
    const bufs = pool.acquireMany(1000, 20);
    await detach(bufs[0]!);
    const more = pool.acquireMany(1000, 20);
    more.forEach(stamp);
    pool.releaseMany(bufs);
    const again = pool.acquireMany(1000, 20);
    again.forEach((buf, i) => {
      stamp(buf, i + 100);
    });
    expect(more.every(isStamped)).toBe(true);
    expect(again.every((buf, i) => isStamped(buf, i + 100))).toBe(true);
    pool.releaseMany([...more, ...again]);
  });

  test('shared and adopted buffers work', async () => {
    const buf = pool.from('before');
    const token = pool.share(buf);
    await detach(buf);
    const adopted = pool.adopt(token);
    // What came by the BYOB read lies in the first byte.
    expect(adopted.toString('utf8', 1)).toBe('efore');
    // A token of a buffer that has lost its bytes would be one of nothing.
    if (buf.length === 0) expect(() => pool.share(buf)).toThrow(/ERR_SUPERSLAB_ARGUMENT.*detached/);
    else pool.revoke(pool.share(buf));
    buf.release();
    adopted.release();
    // What has the memory of a watched buffer now keeps its block.
    await collect(() => pool.stats().inUseBytes === 0);
    expect(pool.stats().inUseBytes).toBe(0);
  });

  test.for([3 << 20])('blocks of %i bytes get a window again', async (size) => {
    const buf = pool.acquire(size);
    await detach(buf);
    buf.release();
    const next = pool.acquire(size);
    expect(next.length).toBe(size);
    next[size - 1] = 7;
    expect(next[size - 1]).toBe(7);
    const adopted = pool.adopt(pool.share(next));
    expect(adopted[size - 1]).toBe(7);
    pool.releaseMany([next, adopted]);
  });

  test("zero: 'release' clears all the same", async () => {
    const zeroing = new BufferPool({ zero: 'release' });
    for (const size of [1000, 3 << 20]) {
      const buf = zeroing.acquire(size).fill(0x77);
      await detach(buf);
      buf.release();
      const next = zeroing.acquire(size);
      expect(next.every((byte) => byte === 0)).toBe(true);
      next.release();
    }
    zeroing.close();
  });

  test('again and again', async () => {
    for (let round = 0; round < 30; round++) {
      const bufs = pool.acquireMany(500, 10);
      bufs.forEach((buf, i) => {
        stamp(buf, i + round);
      });
      expect(bufs.every((buf, i) => isStamped(buf, i + round))).toBe(true);
      await detach(bufs[round % 10]!);
      pool.releaseMany(bufs);
    }
  });
});
