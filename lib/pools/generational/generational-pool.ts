import { check } from '../../addon/binding.js';
import { now } from '../../addon/clock.js';
import { environment } from '../../addon/environment.js';
import { checkOptions, type OptionCheck } from '../../addon/option-checks.js';
import { builtins } from '../../base/builtins.js';
import { show } from '../../base/errors.js';
import { freshBuffers, type Lending } from '../../pool/lending.js';
import { magazinesOf } from '../../pool/magazines.js';
import type { PooledBuffer } from '../../pool/pooled-buffer.js';
import { begin, finish } from '../../pool/unfinished.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import type { Held } from '../../pool/waiters.js';
import { CorePool } from '../core-pool.js';
import { checkedSignal } from '../in-turn.js';
import { type ObservedCore, observe } from '../observed-core.js';
import { closeWhenDropped, rememberPool } from '../open-pools.js';
import { OpeningPool } from '../opening-pool.js';
import { poolName } from '../pool-options.js';
import { touchPages, type WarmProgress, warm } from '../warm.js';
import { contradictionOf } from './books.js';
import type { CollectProgress } from './collector.js';
import { argumentError } from './errors.js';
import { figuresOf, figuresText, type GenerationsFigures } from './figures.js';
import { exhaustedText } from './limits.js';
import { type GenerationalPoolOptions, generationalSettings } from './options.js';
import { ValueScope } from './value-scope.js';
import { Values } from './values.js';

/** How a collection is done. */
export interface CollectOptions {
  /**
   * How long this step may take, from 0 on. It ends after the values that it is at, which takes microseconds more.
   * @default Infinity, the whole collection
   */
  budgetMs?: number;
  /** Is told now and then, and at the end, how many of the places it has looked at. It may do anything but collect. */
  onProgress?: CollectProgress;
}

const aTime: OptionCheck = (value) =>
  typeof value === 'number' && value >= 0 ? undefined : 'a number of milliseconds from 0 on';
const aFunction: OptionCheck = (value) => (typeof value === 'function' ? undefined : 'a function');
const COLLECT_CHECKS = { budgetMs: aTime, onProgress: aFunction };

const lendingOf = (values: Values): Lending<PooledBuffer> => ({
  ...freshBuffers,
  idle: {
    take: () => undefined,
    drop: () => values.drop(),
    tick: () => values.tick(),
    relieve: (step) => values.relieve(step),
  },
  waitName: 'putAsync()',
  exhaustedText,
});

const isPromise = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';

/**
 * A pool of values that move: put() copies bytes and gives a handle, by which they are found wherever a collection has moved them.
 * Young values are laid one after the other, and those of a scope end all at once. docs/pools/GENERATIONAL.md tells when to use it,
 * and when not to.
 *
 * A pool belongs to the thread that made it, and so do its handles, which are plain numbers.
 *
 * @example
 * const pool = new GenerationalPool({ young: 64 << 20 });
 * const session = pool.scope((scope) => {
 *   const body = scope.put(bytes);
 *   return scope.promote(body);
 * });
 * pool.get(session);
 * pool.collect({ budgetMs: 1 });
 * pool.free(session);
 */
export class GenerationalPool extends CorePool<PooledBuffer> {
  readonly #core: ObservedCore;
  readonly #values: Values;

  /** @throws ERR_SUPERSLAB_OPTION for an unknown option or an impossible value */
  constructor(options: GenerationalPoolOptions = {}) {
    const settings = generationalSettings(options);
    const name = poolName(options);
    scheduleUpkeep();
    const opening = begin(new OpeningPool());
    opening.opened = environment.openPool(settings.pairs, name, false);
    const native = check(opening.opened);
    const magazines = magazinesOf(native, name);
    const values = new Values(name, native, settings);
    const core = observe(name, native, magazines, lendingOf(values), false, false);
    values.owner = core;
    values.store.core = core;
    super(core);
    this.#core = core;
    this.#values = values;
    closeWhenDropped(this, {
      get closed() {
        return core.closed;
      },
      close() {
        core.close();
        // Its handles went with the pool.
        values.store.giveUp();
      },
    });
    rememberPool(this);
    finish(opening);
  }

  /** Most bytes of chunks in use at once; 0 is no limit. */
  get maxBytes(): number {
    return this.#core.maxBytes;
  }

  /**
   * A copy of `bytes` that lives until it is freed. It goes to young; to old when it is larger than an eighth of a chunk, or when young
   * is full until the next collect(). Takes no native call and leaves no garbage, but for the first value of a chunk.
   * @returns its handle
   * @throws ERR_SUPERSLAB_ARGUMENT for anything but a Uint8Array whose memory is there
   * @throws ERR_SUPERSLAB_SIZE for more than 2 GiB or than a Buffer can have
   * @throws ERR_SUPERSLAB_EXHAUSTED when maxBytes are in use, or the old generation's
   * @throws ERR_SUPERSLAB_NO_MEMORY when the operating system gives no more
   * @throws ERR_SUPERSLAB_CLOSED
   */
  put(bytes: Uint8Array): number {
    return this.#values.put(bytes);
  }

  /**
   * The same as soon as there is room within maxBytes, first come first served. The bytes are copied when there is. Rejects with
   * `signal.reason` when aborted, and like {@link put} for what waiting cannot change.
   * @throws ERR_SUPERSLAB_OPTION (rejects) for a wrong option
   * @throws ERR_SUPERSLAB_ARGUMENT (rejects) when the bytes have another length by then, which does not fit the room that they waited for
   */
  putAsync(bytes: Uint8Array, options: { signal?: AbortSignal } = {}): Promise<number> {
    try {
      const signal = checkedSignal('putAsync()', options);
      this.#core.checkOpen();
      const values = this.#values;
      const missing = values.missingFor(bytes);
      if (missing === undefined) return values.putAtOnce(bytes);
      const ready = (buf: PooledBuffer, held: Held) => values.putInto(buf, held, missing, bytes);
      return this.#core.acquireInTurn({ size: missing.bytes, signal, pool: this, ready });
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }

  /**
   * A Buffer over the value's memory, valid until the next collect() or the value's end; a value that is pinned does not move. What is
   * written to it is written to the value.
   * @throws ERR_SUPERSLAB_STALE when the value was freed, or ended with its scope
   * @throws ERR_SUPERSLAB_FOREIGN for what is no handle of this pool, as far as that can be told
   */
  get(handle: number): Buffer {
    return this.#values.get(handle);
  }

  /**
   * Copies the value into `target` from `offset` on, without a view that the program has.
   * @returns its length
   * @throws ERR_SUPERSLAB_ARGUMENT when it does not fit, and what {@link get} throws
   */
  copyTo(handle: number, target: Uint8Array, offset = 0): number {
    return this.#values.copyTo(handle, target, offset);
  }

  /** Bytes of the value. Throws what {@link get} throws. */
  length(handle: number): number {
    return this.#values.length(handle);
  }

  /** Whether `handle` names a value of this pool that lives. */
  owns(handle: number): boolean {
    return this.#values.has(handle);
  }

  /**
   * Ends a value.
   * @throws ERR_SUPERSLAB_RELEASED when it was freed before, or ended with its scope
   * @throws ERR_SUPERSLAB_FOREIGN for what is no handle of this pool
   * @throws ERR_SUPERSLAB_ARGUMENT when it is pinned
   */
  free(handle: number): void {
    this.#values.free(handle);
  }

  /**
   * Keeps collections from moving the value, until as many {@link unpin}. Its chunk stays as long, so pin briefly: for an operation
   * of the operating system.
   * @returns a Buffer over its memory
   * @throws ERR_SUPERSLAB_ARGUMENT for a value of a scope, which may end; and what {@link get} throws
   */
  pin(handle: number): Buffer {
    return this.#values.pin(handle);
  }

  /**
   * Takes one pin back.
   * @throws ERR_SUPERSLAB_ARGUMENT when the value is not pinned, and what {@link get} throws
   */
  unpin(handle: number): void {
    this.#values.unpin(handle);
  }

  /**
   * Calls `fn`, and ends everything that it has put through the scope, but for what it promoted, when it returns or throws: by a reset
   * of two positions, whatever it was. Scopes may lie within each other; what is put through an outer one while an inner one is open
   * lets the inner one's values live as long.
   * @returns what `fn` returns
   * @throws ERR_SUPERSLAB_ARGUMENT for what is no function; and for one that returns a promise, whose scope has ended
   * @throws ERR_SUPERSLAB_CLOSED
   */
  scope<Result>(fn: (scope: ValueScope) => Result): Result {
    if (typeof fn !== 'function') throw argumentError(`scope() takes a function, got ${show(fn)}`);
    if (builtins.isAsyncFunction(fn)) throw argumentError(`${NOT_ASYNC}, got ${show(fn)}; it was not called`);
    this.#core.checkOpen();
    const values = this.#values;
    const mark = values.scopes.begin();
    let result: Result;
    try {
      result = fn(new ValueScope(values, mark));
    } finally {
      values.endScope(mark);
    }
    if (isPromise(result))
      throw argumentError(`${NOT_ASYNC}; this one returned a promise, and its values have ended`);
    return result;
  }

  /**
   * Moves what lives in young out of its chunks, and what is old enough to old; compacts old and permanent chunks in which much has
   * ended; and gives whole chunks back. With a budget it is a step of that.
   * @returns whether the collection is complete; if not, the next call goes on with it
   * @throws ERR_SUPERSLAB_ARGUMENT within a scope of this pool, and from its own progress callback
   * @throws ERR_SUPERSLAB_OPTION for a wrong option
   * @throws ERR_SUPERSLAB_CLOSED
   */
  collect(options: CollectOptions = {}): boolean {
    checkOptions('collect()', options, COLLECT_CHECKS);
    this.#core.checkOpen();
    const { budgetMs = Number.POSITIVE_INFINITY, onProgress } = options;
    const end = now() + budgetMs;
    const { scopes, collector } = this.#values;
    if (scopes.isOpen) {
      scopes.resetLater();
      throw argumentError(
        `collect() of pool "${this.name}" was called within a scope; call it when the scope has ended`,
      );
    }
    if (!collector.running.enter()) {
      throw argumentError(
        `collect() of pool "${this.name}" was called while it collects; call it when the callback has returned`,
      );
    }
    try {
      return collector.step(end, onProgress);
    } finally {
      collector.running.leave();
    }
  }

  /** Where its values are, and what collections have done. */
  generations(): GenerationsFigures {
    return figuresOf(this.#values);
  }

  override report(): string {
    return `${super.report()}\n${figuresText(this.generations())}`;
  }

  /**
   * Sees to it that memory for `count` chunks is there and was touched, so that the first values wait for nothing; a chunk has
   * `chunkBytes`. Calls `onProgress` now and then, and at the end.
   * @throws what {@link put} throws when there cannot be so many; then none was taken
   * @throws ERR_SUPERSLAB_ARGUMENT
   */
  warm(count: number, onProgress?: WarmProgress): void {
    warm(() => this.#core.acquireSlow(this.chunkBytes), touchPages, count, onProgress);
  }

  /** Length of the chunks that values lie in: an eighth of `young`, at most 2 MiB. Unit: bytes. */
  get chunkBytes(): number {
    return this.#values.store.chunkBytes;
  }

  protected override contradiction(): string | undefined {
    return contradictionOf(this.#values);
  }
}

const NOT_ASYNC = 'scope() takes a function that is not async, since its values end when it returns';
