import { EventEmitter } from 'node:events';
import { builtins } from '../../base/builtins.js';
import { isSuperslabError } from '../../base/errors.js';
import { withoutThrowing } from '../../guard/publishing.js';
import { finish } from '../../pool/unfinished.js';
import { acquireFrom, useFrom, type Wait } from '../object/acquiring.js';
import type { ObjectCore } from '../object/core.js';
import { openCore } from '../object/open-core.js';
import { STATE } from '../object/slot.js';
import { type ObjectPoolEvents, ObjectPoolTeller } from '../object/telling.js';
import { Using } from '../object/using.js';
import { closeWhenDropped, forgetPool, rememberPool } from '../open-pools.js';
import { PoolFigures } from '../pool-figures.js';
import { poolName } from '../pool-options.js';
import {
  destroyTimeoutError,
  drainingError,
  strangerError,
  timeoutError,
  tooManyWaitingError,
} from './errors.js';
import { EvictionRuns, type Evictor } from './evictor.js';
import { type Config, checkFactory, configOf, type Factory, type Options, settingsOf } from './options.js';

/** Has errors of the factory emitted by the pool, which it holds weakly. */
class FactoryErrors extends ObjectPoolTeller {
  pool: WeakRef<EventEmitter> | undefined = undefined;

  override tell<Name extends keyof ObjectPoolEvents>(name: Name, message: ObjectPoolEvents[Name][0]): void {
    const pool = this.pool?.deref();
    if (name === 'createError') withoutThrowing(() => pool?.emit('factoryCreateError', message));
    if (name !== 'destroyError') return;
    const isOverdue = isSuperslabError(message) && message.code === 'ERR_SUPERSLAB_TIMEOUT';
    withoutThrowing(() => pool?.emit('factoryDestroyError', isOverdue ? destroyTimeoutError() : message));
  }
}

/**
 * A pool with the API of generic-pool 3.9, over a pool of superslab: it is in stats(), reports, metrics and the inspector,
 * and leak detection watches what it lends. docs/pools/OBJECT.md tells what it does differently.
 *
 * It emits `factoryCreateError` and `factoryDestroyError` with what the functions of its factory throw.
 */
export class Pool<T> extends EventEmitter {
  readonly #core: ObjectCore<T>;
  readonly #config: Config;
  readonly #figures: PoolFigures;
  readonly #runs: EvictionRuns<T>;
  #isStarted = false;
  #isDraining = false;
  /** The timer of the next run of the evictor; null without one. Under this name programs know it. */
  _scheduledEviction: NodeJS.Timeout | null = null;

  /**
   * For programs that call it with an evictor of their own; others call createPool(). The pool has queues of its own: the
   * second and third argument stand for those of generic-pool.
   */
  constructor(
    EvictorClass: new () => Evictor<T>,
    _Deque: unknown,
    _PriorityQueue: unknown,
    factory: Factory<T>,
    options: Options = {},
  ) {
    super();
    const config = configOf(options ?? {});
    checkFactory(factory as Factory<never>, config);
    const errors = new FactoryErrors();
    const { core, opening } = openCore(poolName(options ?? {}), settingsOf(factory, config), {}, errors);
    errors.pool = new builtins.WeakRef<EventEmitter>(this);
    core.makesAhead = false;
    this.#core = core;
    this.#config = config;
    this.#figures = new PoolFigures(core);
    this.#runs = new EvictionRuns(core, config, new EvictorClass());
    closeWhenDropped(this, core);
    rememberPool(this);
    finish(opening);
    if (config.autostart) this.start();
  }

  /** Begins to make resources ahead, and to look at idle ones. A second call does nothing. */
  start(): void {
    if (this.#isDraining || this.#isStarted) return;
    this.#isStarted = true;
    this.#core.makesAhead = true;
    this.#scheduleEviction();
    this.#core.maker.fill();
  }

  #scheduleEviction(): void {
    const { evictionRunIntervalMillis: ms } = this.#config;
    if (!(ms > 0)) return;
    // Weakly: a pool that nobody has is closed.
    const ref = new builtins.WeakRef(this);
    this._scheduledEviction = builtins.setTimeout(() => {
      const pool = ref.deref();
      if (pool !== undefined) pool.#evict();
    }, ms);
    this._scheduledEviction.unref();
  }

  #evict(): void {
    if (this.closed) return;
    this.#scheduleEviction();
    this.#runs.run();
  }

  /** A promise of the class that was asked for. */
  #promised<Result>(promise: Promise<Result>): Promise<Result> {
    const { Promise: Class } = this.#config;
    if (Class === builtins.Promise) return promise;
    return new Class<Result>((resolve, reject) => {
      promise.then(resolve, reject);
    }) as Promise<Result>;
  }

  #rejected<Result>(error: unknown): Promise<Result> {
    return this.#promised(builtins.promiseReject(error));
  }

  /**
   * A resource as soon as there is one. Rejects when the pool drains, too many wait, or the time is over.
   * @param priority from 0, the highest; anything that is no priority of the pool is the lowest
   */
  acquire(priority?: number): Promise<T> {
    const wait = this.#waitFor(priority);
    try {
      if (this.#isDraining) throw drainingError();
      return acquireFrom(this.#core, wait);
    } catch (error) {
      return this.#rejected(error);
    }
  }

  #waitFor(priority: number | undefined): Wait {
    if (!this.#isStarted && !this.#config.autostart) this.start();
    const { acquireTimeoutMillis: ms = Number.POSITIVE_INFINITY } = this.#config;
    if (!(ms > 0 || this.#isDraining)) throw new Error('delay must be a positive int');
    return {
      signal: undefined,
      timeoutMs: ms,
      priority: this.#priority(priority),
      pool: this,
      timedOut: timeoutError,
      tooMany: tooManyWaitingError,
      promised: (promise) => this.#promised(promise),
    };
  }

  #resolved<Value>(value: Value): Promise<Value> {
    return builtins.promiseResolve(value) as Promise<Value>;
  }

  #priority(priority: unknown): number {
    const n = Math.trunc(Number(priority)) || 0;
    return n < 0 || n >= this.#config.priorityRange ? this.#config.priorityRange - 1 : n;
  }

  /**
   * Lends a resource to `work`, and releases it when its promise is resolved, or destroys it when that is rejected.
   * @returns what `work` resolves to
   */
  use<Result>(work: (resource: T) => Result | PromiseLike<Result>, priority?: number): Promise<Result> {
    try {
      const wait = this.#waitFor(priority);
      if (this.#isDraining) throw drainingError();
      const using = new Using<T, Result>(this.#core, this, true, work);
      if (using.reject === undefined) return using.promise;
      const promise = this.#promised(using.promise);
      return useFrom(this.#core, wait, using) ?? promise;
    } catch (error) {
      return this.#rejected(error);
    }
  }

  /** Whether a resource is lent. */
  isBorrowedResource(resource: T): boolean {
    return this.#core.isLent(resource);
  }

  /** Gives a resource back. Rejects when it is none that this pool has lent. */
  release(resource: T): Promise<void> {
    if (!this.#core.isLent(resource)) return this.#rejected(strangerError());
    this.#core.putSlow(resource);
    return this.#promised(this.#resolved(undefined));
  }

  /** Gives a resource back that is not to be lent again. Rejects like release(). */
  destroy(resource: T): Promise<void> {
    if (!this.#core.isLent(resource)) return this.#rejected(strangerError());
    this.#core.destroyLent(resource);
    return this.#promised(this.#resolved(undefined));
  }

  /** Lends nothing new; resolved once nobody waits, and every resource is back. */
  drain(): Promise<void> {
    this.#isDraining = true;
    this.#core.drain();
    return this.#promised(this.#drained());
  }

  #drained(): Promise<void> {
    const core = this.#core;
    const isAtRest = () => core.waiters.length === 0 && core.shelf.inUse === 0;
    return core.rest.until(isAtRest, () => {
      if (this._scheduledEviction !== null) builtins.clearTimeout(this._scheduledEviction);
      this._scheduledEviction = null;
    });
  }

  /** Waits for resources that are being made, destroys all idle ones, and waits until that is done. */
  clear(): Promise<void> {
    return this.#promised(this.#cleared());
  }

  #cleared(): Promise<void> {
    const core = this.#core;
    /** Known once what was being made is there, and idle resources are being destroyed. */
    let isSettled: (() => boolean) | undefined;
    const isCleared = (): boolean => {
      if (isSettled === undefined) {
        for (const { state } of core.slots) if (state === STATE.making) return false;
        core.dropIdle(0);
        isSettled = core.destroyer.whetherSettled();
      }
      return isSettled();
    };
    return core.rest.until(isCleared, () => {
      if (this.#isDraining && core.slots.size === 0) this.#close();
    });
  }

  /** Resolved once at least `min` resources are available. */
  ready(): Promise<void> {
    return this.#promised(this.#core.rest.until(() => this.available >= this.min));
  }

  /** Nothing is left that could come back. */
  #close(): void {
    if (this.closed) return;
    this.#figures.stats();
    this.#core.close();
    forgetPool(this);
  }

  /** Whether it was drained and cleared. */
  get closed(): boolean {
    return this.#core.closed;
  }

  /** Its figures in words, for the report at exit. */
  report(): string {
    this.#core.publish();
    return this.#figures.report();
  }

  /** How many more resources there may be. */
  get spareResourceCapacity(): number {
    return this.#config.max - this.size;
  }

  /** All resources, those that are being made included. */
  get size(): number {
    return this.#core.slots.size;
  }

  /** Idle resources. */
  get available(): number {
    return this.#core.shelf.depth;
  }

  /** Resources that are lent. */
  get borrowed(): number {
    return this.#core.shelf.inUse;
  }

  /** Calls of acquire() that wait. */
  get pending(): number {
    return this.#core.waiters.length;
  }

  get max(): number {
    return this.#config.max;
  }

  get min(): number {
    return this.#config.min;
  }
}
