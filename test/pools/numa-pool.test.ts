// NumaPool keeps the contract of every pool, on one memory node as on several.
import { BufferPool, type PooledBuffer, stats } from 'superslab';
import { NumaPool } from 'superslab/pools';
import { afterEach, describe, expect, test } from 'vitest';
import { overlap } from '../support/bytes.js';
import { rejectedBy, thrownBy } from '../support/expect-error.js';
import { endWorkers, startWorker } from '../support/worker.js';
import { conformance } from './conformance.js';

const SIZE = 1500;

/** What the figures of a pool say when one buffer is lent: guards make blocks larger. */
const blockBytes = (() => {
  using pool = new NumaPool();
  const buf = pool.get(SIZE);
  const { inUseBytes } = pool.stats();
  buf.release();
  return inUseBytes;
})();

conformance<NumaPool, PooledBuffer>({
  name: 'NumaPool',
  relievedBy: 'caches',
  open: (options) => new NumaPool(options),
  limitedTo: (count) => ({ maxBytes: count * blockBytes }),
  take: (pool) => pool.get(SIZE),
  give: (pool, buf) => pool.put(buf as PooledBuffer),
  wait: (pool, signal) => pool.getAsync(SIZE, signal === undefined ? {} : { signal }),
  warm: (pool, count, onProgress) => pool.warm(SIZE, count, onProgress),
  isLent: (buf) => !buf.released,
  overlap,
  lendsAgain: false,
  strangers: (buf) => [
    buf.subarray(0, 10),
    Buffer.alloc(SIZE),
    new Uint8Array(buf.buffer, buf.byteOffset, SIZE),
    Object.create(buf),
  ],
  lent: ({ inUseBytes }) => inUseBytes / blockBytes,
  wrongOptions: [
    [{ maxBites: 1 }, '"maxBites"', 'did you mean "maxBytes"?'],
    [{ maxBytes: -1 }, '"maxBytes"', '-1'],
    [{ numa: 1 }, 'numa', 'node of its thread', 'BufferPool'],
    [{ numaRemoteShare: 0 }, '"numaRemoteShare"', '0'],
    [{ numaMoveBytes: 'fast' }, '"numaMoveBytes"', '"fast"'],
    [{ name: '' }, 'name', '""'],
  ],
  source: {
    open: "new (await import('superslab/pools')).NumaPool(OPTIONS)",
    take: 'pool.get(1 << 20)',
    give: 'thing.release()',
  },
});

afterEach(endWorkers);

describe('a pool for memory nodes', () => {
  test('says which nodes there are, and which one serves the thread', () => {
    using pool = new NumaPool();
    expect(pool.nodes.length).toBeGreaterThan(0);
    expect(pool.nodes).toContain(pool.node);
  });

  test('lends buffers of any size, and takes them back by any of the ways', () => {
    using pool = new NumaPool({ name: 'any' });
    const bufs = [0, 1, 64, SIZE, 40_000, 1 << 20, 3 << 20].map((size) => pool.get(size));
    for (const buf of bufs) {
      buf.fill(7);
      expect(pool.owns(buf)).toBe(true);
    }
    pool.put(bufs.pop()!);
    bufs.pop()!.release();
    BufferPool.default.release(bufs.pop()!);
    for (const buf of bufs) buf[Symbol.dispose]();
    expect(pool.check()).toEqual([]);
    expect(pool.stats()).toMatchObject({ name: 'any', inUseBytes: 0, releases: 6 });
    for (const buf of bufs) expect(pool.owns(buf)).toBe(false);
  });

  test('is one pool for the figures of the process', () => {
    using pool = new NumaPool({ name: 'only one' });
    const buf = pool.get(SIZE);
    expect(stats().pools.filter(({ name }) => name === 'only one')).toHaveLength(1);
    buf.release();
  });

  test('refuses a wrong size', () => {
    using pool = new NumaPool();
    for (const wrong of [-1, 1.5, Number.NaN, '1', undefined])
      thrownBy(() => pool.get(wrong as number), 'ERR_SUPERSLAB_SIZE');
  });

  test('clears what it lends if it is asked to', async () => {
    using pool = new NumaPool({ zero: 'acquire' });
    pool.get(SIZE).fill(1).release();
    using buf = pool.get(SIZE);
    using waited = await pool.getAsync(SIZE);
    expect([buf, waited].every((one) => one.every((byte) => byte === 0))).toBe(true);
  });

  test('says how to wait when its limit is reached', async () => {
    using pool = new NumaPool({ name: 'small', maxBytes: blockBytes });
    using _ = pool.get(SIZE);
    expect(thrownBy(() => pool.get(SIZE), 'ERR_SUPERSLAB_EXHAUSTED').message).toContain('use getAsync()');
    await rejectedBy(pool.getAsync(100 * SIZE), 'ERR_SUPERSLAB_EXHAUSTED');
  });

  test('changes its options while it is open, but not where its memory lies', () => {
    using pool = new NumaPool();
    pool.tune({ maxBytes: blockBytes, numaMoveBytes: 0 });
    expect(pool.maxBytes).toBe(blockBytes);
    thrownBy(() => pool.tune({ numa: 1 } as never), 'ERR_SUPERSLAB_OPTION');
    thrownBy(() => pool.tune({ maxBytes: -1 }), 'ERR_SUPERSLAB_OPTION');
  });
});

describe('a buffer that goes to another thread', () => {
  test('goes home from there', async () => {
    using pool = new NumaPool({ name: 'sharing' });
    const buf = pool.get(SIZE).fill(9);
    const worker = await startWorker();
    const found = await worker.run(
      `const { NumaPool } = await import('superslab/pools');
       state.pool = new NumaPool({ name: 'of the worker' });
       state.buf = state.pool.adopt(argument);
       return [state.buf[0], state.buf.length, state.pool.owns(state.buf)];`,
      pool.share(buf),
    );
    expect(found).toEqual([9, SIZE, true]);
    buf.release();
    expect(pool.stats().inUseBytes).toBe(blockBytes);
    await worker.run('state.buf.release();');
    expect(pool.stats()).toMatchObject({ inUseBytes: 0, remoteFrees: 1 });
    expect(pool.check()).toEqual([]);
  });

  test('is taken back, or adopted once', () => {
    using pool = new NumaPool();
    const buf = pool.get(SIZE);
    const token = pool.share(buf);
    const adopted = pool.adopt(token);
    thrownBy(() => pool.adopt(token), 'ERR_SUPERSLAB_TOKEN_USED');
    const other = pool.share(buf);
    pool.revoke(other);
    thrownBy(() => pool.adopt(other), 'ERR_SUPERSLAB_TOKEN_USED');
    for (const one of [buf, adopted]) pool.put(one);
    expect(pool.stats().inUseBytes).toBe(0);
  });
});
