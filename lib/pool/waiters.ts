import { abortReason } from '../addon/option-checks.js';
import { builtins } from '../base/builtins.js';
import { isFullStack, makeError } from '../base/errors.js';
import { NotWithinItself } from '../base/not-within-itself.js';
import { begin, finish, giveUp, HeldBuffers, type Lent, Unfinished } from './unfinished.js';

/** What somebody waits for in acquireAsync() or getAsync(). */
export interface Wish<Buf, Result = unknown> {
  readonly size: number;
  readonly signal: AbortSignal | undefined;
  /** Keeps the pool from being collected, and closed, while somebody waits for it. */
  readonly pool: object;
  /**
   * Makes of a buffer what the promise resolves to. Hooks of the program may throw here. Where something else has the buffer then, such
   * as a value, it stores in `held` what gives that back: nobody else does if the promise does not tell.
   */
  readonly ready: (buf: Buf, held: Held) => Result;
  /** Is told of a wait in vain, where nobody is to have a promise: one that a full stack has rejected would be nobody's. */
  readonly failed?: (reason: unknown) => void;
}

/** What is given back when who waits does not get it. */
export interface Held {
  buf: Lent | undefined;
}

const NO_PROMISE = builtins.promiseResolve(undefined);
const nobody = (): void => {};

/** Somebody who waits. */
class Waiter<Buf extends Lent> {
  readonly wish: Wish<Buf>;
  readonly promise: Promise<unknown>;
  /** Nobody waits any more: the promise is resolved or rejected. */
  isSettled = false;
  /** While acquireAsync() has not yet returned the promise. */
  entering: Entering<Buf> | undefined = undefined;
  /** What it failed with while it was entering: a rejection would be nobody's if that were cut off. */
  failure: { readonly reason: unknown } | undefined = undefined;
  /** Ends its listening to the signal. */
  leave: () => void = () => {};
  // The functions of the promise, which are cut off before they do anything, or not at all.
  resolve!: (result: unknown) => void;
  reject!: (reason: unknown) => void;

  constructor(wish: Wish<Buf>) {
    this.wish = wish;
    if (wish.failed !== undefined) {
      this.promise = NO_PROMISE;
      this.resolve = nobody;
      this.reject = wish.failed;
      return;
    }
    this.promise = new builtins.Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** Whether it was not settled before. */
  fail(reason: unknown): boolean {
    if (this.isSettled) return false;
    if (this.entering !== undefined && this.wish.failed === undefined) this.failure = { reason };
    else this.reject(reason);
    this.isSettled = true;
    this.leave();
    return true;
  }
}

/** The program's signal may throw instead of telling. */
function reasonOf(signal: AbortSignal): unknown {
  try {
    return abortReason(signal);
  } catch (error) {
    return error;
  }
}

/** A wait that may be cut off before anybody has its promise. */
class Entering<Buf extends Lent> extends Unfinished {
  readonly #waiters: Waiters<Buf>;
  readonly #waiter: Waiter<Buf>;
  /** What it got meanwhile. */
  buf: Lent | undefined = undefined;

  constructor(waiters: Waiters<Buf>, waiter: Waiter<Buf>) {
    super();
    this.#waiters = waiters;
    this.#waiter = waiter;
  }

  undo(): void {
    this.#waiter.isSettled = true;
    this.#waiter.leave();
    this.#waiters.prune();
    this.buf?.[Symbol.dispose]();
    this.buf = undefined;
  }
}

export interface WaitersHost<Buf extends Lent> {
  /** By which a program waits: for errors. */
  readonly waitName: string;
  /** A buffer, or undefined when there is still no room for it. Other failures throw. */
  tryAcquire(size: number): Buf | undefined;
  startWaiting(): void;
  stopWaiting(): void;
}

/**
 * Who waits in acquireAsync() or getAsync(), first come first served: a small request behind a large one waits for
 * it, so that the large one is not starved.
 */
export class Waiters<Buf extends Lent> {
  readonly #host: WaitersHost<Buf>;
  #queue: Waiter<Buf>[] = [];
  readonly #serving = new NotWithinItself();

  constructor(host: WaitersHost<Buf>) {
    this.#host = host;
  }

  get length(): number {
    this.#first();
    return this.#queue.length;
  }

  /** Who is to be served next. */
  #first(): Waiter<Buf> | undefined {
    while (this.#queue.length > 0 && this.#queue[0]!.isSettled) this.#queue.shift();
    return this.#queue[0];
  }

  /** @throws what it fails with before anybody has the promise */
  wait<Result>(wish: Wish<Buf, Result>): Promise<Result> {
    const { signal } = wish;
    const waiter = new Waiter<Buf>(wish);
    const promise = waiter.promise as Promise<Result>;
    // A full stack kept the promise from telling its functions, and has rejected it.
    if (waiter.resolve === undefined) return promise;
    const entering = begin(new Entering(this, waiter));
    waiter.entering = entering;
    this.#queue[this.#queue.length] = waiter;
    try {
      this.#host.startWaiting();
      if (signal !== undefined) this.#listen(waiter, signal);
      // Room may have been made before anybody knew that we wait.
      if (this.#first() === waiter) this.serve();
      if (waiter.failure !== undefined) throw waiter.failure.reason;
    } catch (error) {
      giveUp(entering); // the program's signal threw, or waiting is in vain
      throw error;
    }
    finish(entering);
    waiter.entering = undefined;
    return promise;
  }

  #listen(waiter: Waiter<Buf>, signal: AbortSignal): void {
    const onAbort = () => {
      const wasFirst = this.#first() === waiter;
      if (!waiter.fail(reasonOf(signal))) return;
      this.prune();
      // Those behind it may be smaller.
      if (wasFirst) this.serve();
    };
    waiter.leave = () => {
      try {
        signal.removeEventListener('abort', onAbort);
      } catch {
        // It is the program's function, and not of whoever released the buffer. A listener that stays finds nothing to do.
      }
    };
    signal.addEventListener('abort', onAbort, { once: true });
  }

  /** Forgets those who wait no more. */
  prune(): void {
    this.#queue = this.#queue.filter((waiter) => !waiter.isSettled);
    if (this.#queue.length === 0) this.#host.stopWaiting();
  }

  /** Serves as many from the head of the queue as there is room for. */
  serve(): void {
    // A buffer taken here may make the host flush, which gives back, which would serve again.
    if (!this.#serving.enter()) return;
    try {
      for (let first = this.#first(); first !== undefined; first = this.#first()) {
        if (!this.#serve(first)) return;
      }
    } finally {
      this.#serving.leave();
      if (this.#queue.length === 0) this.#host.stopWaiting();
    }
  }

  /** False when there is no room for it. */
  #serve(waiter: Waiter<Buf>): boolean {
    const held = begin(new HeldBuffers<Lent>());
    let result: unknown;
    try {
      const taken = this.#host.tryAcquire(waiter.wish.size);
      held.buf = taken;
      if (taken !== undefined) result = waiter.wish.ready(taken, held);
    } catch (error) {
      giveUp(held);
      // The stack is too deep where a buffer was released, which is not the waiter's fault.
      if (isFullStack(error)) return false;
      waiter.fail(error);
      return true;
    }
    const { buf } = held;
    if (buf === undefined || waiter.isSettled) {
      giveUp(held); // a subscriber of superslab:pool:grow aborted it, or closed the pool
      return waiter.isSettled;
    }
    // Either it is cut off before the promise is resolved, or the stores that follow happen, too.
    waiter.resolve(result);
    waiter.isSettled = true;
    held.buf = undefined;
    if (waiter.entering !== undefined) waiter.entering.buf = buf;
    finish(held);
    waiter.leave();
    return true;
  }

  /** The pool was closed. */
  rejectAll(poolName: string): void {
    for (const waiter of this.#queue) {
      waiter.fail(
        makeError(
          'ERR_SUPERSLAB_CLOSED',
          `pool "${poolName}" was closed while ${this.#host.waitName} waited`,
        ),
      );
    }
    this.prune();
  }
}
