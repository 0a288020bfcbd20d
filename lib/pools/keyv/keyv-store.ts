import { EventEmitter } from 'node:events';
import { anyOfBytes, bytesOfAny } from '../shared-cache/any-value.js';
import type { SharedCacheOptions } from '../shared-cache/options.js';
import { SharedCache } from '../shared-cache/shared-cache.js';

/** What Keyv's setMany() gives its store. */
export interface KeyvStoreEntry {
  key: string;
  value: unknown;
  /** Unit: ms. */
  ttl?: number | undefined;
}

/**
 * A store for Keyv 5, and so for cacheable: a {@link SharedCache}. Values may be whatever Keyv's serialization makes, and without one
 * whatever can be cloned. Each Keyv has a store of its own, as with other stores; several may be over the same cache.
 *
 * @example
 * const users = new Keyv({ store: new KeyvStore({ path: '/dev/shm/shop.cache' }), namespace: 'users', ttl: 60_000 });
 */
export class KeyvStore extends EventEmitter {
  /** Where the values are. */
  readonly cache: SharedCache;
  /** Set by Keyv. clear() and iterator() are about the values of this namespace. */
  namespace: string | undefined;
  /** What Keyv looks at. It gives an iterator() to stores of the dialects that it knows alone, whatever they are. */
  readonly opts: { readonly dialect: 'redis'; readonly url: string };
  readonly #ownsCache: boolean;

  /**
   * Opens a cache, which disconnect() closes, or uses one that is open, which stays so.
   * @throws what {@link SharedCache.open} throws
   */
  constructor(cache: SharedCache | SharedCacheOptions) {
    super();
    this.#ownsCache = !(cache instanceof SharedCache);
    this.cache = cache instanceof SharedCache ? cache : SharedCache.open(cache);
    this.opts = { dialect: 'redis', url: this.cache.path };
  }

  /** Of the values of the namespace, by which clear() takes them out in constant time. */
  get #tag(): string {
    return `keyv:${this.namespace ?? ''}`;
  }

  async get(key: string): Promise<unknown> {
    return this.#read(key);
  }

  #read(key: string): unknown {
    const bytes = this.cache.get(key);
    if (bytes === undefined) return undefined;
    try {
      return anyOfBytes(bytes);
    } catch (error) {
      // Not stored by us, or damaged. Keyv listens to this.
      if (this.listenerCount('error') > 0) this.emit('error', error);
      return undefined;
    }
  }

  async getMany(keys: readonly string[]): Promise<unknown[]> {
    return keys.map((key) => this.#read(key));
  }

  /**
   * Without `ttl`, or with 0, the value is there for as long as the cache keeps values.
   * @returns whether there was room
   * @throws (rejects) what {@link SharedCache.set} throws
   */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    const tags = [this.#tag];
    const bytes = bytesOfAny(value);
    return this.cache.set(key, bytes, ttl ? { tags, ttlMs: Math.ceil(ttl) } : { tags });
  }

  async setMany(entries: readonly KeyvStoreEntry[]): Promise<void> {
    for (const { key, value, ttl } of entries) await this.set(key, value, ttl);
  }

  async delete(key: string): Promise<boolean> {
    return this.cache.delete(key);
  }

  /** @returns whether there was any of them */
  async deleteMany(keys: readonly string[]): Promise<boolean> {
    return keys.filter((key) => this.cache.delete(key)).length > 0;
  }

  async has(key: string): Promise<boolean> {
    return this.cache.has(key);
  }

  async hasMany(keys: readonly string[]): Promise<boolean[]> {
    return keys.map((key) => this.cache.has(key));
  }

  /** Takes out the values that were stored under the namespace, in all processes. One value in 8,192 of others may go with them. */
  async clear(): Promise<void> {
    this.cache.deleteTag(this.#tag);
  }

  /** The keys, as Keyv gave them, and values of a namespace; without one, of all that is in the cache. */
  async *iterator(namespace?: string): AsyncGenerator<[key: string, value: unknown], void> {
    const prefix = namespace === undefined ? '' : `${namespace}:`;
    for (const key of this.cache.keys()) {
      if (!key.startsWith(prefix)) continue;
      const value = this.#read(key);
      if (value !== undefined) yield [key, value];
    }
  }

  /** Closes the cache, if the store has opened it. */
  async disconnect(): Promise<void> {
    if (this.#ownsCache) this.cache.close();
  }
}
