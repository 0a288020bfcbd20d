import { abortReason } from '../../addon/option-checks.js';
import { builtins } from '../../base/builtins.js';
import type { CapturedStack } from '../../base/stack.js';

/** How many wait. */
interface Queue {
  length: number;
}

/** Somebody who waits in acquire(). */
export class ObjectWaiter<T> {
  readonly promise: Promise<T>;
  readonly priority: number;
  /** Keeps the pool from being collected, and closed, while somebody waits for it. */
  readonly pool: object;
  readonly queue: Queue;
  /** Who called acquire(), if leases are watched. */
  readonly stack: CapturedStack | undefined;
  /** The promise is resolved or rejected. */
  isSettled = false;
  /** Whether it stands in the queue, or has stood there. */
  isQueued = false;
  /** While acquire() has not yet returned the promise; and what it resolved to meanwhile. */
  isEntering = true;
  object: T | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #unlisten: (() => void) | undefined = undefined;
  // The functions of the promise, which are cut off before they do anything, or not at all.
  /** undefined when a full stack kept the promise from telling its functions, and has rejected it. */
  resolve: ((object: T) => void) | undefined;
  #reject!: (reason: unknown) => void;

  constructor(queue: Queue, priority: number, pool: object, stack: CapturedStack | undefined) {
    this.queue = queue;
    this.priority = priority;
    this.pool = pool;
    this.stack = stack;
    this.promise = new builtins.Promise((resolve, reject) => {
      this.resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Whether it was not settled before. */
  fail(reason: unknown): boolean {
    if (this.isSettled) return false;
    this.#reject(reason);
    this.isSettled = true;
    this.queue.length--;
    this.leave();
    return true;
  }

  /** Calls `late` unless it is settled within `ms`. Keeps the process alive: somebody waits for the answer. */
  settleWithin(ms: number, late: () => void): void {
    if (ms !== Number.POSITIVE_INFINITY) this.#timer = builtins.setTimeout(late, ms);
  }

  /** Calls `aborted` with the reason when the signal is aborted. */
  listen(signal: AbortSignal, aborted: (reason: unknown) => void): void {
    const onAbort = () => aborted(reasonOf(signal));
    this.#unlisten = () => {
      try {
        signal.removeEventListener('abort', onAbort);
      } catch {
        // It is the program's function, and not of whoever put the object. A listener that stays finds nothing to do.
      }
    };
    signal.addEventListener('abort', onAbort, { once: true });
  }

  /** Ends the timer and the listening. */
  leave(): void {
    if (this.#timer !== undefined) builtins.clearTimeout(this.#timer);
    this.#unlisten?.();
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

/** Those who wait for an object: each priority first come first served, the lower priorities when no higher one waits. */
export class ObjectWaiters<T> implements Queue {
  readonly #queues: ObjectWaiter<T>[][] = [];
  length = 0;

  constructor(priorities: number) {
    for (let i = 0; i < priorities; i++) this.#queues.push([]);
  }

  add(waiter: ObjectWaiter<T>): void {
    const queue = this.#queues[waiter.priority]!;
    queue[queue.length] = waiter;
    waiter.isQueued = true;
    this.length++;
  }

  /** Who is to be served next. */
  first(): ObjectWaiter<T> | undefined {
    for (const queue of this.#queues) {
      while (queue.length > 0 && queue[0]!.isSettled) queue.shift();
      if (queue.length > 0) return queue[0];
    }
    return undefined;
  }

  /** Who would be served last. */
  last(): ObjectWaiter<T> | undefined {
    return this.all().at(-1);
  }

  all(): ObjectWaiter<T>[] {
    return this.#queues.flatMap((queue) => queue.filter(({ isSettled }) => !isSettled));
  }

  /** Forgets those who wait no more, wherever they stand, once they are many. */
  prune(): void {
    for (const [i, queue] of this.#queues.entries()) {
      if (queue.length > 2 * this.length + 16) this.#queues[i] = queue.filter(({ isSettled }) => !isSettled);
    }
  }
}
