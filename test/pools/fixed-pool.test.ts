// FixedPool keeps the contract of every pool, and what it does beyond that.
import { BufferPool } from 'superslab';
import { type FixedBuffer, FixedPool, type FixedPoolOptions } from 'superslab/pools';
import { describe, expect, test } from 'vitest';

import { overlap } from '../support/bytes.js';
import { collect } from '../support/collect.js';
import { DirectFile } from '../support/direct-read.js';
import { rejectedBy, thrownBy } from '../support/expect-error.js';
import { internal } from '../support/internal.js';
import { watchesAll } from '../support/watching.js';
import { conformance } from './conformance.js';

const SIZE = 1500;

/** What the figures of a pool say when one buffer is out: guards make blocks larger. */
const blockBytes = (() => {
  using pool = new FixedPool({ size: SIZE });
  const buf = pool.get();
  const { inUseBytes } = pool.stats();
  pool.put(buf);
  return inUseBytes;
})();

conformance<FixedPool, FixedBuffer>({
  name: 'FixedPool',
  open: (options) => new FixedPool({ size: SIZE, ...options }),
  limitedTo: (count) => ({ max: count }),
  take: (pool) => pool.get(),
  give: (pool, buf) => pool.put(buf as FixedBuffer),
  wait: (pool, signal) => pool.getAsync(signal === undefined ? {} : { signal }),
  warm: (pool, count, onProgress) => pool.warm(count, onProgress),
  isLent: (buf) => !buf.released,
  overlap,
  lendsAgain: !watchesAll,
  strangers: (buf) => [
    buf.subarray(0, 10),
    Buffer.alloc(SIZE),
    new Uint8Array(buf.buffer, buf.byteOffset, SIZE),
    Object.create(buf),
  ],
  lent: ({ inUseBytes }) => inUseBytes / blockBytes,
  wrongOptions: [
    [{ size: 0 }, 'size', '1 to 2097152', 'got 0'],
    [{ size: 1.5 }, 'size', '1.5'],
    [{ size: 8, maxx: 1 }, '"maxx"', 'did you mean "max"?'],
    [{ size: 8, max: -1 }, 'max', '-1'],
    [{ size: 8, maxBytes: 1 }, '"maxBytes"'],
    [{ size: 8, onExhausted: 'fallback' }, '"onExhausted"'],
    [{ size: 8, max: 2, initial: 3 }, 'initial', 'at most max, 2', 'got 3'],
    [{ size: 8, align: 3 }, 'align', 'a power of two', '3'],
    [{ size: 8, align: 1 << 22 }, 'align', '2097152'],
    [{ size: 8, colour: 'red' }, 'colour', '"red"'],
    [{ size: 8, zero: 'nevr' }, '"zero"', '"nevr"', 'did you mean "never"?'],
    [{ size: 8, name: '' }, 'name', '""'],
  ],
  source: {
    open: "new (await import('superslab/pools')).FixedPool({ size: 1 << 20, ...OPTIONS })",
    take: 'pool.get()',
    give: 'pool.put(thing)',
  },
});

const unwatched: Partial<FixedPoolOptions> = { leakDetection: 'off', guard: 'off' };

describe('the same buffers', () => {
  test('are lent again, in the order of a stack', () => {
    using pool = new FixedPool({ size: SIZE });
    const bufs = [pool.get(), pool.get(), pool.get()];
    for (const buf of bufs) pool.put(buf);
    expect([pool.get(), pool.get(), pool.get()]).toEqual(bufs.toReversed());
    for (const buf of bufs) expect(pool.owns(buf)).toBe(true);
    pool.putBulk(bufs);
    for (const buf of bufs) expect(pool.owns(buf)).toBe(false);
  });

  test('are Buffers of the size that was asked for', () => {
    using pool = new FixedPool({ size: SIZE });
    using buf = pool.get();
    expect(buf).toHaveLength(SIZE);
    expect(Buffer.isBuffer(buf)).toBe(true);
    expect(buf.fill('ab').toString('latin1', 0, 4)).toBe('abab');
    expect(buf.constructor).toBe(Buffer);
  });

  test('show their bytes only while they are out', async () => {
    using pool = new FixedPool({ size: 2, zero: 'acquire' });
    const { inspect } = await import('node:util');
    const buf = pool.get();
    expect(inspect(buf)).toBe('<FixedBuffer 00 00>');
    buf.release();
    expect(inspect(buf)).toBe('<FixedBuffer (released)>');
    buf[Symbol.dispose](); // does nothing
    thrownBy(() => buf.release(), 'ERR_SUPERSLAB_RELEASED');
  });

  test('go after a rest, but for those that the pool began with', () => {
    using pool = new FixedPool({ size: SIZE, initial: 3, purgeDelayMs: 60_000 });
    const { openCores } = internal<{ openCores: Map<number, { heapId: number; tick(): boolean }> }>(
      'pool/cores',
    );
    const core = [...openCores.values()].find(({ heapId }) => heapId === pool.stats().heapId)!;
    pool.putBulk(pool.getBulk(10));
    core.tick(); // something was acquired since the last time
    expect(pool.stats().cachedBytes).toBeGreaterThanOrEqual(10 * blockBytes);
    core.tick();
    expect(pool.stats().cachedBytes).toBe(3 * blockBytes);
    expect(pool.check()).toEqual([]);
  });

  test("go when idle memory is given back, and are nobody's then", () => {
    using pool = new FixedPool({ size: SIZE, initial: 5 });
    const buf = pool.get();
    pool.put(buf);
    pool.trim();
    expect(pool.stats()).toMatchObject({ cachedBytes: 0, committedBytes: 0 });
    thrownBy(() => pool.put(buf), 'ERR_SUPERSLAB_RELEASED');
    using other = pool.get();
    expect(other).not.toBe(buf);
  });
});

describe('options', () => {
  test('size is needed', () => {
    expect(thrownBy(() => new FixedPool({} as FixedPoolOptions), 'ERR_SUPERSLAB_OPTION').message).toMatch(
      /size/,
    );
  });

  test.for([1, 64, 100, 4096, 65_536, 1 << 20, 2 << 20])('buffers of %i bytes', (size) => {
    using pool = new FixedPool({ ...unwatched, size, max: 3 });
    const bufs = pool.getBulk(3);
    expect(bufs.map((buf) => buf.length)).toEqual([size, size, size]);
    thrownBy(() => pool.get(), 'ERR_SUPERSLAB_EXHAUSTED');
    pool.putBulk(bufs);
    expect(pool.check()).toEqual([]);
  });

  test.for(['acquire', 'release'] as const)('zero: %s clears', (zero) => {
    using pool = new FixedPool({ size: SIZE, zero });
    for (let i = 0; i < 3; i++) {
      const buf = pool.get();
      expect(buf.every((byte) => byte === 0)).toBe(true);
      buf.fill(7);
      pool.put(buf);
      expect(pool.check()).toEqual([]);
    }
  });

  test('initial buffers are there at once', () => {
    using pool = new FixedPool({ size: SIZE, max: 100, initial: 100 });
    expect(pool.stats()).toMatchObject({ inUseBytes: 0, chargedBytes: 100 * blockBytes, exhausted: 0 });
    thrownBy(() => pool.getBulk(101), 'ERR_SUPERSLAB_EXHAUSTED');
    pool.putBulk(pool.getBulk(100));
  });

  test.for(['poison', 'canary', 'detach'] as const)('max holds under the guard %s', (guard) => {
    using pool = new FixedPool({ size: SIZE, max: 4, guard });
    for (let round = 0; round < 3; round++) {
      const bufs = pool.getBulk(4);
      thrownBy(() => pool.get(), 'ERR_SUPERSLAB_EXHAUSTED');
      pool.putBulk(bufs);
    }
    expect(pool.check()).toEqual([]);
  });

  test('a name is counted where none is given', () => {
    using pool = new FixedPool({ size: 8 });
    expect(pool.name).toMatch(/^pool-\d+$/);
  });
});

describe('a guard', () => {
  test('gives a fresh object each time', () => {
    using pool = new FixedPool({ size: SIZE, guard: 'poison' });
    const buf = pool.get();
    pool.put(buf);
    using other = pool.get();
    expect(other).not.toBe(buf);
    thrownBy(() => pool.put(buf), 'ERR_SUPERSLAB_RELEASED');
  });
});

describe('many at once', () => {
  test('lend idle ones into the same array', () => {
    using pool = new FixedPool({ size: SIZE, initial: 32 });
    const into: FixedBuffer[] = [];
    const before = pool.stats().acquires;
    expect(pool.getBulk(32, into)).toBe(into);
    expect(new Set(into).size).toBe(32);
    expect(pool.stats()).toMatchObject({ acquires: before + 32, inUseBytes: 32 * blockBytes });
    pool.putBulk(into);
    expect(pool.getBulk(8, into)).toHaveLength(8);
    pool.putBulk(into);
    expect(pool.check()).toEqual([]);
  });

  test('give all or none', () => {
    using pool = new FixedPool({ size: SIZE, max: 5 });
    const one = pool.get();
    const into = [one];
    thrownBy(() => pool.getBulk(5, into), 'ERR_SUPERSLAB_EXHAUSTED');
    expect(into).toEqual([]);
    expect(pool.stats().inUseBytes).toBe(blockBytes);
    expect(pool.getBulk(0)).toEqual([]);
    pool.put(one);
  });

  test('take all or none', () => {
    using pool = new FixedPool({ size: SIZE });
    using other = new FixedPool({ size: SIZE });
    const bufs = pool.getBulk(6);
    // So that the stack has places to spare.
    const others = pool.getBulk(4);
    const put = pool.get();
    pool.put(put);
    for (const [wrong, code] of [
      [[...bufs, put], 'ERR_SUPERSLAB_RELEASED'],
      [[...bufs, bufs[2]!], 'ERR_SUPERSLAB_RELEASED'],
      [[...bufs, Buffer.alloc(1)], 'ERR_SUPERSLAB_FOREIGN'],
      [[bufs[0]!, undefined as never], 'ERR_SUPERSLAB_FOREIGN'],
    ] as const) {
      thrownBy(() => pool.putBulk(wrong), code);
      for (const buf of bufs) expect(pool.owns(buf)).toBe(true);
      expect(pool.stats().inUseBytes).toBe(10 * blockBytes);
      expect(pool.check()).toEqual([]);
    }
    const foreign = other.get();
    pool.putBulk([...bufs, ...others, foreign]);
    for (const one of [pool, other]) expect(one.stats().inUseBytes).toBe(0);
  });

  test('refuse what is no count and no array', () => {
    using pool = new FixedPool({ size: SIZE });
    for (const count of [-1, 1.5, Number.NaN, '1'])
      expect(thrownBy(() => pool.getBulk(count as number), 'ERR_SUPERSLAB_ARGUMENT').message).toContain(
        typeof count === 'string' ? '"1"' : String(count),
      );
    thrownBy(() => pool.getBulk(1, {} as never), 'ERR_SUPERSLAB_ARGUMENT');
    thrownBy(() => pool.putBulk(new Set<Buffer>() as never), 'ERR_SUPERSLAB_ARGUMENT');
  });

  test('see no code of the program in the midst of it', () => {
    using pool = new FixedPool({ ...unwatched, size: SIZE, initial: 8 });
    const [spare, ...bufs] = pool.getBulk(5) as [FixedBuffer, ...FixedBuffer[]];
    const taken: FixedBuffer[] = [];
    const array = new Proxy(bufs, {
      get(target, key, receiver) {
        if (key === '2' && taken.length === 0) {
          taken.push(pool.get());
          pool.put(spare);
        }
        return Reflect.get(target, key, receiver);
      },
    });
    pool.putBulk(array);
    expect(pool.owns(taken[0]!)).toBe(true);
    const again = pool.getBulk(7);
    expect(new Set([...again, ...taken]).size).toBe(8);
    expect(pool.check()).toEqual([]);
    pool.putBulk([...again, ...taken]);
    expect(pool.stats().inUseBytes).toBe(0);
  });
});

test('warm buffers are idle, and getting them asks for no memory', () => {
  using pool = new FixedPool({ ...unwatched, size: 10_000, max: 150 });
  pool.warm(150);
  const { refills } = pool.stats();
  pool.putBulk(pool.getBulk(150));
  expect(pool.stats().refills).toBe(refills);
});

test.for([4096, 65_536, 2 << 20])('aligned buffers are taken by O_DIRECT: align %i', (align, { skip }) => {
  using file = new DirectFile();
  if (!file.isStrict) skip('this file system takes any address');
  using pool = new FixedPool({ size: 4096, align, max: 6 });
  const bufs = pool.getBulk(6);
  for (const buf of bufs) {
    expect(file.read(buf)).toBeUndefined();
    expect(buf.toString('latin1', 0, 2)).toBe('xx');
  }
  pool.putBulk(bufs);
});

test('a buffer of another kind is refused, and lives on', () => {
  using pool = new FixedPool({ size: SIZE });
  using buffers = new BufferPool({ name: 'of buffers' });
  const buf = buffers.acquire(SIZE);
  const { message } = thrownBy(() => pool.put(buf), 'ERR_SUPERSLAB_FOREIGN');
  for (const part of [`${SIZE} B`, '"of buffers"', 'release()']) expect(message).toContain(part);
  expect(buf.released).toBe(false);
  buf.release();
  const fixed = pool.get();
  if (!watchesAll) thrownBy(() => buffers.release(fixed), 'ERR_SUPERSLAB_FOREIGN');
  pool.put(fixed);
});

test('who waits is served before who comes later', async () => {
  using pool = new FixedPool({ size: SIZE, max: 1 });
  const buf = pool.get();
  const waiting = pool.getAsync();
  await null;
  pool.put(buf);
  thrownBy(() => pool.get(), 'ERR_SUPERSLAB_EXHAUSTED');
  pool.put(await waiting);
  await rejectedBy(pool.getAsync({ timeout: 1 } as never), 'ERR_SUPERSLAB_OPTION');
  await expect(pool.getAsync({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
});

test('leaks of samples are found, whatever is idle', async () => {
  using pool = new FixedPool({ size: SIZE, max: 3, initial: 3, leakDetection: 'sampled', guard: 'off' });
  const found: unknown[] = [];
  pool.on('leak', (leak) => found.push(leak));
  const { leases } = internal<typeof import('../../lib/pool/pooled-buffer.js')>('pool/pooled-buffer');
  let forgotten = 0;
  (function use() {
    for (let i = 0; i < 20_000; i++) {
      const buf = pool.get();
      if (leases.leaseOf(buf) === undefined || forgotten > 1) pool.put(buf);
      else forgotten++;
    }
  })();
  expect(forgotten).toBeGreaterThan(0);
  await collect(() => found.length === forgotten);
  expect(pool.check()).toEqual([]);
  expect(pool.stats()).toMatchObject({ inUseBytes: 0, collectedBlocks: forgotten });
});

describe('check() of books that contradict each other', () => {
  test('finds an idle buffer that is none', () => {
    const pool = new FixedPool({ ...unwatched, size: SIZE, initial: 4, name: 'books' });
    const { openCores } = internal<{
      openCores: Map<number, { heapId: number; magazines: { idle: Uint32Array } }>;
    }>('pool/cores');
    const { idle } = [...openCores.values()].find(({ heapId }) => heapId === pool.stats().heapId)!.magazines;
    const tag = idle.findIndex((depth) => depth > 0);
    idle[tag]! += 1;
    const { message } = thrownBy(() => pool.check(), 'ERR_SUPERSLAB_CORRUPT');
    expect(message).toContain('"books"');
    idle[tag]! -= 1;
    expect(pool.check()).toEqual([]);
    pool.close();
  });
});
