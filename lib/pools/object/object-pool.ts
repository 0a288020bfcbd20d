import type { LeakSite } from '../../addon/figures.js';
import { abortReason, aCount, anAbortSignal, checkOptions } from '../../addon/option-checks.js';
import { builtins } from '../../base/builtins.js';
import { makeError, show } from '../../base/errors.js';
import type { GuardReport } from '../../base/misuse.js';
import { isThenable } from '../../base/thenable.js';
import { begin, finish, giveUp } from '../../pool/unfinished.js';
import type { Advice } from '../../stats/advice/advice.js';
import type { PoolStats } from '../../stats/pool-stats.js';
import { ListenedPool } from '../listened-pool.js';
import { closeWhenDropped, forgetPool, rememberPool } from '../open-pools.js';
import type { Pool } from '../pool.js';
import { PoolFigures } from '../pool-figures.js';
import { PoolListeners } from '../pool-listeners.js';
import { poolName } from '../pool-options.js';
import type { WarmProgress } from '../warm.js';
import { acquireFrom, useFrom, type Wait } from './acquiring.js';
import { checkObjectBooks } from './books.js';
import type { ObjectCore } from './core.js';
import { tooManyWaitingError, waitTimeoutError } from './errors.js';
import { bindGet, takeTop, topOf } from './get.js';
import { HeldObjects } from './held-objects.js';
import { openCore } from './open-core.js';
import { type AcquireOptions, aTime, type ObjectPoolOptions, objectSettings } from './options.js';
import { stamps } from './owned.js';
import { OBJECT_POOL_EVENTS, type ObjectPoolEvents, ObjectPoolTeller } from './telling.js';
import { Using } from './using.js';
import { warmObjects } from './warm-objects.js';

/** Whoever has only a bound function of a pool has the pool. */
const OWNER = Symbol('pool');

/**
 * A pool of JavaScript's own objects, such as connections, parsers or contexts: it makes them, lends them, tests them, and
 * destroys them. docs/pools/OBJECT.md tells when to use it, and when not to.
 *
 * A pool belongs to the thread that made it, and so do its objects. It counts objects, not bytes.
 *
 * @example
 * const parsers = new ObjectPool({ create: () => new Parser(), reset: (parser) => parser.reset(), max: 100 });
 * const parser = parsers.get();
 * parsers.put(parser);
 */
export class ObjectPool<T> extends ListenedPool<ObjectPoolEvents> implements Pool {
  /** The pool's name, in errors and reports. */
  readonly name: string;

  /** Most objects that the pool has; 0 is no limit. */
  readonly max: number;

  /** Objects that are made ahead and kept. */
  readonly min: number;

  /**
   * An object at once. Bound: it may be passed around.
   * @throws ERR_SUPERSLAB_EXHAUSTED when all `max` are lent
   * @throws ERR_SUPERSLAB_ASYNC when it takes an object of which `create` or `validate` returned a promise
   * @throws ERR_SUPERSLAB_CREATE when `create` failed; `cause` is its error
   * @throws ERR_SUPERSLAB_CLOSED
   */
  readonly get: () => T;

  /**
   * Gives an object back, to the ObjectPool that it came from. Bound. It must not be used from then on.
   * @throws ERR_SUPERSLAB_RELEASED when it was given back before and not lent again since
   * @throws ERR_SUPERSLAB_FOREIGN when it is no object of an ObjectPool
   */
  readonly put: (object: T) => void;

  readonly #core: ObjectCore<T>;
  readonly #figures: PoolFigures;
  /** Of acquire() without options. */
  readonly #plainWait: Wait;

  /** @throws ERR_SUPERSLAB_OPTION for an unknown option or an impossible value */
  constructor(options: ObjectPoolOptions<T>) {
    const settings = objectSettings(options);
    const { leakDetection } = options;
    const { core, opening } = openCore(
      poolName(options),
      settings,
      { leakDetection },
      new ObjectPoolTeller(),
    );
    super(new PoolListeners<ObjectPoolEvents>([core.teller, core], OBJECT_POOL_EVENTS));
    this.name = core.name;
    this.max = options.max ?? 0;
    this.min = settings.min;
    this.#core = core;
    this.#figures = new PoolFigures(core);
    this.#plainWait = this.#waitFor({});
    this.get = bindGet(core);
    this.put = stamps.bindPut(core.shelf, core);
    for (const bound of [this.get, this.put]) Object.defineProperty(bound, OWNER, { value: this });
    closeWhenDropped(this, core);
    rememberPool(this);
    core.maker.fill();
    finish(opening);
  }

  /** Whether close() was called. */
  get closed(): boolean {
    return this.#core.closed;
  }

  /** Objects that the pool has, whether lent, idle or in its hand. */
  get size(): number {
    return this.#core.slots.size;
  }

  /** Objects that wait to be lent. */
  get idle(): number {
    return this.#core.shelf.depth;
  }

  /** Objects that callers have. */
  get inUse(): number {
    return this.#core.shelf.inUse;
  }

  /** Calls of acquire() that wait. */
  get waiting(): number {
    return this.#core.waiters.length;
  }

  /**
   * An object as soon as there is one: who waits is served by priority, and in turn. Rejects with `signal.reason` when
   * aborted, and like {@link get} for what waiting cannot change.
   * @throws ERR_SUPERSLAB_TIMEOUT (rejects) when there is none in time; it tells who has had one for longest
   * @throws ERR_SUPERSLAB_EXHAUSTED (rejects) when `maxWaiting` wait already
   * @throws ERR_SUPERSLAB_CREATE (rejects) when `create` has failed as often as it is called again
   * @throws ERR_SUPERSLAB_OPTION (rejects) for a wrong option
   */
  acquire(options?: AcquireOptions): Promise<T> {
    const core = this.#core;
    const object = options === undefined ? topOf(core.shelf) : undefined;
    if (object !== undefined) {
      // The promise comes first: what cuts it off cuts it off here.
      const promise = builtins.promiseResolve(object) as Promise<T>;
      if (takeTop(core.shelf, object)) return promise;
    }
    try {
      return acquireFrom(core, this.#checkedWait(options));
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }

  #checkedWait(options: AcquireOptions | undefined): Wait {
    if (options === undefined) return this.#plainWait;
    checkOptions('acquire()', options, {
      signal: anAbortSignal,
      timeoutMs: aTime,
      priority: aCount(0, this.#core.settings.priorities - 1),
    });
    if (options.signal?.aborted) throw abortReason(options.signal);
    return this.#waitFor(options);
  }

  #waitFor({ signal, timeoutMs, priority = 0 }: AcquireOptions): Wait {
    const core = this.#core;
    const ms =
      timeoutMs === undefined ? core.settings.acquireTimeoutMs : timeoutMs || Number.POSITIVE_INFINITY;
    return {
      signal,
      timeoutMs: ms,
      priority,
      pool: this,
      timedOut: () => waitTimeoutError(core.name, ms, core.shelf.inUse, core.watch.oldest()),
      tooMany: () => tooManyWaitingError(core.name, core.settings.maxWaiting),
      promised: (promise) => promise,
    };
  }

  /** The same as {@link put}, for code that pairs it with acquire(). */
  release(object: T): void {
    this.put(object);
  }

  /**
   * Lends an object to `work`, and puts it when that has returned, or its promise has settled, or it has thrown.
   * @returns what `work` returns
   * @throws what {@link get} throws, and what `work` throws
   */
  use<Result>(work: (object: T) => Result): Result {
    if (typeof work !== 'function') throw this.#notAFunction('use()', work);
    const held = begin(new HeldObjects(this.#core));
    try {
      held.objects[0] = this.get();
      const result = work(held.objects[0]);
      if (!isThenable(result)) {
        giveUp(held);
        return result;
      }
      const using = new Using<T, unknown>(this.#core, this, false);
      // Then upkeep puts the object.
      if (using.reject === undefined) return using.promise as Result;
      using.until(result, held.objects[0]);
      finish(held);
      using.isBegun = true;
      return using.promise as Result;
    } catch (error) {
      giveUp(held);
      throw error;
    }
  }

  /** The same with an object that is waited for: see {@link acquire}. */
  useAsync<Result>(
    work: (object: T) => Result | PromiseLike<Result>,
    options?: AcquireOptions,
  ): Promise<Result> {
    try {
      if (typeof work !== 'function') throw this.#notAFunction('useAsync()', work);
      const wait = this.#checkedWait(options);
      const using = new Using<T, Result>(this.#core, this, false, work);
      if (using.reject === undefined) return using.promise;
      return useFrom(this.#core, wait, using) ?? using.promise;
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }

  #notAFunction(where: string, work: unknown): Error {
    return makeError('ERR_SUPERSLAB_ARGUMENT', `${where} takes a function, got ${show(work)}`, TypeError);
  }

  /**
   * Gives an object back that is not to be lent again: it is destroyed.
   * @throws ERR_SUPERSLAB_RELEASED, ERR_SUPERSLAB_FOREIGN as {@link put}
   */
  destroy(object: T): void {
    this.#core.destroyLent(object);
  }

  /** Whether `object` is lent by this pool. */
  owns(object: unknown): boolean {
    return this.#core.isLent(object);
  }

  /**
   * Sees to it that `count` objects are idle, so that their first use waits for nothing: takes as many, making those
   * that are missing, and puts them. Calls `onProgress` now and then, and at the end.
   * @throws what {@link get} throws when there cannot be so many; then none was taken
   * @throws ERR_SUPERSLAB_ARGUMENT
   */
  warm(count: number, onProgress?: WarmProgress): void {
    warmObjects(this.get, new HeldObjects(this.#core), count, onProgress);
  }

  /** Resolved once `min` objects are there. Rejects when the pool is closed before. */
  ready(): Promise<void> {
    const core = this.#core;
    try {
      return core.rest.until(() => {
        core.checkOpen();
        return core.slots.size - core.shelf.pending >= this.min;
      });
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }

  /**
   * Lends nothing new, serves those who wait, waits until every object is back and destroyed, and closes the pool.
   * @throws ERR_SUPERSLAB_CLOSED (rejects)
   */
  drain(): Promise<void> {
    const core = this.#core;
    const isEmpty = (): boolean => {
      if (!core.closed && core.waiters.length === 0) core.dropIdle(0);
      return core.slots.size === 0 && !core.destroyer.isBusy;
    };
    try {
      core.checkOpen();
      core.drain();
      return core.rest.until(isEmpty, () => this.close());
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }

  /**
   * Destroys idle objects, the oldest first, until the pool has at most `target`, or none is idle.
   * @param target `min` if it is left out
   * @returns how many were destroyed
   */
  trim(target: number = this.min): number {
    if (typeof target !== 'number' || !(target >= 0)) {
      throw makeError(
        'ERR_SUPERSLAB_ARGUMENT',
        `target must be a number of objects, got ${show(target)}`,
        typeof target === 'number' ? RangeError : TypeError,
      );
    }
    if (this.closed) this.#core.checkOpen();
    return this.#core.dropIdle(target);
  }

  /** The pool's figures now; `objects` has those that are of objects. */
  stats(): PoolStats {
    this.#core.publish();
    return this.#figures.stats();
  }

  /** Those figures as a text, with advice that follows from them. For people: its form may change. */
  report(): string {
    this.#core.publish();
    return this.#figures.report();
  }

  /** The advice alone, the most urgent first; empty when all is well. */
  advice(): readonly Advice[] {
    this.#core.publish();
    return this.#figures.advice();
  }

  /** The places in the program that take objects and lose them, as far as leak detection has found them. */
  leaks(): readonly LeakSite[] {
    return this.#figures.leaks();
  }

  /**
   * Compares the pool's own books: that each object is in one place, and that the figures agree.
   * @returns nothing: there are no guards of objects
   * @throws ERR_SUPERSLAB_CORRUPT when the books contradict each other
   */
  check(): readonly GuardReport[] {
    this.#core.publish();
    checkObjectBooks(this.#core);
    return [];
  }

  /**
   * Ends the pool: it lends nothing from now on, who waits is rejected, and idle objects are destroyed. Those that are
   * lent stay valid; each is destroyed when it is put. A second close() does nothing.
   */
  close(): void {
    if (this.closed) return;
    this.stats();
    this.#core.close();
    forgetPool(this);
  }
}
