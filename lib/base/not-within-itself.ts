import { builtins } from './builtins.js';

/**
 * Keeps an operation from being begun again within itself. JavaScript that is cut off (see docs/INTERRUPTION.md) never
 * gets to leave(): then the operation may begin again when the stack is empty, which is when promises' jobs run.
 */
export class NotWithinItself {
  #isIn = false;
  readonly #unwound = (): void => {
    this.#isIn = false;
  };

  /** False when the operation is under way already. */
  enter(): boolean {
    if (this.#isIn) return false;
    builtins.queueMicrotask(this.#unwound);
    this.#isIn = true;
    return true;
  }

  leave(): void {
    this.#isIn = false;
  }
}
