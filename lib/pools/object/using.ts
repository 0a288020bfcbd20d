import { builtins } from '../../base/builtins.js';
import { begin, finish, giveUp } from '../../pool/unfinished.js';
import type { Awaited, Awaiting } from './awaited.js';
import { call, type Outcome } from './calls.js';
import { HeldObjects } from './held-objects.js';

/** The pool of an object that is used. */
export interface UsedPool<T> {
  readonly awaited: Awaited;
  isLent(object: unknown): boolean;
  putSlow(object: T): void;
  destroyLent(object: T): void;
}

/**
 * The lease of an object for the time of a function of the program: what use() and useAsync() do once there is something to wait for. No
 * async function, which could be cut off when it goes on.
 */
export class Using<T, Result> {
  readonly #core: UsedPool<T>;
  /** Keeps the pool open. */
  readonly pool: object;
  readonly #work: ((object: T) => Result | PromiseLike<Result>) | undefined;
  /** Whether an object with which `work` failed is destroyed. */
  readonly #destroysFailed: boolean;
  /** What the program gets. */
  readonly promise: Promise<Result>;
  #resolve!: (result: Result) => void;
  /** undefined when a full stack kept the promise from telling its functions, and has rejected it: it is to be returned at once. */
  reject: ((reason: unknown) => void) | undefined = undefined;
  /** The program has the promise. What was cut off before has been undone: then the object is none of ours. */
  isBegun = false;
  isComing = false;

  constructor(
    core: UsedPool<T>,
    pool: object,
    destroysFailed: boolean,
    work?: (object: T) => Result | PromiseLike<Result>,
  ) {
    this.#core = core;
    this.pool = pool;
    this.#destroysFailed = destroysFailed;
    this.#work = work;
    this.promise = new builtins.Promise<Result>((resolve, reject) => {
      this.#resolve = resolve;
      this.reject = reject;
    });
  }

  /** The object is on its way. */
  comes(promise: Promise<T>): void {
    this.#core.awaited.whenHeld(promise, (outcome, awaiting) => this.#came(outcome, awaiting));
    this.isComing = true;
  }

  #came(outcome: Outcome<T>, awaiting: Awaiting): void {
    if (!this.isBegun) awaiting.isTaken = true;
    else if ('value' in outcome) this.#begin(outcome.value, awaiting);
    else {
      this.reject!(outcome.error);
      awaiting.isTaken = true;
    }
  }

  #begin(object: T, awaiting: Awaiting): void {
    const held = begin(new HeldObjects<T>(this.#core));
    held.objects[0] = object;
    awaiting.isTaken = true;
    try {
      const returned = call(this.#work!, object);
      if ('promise' in returned) {
        this.until(returned.promise, object);
        finish(held);
      } else {
        this.#settle(returned);
        this.#end(held, returned);
      }
    } catch (error) {
      giveUp(held);
      this.reject!(error);
    }
  }

  /** The object comes back when the promise has settled. */
  until(promise: PromiseLike<Result>, object: T): void {
    this.#core.awaited.whenHeld(promise, (outcome, awaiting) => {
      if (this.isBegun) {
        this.#settle(outcome);
        const held = begin(new HeldObjects<T>(this.#core));
        held.objects[0] = object;
        awaiting.isTaken = true;
        this.#end(held, outcome);
      } else awaiting.isTaken = true;
    });
  }

  /** Tells the program, which goes on when all here is done. A second time does nothing. */
  #settle(outcome: Outcome<Result>): void {
    if ('value' in outcome) this.#resolve(outcome.value);
    else this.reject!(outcome.error);
  }

  /** `work` may have put or destroyed it. */
  #end(held: HeldObjects<T>, outcome: Outcome<Result>): void {
    const object = held.objects[0]!;
    if (this.#destroysFailed && 'error' in outcome && this.#core.isLent(object)) {
      this.#core.destroyLent(object);
    }
    giveUp(held);
  }
}
