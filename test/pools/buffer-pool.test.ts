// BufferPool keeps the contract of every pool, and its books are checked for real.
import { BufferPool, type BufferPoolOptions, type PooledBuffer } from 'superslab';
import { afterEach, describe, expect, test } from 'vitest';
import { overlap } from '../support/bytes.js';
import { rejectedBy, thrownBy } from '../support/expect-error.js';
import { internal } from '../support/internal.js';
import { conformance } from './conformance.js';

const SIZE = 1500;

/** What the figures of a pool say when one buffer is lent: guards make blocks larger. */
const blockBytes = (() => {
  using pool = new BufferPool();
  const buf = pool.acquire(SIZE);
  const { inUseBytes } = pool.stats();
  buf.release();
  return inUseBytes;
})();

conformance<BufferPool, PooledBuffer>({
  name: 'BufferPool',
  open: (options) => new BufferPool(options),
  limitedTo: (count) => ({ maxBytes: count * blockBytes }),
  take: (pool) => pool.acquire(SIZE),
  give: (pool, buf) => pool.release(buf as PooledBuffer),
  wait: (pool, signal) => pool.acquireAsync(SIZE, signal === undefined ? {} : { signal }),
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
  relievedBy: 'caches',
  wrongOptions: [
    [{ maxBites: 1 }, '"maxBites"', 'did you mean "maxBytes"?'],
    [{ maxBytes: -1 }, '"maxBytes"', '-1'],
    [{ maxBytes: 'much' }, '"maxBytes"', '"much"'],
    [{ onExhausted: 'fallbak' }, '"onExhausted"', '"fallbak"', 'did you mean "fallback"?'],
    [{ name: '' }, 'name', '""'],
  ],
  source: {
    open: 'new superslab.BufferPool(OPTIONS)',
    take: 'pool.acquire(1 << 20)',
    give: 'thing.release()',
  },
});

test('what never fits is refused at once, with the only way out', async () => {
  using pool = new BufferPool({ name: 'small', maxBytes: blockBytes, onExhausted: 'wait' });
  const refusals = [
    thrownBy(() => pool.acquire(100 * SIZE), 'ERR_SUPERSLAB_EXHAUSTED'),
    await rejectedBy(pool.acquireAsync(100 * SIZE), 'ERR_SUPERSLAB_EXHAUSTED'),
  ];
  for (const { message } of refusals) {
    for (const part of ['"small"', `${100 * SIZE} B`, `${blockBytes}; raise maxBytes`])
      expect(message).toContain(part);
  }
});

describe('a fallback', () => {
  test('gives plain buffers beyond the limit, and counts them', () => {
    using pool = new BufferPool({ maxBytes: 2 * blockBytes, onExhausted: 'fallback' });
    const bufs = pool.acquireMany(SIZE, 5);
    expect(pool.stats()).toMatchObject({ fallbacks: 3, inUseBytes: 2 * blockBytes });
    expect(pool.check()).toEqual([]);
    pool.releaseMany(bufs);
    expect(pool.stats().inUseBytes).toBe(0);
    expect(pool.check()).toEqual([]);
  });
});

describe('check() of books that contradict each other', () => {
  interface Books {
    depth: Uint32Array;
    blocks: Uint32Array;
    parked: Uint32Array;
  }
  const { openCores } = internal<{ openCores: ReadonlyMap<number, { heapId: number; magazines: Books }> }>(
    'pool/cores',
  );
  const { homes } = internal<typeof import('../../lib/pool/magazines.js')>('pool/magazines');
  const { MAGAZINE_SHIFT } =
    internal<typeof import('../../lib/addon/generated/memory.js')>('addon/generated/memory');
  const { windows } = internal<typeof import('../../lib/pool/windows.js')>('pool/windows');
  const unwatched: BufferPoolOptions = { leakDetection: 'off', guard: 'off' };
  const undo: (() => void)[] = [];
  afterEach(() => {
    for (const step of undo.splice(0)) step();
  });

  /** A pool with free blocks in its magazine, and where that begins. */
  function filled() {
    const pool = new BufferPool({ name: 'books', ...unwatched });
    pool.releaseMany(pool.acquireMany(SIZE, 8));
    const { magazines } = [...openCores.values()].find(({ heapId }) => heapId === pool.stats().heapId)!;
    const tag = magazines.depth.findIndex((depth) => depth > 1);
    const first = tag << MAGAZINE_SHIFT;
    undo.push(() => pool.close());
    return { pool, magazines, tag, first };
  }

  /** Puts a value there, until the test is over. */
  function put(table: Uint32Array, at: number, value: number): void {
    const before = table[at]!;
    table[at] = value;
    undo.unshift(() => {
      table[at] = before;
    });
  }

  const corrupt = (pool: BufferPool, what: RegExp) => {
    const { message } = thrownBy(() => pool.check(), 'ERR_SUPERSLAB_CORRUPT');
    expect(message).toContain('"books"');
    expect(message).toMatch(what);
    expect(message).toMatch(/; end this process/);
  };

  test('finds a block that is kept twice', () => {
    const { pool, magazines, first } = filled();
    put(magazines.blocks, first + 1, magazines.blocks[first]!);
    corrupt(pool, /kept twice/);
  });

  test('finds a number that is no block of the class', () => {
    const { pool, magazines, first } = filled();
    put(magazines.blocks, first, magazines.blocks[first]! + 1);
    corrupt(pool, /has 0 B in its slab/);
  });

  test('finds a block that another magazine would get', () => {
    const { pool, magazines, first } = filled();
    const slice = magazines.blocks[first]! >>> 10;
    put(homes.table, slice, homes.table[slice]! + 1);
    corrupt(pool, /has its home in another magazine/);
  });

  test('finds more blocks than there are places', () => {
    const { pool, magazines, tag } = filled();
    put(magazines.depth, tag, 65);
    corrupt(pool, /65 blocks in 64 places/);
  });

  test('finds a window that is too short', () => {
    const { pool, magazines, first } = filled();
    const slice = magazines.blocks[first]! >>> 10;
    const window = windows[slice]!;
    windows[slice] = new ArrayBuffer(64);
    undo.unshift(() => {
      windows[slice] = window;
    });
    corrupt(pool, /ends behind its window/);
  });

  test('finds blocks that nobody counts', () => {
    const { pool, magazines, tag } = filled();
    const { cachedBlocks } = pool.stats().classes.find(({ inUseBlocks }) => inUseBlocks === 0)!;
    expect(cachedBlocks).toBe(magazines.depth[tag]);
    put(magazines.parked, tag, 2 ** 31);
    corrupt(pool, /are cached|counted as cached/);
  });

  test('the default pool is checked while other threads use it', () => {
    const bufs = BufferPool.default.acquireMany(SIZE, 20);
    BufferPool.default.releaseMany(bufs);
    expect(BufferPool.default.check()).toEqual([]);
  });
});
