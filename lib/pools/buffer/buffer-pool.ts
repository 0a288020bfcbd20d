import type { RecordableHistogram } from 'node:perf_hooks';
import { check } from '../../addon/binding.js';
import { environment } from '../../addon/environment.js';
import type { DemandHistory } from '../../addon/figures.js';
import { ON_EXHAUSTED, ZERO } from '../../addon/generated/choices.js';
import type { LiveOptions } from '../../addon/generated/options.js';
import { fill } from '../../base/builtins.js';
import { makeError, show } from '../../base/errors.js';
import { GRANULE_BYTES } from '../../pool/aligned-tags.js';
import { DEFAULT_NAME, defaultMagazines, defaultNative } from '../../pool/default-pool.js';
import { alignedBuffers, freshBuffers, type Lending } from '../../pool/lending.js';
import { magazinesOf } from '../../pool/magazines.js';
import { leases, type PooledBuffer } from '../../pool/pooled-buffer.js';
import { begin, finish, giveUp } from '../../pool/unfinished.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import { CorePool } from '../core-pool.js';
import { acquireInTurn, cleared } from '../in-turn.js';
import { type ObservedCore, observe } from '../observed-core.js';
import { closeWhenDropped, rememberPool } from '../open-pools.js';
import { OpeningPool } from '../opening-pool.js';
import { livePairs, poolName } from '../pool-options.js';
import { bindPrepared } from '../prepared.js';
import { touchPages, type WarmProgress, warm } from '../warm.js';
import { acquireMany } from './acquire-many.js';
import { bindAcquire } from './bind-acquire.js';
import { copyOf } from './from.js';
import { type BufferPoolOptions, bufferSettings, fallbackError } from './options.js';
import { releaseAll } from './release-all.js';
import { type Scope, scope } from './scope.js';
import { adoptToken, revokeToken, type ShareToken, shareBuffer } from './share-token.js';
import { checkTag, TaggedPool } from './tagged-pool.js';

const OWNER = Symbol('pool');

const NO_HISTORY: DemandHistory = { intervalMs: 0, intervals: [] };

/** What the constructor makes the default pool for. */
const OF_DEFAULT: BufferPoolOptions = {};

/**
 * A pool of Buffers whose memory is taken and given back instead of garbage-collected.
 *
 * A pool belongs to the thread that made it, except for the default pool's memory, which all threads
 * of the process share, each through caches of its own. Buffers go from thread to thread by
 * {@link share} and {@link adopt}.
 *
 * @example
 * const pool = new BufferPool({ name: 'uploads', maxBytes: 64 << 20 });
 * const buf = pool.acquire(1500);
 * socket.write(buf, () => buf.release());
 */
export class BufferPool extends CorePool<PooledBuffer> {
  /** The pool of the top-level `acquire` and `alloc`. It cannot be closed. */
  static readonly default: BufferPool = new BufferPool(OF_DEFAULT);

  /**
   * A buffer of exactly `size` bytes with undefined contents. Bound: it may be passed around.
   * @throws ERR_SUPERSLAB_SIZE (RangeError, or TypeError when `size` is no number)
   * @throws ERR_SUPERSLAB_EXHAUSTED when maxBytes are in use, see `onExhausted`
   * @throws ERR_SUPERSLAB_NO_MEMORY when the operating system gives no more
   * @throws ERR_SUPERSLAB_CLOSED
   */
  readonly acquire: (size: number) => PooledBuffer;

  /** The same, filled with zeros. */
  readonly alloc: (size: number) => PooledBuffer;

  /** What the memory of each buffer begins at a multiple of. Unit: bytes. */
  readonly align: number;

  readonly #core: ObservedCore;
  readonly #isDefault: boolean;
  /** What acquireAsync() does with a buffer before its caller has it. */
  readonly #ready: (buf: PooledBuffer) => PooledBuffer;

  /** @throws ERR_SUPERSLAB_OPTION for an unknown option or an impossible value */
  constructor(options: BufferPoolOptions = {}) {
    const isDefault = options === OF_DEFAULT;
    const { align, pairs } = bufferSettings(options);
    const lending: Lending<PooledBuffer> = align === 1 ? freshBuffers : alignedBuffers(align);
    const name = isDefault ? DEFAULT_NAME : poolName(options);
    scheduleUpkeep();
    const opening = begin(new OpeningPool());
    opening.opened = isDefault ? defaultNative : environment.openPool(pairs, name);
    const native = check(opening.opened);
    const magazines = isDefault ? defaultMagazines : magazinesOf(native, name);
    if (align !== 1 && native.onExhausted === ON_EXHAUSTED.fallback) {
      giveUp(opening);
      throw fallbackError(align);
    }
    const core = observe(name, native, magazines, lending, true);
    super(core);
    this.align = Math.max(align, GRANULE_BYTES);
    this.#isDefault = isDefault;
    this.#core = core;
    const acquire = bindAcquire(core, core, lending.tags);
    const alloc = bindPrepared(acquire, (buf) => fill(buf, 0));
    this.alloc = alloc;
    this.release = this.#isDefault ? leases.releaseFirst : leases.bindRelease(magazines);
    const clearsAtAcquire = native.zero === ZERO.acquire;
    this.#ready = clearsAtAcquire ? cleared : (buf) => buf;
    this.acquire = clearsAtAcquire ? alloc : acquire;
    // Who has only a bound function still has the pool: it must not be closed as dropped.
    for (const bound of [acquire, alloc, this.release]) Object.defineProperty(bound, OWNER, { value: this });
    if (!this.#isDefault) closeWhenDropped(this, core);
    rememberPool(this);
    finish(opening);
  }

  /** Most bytes of blocks in use at once; 0 is no limit. */
  get maxBytes(): number {
    return this.#core.maxBytes;
  }

  /**
   * A buffer with a copy of `data`; strings are encoded as `encoding`, 'utf8' by default.
   * @throws ERR_SUPERSLAB_ARGUMENT for anything else and for detached memory, and what {@link acquire} throws
   */
  from(data: string | Uint8Array | ArrayBuffer, encoding: BufferEncoding = 'utf8'): PooledBuffer {
    return copyOf(this.acquire, data, encoding);
  }

  /** `count` buffers of `size` bytes, or none: if one cannot be had, the others go back and it throws. */
  acquireMany(size: number, count: number): PooledBuffer[] {
    return acquireMany(this.acquire, size, count);
  }

  /**
   * Takes `count` buffers of `size` bytes, touches their memory and releases them, so that the next ones wait for nothing.
   * What lies idle goes back after `purgeDelayMs`, as always. Calls `onProgress` now and then, and at the end.
   * @throws what {@link acquire} throws when there cannot be so many; then none was taken
   * @throws ERR_SUPERSLAB_ARGUMENT
   */
  warm(size: number, count: number, onProgress?: WarmProgress): void {
    warm(() => this.acquire(size), touchPages, count, onProgress);
  }

  /** Releases every buffer of `bufs`; throws the first error, if any, after the last of them. */
  releaseMany(bufs: Iterable<Uint8Array>): void {
    if (typeof (bufs as Partial<Iterable<Uint8Array>> | undefined)?.[Symbol.iterator] !== 'function') {
      throw makeError(
        'ERR_SUPERSLAB_ARGUMENT',
        `releaseMany() takes an iterable of buffers, got ${show(bufs)}`,
        TypeError,
      );
    }
    const error = releaseAll(bufs, this.release);
    if (error !== undefined) throw error;
  }

  /**
   * A buffer as soon as there is room for it under maxBytes, first come first served among those who wait in
   * this thread. Rejects with
   * `signal.reason` when aborted, and like {@link acquire} for what waiting cannot change. Never waits
   * when `onExhausted` is 'fallback'.
   * @throws ERR_SUPERSLAB_OPTION (rejects) for a wrong option
   */
  acquireAsync(size: number, options: { signal?: AbortSignal } = {}): Promise<PooledBuffer> {
    return acquireInTurn(this.#core, 'acquireAsync()', options, { size, pool: this, ready: this.#ready });
  }

  /**
   * Gives one reference of a buffer back, to the pool that it came from. Bound.
   * @throws ERR_SUPERSLAB_RELEASED when it was released before
   * @throws ERR_SUPERSLAB_FOREIGN when it is no pooled buffer: a slice, a plain Buffer, something else
   */
  readonly release: (buf: Uint8Array) => void;

  /** Whether `buf` is a live buffer that was acquired from or adopted by this pool in this thread. */
  owns(buf: Uint8Array): boolean {
    return leases.lenderOf(buf) === this.#core;
  }

  /**
   * A token by which any thread of the process can adopt the buffer's memory without a copy. The token
   * carries a reference of its own: `buf` is released as before, and the memory goes back when that
   * and the adopted buffer's release have both happened. A token that nobody adopts or revokes keeps
   * its memory for ever.
   * @throws ERR_SUPERSLAB_RELEASED, ERR_SUPERSLAB_FOREIGN
   * @throws ERR_SUPERSLAB_ARGUMENT for an empty buffer, or one that a fallback gave
   */
  share(buf: PooledBuffer): ShareToken {
    return shareBuffer(buf);
  }

  /**
   * The buffer that a token stands for. Exactly one adopt() of a token succeeds.
   * @throws ERR_SUPERSLAB_TOKEN when this process never gave it out
   * @throws ERR_SUPERSLAB_TOKEN_USED when it was adopted or revoked before
   */
  adopt(token: ShareToken): PooledBuffer {
    return adoptToken(this.#core, token);
  }

  /**
   * Takes back a token that nobody adopted.
   * @throws ERR_SUPERSLAB_TOKEN, ERR_SUPERSLAB_TOKEN_USED
   */
  revoke(token: ShareToken): void {
    revokeToken(token);
  }

  /**
   * Calls `fn` and releases everything that it acquired through the scope when it returns, throws, or,
   * if it returns a promise, when that settles. What is to outlive the scope is retained first.
   */
  scope<T>(fn: (scope: Scope) => T): T {
    return scope(this, fn);
  }

  /**
   * Changes options while the pool is open: what stands in `options` holds from now on, the rest stays as it is. A lower
   * `maxBytes` takes nothing from those who have buffers; who acquires waits or is refused until enough was
   * released. The default pool's options are those of all threads. Costs microseconds.
   * @throws ERR_SUPERSLAB_OPTION for an unknown option, an impossible value, or an option that is fixed when the pool is
   * opened; then nothing is changed
   * @throws ERR_SUPERSLAB_CLOSED
   */
  tune(options: LiveOptions): void {
    const failure = this.#core.tune(livePairs(options));
    if (failure !== undefined) check(failure);
  }

  /**
   * What callers were lent, by interval of a minute (`SUPERSLAB_DEMAND_INTERVAL_MS`): up to 60 of them, the running one
   * last. Of the default pool that of all threads, whether they are busy or have ended. Counting costs nothing where
   * buffers are acquired. Empty with `adaptive: false`, and once the pool is closed and has everything back.
   */
  history(): DemandHistory {
    return this.#core.native.history() ?? NO_HISTORY;
  }

  /**
   * A histogram of how long calls of this thread take, in nanoseconds, that a magazine cannot serve alone: the native
   * part of them, without waiting for room. The first call begins it; each gives the same histogram, which its
   * reader may `reset()`.
   */
  slowPathHistogram(): RecordableHistogram {
    return this.#core.slowPath.histogram;
  }

  /**
   * The same pool, but that reports of leaks and misuse of its buffers show `tag`: what they are for. Keep
   * it; the stacks of what it acquires show where it is used.
   * @throws ERR_SUPERSLAB_ARGUMENT for anything but 1 to 64 printable characters
   */
  tagged(tag: string): TaggedPool {
    checkTag(tag);
    return new TaggedPool(this, tag, this.#core, this.#ready);
  }

  /**
   * Ends the pool: acquire() throws from now on and who waits in acquireAsync() is rejected. Buffers
   * that are still out stay valid and are released as before; their memory goes back to the operating
   * system then. A second close() does nothing.
   * @throws ERR_SUPERSLAB_ARGUMENT for the default pool
   */
  override close(): void {
    if (this.#isDefault) {
      throw makeError(
        'ERR_SUPERSLAB_ARGUMENT',
        'the default pool cannot be closed; trim() gives its idle memory back',
      );
    }
    super.close();
  }
}
