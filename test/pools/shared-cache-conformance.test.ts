// SharedCache as a pool of pages: the suite for all kinds of pool. What is its own: shared-cache.test.ts.
import { mkdtempSync, rmSync } from 'node:fs';
import { type CachePage, SharedCache } from 'superslab/files';
import { afterAll } from 'vitest';
import { conformance } from './conformance.js';

/** Pages that one thread may have pinned. */
const MOST_PAGES = 447;
const BYTES = 64;
const ONE_MORE = 'one more';

const root = mkdtempSync('/dev/shm/superslab-test-');
let files = 0;
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A pin of a key that is pinned gives the same page: the suite pins another key each time. */
const freeKeys = new WeakMap<SharedCache, string[]>();
const owners = new WeakMap<CachePage, SharedCache>();
const isPage = (thing: unknown): thing is CachePage =>
  typeof thing === 'object' && thing !== null && owners.has(thing as CachePage);
/** That of every page. */
let release: (this: unknown) => void;

function open(options: object): SharedCache {
  const cache = SharedCache.open({ path: `${root}/${files++}`, maxBytes: 2 << 20, ...options });
  const keys = Array.from({ length: MOST_PAGES }, (_, i) => `key ${i}`);
  for (const key of [...keys, ONE_MORE]) cache.set(key, Buffer.alloc(BYTES));
  freeKeys.set(cache, keys);
  return cache;
}

conformance<SharedCache, CachePage>({
  name: 'SharedCache',
  counts: 'objects',
  open,
  limitedTo: () => ({}),
  fixedLimit: MOST_PAGES,
  isAlwaysLimited: true,
  endsAtClose: true,
  keepsNothing: true,
  isUninterrupted: true,
  take: (cache) => {
    const keys = freeKeys.get(cache)!;
    const page = cache.pin(keys.at(-1) ?? ONE_MORE)!;
    keys.pop();
    owners.set(page, cache);
    release ??= page.release;
    return page;
  },
  give: (_, thing) => {
    release.call(thing);
    if (isPage(thing)) freeKeys.get(owners.get(thing)!)!.push(thing.key);
  },
  isLent: (page) => !page.released,
  overlap: (one, other) => {
    const [a, b] = [one.buffer, other.buffer];
    a[0] = 1;
    b[0] = 2;
    const isOne = a[0] !== 1;
    a[0] = b[0] = 0;
    return isOne;
  },
  lendsAgain: true,
  strangers: (page) => [Object.create(page), { ...page }, page.buffer, page.key],
  lent: ({ objects }) => objects!.inUse,
  wrongOptions: [
    [{ maxByte: 1 }, '"maxByte"', 'did you mean "maxBytes"?'],
    [{ maxBytes: 1 }, 'maxBytes', '2097152'],
    [{ maxEntries: 0 }, 'maxEntries', '0'],
    [{ ttlMs: -1 }, 'ttlMs', '-1'],
    [{ mode: 0o7 }, 'mode', '0o600'],
    [{ codec: 'gzip' }, 'codec', '"deflate"', '"gzip"'],
    [{ compressFrom: '1' }, 'compressFrom', '"1"'],
    [{ leakDetection: 'ful' }, '"leakDetection"', 'did you mean "full"?'],
    [{ name: '' }, 'name', '""'],
  ],
  get source() {
    return {
      open: `(await (async () => {
        const { SharedCache } = await import('superslab/files');
        const cache = SharedCache.open({ path: ${JSON.stringify(`${root}/${files++}`)}, maxBytes: 64 << 20, ...OPTIONS });
        for (let i = 0; i < 8; i++) cache.set('key ' + i, Buffer.alloc(1 << 20));
        globalThis.nextKey = 0;
        return cache;
      })())`,
      take: "(pool.pin('key ' + globalThis.nextKey++))",
      give: 'thing.release()',
    };
  },
});
