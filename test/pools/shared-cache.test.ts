// SharedCache in one process: what it keeps, what it refuses, and what it says.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import zlib, { deflateRawSync } from 'node:zlib';
import { Registry } from 'prom-client';
import { stats } from 'superslab';
import { type CompressionName, SharedCache, type SharedCacheOptions } from 'superslab/files';
import { collectSuperslab } from 'superslab/prometheus';
import { afterEach, describe, expect, test } from 'vitest';
import { rejectedBy, thrownBy } from '../support/expect-error.js';

const MIB = 2 ** 20;
/** Those that are there. */
const CODECS: readonly CompressionName[] = [
  'deflate',
  'lz4',
  ...('zstdCompress' in zlib ? (['zstd'] as const) : []),
];
/** In the head of a value, see native/pools/shared_cache/format.h. */
const CODEC_AT = 51;
const folders: string[] = [];
const caches: SharedCache[] = [];

function folder(): string {
  const made = mkdtempSync('/dev/shm/superslab-test-');
  folders.push(made);
  return made;
}

afterEach(() => {
  for (const cache of caches.splice(0)) cache.close();
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true });
});

function open(options: Partial<SharedCacheOptions> = {}): SharedCache {
  const cache = SharedCache.open({ path: path.join(folder(), 'cache'), maxBytes: 2 * MIB, ...options });
  caches.push(cache);
  return cache;
}

const text = (value: Buffer | undefined): string | undefined => value?.toString();
const bytesOf = (value: string): Buffer => Buffer.from(value);

describe('values', () => {
  test('are there for all who have the cache open, until they are replaced or deleted', () => {
    const one = open();
    const other = open({ path: one.path });
    expect(one.get('a')).toBeUndefined();
    expect(one.set('a', bytesOf('first'))).toBe(true);
    for (let i = 0; i < 10; i++) expect(text(other.get('a'))).toBe('first');
    expect(other.set('a', bytesOf('second'))).toBe(true);
    for (let i = 0; i < 10; i++) expect(text(one.get('a'))).toBe('second');
    expect([one.has('a'), one.has('b')]).toEqual([true, false]);
    expect([one.delete('a'), one.delete('a')]).toEqual([true, false]);
    expect(other.get('a')).toBeUndefined();
    expect(other.has('a')).toBe(false);
  });

  test('of all lengths, and keys of all kinds', () => {
    const cache = open();
    const keys = ['', 'a', 'ä', '日本語', '😀', 'x'.repeat(1024), '\0', 'a\0b', ' '];
    for (const [i, key] of keys.entries()) expect(cache.set(key, Buffer.alloc(i * 1000, i))).toBe(true);
    for (let round = 0; round < 10; round++) {
      keys.forEach((key, i) => {
        expect(cache.get(key)?.equals(Buffer.alloc(i * 1000, i))).toBe(true);
      });
    }
    expect(cache.stats().cache.entries).toBe(keys.length);
  });

  test('are copied: what is done to a buffer changes no value', () => {
    const cache = open();
    const given = bytesOf('value');
    cache.set('a', given);
    given.fill(0);
    cache.get('a')!.fill(0);
    expect(text(cache.get('a'))).toBe('value');
  });

  test('are copied into a buffer of the caller', () => {
    const cache = open();
    cache.set('a', bytesOf('value'));
    const target = Buffer.alloc(10, '.');
    for (let i = 0; i < 10; i++) expect(cache.getInto('a', target, i % 6)).toBe(5);
    expect(target.toString()).toBe('vvvvalueue');
    expect(cache.getInto('b', target)).toBe(-1);
    for (let i = 0; i < 10; i++) {
      const error = thrownBy(() => cache.getInto('a', target, 6), 'ERR_SUPERSLAB_SIZE');
      expect(error.message).toContain('5 bytes');
    }
    for (const wrong of [-1, 0.5, Number.NaN, '1'])
      thrownBy(() => cache.getInto('a', target, wrong as number), 'ERR_SUPERSLAB_ARGUMENT');
    for (const wrong of [undefined, 'text', [], new Float64Array(2)])
      thrownBy(() => cache.getInto('a', wrong as never), 'ERR_SUPERSLAB_ARGUMENT');
  });

  test('end by time', async () => {
    const cache = open({ ttlMs: 60 });
    cache.set('short', bytesOf('s'));
    cache.set('long', bytesOf('l'), { ttlMs: 60_000 });
    cache.set('ever', bytesOf('e'), { ttlMs: 0 });
    for (let i = 0; i < 10; i++) cache.get('short');
    expect(cache.has('short')).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([cache.get('short'), cache.has('short'), cache.pin('short')]).toEqual([
      undefined,
      false,
      undefined,
    ]);
    expect([text(cache.get('long')), text(cache.get('ever'))]).toEqual(['l', 'e']);
  });

  test('end with their tags', () => {
    const cache = open();
    cache.set('a', bytesOf('a'), { tags: ['x', 'y'] });
    cache.set('b', bytesOf('b'), { tags: ['y'] });
    cache.set('c', bytesOf('c'));
    for (let i = 0; i < 10; i++) expect(text(cache.get('a'))).toBe('a');
    cache.deleteTag('x');
    expect([cache.has('a'), cache.has('b'), cache.has('c')]).toEqual([false, true, true]);
    cache.set('a', bytesOf('a'), { tags: ['x'] });
    expect(cache.has('a')).toBe(true);
    cache.deleteTag('y');
    expect([cache.has('a'), cache.has('b'), cache.has('c')]).toEqual([true, false, true]);
    const tags = Array.from({ length: 33 }, (_, i) => `tag ${i}`);
    expect(cache.set('d', bytesOf('d'), { tags: tags.slice(1) })).toBe(true);
    thrownBy(() => cache.set('d', bytesOf('d'), { tags }), 'ERR_SUPERSLAB_ARGUMENT');
    cache.deleteTag('tag 32');
    expect(cache.has('d')).toBe(false);
  });

  test('make room for others, those first that are not used', () => {
    const cache = open();
    cache.set('hot', Buffer.alloc(4096, 'h'));
    for (let i = 0; i < 3000; i++) {
      cache.set(`key ${i}`, Buffer.alloc(4096, i));
      expect(cache.get('hot')?.[0]).toBe(104);
    }
    expect(cache.get('key 0')).toBeUndefined();
    expect(cache.get('key 2999')?.[4095]).toBe(2999 % 256);
    const { evictions, survivals, bytes, roomBytes } = cache.stats().cache;
    expect(evictions).toBeGreaterThan(2000);
    expect(survivals).toBeGreaterThan(2);
    expect(bytes).toBeGreaterThan(roomBytes * 0.9);
    cache.check();
  });

  test('are all gone after clear()', () => {
    const cache = open();
    for (let i = 0; i < 100; i++) cache.set(`key ${i}`, bytesOf('x'));
    for (let i = 0; i < 10; i++) cache.get('key 1');
    cache.clear();
    expect(cache.get('key 1')).toBeUndefined();
    expect(cache.stats().cache.entries).toBe(0);
    cache.set('key 1', bytesOf('y'));
    expect(text(cache.get('key 1'))).toBe('y');
  });

  test.each(CODECS)('are compressed by %s, where that makes them shorter', (codec) => {
    const cache = open({ codec });
    const long = Buffer.alloc(100_000, 'superslab ');
    const noise = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * i * 2654435761) >>> 13));
    cache.set('long', long);
    cache.set('noise', noise);
    cache.set('short', bytesOf('short'));
    expect(cache.stats().cache.bytes).toBeLessThan(20_000);
    const target = Buffer.alloc(100_000);
    for (let i = 0; i < 6; i++) {
      expect(cache.get('long')?.equals(long)).toBe(true);
      expect(cache.get('noise')?.equals(noise)).toBe(true);
      expect(cache.getInto('long', target)).toBe(100_000);
      expect(target.equals(long)).toBe(true);
      using page = cache.pin('long')!;
      expect(page.buffer.equals(long)).toBe(true);
    }
    thrownBy(() => cache.getInto('long', Buffer.alloc(10)), 'ERR_SUPERSLAB_SIZE');
    // A value says by what it can be read.
    for (const other of [undefined, ...CODECS]) {
      const reading = open({ path: cache.path, ...(other !== undefined && { codec: other }) });
      expect(reading.get('long')?.equals(long)).toBe(true);
      expect(text(reading.get('short'))).toBe('short');
    }
  });

  test.each([
    [1, 'cannot decompress'],
    [3, 'cannot decompress'],
    [255, 'a codec of the program'],
    [9, 'the number 9'],
    ...(CODECS.includes('zstd') ? [] : ([[2, 'zstd needs Node.js 22.15']] as const)),
  ] as const)('that the codec %i should read, and cannot, are an error', (number, said) => {
    const cache = open({ codec: 'deflate' });
    // No block of LZ4, nor what was compressed.
    const stored = Buffer.alloc(3000, '\xff');
    cache.set('a', Buffer.concat([stored, Buffer.alloc(9000)]));
    const descriptor = openSync(cache.path, 'r+');
    const file = readFileSync(cache.path);
    // The record of the only value.
    const at = file.indexOf(deflateRawSync(Buffer.concat([stored, Buffer.alloc(9000)]), { level: 1 }));
    expect(at).toBeGreaterThan(64);
    writeSync(descriptor, Buffer.from([number]), 0, 1, at - 64 + CODEC_AT);
    if (number === 1) writeSync(descriptor, Buffer.alloc(8, 0xff), 0, 8, at);
    expect(thrownBy(() => cache.get('a'), 'ERR_SUPERSLAB_CODEC').message).toContain(said);
    closeSync(descriptor);
  });

  test('may be compressed by a codec of the program', () => {
    const codec = {
      name: 'halves',
      compress: (bytes: Uint8Array) => bytes.subarray(0, bytes.length / 2),
      decompress: (bytes: Uint8Array) => Buffer.concat([bytes, bytes]),
    };
    const cache = open({ codec, compressFrom: 0 });
    cache.set('a', bytesOf('abab'));
    expect(text(cache.get('a'))).toBe('abab');
    const failing = open({ path: cache.path, codec: { ...codec, decompress: () => Buffer.alloc(1) } });
    thrownBy(() => failing.get('a'), 'ERR_SUPERSLAB_CODEC');
    const late = open({
      path: cache.path,
      codec: { ...codec, compress: async (bytes) => bytes },
      compressFrom: 0,
    });
    thrownBy(() => late.set('a', bytesOf('abab')), 'ERR_SUPERSLAB_CODEC');
  });
});

describe('pages', () => {
  test('stay as they are while their key gets other values, and tell so', () => {
    const cache = open();
    cache.set('a', Buffer.alloc(4000, 1));
    const page = cache.pin('a')!;
    expect([page.key, page.buffer.length, page.isCurrent, page.released]).toEqual(['a', 4000, true, false]);
    for (let i = 0; i < 3000; i++) cache.set(i % 3 === 0 ? 'a' : `key ${i}`, Buffer.alloc(4000, 2));
    expect(page.isCurrent).toBe(false);
    expect(page.buffer.equals(Buffer.alloc(4000, 1))).toBe(true);
    cache.clear();
    for (let i = 0; i < 1000; i++) cache.set(`key ${i}`, Buffer.alloc(4000, 3));
    expect(page.buffer.equals(Buffer.alloc(4000, 1))).toBe(true);
    page.release();
    expect(page.released).toBe(true);
    expect(thrownBy(() => page.release(), 'ERR_SUPERSLAB_RELEASED').message).toContain('"a"');
    expect(cache.pinnedKeys()).toEqual([]);
  });

  test('are the same while a value is, and count their pins', () => {
    const cache = open({ leakDetection: 'off', guard: 'off' });
    cache.set('a', bytesOf('one'));
    const first = cache.pin('a')!;
    const second = cache.pin('a')!;
    expect(second).toBe(first);
    expect(cache.pinnedKeys()).toEqual(['a']);
    cache.set('a', bytesOf('two'));
    const third = cache.pin('a')!;
    expect([text(third.buffer), text(first.buffer)]).toEqual(['two', 'one']);
    first.release();
    expect(first.released).toBe(false);
    second.release();
    expect(first.released).toBe(true);
    third[Symbol.dispose]();
    expect(cache.stats()).toMatchObject({ acquires: 2, objects: { inUse: 0, peakInUse: 2 } });
  });

  test('are limited in number, and the error names some', () => {
    const cache = open();
    const pages = Array.from({ length: 447 }, (_, i) => {
      cache.set(`key ${i}`, bytesOf(`${i}`));
      return cache.pin(`key ${i}`)!;
    });
    cache.set('more', bytesOf('x'));
    const { message } = thrownBy(() => cache.pin('more'), 'ERR_SUPERSLAB_EXHAUSTED');
    expect(message).toContain('"key ');
    expect(message).toContain('447');
    for (const [i, page] of pages.entries()) expect(text(page.buffer)).toBe(`${i}`);
    pages[5]!.release();
    cache.pin('more')!.release();
    for (const page of pages) if (!page.released) page.release();
    expect(cache.stats().objects).toMatchObject({ inUse: 0, peakInUse: 447 });
  });

  test('leave room for values, or set() says that there is none', () => {
    const cache = open();
    const most = cache.stats().cache.maxValueBytes;
    const pages = [];
    for (let i = 0; i < 4; i++) {
      if (!cache.set(`key ${i}`, Buffer.alloc(most - 2000, i))) break;
      pages.push(cache.pin(`key ${i}`)!);
    }
    expect(pages.length).toBeGreaterThan(2);
    expect(cache.set('key 0', Buffer.alloc(most))).toBe(false);
    expect(cache.get('key 0')).toBeUndefined();
    for (const [i, page] of pages.entries()) expect(page.buffer.every((byte) => byte === i)).toBe(true);
    for (const page of pages) page.release();
    expect(cache.set('key 0', Buffer.alloc(most))).toBe(true);
  });

  test('whose memory a program has taken away are made anew', () => {
    const cache = open();
    cache.set('a', bytesOf('value'));
    const page = cache.pin('a')!;
    try {
      (page.buffer.buffer as unknown as { transfer?(): void }).transfer?.();
    } catch {}
    page.release();
    for (let i = 0; i < 3; i++) {
      expect(text(cache.get('a'))).toBe('value');
      using again = cache.pin('a')!;
      expect(text(again.buffer)).toBe('value');
    }
  });
});

describe('computing', () => {
  test('is done once for all who ask at the same time', async () => {
    const cache = open();
    let calls = 0;
    const compute = async (key: string) => {
      calls++;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return bytesOf(`value of ${key}`);
    };
    const other = open({ path: cache.path });
    const asked = [cache, cache, other, other, cache].map((one) => one.getOrCompute('a', compute));
    const values = await Promise.all(asked);
    expect(values.map(text)).toEqual(Array(5).fill('value of a'));
    expect(calls).toBe(1);
    values[0]!.fill(0);
    expect(values.slice(1).map(text)).toEqual(Array(4).fill('value of a'));
    expect(text(await other.getOrCompute('a', () => Buffer.alloc(0)))).toBe('value of a');
    expect(cache.stats().cache).toMatchObject({ computations: 1, entries: 1 });
  });

  test('that fails is done again by those who waited', async () => {
    const cache = open();
    const other = open({ path: cache.path });
    const failing = cache.getOrCompute('a', async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      throw new Error('of the program');
    });
    const next = other.getOrCompute('a', () => bytesOf('second'));
    await expect(failing).rejects.toThrow('of the program');
    expect(text(await next)).toBe('second');
    await rejectedBy(
      cache.getOrCompute('b', () => 'text' as never),
      'ERR_SUPERSLAB_ARGUMENT',
    );
    expect(text(await other.getOrCompute('b', () => bytesOf('b')))).toBe('b');
  });

  test('of what is deleted meanwhile is not stored', async () => {
    const cache = open();
    const deleted = cache.getOrCompute('a', async () => {
      cache.delete('a');
      return bytesOf('old');
    });
    expect(text(await deleted)).toBe('old');
    expect(cache.get('a')).toBeUndefined();
    const tagged = cache.getOrCompute(
      'b',
      async () => {
        cache.deleteTag('x');
        return bytesOf('old');
      },
      { tags: ['x'] },
    );
    expect(text(await tagged)).toBe('old');
    expect(cache.get('b')).toBeUndefined();
    const replaced = cache.getOrCompute('c', async () => {
      cache.set('c', bytesOf('new'));
      return bytesOf('old');
    });
    await replaced;
    expect(text(cache.get('c'))).toBe('new');
  });

  test('a call that never ends, as one that was cut off, holds up none of its own thread for ever', async () => {
    const cache = open();
    const endless = cache.getOrCompute('a', () => new Promise<Buffer>(() => {}));
    const asked = [1, 2, 3].map(() => cache.getOrCompute('a', () => bytesOf('later'), { waitMs: 30 }));
    expect((await Promise.all(asked)).map(text)).toEqual(['later', 'later', 'later']);
    cache.close();
    await rejectedBy(endless, 'ERR_SUPERSLAB_CLOSED');
  });

  test('is waited for until the signal ends that; it goes on, and others wait on', async () => {
    const cache = open();
    const other = open({ path: cache.path });
    let done = () => {};
    const abort = new AbortController();
    const { signal } = abort;
    const first = cache.getOrCompute(
      'a',
      async () => {
        await new Promise<void>((resolve) => (done = resolve));
        return bytesOf('slow');
      },
      { signal },
    );
    const wrong = () => bytesOf('of somebody else');
    const [second, third] = [cache, other].map((one) => one.getOrCompute('a', wrong, { signal }));
    const [fourth, fifth] = [cache, other].map((one) => one.getOrCompute('a', wrong));
    abort.abort(new Error('enough'));
    for (const one of [first, second, third]) await expect(one).rejects.toThrow('enough');
    await expect(cache.getOrCompute('b', wrong, { signal })).rejects.toThrow('enough');
    expect(cache.get('b')).toBeUndefined();
    done();
    expect((await Promise.all([fourth, fifth])).map((value) => text(value))).toEqual(['slow', 'slow']);
    await rejectedBy(cache.getOrCompute('b', wrong, { signal: 1 as never }), 'ERR_SUPERSLAB_OPTION');
  });

  test('is waited for no longer than the caller wants', async () => {
    const cache = open();
    const other = open({ path: cache.path });
    let done = () => {};
    const slow = cache.getOrCompute('a', async () => {
      await new Promise<void>((resolve) => (done = resolve));
      return bytesOf('slow');
    });
    expect(text(await other.getOrCompute('a', () => bytesOf('quick'), { waitMs: 30 }))).toBe('quick');
    done();
    expect(text(await slow)).toBe('slow');
    expect(text(other.get('a'))).toBe('slow');
  });
});

describe('as a pool', () => {
  test('has a name, figures, a report, and is in those of the process until it is closed', async () => {
    const register = new Registry();
    using _ = collectSuperslab({ register });
    const cache = open({ name: 'pages of the shop' });
    cache.set('a', bytesOf('value'));
    cache.get('a');
    cache.get('b');
    const page = cache.pin('a')!;
    expect(cache.stats()).toMatchObject({
      name: 'pages of the shop',
      closed: false,
      objects: { inUse: 1, max: 447 },
      cache: { path: cache.path, hits: 2, misses: 1, sets: 1, entries: 1, members: 1, maxBytes: 2 * MIB },
    });
    expect(cache.report()).toContain('pages of the shop');
    expect(cache.report()).toContain('1 values');
    expect(cache.advice()).toEqual([]);
    expect(cache.leaks()).toEqual([]);
    expect(cache.check()).toEqual([]);
    expect(cache.trim()).toBe(0);
    thrownBy(() => cache.trim(-1), 'ERR_SUPERSLAB_ARGUMENT');
    thrownBy(() => cache.on('leek' as 'leak', () => {}), 'ERR_SUPERSLAB_ARGUMENT');
    const own = () => stats().pools.filter(({ name }) => name === cache.name);
    expect(own()).toMatchObject([{ objects: { inUse: 1 } }]);
    expect(await register.metrics()).toContain('pages of the shop');
    cache.close();
    cache.close();
    expect(own()).toEqual([]);
    expect(page.released).toBe(true);
    expect(cache.stats()).toMatchObject({ closed: true, objects: { inUse: 0 }, cache: { entries: 1 } });
    expect(cache.check()).toEqual([]);
    for (const call of [
      () => cache.get('a'),
      () => cache.getInto('a', Buffer.alloc(9)),
      () => cache.pin('a'),
      () => cache.has('a'),
      () => cache.set('a', bytesOf('x')),
      () => cache.delete('a'),
      () => cache.deleteTag('a'),
      () => cache.clear(),
      () => cache.trim(),
    ])
      thrownBy(call, 'ERR_SUPERSLAB_CLOSED');
    await rejectedBy(
      cache.getOrCompute('a', () => Buffer.alloc(0)),
      'ERR_SUPERSLAB_CLOSED',
    );
  });

  test('counts hits and misses of all who have it open, also when they have left', () => {
    const cache = open();
    cache.set('a', bytesOf('value'));
    for (let i = 0; i < 3; i++) {
      const other = open({ path: cache.path });
      for (let k = 0; k < 10; k++) other.get('a');
      other.get('b');
      expect(cache.stats().cache.members).toBe(2);
      other.close();
    }
    expect(cache.stats().cache).toMatchObject({ hits: 30, misses: 3, members: 1 });
    expect(cache.stats().cache.hitRate).toBeCloseTo(30 / 33);
  });
});

describe('what is refused', () => {
  const refused = (options: SharedCacheOptions, code: string) => {
    const error = thrownBy(() => SharedCache.open(options), code) as unknown as Error & { path: string };
    expect(error.path).toBe(options.path);
    return error.message;
  };

  test('paths that are no file of ours', () => {
    const root = folder();
    expect(refused({ path: root }, 'ERR_SUPERSLAB_FILE')).toContain('no regular file');
    expect(refused({ path: `${root}/none/x` }, 'ERR_SUPERSLAB_FILE')).toContain('folder has to exist');
    const { path: file } = open();
    symlinkSync(file, `${root}/link`);
    expect(refused({ path: `${root}/link` }, 'ERR_SUPERSLAB_FILE')).toContain('symbolic link');
    execFileSync('mkfifo', [`${root}/pipe`]);
    expect(refused({ path: `${root}/pipe` }, 'ERR_SUPERSLAB_FILE')).toContain('pipe');
    refused({ path: '/dev/null' }, 'ERR_SUPERSLAB_FILE');
    chmodSync(file, 0o644);
    expect(refused({ path: file }, 'ERR_SUPERSLAB_FILE')).toContain('chmod 600');
    SharedCache.open({ path: file, mode: 0o644 }).close();
  });

  test('files of others, which stay as they are', () => {
    const file = path.join(folder(), 'cache');
    for (const bytes of [Buffer.alloc(0), bytesOf('text'), Buffer.alloc(4 * MIB, 'x')]) {
      writeFileSync(file, bytes, { mode: 0o600 });
      expect(refused({ path: file }, 'ERR_SUPERSLAB_FILE_FORMAT')).toContain('no file of superslab');
      expect(readFileSync(file).equals(bytes)).toBe(true);
    }
  });

  test('files of another version or size, and those that are damaged or cut', () => {
    const cache = open();
    cache.close();
    const { path: file } = cache;
    expect(refused({ path: file, maxBytes: 4 * MIB }, 'ERR_SUPERSLAB_FILE_FORMAT')).toContain(`${2 * MIB}`);
    SharedCache.open({ path: file }).close();
    const bytes = readFileSync(file);
    const changed = (at: number, value: number) => {
      const other = Buffer.from(bytes);
      other[at] = value;
      writeFileSync(file, other);
    };
    changed(12, 9);
    expect(refused({ path: file }, 'ERR_SUPERSLAB_FILE_FORMAT')).toContain('version 9');
    changed(8, 1);
    writeFileSync(file, Buffer.from(bytes));
    changed(20, bytes[20]! ^ 1);
    expect(refused({ path: file }, 'ERR_SUPERSLAB_FILE_DAMAGED')).toContain('remove the file');
    writeFileSync(file, bytes);
    truncateSync(file, MIB);
    expect(refused({ path: file }, 'ERR_SUPERSLAB_FILE_DAMAGED')).toContain('cut');
  });

  test('options, keys and values that are none', () => {
    const file = path.join(folder(), 'cache');
    const wrong = (options: unknown, part: string) =>
      expect(
        thrownBy(() => SharedCache.open({ path: file, ...(options as object) }), 'ERR_SUPERSLAB_OPTION')
          .message,
      ).toContain(part);
    wrong({ maxByte: 1 }, 'did you mean "maxBytes"?');
    wrong({ maxBytes: MIB }, `${2 * MIB}`);
    wrong({ maxBytes: 2 ** 40 }, 'maxBytes');
    wrong({ ttlMs: -1 }, 'ttlMs');
    wrong({ mode: 0o400 }, '0o600');
    wrong({ codec: 'lz5' }, '"deflate"');
    wrong({ codec: {} }, 'decompress');
    thrownBy(() => SharedCache.open(null as never), 'ERR_SUPERSLAB_OPTION');
    for (const bad of ['', 'a\0b', 7, undefined, new URL('http://x/')])
      thrownBy(() => SharedCache.open({ path: bad as never }), 'ERR_SUPERSLAB_ARGUMENT');
    SharedCache.open({ path: pathToFileURL(file) }).close();
    thrownBy(() => new (SharedCache as never as new (x: unknown) => unknown)('x'), 'ERR_SUPERSLAB_ARGUMENT');
    const cache = open();
    for (const bad of [undefined, null, 1, Symbol('s'), {}, ['a'], 'x'.repeat(1025), 'ä'.repeat(513)]) {
      for (const call of [
        () => cache.get(bad as string),
        () => cache.getInto(bad as string, Buffer.alloc(9)),
        () => cache.pin(bad as string),
        () => cache.has(bad as string),
        () => cache.set(bad as string, Buffer.alloc(1)),
        () => cache.delete(bad as string),
      ])
        thrownBy(call, 'ERR_SUPERSLAB_ARGUMENT');
    }
    for (const bad of [undefined, 'text', 1, [], {}, new ArrayBuffer(8), new Uint16Array(2)])
      thrownBy(() => cache.set('a', bad as never), 'ERR_SUPERSLAB_ARGUMENT');
    for (const bad of [null, 1, { ttl: 1 }, { ttlMs: 'x' }, { tags: 'x' }, { tags: [1] }])
      thrownBy(() => cache.set('a', Buffer.alloc(1), bad as never), 'ERR_SUPERSLAB_OPTION');
    thrownBy(() => cache.deleteTag(1 as never), 'ERR_SUPERSLAB_ARGUMENT');
    const { maxValueBytes } = cache.stats().cache;
    expect(cache.set('a', Buffer.alloc(maxValueBytes))).toBe(true);
    const { message } = thrownBy(() => cache.set('a', Buffer.alloc(maxValueBytes + 1)), 'ERR_SUPERSLAB_SIZE');
    expect(message).toContain(`${maxValueBytes + 1}`);
  });
});

describe('a file that others damage', () => {
  test('by cutting it: an error says so, and the process goes on', () => {
    const cache = open();
    cache.set('a', Buffer.alloc(100_000, 1));
    const page = cache.pin('a')!;
    for (let i = 0; i < 10; i++) cache.get('a');
    truncateSync(cache.path, 4096);
    const calls = [
      () => cache.get('a'),
      () => cache.set('a', bytesOf('x')),
      () => cache.has('a'),
      () => cache.pin('b'),
    ];
    thrownBy(() => calls.map((call) => call()), 'ERR_SUPERSLAB_FILE_FAILED');
    for (const call of calls) thrownBy(call, 'ERR_SUPERSLAB_FILE_FAILED');
    page.buffer.fill(0);
    cache.close();
  });

  test('by writing anywhere: no call crashes or lasts for ever', () => {
    let seed = 12345;
    const random = (n: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return seed % n;
    };
    for (let round = 0; round < 5; round++) {
      const cache = open();
      const file = openSync(cache.path, 'r+');
      const attempt = (call: () => unknown) => {
        try {
          call();
        } catch (error) {
          expect((error as { code?: string }).code).toMatch(/^ERR_SUPERSLAB_/);
        }
      };
      for (let i = 0; i < 1500; i++) {
        const key = `key ${random(300)}`;
        const first = 596 * 1024 - 8192; // about where the first part begins
        for (let k = random(8); k > 0; k--) {
          const at = random(3) === 0 ? random(2 * MIB) : first + random(64 * 1024);
          writeSync(file, Buffer.of(random(256)), 0, 1, at);
        }
        attempt(() => cache.set(key, Buffer.alloc(random(5000), 1), { tags: ['t'] }));
        attempt(() => cache.get(`key ${random(300)}`));
        attempt(() => cache.pin(`key ${random(300)}`)?.release());
        if (random(50) === 0) attempt(() => cache.check());
        if (random(50) === 0) attempt(() => cache.stats());
        if (random(200) === 0) attempt(() => cache.clear());
      }
      cache.close();
    }
  });
});
