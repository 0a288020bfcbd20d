// The option align of BufferPool: each buffer begins at a multiple of it, as a file that was opened with O_DIRECT asks for.
import { closeSync, constants, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BufferPool, type PooledBuffer } from 'superslab';
import { afterAll, describe, expect, test } from 'vitest';
import { stamp } from '../support/bytes.js';
import { thrownBy } from '../support/expect-error.js';

const KiB = 1024;
const MiB = 1024 * KiB;

/** Many of each size, so that they come from fresh slabs, from magazines and from the heap. */
function some(pool: BufferPool, size: number, count = 12): PooledBuffer[] {
  const first = pool.acquireMany(size, count);
  pool.releaseMany(first.slice(0, count / 2));
  return [...first.slice(count / 2), ...pool.acquireMany(size, count / 2)];
}

describe('aligned buffers', () => {
  // Outside of a temporary folder, which may be a file system in memory.
  const file = fileURLToPath(new URL(`../../.buffer-align-${process.pid}`, import.meta.url));
  afterAll(() => rmSync(file, { force: true }));

  /** What a direct read or write of `buf` throws; undefined when it works. */
  function direct(buf: Uint8Array, write: boolean): string | undefined {
    const mode = write ? constants.O_WRONLY : constants.O_RDONLY;
    const fd = openSync(file, mode | constants.O_DIRECT);
    try {
      const done = write ? writeSync(fd, buf, 0, buf.length, 0) : readSync(fd, buf, 0, buf.length, 0);
      return done === buf.length ? undefined : `${done} bytes`;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    } finally {
      closeSync(fd);
    }
  }

  test.for([
    [512, 1536],
    [4096, 4096],
    [4096, 12 * KiB],
    [4096, 100 * KiB],
    [64 * KiB, 4096],
    [2 * MiB, 4096],
    [4096, 3 * MiB],
  ] as const)('are taken by O_DIRECT: align %i, %i bytes', ([align, size], { skip }) => {
    using pool = new BufferPool({ align });
    writeFileSync(file, Buffer.alloc(size, 'x'));
    if (direct(Buffer.alloc(size + 4096).subarray(1, size + 1), false) !== 'EINVAL')
      skip('this file system takes any address');
    const bufs = some(pool, size);
    for (const [i, buf] of bufs.entries()) {
      expect(buf.length).toBe(size);
      expect(direct(buf, false)).toBeUndefined();
      expect(buf.toString('latin1', size - 2)).toBe('xx');
      stamp(buf, i);
      const written = Buffer.from(buf);
      expect(direct(buf, true)).toBeUndefined();
      buf.fill(0);
      expect(direct(buf, false)).toBeUndefined();
      expect(buf.equals(written)).toBe(true);
      writeFileSync(file, Buffer.alloc(size, 'x'));
    }
    pool.releaseMany(bufs);
    expect(pool.stats().inUseBytes).toBe(0);
    expect(pool.check()).toEqual([]);
  });

  test('are as long as was asked for, in blocks that are multiples of the alignment', () => {
    for (const align of [128, 256, 1024, 4096, 32 * KiB, 64 * KiB, 2 * MiB]) {
      using pool = new BufferPool({ align, leakDetection: 'off', guard: 'off' });
      expect(pool.align).toBe(align);
      for (const size of [1, 64, 100, 1500, 4097, 40_000, 70_000, 2 * MiB]) {
        const bufs = [...some(pool, size, 4), pool.from(Buffer.alloc(size, 'y')), pool.alloc(size)];
        for (const buf of bufs) {
          expect(buf.length).toBe(size);
          expect(buf.capacity % align).toBe(0);
          buf.release();
        }
      }
      expect(pool.stats()).toMatchObject({ inUseBytes: 0 });
    }
  });

  test('are so when all are watched, or some of them', () => {
    for (const watching of [
      { guard: 'canary' },
      { guard: 'detach' },
      { leakDetection: 'full' },
      { leakDetection: 'sampled' },
    ] as const) {
      using pool = new BufferPool({ align: 4096, ...watching });
      writeFileSync(file, Buffer.alloc(4096, 'x'));
      for (let i = 0; i < 300; i++) {
        using buf = pool.acquire(4096);
        expect(buf.capacity % 4096).toBe(0);
        if (i % 50 === 0) expect(direct(buf, false)).toBeUndefined();
      }
    }
  });
});

test('a pool with an alignment that none is, is refused', () => {
  for (const align of [0, 3, -64, 1.5, 4 * MiB, Number.NaN, '4096', null]) {
    const { message } = thrownBy(() => new BufferPool({ align: align as number }), 'ERR_SUPERSLAB_OPTION');
    expect(message).toContain('align of BufferPool() must be a power of two up to 2097152, got ');
    expect(message).toContain(align === '4096' ? '"4096"' : String(align));
  }
  expect(thrownBy(() => new BufferPool({ aling: 64 } as never), 'ERR_SUPERSLAB_OPTION').message).toContain(
    'did you mean "align"?',
  );
  for (const align of [undefined, 1, 64]) {
    using pool = new BufferPool({ align });
    expect(pool.align).toBe(64);
  }
});

test('memory from outside of the pool cannot be aligned: that is refused, and the pool closed', () => {
  const open = () => new BufferPool({ name: 'outside', align: 4096, onExhausted: 'fallback' });
  expect(thrownBy(open, 'ERR_SUPERSLAB_OPTION').message).toContain('onExhausted is "fallback"');
  using pool = new BufferPool({ name: 'outside', align: 4096, maxBytes: 8192 });
  const bufs = pool.acquireMany(100, 2);
  thrownBy(() => pool.acquire(1), 'ERR_SUPERSLAB_EXHAUSTED');
  pool.releaseMany(bufs);
});
