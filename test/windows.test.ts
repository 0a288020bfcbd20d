// The ArrayBuffer under a pooled buffer: it holds whole blocks, as few as can be had, and nobody takes it away unseen.
import { BufferPool, type PooledBuffer, stats } from 'superslab';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isStamped, stamp } from './support/bytes.js';
import { childJson } from './support/child.js';
import { thrownBy } from './support/expect-error.js';
import { watchesAll } from './support/watching.js';

const KiB = 1024;

let pool: BufferPool;
beforeEach(() => {
  pool = new BufferPool({ name: 'windows' });
});
afterEach(() => {
  expect(pool.stats().inUseBytes).toBe(0);
  pool.close();
});

/** Whether a mark keeps memory from being detached; docs/BUFFERS.md says since when. */
const refuses = (() => {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
  return major > 24 || (major === 24 && minor >= 15);
})();

describe('what lies in the ArrayBuffer', () => {
  const sizes = [64, 100, 1500, 4 * KiB, 7 * KiB, 10 * KiB, 16 * KiB, 24 * KiB, 32 * KiB, 40 * KiB, 56 * KiB];

  test.for(sizes)('buffers of %i bytes share at most 64 KiB, in whole blocks', (size, { skip }) => {
    if (watchesAll) skip('watched buffers have an ArrayBuffer of their own');
    const bufs = pool.acquireMany(size, 300);
    const { capacity } = bufs[0]!;
    for (const buf of bufs) {
      expect(buf.buffer.byteLength).toBeLessThan(64 * KiB + capacity);
      expect(buf.buffer.byteLength % capacity).toBe(0);
      expect(buf.byteOffset % capacity).toBe(0);
    }
    pool.releaseMany(bufs);
  });

  test.for([64 * KiB, 80 * KiB, 100_000, 500_000, 1024 * KiB, 2048 * KiB, 3 << 20])(
    'a buffer of %i bytes has its own',
    (size) => {
      const bufs = pool.acquireMany(size, 12);
      expect(new Set(bufs.map((buf) => buf.buffer)).size).toBe(12);
      for (const buf of bufs) {
        expect(buf.byteOffset).toBe(0);
        if (!watchesAll) expect(buf.buffer.byteLength).toBe(buf.capacity);
      }
      bufs.forEach(stamp);
      expect(bufs.every(isStamped)).toBe(true);
      pool.releaseMany(bufs);
    },
  );

  test('it is the same one when the block is leased again', () => {
    const buf = pool.acquire(100_000);
    const { buffer } = buf;
    buf.release();
    const again = pool.acquire(100_000);
    if (!watchesAll) expect(again.buffer).toBe(buffer);
    again.release();
  });

  test('another thread and another pool see the same bytes', () => {
    for (const size of [700, 24 * KiB, 40 * KiB, 80 * KiB, 300 * KiB]) {
      const bufs = pool.acquireMany(size, 20);
      bufs.forEach(stamp);
      const adopted = bufs.map((buf) => pool.adopt(pool.share(buf)));
      expect(adopted.every(isStamped)).toBe(true);
      pool.releaseMany([...bufs, ...adopted]);
    }
  });
});

describe('whose memory a view shows', () => {
  const MiB = 1 << 20;

  test('is known of blocks beyond 2 MiB, of whatever pool', () => {
    const other = new BufferPool({ name: 'other' });
    const bufs = [pool.acquire(3 * MiB), other.acquire(4 * MiB), other.acquire(100)];
    const messages = bufs.map(
      (buf) => thrownBy(() => pool.release(buf.subarray(1) as PooledBuffer), 'ERR_SUPERSLAB_FOREIGN').message,
    );
    expect(messages.map((message) => /\((.*?)\)/.exec(message)?.[1])).toEqual([
      '3145727 B, pool "windows"',
      '4194303 B, pool "other"',
      '99 B, pool "other"',
    ]);
    const { message } = thrownBy(() => pool.release(Buffer.alloc(5) as never), 'ERR_SUPERSLAB_FOREIGN');
    expect(message).toMatch(/: it is no buffer of superslab$/);
    pool.releaseMany(bufs);
    other.close();
  });
});

describe('memory that is cut anew', () => {
  // What a pool gave back is cut for other sizes: each step leases all of it, in another size.
  const steps = [100, 24 * KiB, 1500, 80 * KiB, 10 * KiB, 640 * KiB, 64, 40 * KiB, 28 * KiB, 1500];

  test('buffers lie in windows of the new cut, and never overlap', () => {
    const small = new BufferPool({ name: 'cut anew', maxBytes: 2 << 20 });
    for (let round = 0; round < 2; round++) {
      for (const size of steps) {
        const bufs: PooledBuffer[] = [];
        try {
          for (;;) bufs.push(small.acquire(size));
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_SUPERSLAB_EXHAUSTED' });
        }
        bufs.forEach(stamp);
        expect(bufs.every(isStamped)).toBe(true);
        if (!watchesAll) {
          const { capacity } = bufs[0]!;
          const isWhole = ({ byteLength }: ArrayBufferLike) =>
            byteLength % capacity === 0 && byteLength < 64 * KiB + capacity;
          expect(bufs.every((buf) => isWhole(buf.buffer))).toBe(true);
        }
        small.releaseMany(bufs);
        small.trim();
      }
    }
    small.close();
  });

  test('a view of the former cut goes on working, and keeps its length', () => {
    const small = new BufferPool({ name: 'cut anew', maxBytes: 4 << 20 });
    const first = small.acquireMany(24 * KiB, 20);
    const views = first.map((buf) => buf.subarray());
    small.releaseMany(first);
    small.trim();
    const second = small.acquireMany(1500, 1000);
    for (const view of views) {
      expect(view.length).toBe(watchesAll && first[0]!.length === 0 ? 0 : 24 * KiB);
      if (view.length > 0) view[0] = view[view.length - 1]!;
    }
    small.releaseMany(second);
    small.close();
  });

  test('external memory is what the windows show, not more', async ({ skip }) => {
    if (watchesAll) skip('watched buffers have an ArrayBuffer of their own');
    const seen = await childJson(
      `import { BufferPool } from 'superslab';
      const before = process.memoryUsage().external;
      const pool = new BufferPool();
      const out = [];
      const held = [];
      for (const size of [1500, 10_000, 28_000, 40_000, 80_000, 700_000]) {
        held.push(...pool.acquireMany(size, Math.ceil((8 << 20) / size)));
        for (let i = 0; i < 4; i++) {
          gc();
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        out.push([size, process.memoryUsage().external - before, pool.stats().committedBytes]);
      }
      pool.releaseMany(held);
      console.log(JSON.stringify(out));`,
      { nodeArguments: ['--expose-gc'] },
    );
    for (const [size, external, committed] of seen) {
      expect(external, `of ${size} B`).toBeLessThan(committed * 1.02 + (1 << 20));
      expect(external, `of ${size} B`).toBeGreaterThan(committed * 0.6);
    }
  });
});

describe('a byte stream', () => {
  const enqueue = async (buf: Uint8Array): Promise<unknown> => {
    try {
      const stream = new ReadableStream({
        type: 'bytes',
        start(controller) {
          controller.enqueue(buf);
          controller.close();
        },
      });
      return (await stream.getReader().read()).value;
    } catch (error) {
      return error;
    }
  };
  const sites = () => stats().misuse.filter((site) => site.kind === 'window-detached');

  test('is refused the memory, from Node 24.15 on', async ({ skip }) => {
    if (!refuses) skip('earlier versions give it away');
    if (watchesAll) skip('watched buffers have an ArrayBuffer of their own');
    for (const size of [100, 100_000, 3 << 20]) {
      const others = pool.acquireMany(size, 5);
      const buf = pool.acquire(size);
      expect(await enqueue(buf)).toBeInstanceOf(TypeError);
      expect(buf.length).toBe(size);
      expect(() => structuredClone(buf.buffer, { transfer: [buf.buffer as ArrayBuffer] })).toThrow(
        /clone|transfer/i,
      );
      const transfer = Reflect.get(ArrayBuffer.prototype, 'transfer') as () => unknown;
      expect(() => transfer.call(buf.buffer)).toThrow(TypeError);
      expect(others.every((other) => other.length === size)).toBe(true);
      pool.releaseMany([...others, buf]);
    }
    expect(sites()).toEqual([]);
  });

  test('takes the neighbours, and that is reported at once, before Node 24.15', async ({ skip }) => {
    if (refuses) skip('later versions refuse');
    if (watchesAll) skip('watched buffers have an ArrayBuffer of their own');
    const own = new BufferPool({ name: 'byte streams' });
    const bufs = own.acquireMany(1500, 10);
    const released = own.acquireMany(1500, 5);
    own.releaseMany(released);
    const warning = new Promise<Error & { code?: string }>((resolve) => process.once('warning', resolve));
    await enqueue(bufs[3]!);
    expect(bufs.every((buf) => buf.length === 0)).toBe(true);
    // By stats() itself: nothing else of the pool is called.
    expect(sites()).toMatchObject([
      { pool: 'byte streams', size: 1536, count: 1, detail: '10 leases of it lost their bytes' },
    ]);
    expect(await warning).toMatchObject({ code: 'SUPERSLAB_GUARD' });
    expect((await warning).message).toMatch(/pool "byte streams" had 10 leases/);
    expect((await warning).message).toMatch(/Buffer\.from\(buf\)/);
    // Each is released once, as if nothing had happened, and the memory is leased again.
    own.releaseMany(bufs);
    const again = own.acquireMany(1500, 10);
    again.forEach(stamp);
    expect(again.every(isStamped)).toBe(true);
    own.releaseMany(again);
    expect(sites()).toHaveLength(1);
    own.close();
  });

  test('takes no neighbour of a buffer from 64 KiB on, in any version', async () => {
    const bufs = pool.acquireMany(64 * KiB, 5);
    bufs.forEach(stamp);
    await enqueue(bufs[2]!);
    expect(bufs.every((buf, i) => i === 2 || isStamped(buf, i))).toBe(true);
    pool.releaseMany(bufs);
  });
});

test('a process with windows of all kinds ends well, and so does its worker', async () => {
  const seen = await childJson(
    `import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    import superslab from 'superslab';
    globalThis.kept = [100, 30_000, 100_000, 3 << 20].map((size) => superslab.acquire(size));
    const worker = new Worker(
      'globalThis.kept = [100, 30_000, 100_000, 3 << 20].map((size) => require("superslab").acquire(size));',
      { eval: true, execArgv: [] },
    );
    console.log(JSON.stringify(await once(worker, 'exit')));`,
  );
  expect(seen).toEqual([0]);
});
