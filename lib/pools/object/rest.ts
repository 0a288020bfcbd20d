import { builtins } from '../../base/builtins.js';

/** Those who wait for a state of a pool. */
export class Rest {
  readonly #waiting = new Set<() => void>();

  /** Resolved as soon as `isReached` says so, which is asked whenever something has ended. Rejects with what it throws. */
  async until(isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      await new builtins.Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    }
  }

  /** Something has ended. */
  look(): void {
    if (this.#waiting.size === 0) return;
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
