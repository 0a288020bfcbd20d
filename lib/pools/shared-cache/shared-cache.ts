import { now } from '../../addon/clock.js';
import type { LeakSite } from '../../addon/figures.js';
import { GUARD } from '../../addon/generated/choices.js';
import { builtins } from '../../base/builtins.js';
import { makeError, show } from '../../base/errors.js';
import type { GuardReport } from '../../base/misuse.js';
import { finish } from '../../pool/unfinished.js';
import type { Advice } from '../../stats/advice/advice.js';
import { checkNotAborted } from '../in-turn.js';
import { ListenedPool } from '../listened-pool.js';
import { closeWhenDropped, forgetPool, rememberPool } from '../open-pools.js';
import type { Pool } from '../pool.js';
import { PoolFigures } from '../pool-figures.js';
import { PoolListeners } from '../pool-listeners.js';
import { checkTarget } from '../pool-options.js';
import { cacheAdvice } from './advice.js';
import type { Compute } from './calls.js';
import { Computing } from './computing.js';
import { CacheCore } from './core.js';
import { cacheFigures, figuresText, type SharedCacheStats } from './figures.js';
import {
  type ComputeOptions,
  cacheSettings,
  checkSetOptions,
  computeSettings,
  type SetOptions,
  type SharedCacheOptions,
} from './options.js';
import type { CachePage } from './page.js';
import { type CachePoolCore, enterPool } from './pool-core.js';
import { Reader } from './reader.js';
import { Writer } from './writer.js';

/**
 * A cache that all processes of an application have in common: those of `cluster`, of pm2, and worker threads. They find each other by
 * the path of a file, which lies in memory if its file system does. docs/SHARED-CACHE.md tells how to use it.
 *
 * Readers take no lock, and nobody waits for a process that died. What is not used makes room for what is stored. A SharedCache belongs to
 * the thread that opened it. Linux only.
 *
 * @example
 * const cache = SharedCache.open({ path: '/dev/shm/shop.cache', maxBytes: 256 << 20, ttlMs: 60_000 });
 * const page = await cache.getOrCompute(`page:${id}`, () => render(id), { tags: ['pages'] });
 * cache.deleteTag('pages');
 */
export class SharedCache extends ListenedPool implements Pool {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** Bytes of the file. */
  readonly maxBytes: number;
  readonly #core: CacheCore;
  readonly #reader: Reader;
  readonly #writer: Writer;
  readonly #computing: Computing;
  readonly #pool: CachePoolCore;
  readonly #figures: PoolFigures;

  private constructor(core: CacheCore) {
    if (!(core instanceof CacheCore)) {
      throw makeError('ERR_SUPERSLAB_ARGUMENT', 'a SharedCache is made by SharedCache.open()', TypeError);
    }
    const reader = new Reader(core);
    const { core: pool, opening } = enterPool(core, reader);
    super(new PoolListeners([pool, pool.watch]));
    this.name = core.settings.name;
    this.path = core.settings.path;
    this.maxBytes = core.native.stats().maxBytes;
    this.#core = core;
    this.#reader = reader;
    this.#writer = new Writer(core);
    this.#computing = new Computing(reader, this.#writer, core.news);
    pool.computing = this.#computing;
    this.#pool = pool;
    this.#figures = new PoolFigures(pool);
    reader.watchPins(pool.watch, pool.native.guard === GUARD.detach, this.pin);
    const figures = this.#figures;
    pool.advise = () => [
      ...figures.advice(),
      ...cacheAdvice(cacheFigures(core.native.stats(), core.settings.path)),
    ];
    closeWhenDropped(this, {
      get closed() {
        return core.closed;
      },
      close() {
        // Pages may be in use after the cache itself was dropped.
        if (reader.lent === 0) pool.close();
      },
    });
    rememberPool(this);
    finish(opening);
  }

  /**
   * Opens the cache of that path, or makes it. Only a regular file of this process's user is opened, never through a symbolic link; a
   * file of another kind is left as it is. The first one after a start of the machine finds it empty.
   * @throws ERR_SUPERSLAB_FILE, ERR_SUPERSLAB_FILE_FORMAT, ERR_SUPERSLAB_FILE_DAMAGED
   * @throws ERR_SUPERSLAB_FILE_SPACE when the file system has not so much room
   * @throws ERR_SUPERSLAB_EXHAUSTED when 128 threads have it open
   * @throws ERR_SUPERSLAB_OPTION, ERR_SUPERSLAB_ARGUMENT
   */
  static open(options: SharedCacheOptions): SharedCache {
    const start = now();
    const core = new CacheCore(cacheSettings(options));
    const cache = new SharedCache(core);
    core.messages.tell('open', { durationNs: Math.round((now() - start) * 1e6), bytes: cache.maxBytes });
    return cache;
  }

  /** Whether close() was called. */
  get closed(): boolean {
    return this.#core.closed;
  }

  /**
   * A copy of the value of a key, which is the caller's; undefined when there is none.
   * @throws ERR_SUPERSLAB_ARGUMENT for what is no string of at most 1,024 bytes
   * @throws ERR_SUPERSLAB_CODEC when another codec has compressed it; ERR_SUPERSLAB_CLOSED
   * @throws ERR_SUPERSLAB_FILE_FAILED when the file was cut
   */
  get(key: string): Buffer | undefined {
    return this.#reader.get(key);
  }

  /**
   * Copies the value of a key into `target`, from `offset` on. Leaves no garbage.
   * @returns its length in bytes; -1 when there is none
   * @throws ERR_SUPERSLAB_SIZE when it is too long; and what {@link get} throws
   */
  getInto(key: string, target: Uint8Array, offset = 0): number {
    return this.#reader.getInto(key, target, offset);
  }

  /**
   * The value of a key where it lies, without a copy; undefined when there is none. It stays as it is until it is released: `using page
   * = cache.pin(key)`. Up to 447 at a time. A compressed one is copied.
   * @throws ERR_SUPERSLAB_EXHAUSTED when as many are pinned; it names some. And what {@link get} throws
   */
  pin(key: string): CachePage | undefined {
    return this.#reader.pin(key);
  }

  /** Whether there is a value. Throws what {@link get} throws. */
  has(key: string): boolean {
    return this.#reader.has(key);
  }

  /**
   * The keys of all values, in no order. One that is there from the beginning to the end comes once; of those that come or go meanwhile
   * any may. That a value is listed is no use of it.
   * @throws ERR_SUPERSLAB_CLOSED, ERR_SUPERSLAB_FILE_FAILED
   */
  *keys(): Generator<string, void, undefined> {
    const next = new builtins.Float64Array(1);
    for (;;) {
      const keys = this.#core.someKeys(next);
      if (keys.length === 0) return;
      yield* keys;
    }
  }

  /**
   * Stores a copy of `value`. All processes have it when this returns.
   * @returns false when there is no room for it: too much is pinned. Then the key has no value
   * @throws ERR_SUPERSLAB_ARGUMENT for a key or value of the wrong kind; ERR_SUPERSLAB_OPTION
   * @throws ERR_SUPERSLAB_SIZE when the value is longer than `stats().cache.maxValueBytes`
   * @throws ERR_SUPERSLAB_TIMEOUT when somebody who has stopped is in the way; the key has its former value still
   * @throws ERR_SUPERSLAB_CODEC, ERR_SUPERSLAB_CLOSED, ERR_SUPERSLAB_FILE_FAILED
   */
  set(key: string, value: Uint8Array, options?: SetOptions): boolean {
    if (options !== undefined) checkSetOptions(options);
    return this.#writer.set(key, value, options);
  }

  /**
   * Takes a value out. One that is being computed by getOrCompute() is not stored.
   * @returns whether there was one
   * @throws ERR_SUPERSLAB_TIMEOUT as {@link set}; and what {@link get} throws
   */
  delete(key: string): boolean {
    return this.#writer.delete(key);
  }

  /**
   * Takes out all values that have the tag, in constant time, those that are being computed as well. Of values with other tags one in 8,192
   * may go with them.
   */
  deleteTag(tag: string): void {
    this.#writer.deleteTag(tag);
  }

  /**
   * For what was made of tagged values and is kept elsewhere: it is out of date if `tagVersion(tag)` is more than `tagVersion()` was before
   * it was made.
   * @returns when the tag was deleted last, as a number that rises with each deleteTag() of any process; without a tag, that number now. One
   * tag in 8,192 may look deleted with another
   */
  tagVersion(tag?: string): number {
    return this.#writer.tagVersion(tag);
  }

  /** Takes out all values. Throws ERR_SUPERSLAB_TIMEOUT as {@link set}. */
  clear(): void {
    this.#writer.clear();
  }

  /**
   * The value of a key, or else what `compute` returns, which is stored. It is called once at a time in all processes; the others wait for
   * its value. If it throws, those of the same thread get the error, too; of other threads, and when its process dies, one of those who
   * wait calls its own.
   * @returns a buffer of the caller's own
   * @throws (rejects) with `signal.reason` when it is aborted: then this call waits no more, and a computation that has begun goes on
   * @throws (rejects) what `compute` throws, and what {@link get} and {@link set} throw
   */
  getOrCompute(key: string, compute: Compute, options: ComputeOptions = {}): Promise<Buffer> {
    // No async function: one that is cut off would leave its promise unsettled, and its claim held.
    try {
      const { set, waitMs, signal } = computeSettings(options);
      if (typeof compute !== 'function') {
        throw makeError(
          'ERR_SUPERSLAB_ARGUMENT',
          `getOrCompute() takes a function, got ${show(compute)}`,
          TypeError,
        );
      }
      checkNotAborted(signal);
      return this.#computing.get({ key, compute, options: set, waitMs, signal, keeper: this });
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }

  /** Figures: of the cache in `cache`, all processes together; the others are of this thread. */
  stats(): SharedCacheStats {
    this.#pool.publish();
    return { ...this.#figures.stats(), cache: cacheFigures(this.#core.native.stats(), this.path) };
  }

  /** Those figures as a text. For people: its form may change. */
  report(): string {
    const { cache } = this.stats();
    return `${this.#figures.report()}\n${figuresText(cache)}`;
  }

  /** The advice alone, the most urgent first; empty when all is well. */
  advice(): readonly Advice[] {
    this.#pool.publish();
    return this.#pool.advise();
  }

  /** Pages that the collector took before they were released, with `leakDetection: 'full'` or a guard; those that are pinned {@link pinnedKeys} tells. */
  leaks(): readonly LeakSite[] {
    return this.#figures.leaks();
  }

  /** The keys of the pages that this thread has pinned. */
  pinnedKeys(): string[] {
    return this.#reader.pinnedKeys();
  }

  /**
   * Looks whether the cache's books agree, with each part locked in turn: milliseconds for each 100,000 values. What contradicts itself is
   * taken out, and counted in `stats().cache.repairs`.
   * @returns nothing: there are no guards of pages
   * @throws ERR_SUPERSLAB_CORRUPT when something did; the cache goes on. ERR_SUPERSLAB_TIMEOUT as {@link set}
   */
  check(): readonly GuardReport[] {
    this.#pool.publish();
    if (!this.closed) this.#writer.check();
    return [];
  }

  /**
   * Gives nothing back: the file is of one size. To empty it, {@link clear} it.
   * @returns 0
   */
  trim(targetBytes = 0): number {
    checkTarget(targetBytes);
    this.#core.checkWhole();
    return 0;
  }

  /**
   * Ends the use of the cache by this thread; values stay, for others and for those who open it later. Pages that are pinned show zeros
   * from then on. A second close() does nothing.
   */
  close(): void {
    if (this.closed) return;
    this.stats();
    this.#pool.close();
    forgetPool(this);
    this.#core.messages.tell('close', {});
  }
}
