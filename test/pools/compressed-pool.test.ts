import { randomFillSync } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { stats } from 'superslab';
import { type Codec, CompressedPool, type CompressedPoolOptions } from 'superslab/pools';
import { afterEach, describe, expect, test } from 'vitest';
import { overlap } from '../support/bytes.js';
import { collect } from '../support/collect.js';
import { rejectedBy, thrownBy } from '../support/expect-error.js';
import { internal } from '../support/internal.js';
import { endWorkers, startWorker } from '../support/worker.js';
import { conformance } from './conformance.js';

const KIB = 2 ** 10;
const MIB = 2 ** 20;
/** Of the values of the suite for all kinds, which do not compress. */
const SIZE = 64 * KIB;

const noise = (length: number): Buffer => randomFillSync(Buffer.alloc(length));
/** Compresses about five to one. */
const text = (length: number, seed = 0): Buffer => {
  let line = '';
  for (let i = 0; line.length < length; i++) {
    const x = Math.imul(seed * 131 + i, 2654435761) >>> 0;
    line += `10.0.0.${x & 255} - - [30/Nov/2026:12:00:00 +0000] "GET /items/${x % 97} HTTP/1.1" 200 512 "-" "curl/8.5"\n`;
  }
  return Buffer.from(line.slice(0, length));
};

const thing = noise(SIZE);
interface Value {
  readonly pool: CompressedPool;
  readonly handle: number;
}

conformance<CompressedPool, Value>({
  name: 'CompressedPool',
  relievedBy: 'caches',
  open: (options) => new CompressedPool(options),
  limitedTo: (count) => ({ hotBytes: count * SIZE, coldBytes: SIZE }),
  take: (pool) => ({ pool, handle: pool.put(thing) }),
  give: (pool, value) => pool.free((value as Value | undefined)?.handle as number),
  wait: async (pool, signal) => ({
    pool,
    handle: await pool.putAsync(thing, signal === undefined ? {} : { signal }),
  }),
  warm: (pool, count, onProgress) => pool.warm(count, SIZE, onProgress),
  isLent: ({ pool, handle }) => pool.owns(handle),
  overlap: (one, other) => {
    const found = overlap(one.pool.access(one.handle), other.pool.access(other.handle));
    one.pool.release(one.handle);
    other.pool.release(other.handle);
    return found;
  },
  lendsAgain: false,
  isCollected: false,
  goesHome: false,
  strangers: ({ handle }) =>
    [handle + 0.5, -handle, handle + 1000, 2 ** 53, Number.NaN, `${handle}`, Object(handle), 5n].map(
      (one) => ({ handle: one }),
    ),
  lent: ({ inUseBytes }) => inUseBytes / SIZE,
  wrongOptions: [
    [{ hotByte: MIB }, '"hotByte"', 'did you mean "hotBytes"?'],
    [{ hotBytes: 1000 }, 'hotBytes', '65536', '1000'],
    [{ hotBytes: 'much' }, 'hotBytes', '"much"'],
    [{ coldBytes: -1 }, 'coldBytes', '-1'],
    [{ coldBytes: 1 }, 'coldBytes', '65536'],
    [{ minRatio: 0.9 }, 'minRatio', 'from 1 on', '0.9'],
    [{ minRatio: Number.NaN }, 'minRatio', 'NaN'],
    [{ cpuBudget: 0 }, 'cpuBudget', 'above 0', 'got 0'],
    [{ cpuBudget: 1.01 }, 'cpuBudget', 'up to 1', '1.01'],
    [{ watermark: -1 }, 'watermark', '-1'],
    [{ codec: 'lz5' }, 'codec', '"lz5"', 'did you mean "lz4"?'],
    [{ codec: 'deflte' }, 'did you mean "deflate"?'],
    [{ codec: 'snappy-and-more' }, 'lz4, zstd, deflate'],
    [{ codec: 4 }, 'codec', 'compress()', 'got 4'],
    [{ codec: { name: 'half', compress() {} } }, 'codec', 'decompress()'],
    [{ onEvict: true }, 'onEvict', 'a function'],
    [{ sensitive: true }, 'secrets', 'BufferPool'],
    [{ maxBytes: MIB }, '"maxBytes"'],
    [{ zero: 'nevr' }, '"zero"', 'did you mean "never"?'],
    [{ name: '' }, 'name', '""'],
  ],
  source: {
    open: "new (await import('superslab/pools')).CompressedPool({ hotBytes: 2 ** 40, ...OPTIONS })",
    take: "pool.put((globalThis.noise ??= (await import('node:crypto')).randomFillSync(Buffer.alloc(1 << 20))))",
    give: 'pool.free(thing)',
  },
});

const pools: CompressedPool[] = [];
const open = (options: CompressedPoolOptions = {}): CompressedPool => {
  const pool = new CompressedPool({ hotBytes: MIB, leakDetection: 'off', guard: 'off', ...options });
  pools.push(pool);
  return pool;
};
/** Of the bytes in the pool. */
const read = (pool: CompressedPool, handle: number): Buffer => {
  const copy = Buffer.from(pool.access(handle));
  pool.release(handle);
  return copy;
};
const expectBooks = (pool: CompressedPool): void => {
  expect(pool.check()).toEqual([]);
  // First: meanwhile the thread that compresses may make values cold.
  const { inUseBytes } = pool.stats();
  const { hot, cold } = pool.tiers();
  expect(inUseBytes).toBeGreaterThanOrEqual(hot.bytes);
  expect(cold.chunkBytes).toBeGreaterThanOrEqual(cold.compressedBytes);
};

afterEach(async () => {
  await endWorkers();
  for (const pool of pools.splice(0)) {
    expect(pool.check()).toEqual([]);
    pool.close();
    expect(pool.check()).toEqual([]);
  }
});

describe('values', () => {
  test('of every length come back as they were put, hot and cold', () => {
    const pool = open({ hotBytes: 16 * MIB });
    const lengths = [0, 1, 7, 8, 9, 63, 64, 65, 1000, 4096, 4097, 65536, 100_000, 2 * MIB];
    const values = lengths.map((length) => text(length, length));
    const handles = values.map((value) => pool.put(value));
    for (let round = 0; round < 3; round++) {
      for (const [i, handle] of handles.entries()) {
        expect(pool.length(handle)).toBe(lengths[i]);
        expect(read(pool, handle).equals(values[i]!)).toBe(true);
      }
      pool.cool();
      expect(pool.tiers().cold.values).toBeGreaterThan(6);
      expectBooks(pool);
    }
    for (const handle of handles) pool.free(handle);
    expect(pool.tiers()).toMatchObject({ hot: { values: 0 }, cold: { values: 0, chunkBytes: 0 } });
  });

  test('are copies, and what is written to a pinned one is kept', () => {
    const pool = open();
    const bytes = text(4096);
    const handle = pool.put(bytes);
    bytes.fill(0);
    expect(read(pool, handle).equals(text(4096))).toBe(true);
    pool.access(handle).write('changed');
    pool.release(handle);
    pool.cool();
    expect(pool.isCold(handle)).toBe(true);
    expect(pool.access(handle).toString('latin1', 0, 7)).toBe('changed');
    pool.release(handle);
  });

  test('have the same buffer for as long as they are hot', () => {
    const pool = open();
    const handle = pool.put(text(4096));
    const buffer = pool.access(handle);
    pool.release(handle);
    expect(pool.access(handle)).toBe(buffer);
    expect(pool.access(handle)).toBe(buffer);
    pool.release(handle);
    pool.release(handle);
    expect(Buffer.isBuffer(buffer)).toBe(true);
  });

  test('of one repeated word take no chunk', () => {
    const pool = open();
    const handles = [Buffer.alloc(4096), Buffer.alloc(4093, 7), Buffer.alloc(4096, 'repeated')].map((value) =>
      pool.put(value),
    );
    pool.cool();
    expect(pool.tiers().cold).toMatchObject({ values: 3, repeatedValues: 3, chunkBytes: 0 });
    expect(read(pool, handles[2]!).toString('latin1', 4088)).toBe('repeated');
    expect(read(pool, handles[1]!).equals(Buffer.alloc(4093, 7))).toBe(true);
  });

  test('that compress badly stay hot, and are counted', () => {
    const pool = open();
    const handle = pool.put(noise(4096));
    expect(pool.cool()).toBe(0);
    expect(pool.cool()).toBe(0);
    expect(pool.isCold(handle)).toBe(false);
    expect(pool.tiers()).toMatchObject({ rejected: 1, cold: { values: 0 } });
  });

  test('that are not used for longest are compressed first', () => {
    const pool = open();
    const handles = Array.from({ length: 20 }, (_, i) => pool.put(text(4096, i)));
    pool.cool(1);
    for (const handle of handles.slice(10)) read(pool, handle);
    pool.cool(9 * 4096);
    const cold = handles.map((handle) => pool.isCold(handle));
    expect(cold.slice(0, 10)).toEqual(Array(10).fill(true));
    expect(cold.slice(10)).toEqual(Array(10).fill(false));
  });

  test('are compressed in the background when hotBytes fill, and fit three times over', async () => {
    const pool = open({ hotBytes: 4 * MIB, cpuBudget: 1 });
    const handles: number[] = [];
    for (let i = 0; i < 3000; i++) {
      handles.push(pool.put(text(4096, i)));
      if (i % 100 === 0) await turn();
    }
    const { cold, ratio } = pool.tiers();
    expect(cold.values).toBeGreaterThan(1900);
    expect(ratio).toBeGreaterThan(3);
    await expect.poll(() => pool.tiers().hot.bytes, { timeout: 10_000 }).toBeLessThan(0.85 * 4 * MIB);
    expect(pool.tiers().cpuMs).toBeGreaterThan(0);
    for (const [i, handle] of handles.entries()) expect(read(pool, handle).equals(text(4096, i))).toBe(true);
    expectBooks(pool);
    expect(pool.report()).toMatch(/cold: [\d,]+ values of .* to 1/);
  });

  test('show in the figures of the process, hot and cold', () => {
    const pool = open({ name: 'pages' });
    const handles = Array.from({ length: 50 }, (_, i) => pool.put(text(4096, i)));
    pool.cool();
    const of = (name: string) => stats().pools.find((one) => one.name === name)!;
    expect(of('pages (cold)').inUseBytes).toBe(pool.tiers().cold.chunkBytes);
    for (const handle of handles) pool.free(handle);
    expect(of('pages (cold)').inUseBytes).toBe(0);
    expect(pool.trim()).toBeGreaterThan(0);
    expect(of('pages (cold)').committedBytes).toBe(0);
    pool.close();
    expect(of('pages (cold)')).toBeUndefined();
  });
});

describe('wrong handles', () => {
  test('whose value has ended are stale', () => {
    const pool = open({ name: 'here' });
    const handle = pool.put(text(100));
    pool.free(handle);
    const other = pool.put(text(100));
    expect(other).not.toBe(handle);
    for (const act of [
      pool.access,
      pool.release,
      (one: number) => pool.length(one),
      (one: number) => pool.isCold(one),
    ]) {
      const { message } = thrownBy(() => act(handle), 'ERR_SUPERSLAB_STALE');
      expect(message).toContain('"here"');
      expect(message).toContain(`${handle}`);
    }
    expect(pool.owns(handle)).toBe(false);
    expect(pool.owns(other)).toBe(true);
  });

  test('of another pool, and what is none, are foreign', () => {
    const [one, other] = [open({ name: 'one' }), open({ name: 'other' })];
    const handle = one.put(text(100));
    other.put(text(100));
    for (const wrong of [
      handle,
      undefined,
      null,
      'x',
      `${handle}`,
      1.5,
      -1,
      Number.NaN,
      {},
      5n,
      Symbol('s'),
    ]) {
      for (const act of [other.access, other.release, (value: number) => other.free(value)]) {
        const { message } = thrownBy(() => act(wrong as number), 'ERR_SUPERSLAB_FOREIGN');
        expect(message).toContain('"other"');
      }
    }
    expect(read(one, handle).equals(text(100))).toBe(true);
  });

  test('releases and frees that nobody is due are refused', () => {
    const pool = open();
    const handle = pool.put(text(100));
    expect(thrownBy(() => pool.release(handle), 'ERR_SUPERSLAB_RELEASED').message).toContain('paired');
    pool.access(handle);
    pool.access(handle);
    expect(thrownBy(() => pool.free(handle), 'ERR_SUPERSLAB_ARGUMENT').message).toContain('2 times');
    pool.release(handle);
    pool.release(handle);
    thrownBy(() => pool.release(handle), 'ERR_SUPERSLAB_RELEASED');
    pool.free(handle);
    expectBooks(pool);
  });

  test('and values that are none or too large are refused', () => {
    const pool = open({ hotBytes: 64 * KIB });
    for (const wrong of [undefined, 'text', 5, {}, new ArrayBuffer(8), new Uint16Array(4)])
      thrownBy(() => pool.put(wrong as Uint8Array), 'ERR_SUPERSLAB_ARGUMENT');
    const { message } = thrownBy(() => pool.put(Buffer.alloc(64 * KIB + 1)), 'ERR_SUPERSLAB_SIZE');
    for (const part of ['65536', '65537', 'hotBytes']) expect(message).toContain(part);
    thrownBy(() => open({ hotBytes: 8 * MIB }).put(Buffer.alloc(2 * MIB + 1)), 'ERR_SUPERSLAB_SIZE');
    thrownBy(() => pool.cool(-1), 'ERR_SUPERSLAB_ARGUMENT');
    expectBooks(pool);
  });
});

describe('without room', () => {
  test('"all pinned" names who has what', () => {
    const pool = open({ hotBytes: 64 * KIB });
    const handles = Array.from({ length: 4 }, (_, i) => pool.put(text(16 * KIB, i)));
    for (const handle of handles) pool.access(handle);
    pool.access(handles[1]!);
    const { message } = thrownBy(() => pool.put(text(16 * KIB)), 'ERR_SUPERSLAB_EXHAUSTED');
    for (const part of ['all pinned', `handle ${handles[0]}`, '16384 B', '2 times', 'release()'])
      expect(message).toContain(part);
    pool.release(handles[0]!);
    const next = pool.put(text(16 * KIB, 9));
    expect(pool.isCold(handles[0]!)).toBe(true);
    pool.access(next);
    thrownBy(() => pool.access(handles[0]!), 'ERR_SUPERSLAB_EXHAUSTED');
    pool.release(next);
    for (const handle of handles.slice(1)) pool.release(handle);
    pool.release(handles[1]!);
    for (const [i, handle] of handles.entries())
      expect(read(pool, handle).equals(text(16 * KIB, i))).toBe(true);
    expectBooks(pool);
  });

  test('cold takes nothing more, and no value is lost', () => {
    const pool = open({ hotBytes: 128 * KIB, coldBytes: 64 * KIB });
    const handles: number[] = [];
    const { message } = thrownBy(() => {
      for (;;) handles.push(pool.put(text(4096, handles.length)));
    }, 'ERR_SUPERSLAB_EXHAUSTED');
    for (const part of ['coldBytes', `${192 * KIB}`, 'onEvict']) expect(message).toContain(part);
    expect(handles.length).toBeGreaterThan(60);
    expect(pool.tiers().refused).toBeGreaterThan(0);
    expect(pool.tiers().cold.chunkBytes).toBeLessThanOrEqual(64 * KIB);
    for (const handle of handles) expect(pool.owns(handle)).toBe(true);
    for (const handle of handles.splice(0, 40)) pool.free(handle);
    for (let i = 0; i < 10; i++) handles.push(pool.put(text(4096)));
    expectBooks(pool);
  });

  test('a cache ends what was not used for longest, and tells of each', () => {
    const evicted: [number, number][] = [];
    const pool = open({
      hotBytes: 128 * KIB,
      coldBytes: 64 * KIB,
      onEvict: (handle, length) => evicted.push([handle, length]),
    });
    const handles = Array.from({ length: 500 }, (_, i) => pool.put(text(4096, i)));
    expect(evicted.length).toBeGreaterThan(300);
    expect(pool.tiers().evicted).toBe(evicted.length);
    expect(new Set(evicted.map(([handle]) => handle)).size).toBe(evicted.length);
    expect(evicted[0]![1]).toBe(4096);
    const gone = new Set(evicted.map(([handle]) => handle));
    for (const handle of handles) expect(pool.owns(handle)).toBe(!gone.has(handle));
    // Values that do not compress end, too.
    for (let i = 0; i < 100; i++) pool.put(noise(4096));
    expectBooks(pool);
  });

  test('what onEvict throws, put() throws, and the pool goes on', () => {
    let isAngry = false;
    const pool = open({
      hotBytes: 64 * KIB,
      onEvict: () => {
        if (isAngry) throw new Error('enough');
      },
    });
    for (let i = 0; i < 20; i++) pool.put(noise(8 * KIB));
    isAngry = true;
    expect(() => {
      for (let i = 0; i < 20; i++) pool.put(noise(8 * KIB));
    }).toThrow('enough');
    isAngry = false;
    for (let i = 0; i < 20; i++) pool.put(noise(8 * KIB));
    expectBooks(pool);
  });

  test('onEvict may use the pool, and close it', () => {
    const pool: CompressedPool = open({
      hotBytes: 64 * KIB,
      onEvict: () => {
        if (pool.tiers().evicted > 20) pool.close();
        else pool.put(noise(8 * KIB));
      },
    });
    thrownBy(() => {
      for (;;) pool.put(noise(8 * KIB));
    }, 'ERR_SUPERSLAB_CLOSED');
  });

  test('who waits is served when a pinned value is released', async () => {
    const pool = open({ hotBytes: 64 * KIB });
    const handles = Array.from({ length: 4 }, (_, i) => pool.put(text(16 * KIB, i)));
    for (const handle of handles) pool.access(handle);
    const waiting = pool.putAsync(text(16 * KIB, 7));
    await turn();
    pool.release(handles[2]!);
    const handle = await waiting;
    expect(read(pool, handle).equals(text(16 * KIB, 7))).toBe(true);
    for (const one of [0, 1, 3]) pool.release(handles[one]!);
    await rejectedBy(pool.putAsync(5 as never), 'ERR_SUPERSLAB_ARGUMENT');
    await rejectedBy(pool.putAsync(Buffer.alloc(1), { sgnal: 1 } as never), 'ERR_SUPERSLAB_OPTION');
  });
});

describe('a codec of the program', () => {
  const lines = (pool: CompressedPool, count = 8) =>
    Array.from({ length: count }, (_, i) => pool.put(text(20_000, i)));
  const zlib: Codec = {
    name: 'own',
    compress: (bytes) => import('node:zlib').then(({ deflateSync }) => deflateSync(bytes)),
    decompress: (bytes) =>
      (process as unknown as { zlib: typeof import('node:zlib') }).zlib.inflateSync(bytes),
  };

  test('"deflate" of node:zlib compresses off the main thread, and gives values back', async () => {
    const pool = open({ hotBytes: 256 * KIB, codec: 'deflate', cpuBudget: 1, watermark: 0.2 });
    const handles = lines(pool);
    expect(pool.codec).toBe('deflate');
    await expect.poll(() => pool.tiers().cold.values, { timeout: 10_000 }).toBeGreaterThan(3);
    pool.cool();
    for (const [i, handle] of handles.entries())
      expect(read(pool, handle).equals(text(20_000, i))).toBe(true);
    expect(pool.tiers().heated).toBeGreaterThan(3);
    expectBooks(pool);
  });

  test('may give promises', async () => {
    (process as unknown as { zlib: unknown }).zlib = await import('node:zlib');
    const pool = open({ hotBytes: 256 * KIB, codec: zlib, cpuBudget: 1, watermark: 0.2 });
    const handles = lines(pool);
    await expect.poll(() => pool.tiers().cold.values, { timeout: 10_000 }).toBeGreaterThan(3);
    for (const [i, handle] of handles.entries())
      expect(read(pool, handle).equals(text(20_000, i))).toBe(true);
  });

  const wrongs: [string, Partial<Codec>, string][] = [
    ['returns too much', { compress: (bytes) => Buffer.concat([bytes, bytes]) }, ''],
    ['returns nothing', { compress: () => Buffer.alloc(0) }, ''],
    [
      'throws',
      {
        compress: () => {
          throw new Error('broken codec');
        },
      },
      'broken codec',
    ],
    ['returns what is no bytes', { compress: () => 'text' as never }, 'compress() returned "text"'],
    ['rejects', { compress: () => Promise.reject(new Error('broken later')) }, 'broken later'],
    ['gives a promise of a string', { compress: () => Promise.resolve('text' as never) }, '"text"'],
    ['never settles', { compress: () => new Promise(() => {}) }, ''],
  ];
  test.for(wrongs)('that %s loses nothing', async ([, part, said]) => {
    const codec: Codec = {
      name: 'wrong',
      compress: () => Buffer.alloc(1),
      decompress: (bytes) => bytes,
      ...part,
    };
    const pool = open({ hotBytes: 256 * KIB, codec, cpuBudget: 1, watermark: 0.1 });
    const handles = lines(pool);
    pool.cool();
    for (let i = 0; i < 20; i++) await turn();
    expect(pool.tiers().cold.values).toBe(0);
    expect(pool.tiers().lastCodecFailure).toContain(said);
    if (said !== '') expect(pool.tiers().codecFailures).toBeGreaterThan(0);
    for (const [i, handle] of handles.entries()) {
      expect(read(pool, handle).equals(text(20_000, i))).toBe(true);
      pool.free(handle);
    }
    expectBooks(pool);
  });

  const liars: [string, Codec['decompress'], string][] = [
    ['too little', (_, length) => Buffer.alloc(length - 1), '19999 B'],
    ['too much', (_, length) => Buffer.alloc(length + 1), '20001 B'],
    ['something else', (_, length) => Buffer.alloc(length), 'not what was put'],
    ['no bytes', () => 5 as never, 'returned 5'],
    [
      'nothing, as it throws',
      () => {
        throw new Error('cannot');
      },
      'threw',
    ],
  ];
  test.for(liars)(
    'that decompresses to %s is found out, and the value is kept',
    async ([, decompress, said]) => {
      let isLying = true;
      const kept = new Map<string, Buffer>();
      const codec: Codec = {
        name: 'liar',
        compress: (bytes) => {
          const key = Buffer.from(`${kept.size}`.padStart(16));
          kept.set(key.toString(), Buffer.from(bytes));
          return key;
        },
        decompress: (bytes, length) =>
          isLying ? decompress(bytes, length) : kept.get(Buffer.from(bytes).toString())!,
      };
      const pool = open({ hotBytes: 256 * KIB, codec, cpuBudget: 1, watermark: 0.1 });
      const [handle] = lines(pool, 4) as [number];
      await expect.poll(() => pool.isCold(handle)).toBe(true);
      const error = thrownBy(() => pool.access(handle), 'ERR_SUPERSLAB_CODEC');
      for (const part of ['"liar"', `${handle}`, said]) expect(error.message).toContain(part);
      expect(pool.isCold(handle)).toBe(true);
      isLying = false;
      expect(read(pool, handle).equals(text(20_000, 0))).toBe(true);
      expectBooks(pool);
    },
  );

  test('is asked for values of one repeated word no more than LZ4', async () => {
    let calls = 0;
    const codec: Codec = {
      name: 'counting',
      compress: () => {
        calls++;
        return Buffer.alloc(1);
      },
      decompress: (bytes) => bytes,
    };
    const pool = open({ hotBytes: 256 * KIB, codec, cpuBudget: 1, watermark: 0.1 });
    const handles = Array.from({ length: 8 }, (_, i) => pool.put(Buffer.alloc(20_000, i)));
    pool.cool();
    await expect.poll(() => pool.tiers().cold.repeatedValues).toBe(8);
    expect(calls).toBe(0);
    expect(read(pool, handles[5]!).equals(Buffer.alloc(20_000, 5))).toBe(true);
  });

  test('"lz4" is refused where the core has none, with the way out', () => {
    const { codecChoice } =
      internal<typeof import('../../lib/pools/compressed/codec.js')>('pools/compressed/codec');
    expect(codecChoice(undefined, true)).toMatchObject({ name: 'lz4', usesLz4: true });
    const { message } = thrownBy(() => codecChoice('lz4', false), 'ERR_SUPERSLAB_OPTION');
    for (const part of ['"lz4"', 'compiled from source', '"deflate"']) expect(message).toContain(part);
    expect(codecChoice('deflate', false)).toMatchObject({ name: 'deflate', foreignFrom: 1 });
  });

  const hasZstd = 'zstdCompressSync' in (process.getBuiltinModule?.('node:zlib') ?? {});
  test(hasZstd ? '"zstd" compresses what is large' : '"zstd" is refused where Node.js has none', async () => {
    if (!hasZstd) {
      const { message } = thrownBy(() => open({ codec: 'zstd' }), 'ERR_SUPERSLAB_OPTION');
      for (const part of ['"zstd"', process.version, '"lz4"']) expect(message).toContain(part);
      return;
    }
    const pool = open({ codec: 'zstd' });
    const handles = [100, 4096, 20_000, 100_000].map((length) => pool.put(text(length, length)));
    pool.cool();
    expect(handles.map((handle) => pool.isCold(handle)).slice(1)).toEqual([true, true, true]);
    for (const [i, length] of [100, 4096, 20_000, 100_000].entries())
      expect(read(pool, handles[i]!).equals(text(length, length))).toBe(true);
  });
});

describe('its end', () => {
  test('ends what is cold, and leaves what is hot until it is freed', () => {
    const pool = open();
    const [cold, pinned, hot] = [pool.put(text(4096, 1)), pool.put(text(4096, 2)), pool.put(noise(4096))];
    const buffer = pool.access(pinned);
    pool.cool();
    expect(pool.isCold(cold)).toBe(true);
    pool.close();
    thrownBy(() => pool.access(cold), 'ERR_SUPERSLAB_STALE');
    expect(buffer.equals(text(4096, 2))).toBe(true);
    pool.release(pinned);
    expect(pool.owns(hot)).toBe(true);
    thrownBy(() => pool.put(text(1)), 'ERR_SUPERSLAB_CLOSED');
    thrownBy(() => pool.cool(), 'ERR_SUPERSLAB_CLOSED');
    pool.free(pinned);
    pool.free(hot);
    expect(pool.stats()).toMatchObject({ closed: true, committedBytes: 0 });
  });

  test('a pool that nobody has any more ends with its values', async () => {
    (() => {
      const pool = new CompressedPool({ name: 'dropped', hotBytes: MIB });
      for (let i = 0; i < 20; i++) pool.put(text(4096, i));
      pool.cool(20_000);
    })();
    await collect(() => !stats().pools.some(({ name }) => name.startsWith('dropped')));
  });

  test('a worker that is terminated in the midst of anything leaves pools of others as they are', async () => {
    const pool = open();
    const handles = Array.from({ length: 50 }, (_, i) => pool.put(text(4096, i)));
    for (let round = 0; round < 6; round++) {
      const worker = await startWorker();
      const done = worker.run(
        `const { CompressedPool } = await import('superslab/pools');
         const pool = new CompressedPool({ name: 'of a worker', hotBytes: 1 << 18, cpuBudget: 1 });
         const handles = [];
         setTimeout(() => {
           for (let i = 0; ; i++) {
             const handle = pool.put(Buffer.from(('line ' + i + ' ').repeat(400)));
             handles.push(handle);
             pool.access(handles[(i * 7) % handles.length]);
             pool.release(handles[(i * 7) % handles.length]);
             if (handles.length > 300) pool.free(handles.shift());
           }
         }, 0);`,
      );
      await done;
      await new Promise((resolve) => setTimeout(resolve, 30 + 17 * round));
      await worker.terminate();
    }
    await expect.poll(() => stats().pools.filter(({ name }) => name.startsWith('of a worker'))).toEqual([]);
    pool.cool();
    for (const [i, handle] of handles.entries()) expect(read(pool, handle).equals(text(4096, i))).toBe(true);
  });
});

describe('pins that were dropped', () => {
  test('are found with the stack of the access, and come back', async () => {
    const pool = open({ leakDetection: 'full', hotBytes: 64 * KIB });
    const events: { stack: string; what: string }[] = [];
    pool.on('leak', (leak) => events.push(leak as never));
    const handle = pool.put(text(4096));
    (function forgetful() {
      pool.access(handle);
    })();
    thrownBy(() => pool.free(handle), 'ERR_SUPERSLAB_ARGUMENT');
    await collect(() => events.length > 0);
    expect(events).toMatchObject([{ stack: expect.stringContaining('forgetful'), what: 'value' }]);
    expect(pool.leaks()).toMatchObject([{ count: 1, stack: expect.stringContaining('forgetful') }]);
    pool.free(handle);
  });

  test('are none while a view of the buffer is there', async () => {
    const pool = open({ leakDetection: 'full' });
    const handle = pool.put(text(4096));
    const view = (() => pool.access(handle).subarray(10, 20))();
    let isGone = false;
    const registry = new FinalizationRegistry(() => {
      isGone = true;
    });
    (() => registry.register({}, 0))();
    await collect(() => isGone);
    expect(pool.leaks()).toEqual([]);
    expect(view.equals(text(4096).subarray(10, 20))).toBe(true);
    pool.release(handle);
    const { message } = thrownBy(() => pool.release(handle), 'ERR_SUPERSLAB_RELEASED');
    expect(message).toContain('compressed-pool.test');
  });

  test('"all pinned" tells where', () => {
    const pool = open({ leakDetection: 'full', hotBytes: 64 * KIB });
    const handle = pool.put(text(64 * KIB));
    (function holder() {
      pool.access(handle);
    })();
    const { message } = thrownBy(() => pool.put(text(1)), 'ERR_SUPERSLAB_EXHAUSTED');
    expect(message).toContain('holder');
    pool.release(handle);
  });
});
