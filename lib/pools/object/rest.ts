import { builtins } from '../../base/builtins.js';
import { isFullStack } from '../../base/errors.js';
import { Deferred, promised } from '../../pool/deferred.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';

const nothing = (): void => {};

/** Somebody who waits for a state. */
class Wait extends Deferred<void> {
  readonly #isReached: () => boolean;
  readonly #done: () => void;

  constructor(isReached: () => boolean, done: () => void) {
    super(); // Nothing is called after it.
    this.#isReached = isReached;
    this.#done = done;
  }

  look(): void {
    if (this.isSettled) return;
    try {
      if (!this.#isReached()) return;
      this.#done();
      this.resolve();
      this.isSettled = true;
    } catch (error) {
      // The stack is too deep, which is not the waiter's fault: upkeep looks again.
      if (!isFullStack(error)) this.fail(error);
    }
  }
}

/** Those who wait for a state of a pool. A look that was cut off is done again by upkeep. */
export class Rest {
  readonly #waiting = new Set<Wait>();
  #isAsked = false;

  get isBusy(): boolean {
    return this.#waiting.size > 0;
  }

  /**
   * Resolved as soon as `isReached` says so, which is asked whenever something has ended, and `done` was called. Either may be called again.
   * Rejects with what they throw.
   * @throws what they throw at once
   */
  until(isReached: () => boolean, done: () => void = nothing): Promise<void> {
    const wait = new Wait(isReached, done);
    if (wait.resolve === undefined) return wait.promise;
    return promised(wait, () => {
      scheduleUpkeep();
      this.#waiting.add(wait);
      wait.look();
    });
  }

  /** Something has ended: they look as soon as the stack is empty. */
  look(): void {
    if (this.#isAsked || this.#waiting.size === 0) return;
    builtins.queueMicrotask(() => this.lookNow());
    this.#isAsked = true;
  }

  /** With nothing of the pool on the stack. */
  lookNow(): void {
    this.#isAsked = false;
    for (const wait of this.#waiting) {
      wait.look();
      if (wait.isSettled) this.#waiting.delete(wait);
    }
  }
}
