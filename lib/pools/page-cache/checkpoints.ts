import type { NativePool } from '../../addon/binding.js';
import type { FileFailure } from '../../addon/file-binding.js';
import { promiseThen } from '../../base/builtins.js';
import { Deferred, promised } from '../../pool/deferred.js';

/** Somebody who waits until what was dirty when he came is durable. */
class Checkpointer extends Deferred<void> {
  /** The number of the first checkpoint that begins after he came. */
  readonly number: number;

  constructor(number: number) {
    super();
    this.number = number;
  }
}

/**
 * Checkpoints, of which one is under way at a time: who comes meanwhile waits for the next one. Each step may be done again, so upkeep goes on
 * with what was cut off.
 */
export class Checkpoints {
  readonly #native: NativePool;
  readonly #errorOf: (failure: FileFailure) => unknown;
  #waiting: Checkpointer[] = [];
  /** Checkpoints that were begun, and how many of them have ended and were told of. */
  #begun = 0;
  #ended = 0;

  constructor(native: NativePool, errorOf: (failure: FileFailure) => unknown) {
    this.#native = native;
    this.#errorOf = errorOf;
  }

  wait(): Promise<void> {
    const one = new Checkpointer(this.#begun + 1);
    if (one.resolve === undefined) return one.promise;
    return promised(one, () => {
      this.#waiting[this.#waiting.length] = one;
      this.proceed();
    });
  }

  readonly proceed = (): void => {
    while (this.#waiting.length > 0) {
      this.#tell();
      if (this.#begun !== this.#ended || this.#waiting.length === 0) return;
      const done = this.#native.checkpoint(false);
      this.#begun++;
      if (typeof done !== 'number') promiseThen(done, this.proceed);
    }
  };

  /** Those whose checkpoint has ended. */
  #tell(): void {
    const ended = this.#native.checkpointsEnded();
    if (ended !== this.#begun || ended === this.#ended) return;
    const rest = this.#settle(ended);
    this.#waiting = rest;
    this.#ended = ended;
  }

  /** Those of later checkpoints. */
  #settle(last: number): Checkpointer[] {
    const failure = this.#native.checkpointFailure();
    const error = failure && this.#errorOf(failure);
    const rest: Checkpointer[] = [];
    for (const one of this.#waiting) {
      if (one.number > last) rest[rest.length] = one;
      else if (one.isSettled) continue;
      else if (error !== undefined) one.fail(error);
      else {
        one.resolve();
        one.isSettled = true;
      }
    }
    return rest;
  }

  /** The file is closed, after a last checkpoint: nothing is written any more. */
  end(): void {
    this.#settle(Number.POSITIVE_INFINITY);
    this.#waiting = [];
  }
}
