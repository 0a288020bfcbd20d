// PageCache: the suite for all kinds of pool, and what is its own. Files that fail: page-cache-files.test.ts.
import { readFileSync } from 'node:fs';
import { type Page, PageCache, type PageCacheOptions } from 'superslab/files';
import { afterEach, describe, expect, test } from 'vitest';
import { collect } from '../support/collect.js';
import { rejectedBy, thrownBy } from '../support/expect-error.js';
import { conformance } from './conformance.js';
import { folder } from './mapped-files.js';
import { numberedFile, pageFile } from './page-files.js';

const PAGE = 4096;

/** The suite pins a page that it has not pinned, each time. */
const pinned = new WeakMap<PageCache, Set<number>>();
function freePage(cache: PageCache): number {
  const known = pinned.get(cache) ?? new Set();
  pinned.set(cache, known);
  let no = 0;
  while (known.has(no)) no++;
  known.add(no);
  return no;
}
const noteFree = (cache: PageCache, no: number): void => {
  for (const one of [cache]) pinned.get(one)?.delete(no);
};

const isPage = (thing: unknown): thing is Page =>
  typeof thing === 'object' && thing !== null && 'markDirty' in thing && 'no' in thing;
/** That of every page. */
let release: (this: unknown) => void;
const owners = new WeakMap<Page, PageCache>();
function own(cache: PageCache, page: Page): Page {
  owners.set(page, cache);
  release ??= page.release;
  return page;
}

const suiteFile = () => pageFile(2000);

conformance<PageCache, Page>({
  name: 'PageCache',
  open: (options) => PageCache.open({ file: suiteFile(), ...options }),
  limitedTo: (count) => ({ cacheBytes: count * PAGE }),
  isAlwaysLimited: true,
  take: (cache) => {
    const no = freePage(cache);
    try {
      return own(cache, cache.pinSync(no));
    } catch (error) {
      noteFree(cache, no);
      throw error;
    }
  },
  give: (_, thing) => {
    release.call(thing);
    if (isPage(thing)) noteFree(owners.get(thing)!, thing.no);
  },
  wait: async (cache, signal) => {
    const no = freePage(cache);
    return own(cache, await cache.pin(no, signal === undefined ? {} : { signal }));
  },
  warm: (cache, count, onProgress) => cache.warm(count, onProgress),
  isLent: (page) => !page.released,
  overlap: (one, other) => {
    const [a, b] = [one.buffer, other.buffer].map(({ buffer, byteOffset }) => ({ buffer, byteOffset }));
    if (a!.buffer === b!.buffer) return Math.abs(a!.byteOffset - b!.byteOffset) < PAGE;
    one.buffer[0] = 1;
    other.buffer[0] = 2;
    const isOne = one.buffer[0] !== 1;
    one.buffer[0] = other.buffer[0] = 0;
    return isOne;
  },
  lendsAgain: true,
  strangers: (page) => [Object.create(page), { ...page }, page.buffer, page.no],
  lent: ({ inUseBytes }) => inUseBytes / PAGE,
  wrongOptions: [
    [{ file: undefined }, 'file'],
    [{ pagesize: 4096 }, '"pagesize"', 'did you mean "pageSize"?'],
    [{ pageSize: 4095 }, 'pageSize', 'power of two', '4095'],
    [{ pageSize: 2 ** 21 }, 'pageSize', '1048576', '2097152'],
    [{ pageSize: 256 }, 'pageSize', '512'],
    [{ cacheBytes: 4095 }, 'cacheBytes', '4096 B', '4095'],
    [{ cacheBytes: 2 ** 50 }, 'cacheBytes'],
    [{ cacheBytes: 'much' }, 'cacheBytes', '"much"'],
    [{ direct: 1 }, 'direct', 'true or false'],
    [{ direct: true, pageSize: 512 }, 'pageSize', 'direct', '4096'],
    [{ checksums: 'md5' }, 'checksums', '"crc32c"', '"md5"'],
    [{ access: 'append' }, 'access', '"read"'],
    [{ mode: 0o7777 }, 'mode', '0o640'],
    [{ maxBytes: PAGE }, '"maxBytes"'],
    [{ sensitive: true }, 'secrets', 'BufferPool'],
    [{ hugePages: '4mb' }, '"hugePages"'],
    [{ name: '' }, 'name', '""'],
  ],
  source: {
    open: `(await (async () => {
      const { mkdtempSync, writeFileSync, truncateSync } = await import('node:fs');
      const file = mkdtempSync((await import('node:os')).tmpdir() + '/superslab-') + '/pages';
      writeFileSync(file, '', { mode: 0o600 });
      truncateSync(file, 2 ** 34);
      globalThis.nextPage = 0;
      const { PageCache } = await import('superslab/files');
      return PageCache.open({ file, pageSize: 1 << 20, cacheBytes: 2 ** 36, ...OPTIONS });
    })())`,
    take: 'pool.pinSync(globalThis.nextPage++)',
    give: 'thing.release()',
  },
});

const caches: PageCache[] = [];
function open(options: Partial<PageCacheOptions> = {}): PageCache {
  const cache = PageCache.open({
    file: options.file ?? numberedFile(100),
    cacheBytes: 16 * PAGE,
    leakDetection: 'off',
    guard: 'off',
    ...options,
  });
  caches.push(cache);
  return cache;
}
const numberOf = (page: Page): number => page.buffer.readUInt32LE(0);

afterEach(() => {
  for (const cache of caches.splice(0)) {
    expect(cache.check()).toEqual([]);
    cache.close();
  }
});

describe('pins', () => {
  test('a page has the bytes of the file, and the same object while it is there', () => {
    const cache = open();
    const page = cache.pinSync(7);
    expect([page.no, page.buffer.length, numberOf(page)]).toEqual([7, PAGE, 7]);
    expect(cache.pinSync(7)).toBe(page);
    page.release();
    expect(page.released).toBe(false);
    page.release();
    expect(page.released).toBe(true);
    expect(cache.pinSync(7)).toBe(page);
    page.release();
    expect(cache.figures()).toMatchObject({ hits: 2, misses: 1, reads: 1, pinned: 0, pages: 1 });
  });

  test('`using` releases it', async () => {
    const cache = open();
    {
      using page = await cache.pin(3);
      expect(numberOf(page)).toBe(3);
      expect(cache.figures().pinned).toBe(1);
    }
    expect(cache.figures().pinned).toBe(0);
  });

  test('a page that has gone is another object when it comes again', () => {
    const cache = open();
    const before = cache.pinSync(0);
    before.release();
    for (let no = 1; no < 60; no++) cache.pinSync(no).release();
    const after = cache.pinSync(0);
    expect(after).not.toBe(before);
    expect(before.released).toBe(true);
    thrownBy(() => before.release(), 'ERR_SUPERSLAB_RELEASED');
    thrownBy(() => before.markDirty(), 'ERR_SUPERSLAB_RELEASED');
    expect(after.released).toBe(false);
    after.release();
  });

  test.for([-1, 1.5, Number.NaN, 2 ** 32 + 5, 100, '7', null, undefined, { valueOf: (): number => 7 }, 7n])(
    'what is no page is refused: %s',
    async (no) => {
      const cache = open();
      cache.pinSync(5).release();
      cache.pinSync(7).release();
      const { message } = thrownBy(() => cache.pinSync(no as number), 'ERR_SUPERSLAB_ARGUMENT');
      expect(message).toMatch(/page/);
      await rejectedBy(cache.pin(no as number), 'ERR_SUPERSLAB_ARGUMENT');
      for (const act of [() => cache.flush(no as number), () => cache.prefetch(no as number)])
        if (no !== 100 && no !== 2 ** 32 + 5) thrownBy(act, 'ERR_SUPERSLAB_ARGUMENT');
    },
  );

  test('pins of one page that come at once wait for one read', async () => {
    const cache = open({ direct: true });
    const all = await Promise.all(Array.from({ length: 50 }, () => cache.pin(9)));
    for (const page of all) {
      expect(page).toBe(all[0]);
      page.release();
    }
    expect(cache.figures()).toMatchObject({ reads: 1, pinned: 0 });
    const many = await Promise.all(Array.from({ length: 12 }, (_, i) => cache.pin(20 + i)));
    expect(many.map(numberOf)).toEqual(many.map((_, i) => 20 + i));
    for (const page of many) page.release();
    expect(cache.figures().reads).toBe(13);
  });

  test('a pin that waits nowhere finds one that is being read', async () => {
    const cache = open({ direct: true });
    const later = cache.pin(4);
    const page = cache.pinSync(4);
    expect(numberOf(page)).toBe(4);
    expect(await later).toBe(page);
    page.release();
    page.release();
    expect(cache.figures()).toMatchObject({ reads: 1, pinned: 0 });
  });

  test('a pin that must not wait takes the frame of one that does', async () => {
    const cache = open({ cacheBytes: PAGE, direct: true });
    const later = [cache.pin(4), cache.pin(5)];
    const page = cache.pinSync(6);
    expect(numberOf(page)).toBe(6);
    page.release();
    for (const [i, pin] of later.entries()) {
      using one = await pin;
      expect(numberOf(one)).toBe(4 + i);
    }
    expect(cache.figures().pinned).toBe(0);
  });

  test('more pins wait than there are frames, in turn', async () => {
    const cache = open({ cacheBytes: 2 * PAGE });
    let most = 0;
    let now = 0;
    const seen = await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        using page = await cache.pin(i % 30);
        most = Math.max(most, ++now);
        await new Promise(setImmediate);
        now--;
        return numberOf(page);
      }),
    );
    expect(seen).toEqual(Array.from({ length: 60 }, (_, i) => i % 30));
    expect(cache.figures().pinned).toBe(0);
    expect(most).toBeGreaterThan(1);
  });

  test('when all is pinned the error names who has what', () => {
    const cache = open({ cacheBytes: 2 * PAGE, leakDetection: 'full' });
    function keeper() {
      return cache.pinSync(1);
    }
    const pages = [keeper(), cache.pinSync(2)];
    const { message } = thrownBy(() => cache.pinSync(3), 'ERR_SUPERSLAB_EXHAUSTED');
    for (const part of ['page 1 ', 'page 2 ', 'keeper', 'cacheBytes']) expect(message).toContain(part);
    for (const page of pages) page.release();
  });

  test('a page that was dropped while it is pinned is a leak, and its frame is used again', async () => {
    const cache = open({ cacheBytes: PAGE, leakDetection: 'full' });
    (function forgetful() {
      cache.pinSync(1);
    })();
    (async function laterForgetful() {
      await cache.pin(1);
    })();
    await collect(() => cache.leaks().reduce((sum, { count }) => sum + count, 0) === 2);
    expect(cache.leaks().map(({ stack }) => /forgetful|laterForgetful/i.test(stack))).toEqual([true, true]);
    const page = cache.pinSync(2);
    page.release();
    const { message } = thrownBy(() => page.release(), 'ERR_SUPERSLAB_RELEASED');
    expect(message).toContain('page-cache.test.ts');
  });

  test('with the guard "detach" a released page has no bytes', () => {
    const cache = open({ guard: 'detach' });
    const page = cache.pinSync(1);
    expect(numberOf(page)).toBe(1);
    page.release();
    expect(page.buffer.length).toBe(0);
    thrownBy(() => page.markDirty(), 'ERR_SUPERSLAB_RELEASED');
  });

  test('65,535 pins of a page are counted, and no more', () => {
    const cache = open();
    const page = cache.pinSync(1);
    for (let i = 1; i < 65535; i++) cache.pinSync(1);
    const { message } = thrownBy(() => cache.pinSync(1), 'ERR_SUPERSLAB_ARGUMENT');
    expect(message).toContain('65535');
    for (let i = 0; i < 65535; i++) page.release();
    expect(page.released).toBe(true);
  });
});

describe('writing', () => {
  test('what was marked is in the file after a checkpoint, and what was not is not', async () => {
    const file = numberedFile(100);
    const cache = open({ file });
    for (const no of [3, 4, 50]) {
      const page = cache.pinSync(no);
      page.buffer.writeUInt32LE(1000 + no, 0);
      page.markDirty();
      page.release();
    }
    expect(cache.figures()).toMatchObject({ dirty: 3, writes: 0 });
    await cache.checkpoint();
    expect(cache.figures()).toMatchObject({ dirty: 0, writes: 3, writeCalls: 2, checkpoints: 1 });
    const bytes = readFileSync(file);
    for (let no = 0; no < 100; no++)
      expect(bytes.readUInt32LE(no * PAGE)).toBe([3, 4, 50].includes(no) ? 1000 + no : no);
    await cache.checkpoint();
    expect(cache.figures().writes).toBe(3);
  });

  test('a checkpoint has a page as it was when it began', async () => {
    const file = numberedFile(100);
    const cache = open({ file });
    const [held, free] = [cache.pinSync(1), cache.pinSync(2)];
    for (const page of [held, free]) {
      page.buffer.writeUInt32LE(111, 0);
      page.markDirty();
    }
    free.release();
    const done = cache.checkpoint();
    const later = cache.pinSync(2);
    for (const page of [held, later]) {
      page.buffer.writeUInt32LE(222, 0);
      page.markDirty();
    }
    later.release();
    await done;
    expect(readFileSync(file).readUInt32LE(2 * PAGE)).toBe(111);
    expect(readFileSync(file).readUInt32LE(PAGE)).toBe(111);
    held.release();
    await cache.checkpoint();
    expect(readFileSync(file).readUInt32LE(PAGE)).toBe(222);
  });

  test('flush() writes one page, pinned or not', () => {
    const file = numberedFile(100);
    const cache = open({ file });
    const page = cache.pinSync(8);
    expect(cache.flush(8)).toBe(false);
    page.buffer.writeUInt32LE(88, 0);
    page.markDirty();
    expect(cache.flush(8)).toBe(true);
    expect(cache.flush(9)).toBe(false);
    expect(readFileSync(file).readUInt32LE(8 * PAGE)).toBe(88);
    page.release();
    expect(cache.figures().dirty).toBe(0);
  });

  test('dirty pages that have to go are written in the order of the file, neighbours together', () => {
    const file = numberedFile(100);
    const cache = open({ file, cacheBytes: 32 * PAGE });
    for (let round = 0; round < 3; round++) {
      for (let no = 0; no < 100; no++) {
        const page = cache.pinSync(no);
        page.buffer.writeUInt32LE(round * 1000 + page.no, 4);
        page.markDirty();
        page.release();
      }
    }
    const { writes, writeCalls } = cache.figures();
    expect(writes).toBeGreaterThan(200);
    // How many at once depends on when the writer of the cache comes by.
    expect(writeCalls).toBeLessThan(writes);
    cache.close();
    const bytes = readFileSync(file);
    for (let no = 0; no < 100; no++) expect(bytes.readUInt32LE(no * PAGE + 4)).toBe(2000 + no);
  });

  test('close() writes what is dirty', () => {
    const file = `${folder()}/new`;
    const cache = open({ file });
    expect([cache.pageCount, cache.grow(10), cache.pageCount, cache.grow(5)]).toEqual([0, 0, 10, 10]);
    const page = cache.pinSync(12);
    expect(page.buffer.every((byte) => byte === 0)).toBe(true);
    page.buffer.fill(7);
    page.markDirty();
    cache.close();
    expect(page.released).toBe(false);
    page.release();
    const bytes = readFileSync(file);
    expect(bytes.length).toBe(15 * PAGE);
    expect(bytes.subarray(12 * PAGE, 13 * PAGE).every((byte) => byte === 7)).toBe(true);
  });
});

describe('scans', () => {
  test('give every page once, pinned one at a time', async () => {
    const cache = open();
    const seen: number[] = [];
    for (const page of cache.scan()) {
      seen.push(numberOf(page));
      expect(cache.figures().pinned).toBe(1);
    }
    for await (const page of cache.scan({ from: 90, to: 95 })) seen.push(numberOf(page));
    expect(seen).toEqual([...Array(100).keys(), 90, 91, 92, 93, 94]);
    for (const page of cache.scan()) if (page.no === 3) break;
    expect(cache.figures().pinned).toBe(0);
  });

  test('leave what others use in memory', () => {
    const cache = open({ cacheBytes: 64 * PAGE, file: numberedFile(1000) });
    const hot = Array.from({ length: 40 }, (_, i) => i);
    for (let use = 0; use < 3; use++) for (const no of hot) cache.pinSync(no).release();
    for (const _ of cache.scan({ from: 100 }));
    const { reads } = cache.figures();
    for (const no of hot) cache.pinSync(no).release();
    expect(cache.figures().reads).toBe(reads);
    expect(cache.figures().frames).toBeLessThan(64);
  });

  test('of a page that is not there fail, and wrong options are refused', () => {
    const cache = open();
    thrownBy(() => [...cache.scan({ from: 99, to: 101 })], 'ERR_SUPERSLAB_ARGUMENT');
    for (const wrong of [{ from: -1 }, { to: 1.5 }, { ring: 0 }, { rings: 2 }])
      thrownBy(() => cache.scan(wrong as object), 'ERR_SUPERSLAB_OPTION');
    expect(cache.figures().pinned).toBe(0);
  });
});

describe('prefetching', () => {
  test('has pages read ahead, of which pins find no more to read', async () => {
    const cache = open({ cacheBytes: 64 * PAGE, direct: true });
    expect(cache.prefetch(10, 5)).toBe(5);
    expect(cache.prefetch(12, 5)).toBe(2);
    await expect.poll(() => cache.figures().reads).toBe(7);
    for (let no = 10; no < 17; no++) {
      const page = cache.pinSync(no);
      expect(numberOf(page)).toBe(no);
      page.release();
    }
    expect(cache.figures()).toMatchObject({ reads: 7, prefetches: 7, misses: 0 });
  });

  test('takes a part of the memory, no page that is pinned, and ends at the end of the file', () => {
    const cache = open();
    const pages = Array.from({ length: 16 }, (_, no) => cache.pinSync(no));
    expect(cache.prefetch(50, 10)).toBe(0);
    expect(pages.map(numberOf)).toEqual(pages.map((_, no) => no));
    for (const page of pages) page.release();
    expect(cache.prefetch(50, 100)).toBe(4);
    expect(cache.prefetch(98, 100)).toBe(2);
    for (const wrong of [-1, 1.5, '2']) {
      thrownBy(() => cache.prefetch(0, wrong as number), 'ERR_SUPERSLAB_ARGUMENT');
      thrownBy(() => cache.grow(wrong as number), 'ERR_SUPERSLAB_ARGUMENT');
    }
  });
});

describe('tryPin()', () => {
  test('pins what is in memory, or in the cache of the kernel', () => {
    const cache = open();
    for (let round = 0; round < 2; round++) {
      const page = cache.tryPin(7)!;
      expect(numberOf(page)).toBe(7);
      expect(cache.figures().pinned).toBe(1);
      page.release();
    }
    expect(cache.figures()).toMatchObject({ hits: 1, misses: 1 });
    for (const wrong of [-1, 1.5, '2', 100])
      thrownBy(() => cache.tryPin(wrong as number), 'ERR_SUPERSLAB_ARGUMENT');
    cache.close();
    thrownBy(() => cache.tryPin(7), 'ERR_SUPERSLAB_CLOSED');
  });

  test('has others read, which pin() waits for', async () => {
    const cache = open({ direct: true });
    expect(cache.tryPin(9)).toBeUndefined();
    expect(cache.tryPin(9)).toBeUndefined();
    const page = await cache.pin(9);
    expect(numberOf(page)).toBe(9);
    page.release();
    expect(cache.figures().reads).toBe(1);
    expect(cache.tryPin(8)).toBeUndefined();
    await expect.poll(() => cache.figures().reads).toBe(2);
    const other = cache.tryPin(8)!;
    expect(numberOf(other)).toBe(8);
    other.release();
  });

  test('has none while all are pinned, and pin() waits', async () => {
    const cache = open();
    const pages = Array.from({ length: 16 }, (_, no) => cache.pinSync(no));
    expect(cache.tryPin(20)).toBeUndefined();
    const promise = cache.pin(20);
    pages[3]!.release();
    const page = await promise;
    expect(numberOf(page)).toBe(20);
    for (const one of [page, ...pages.filter(({ released }) => !released)]) one.release();
  });

  test('gives each pin an object of its own, where pins are watched', () => {
    const cache = open({ leakDetection: 'full' });
    const [page, other] = [cache.tryPin(3)!, cache.tryPin(3)!];
    expect(other).not.toBe(page);
    page.release();
    thrownBy(() => page.release(), 'ERR_SUPERSLAB_RELEASED');
    expect(cache.figures().pinned).toBe(1);
    other.release();
    expect(cache.figures().pinned).toBe(0);
  });
});

test('the report says what is in memory', () => {
  const cache = open();
  cache.pinSync(1).release();
  cache.pinSync(1).release();
  expect(cache.report()).toContain('1 of 100 pages are in memory');
  expect(cache.report()).toContain('50 % of pages that were there');
});
