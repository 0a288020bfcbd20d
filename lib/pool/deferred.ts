import { builtins } from '../base/builtins.js';
import { begin, finish, giveUp, Unfinished } from './unfinished.js';

/**
 * A promise that somebody waits for, whatever that goes through on the way. It settles once. Until `promised()` has returned the promise nobody
 * has it: what fails before is thrown, as a rejection would be nobody's.
 */
export class Deferred<Value> {
  readonly promise: Promise<Value>;
  isSettled = false;
  isEntering = true;
  /** What it failed with while it was entering. */
  failure: { readonly reason: unknown } | undefined = undefined;
  /**
   * The functions of the promise, which are cut off before they do anything, or not at all. undefined where a full stack kept it from telling
   * them, and has rejected it: then whoever made it returns the promise, and calls nothing before.
   */
  resolve!: (value: Value) => void;
  #reject!: (reason: unknown) => void;

  constructor() {
    this.promise = new builtins.Promise((resolve, reject) => {
      this.resolve = resolve;
      this.#reject = reject;
    });
  }

  fail(reason: unknown): void {
    if (this.isSettled) return;
    if (this.isEntering) this.failure = { reason };
    else this.#reject(reason);
    this.isSettled = true;
  }

  /** Nobody is to have the promise: gives back what it was resolved to. May be called again. */
  abandon(): void {
    this.isSettled = true;
  }
}

/** One whose promise nobody has yet. */
class Entering extends Unfinished {
  readonly #deferred: { abandon(): void };

  constructor(deferred: { abandon(): void }) {
    super();
    this.#deferred = deferred;
  }

  undo(): void {
    this.#deferred.abandon();
  }
}

/**
 * The promise of one with functions, once `begun` has seen to it that it will be settled.
 * @throws what `begun` throws, and what the promise failed with meanwhile
 */
export function promised<Value>(deferred: Deferred<Value>, begun: () => void): Promise<Value> {
  const entering = begin(new Entering(deferred));
  try {
    begun();
    if (deferred.failure !== undefined) throw deferred.failure.reason;
  } catch (error) {
    giveUp(entering);
    throw error;
  }
  finish(entering);
  deferred.isEntering = false;
  return deferred.promise;
}
