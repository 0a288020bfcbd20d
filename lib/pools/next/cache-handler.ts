import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CACHE_MAX_KEY_BYTES } from '../../addon/generated/memory.js';
import { builtins } from '../../base/builtins.js';
import { anyOfBytes, bytesOfAny } from '../shared-cache/any-value.js';
import type { SharedCacheOptions } from '../shared-cache/options.js';
import { SharedCache } from '../shared-cache/shared-cache.js';

/** Of what Next.js gives a cache handler, which it makes anew for each request, what this one looks at. */
export interface CacheHandlerContext {
  /** Such as .next/server. */
  readonly serverDistDir?: string;
  /** Tags that this request takes for revalidated. */
  readonly revalidatedTags?: readonly string[];
}

/** What Next.js stores: pages, routes, redirects and results of fetch(). */
interface CachedValue {
  readonly kind?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly tags?: readonly string[];
}

interface GetContext {
  readonly tags?: readonly string[];
  readonly softTags?: readonly string[];
}

interface SetContext {
  readonly tags?: readonly string[];
  readonly cacheControl?: { readonly expire?: number };
}

/** What get() returns for a value that is there, if only for null: a page that is not. */
export interface CacheHandlerValue {
  readonly lastModified: number;
  readonly value: unknown;
}

/** How a value stands in the cache. */
interface Stored extends CacheHandlerValue {
  readonly tags: readonly string[];
  /** SharedCache.tagVersion() when it was stored. */
  readonly version: number;
}

/** In which Next.js notes the tags of a page. */
const TAGS_HEADER = 'x-next-cache-tags';

export type CacheHandlerOptions = Partial<SharedCacheOptions>;

/** One cache for all requests of a thread. */
const caches = new Map<string, SharedCache>();
/** Of folders of builds. */
const buildIds = new Map<string, string>();
const warned = new Set<string>();

function optionsFromEnvironment(): CacheHandlerOptions {
  const { NEXT_SHARED_CACHE_PATH, NEXT_SHARED_CACHE_BYTES } = process.env;
  return {
    ...(NEXT_SHARED_CACHE_PATH && { path: NEXT_SHARED_CACHE_PATH }),
    ...(NEXT_SHARED_CACHE_BYTES && { maxBytes: Number(NEXT_SHARED_CACHE_BYTES) }),
  };
}

/** All processes that are started in the same folder have the same. */
function defaultPath(serverDistDir: string): string {
  return `/dev/shm/next-${createHash('sha256').update(serverDistDir).digest('hex').slice(0, 16)}.cache`;
}

function openOnce(options: CacheHandlerOptions, serverDistDir: string): SharedCache {
  const given = { path: defaultPath(serverDistDir), ...optionsFromEnvironment(), ...options };
  const name = String(given.path);
  const known = caches.get(name);
  if (known !== undefined && !known.closed) return known;
  const cache = SharedCache.open(given);
  caches.set(name, cache);
  return cache;
}

/** So that nothing of a former build is shown. */
function buildIdOf(serverDistDir: string): string {
  const known = buildIds.get(serverDistDir);
  if (known !== undefined) return known;
  try {
    const id = readFileSync(path.join(serverDistDir, '..', 'BUILD_ID'), 'utf8').trim();
    buildIds.set(serverDistDir, id);
    return id;
  } catch {
    return ''; // while it is being built
  }
}

/** A page that cannot be cached is shown all the same. */
function warn(what: string, error: unknown): void {
  const { code = '', message } = error as { code?: string; message?: string };
  if (warned.has(what + code)) return;
  warned.add(what + code);
  process.emitWarning(`${what}: ${message}`, { type: 'SuperslabWarning', code });
}

function tagsOf(value: CachedValue | null, context: SetContext): string[] {
  const header = value?.headers?.[TAGS_HEADER];
  return [
    ...(typeof header === 'string' ? header.split(',') : []),
    ...(value?.tags ?? []),
    ...(context.tags ?? []),
  ];
}

/**
 * A cacheHandler for Next.js 14 and 15 whose values all processes have in common: what one renders or fetches, the others have; what one
 * revalidates is gone for all. The options come from NEXT_SHARED_CACHE_PATH and NEXT_SHARED_CACHE_BYTES, or from
 * {@link createCacheHandler}.
 */
export class NextCacheHandler {
  readonly #cache: SharedCache;
  readonly #prefix: string;
  readonly #revalidatedTags: readonly string[];

  /** @throws what {@link SharedCache.open} throws */
  constructor(context: CacheHandlerContext, options: CacheHandlerOptions = {}) {
    const { serverDistDir = path.resolve('.next/server'), revalidatedTags = [] } = context;
    this.#cache = openOnce(options, serverDistDir);
    this.#prefix = `next:${buildIdOf(serverDistDir)}:`;
    this.#revalidatedTags = revalidatedTags;
  }

  /** A path may be longer than a key. */
  #keyOf(key: string): string {
    const text = this.#prefix + key;
    if (builtins.byteLength(text) <= CACHE_MAX_KEY_BYTES) return text;
    return `${this.#prefix}sha256:${createHash('sha256').update(key).digest('hex')}`;
  }

  /** The value, and when it was stored; null when there is none, or one of its tags was revalidated since. */
  async get(key: string, context: GetContext = {}): Promise<CacheHandlerValue | null> {
    try {
      const bytes = this.#cache.get(this.#keyOf(key));
      if (bytes === undefined) return null;
      const { lastModified, value, tags, version } = anyOfBytes(bytes) as Stored;
      const all = [...tags, ...(context.tags ?? []), ...(context.softTags ?? [])];
      return all.some((tag) => this.#isRevalidated(tag, version)) ? null : { lastModified, value };
    } catch (error) {
      warn('a value of the Next.js cache cannot be read', error);
      return null;
    }
  }

  #isRevalidated(tag: string, version: number): boolean {
    return this.#cache.tagVersion(tag) > version || this.#revalidatedTags.includes(tag);
  }

  /** Of a value that cannot be stored there is one warning. */
  async set(key: string, value: unknown, context: SetContext = {}): Promise<void> {
    try {
      const version = this.#cache.tagVersion();
      const tags = tagsOf(value as CachedValue | null, context);
      const bytes = bytesOfAny({ lastModified: builtins.dateNow(), value, tags, version } satisfies Stored);
      const { expire } = context.cacheControl ?? {};
      const ttl = typeof expire === 'number' && expire > 0 ? { ttlMs: Math.ceil(expire * 1000) } : {};
      this.#cache.set(this.#keyOf(key), bytes, ttl);
    } catch (error) {
      warn('a value of the Next.js cache cannot be stored', error);
    }
  }

  /** All values with one of the tags are out of date, in all processes. */
  async revalidateTag(tags: string | readonly string[]): Promise<void> {
    for (const tag of typeof tags === 'string' ? [tags] : tags) this.#cache.deleteTag(tag);
  }

  /** Nothing is kept for a request. */
  resetRequestCache(): void {}
}

/**
 * A cacheHandler with options of its own: the path is that of the folder of the build if none is given.
 *
 * @example
 * // cache-handler.js, which next.config.js names
 * module.exports = createCacheHandler({ path: '/dev/shm/shop-pages.cache', maxBytes: 256 << 20 });
 */
export function createCacheHandler(
  options: CacheHandlerOptions,
): new (
  context: CacheHandlerContext,
) => NextCacheHandler {
  return class extends NextCacheHandler {
    constructor(context: CacheHandlerContext) {
      super(context, options);
    }
  };
}
