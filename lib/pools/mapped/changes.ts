import { builtins } from '../../base/builtins.js';
import { checkNotAborted } from '../in-turn.js';
import type { MappedFile } from './mapped-file.js';
import { type ChangesOptions, checkChangesOptions } from './options.js';
import type { Awaited } from './shared-events.js';

/** Counts the commits of all processes that share a file. */
export class Changes {
  readonly #file: MappedFile;

  constructor(file: MappedFile) {
    this.#file = file;
  }

  /** Goes up with each commit that changed something, whoever made it. */
  get count(): number {
    return this.#file.changeCount();
  }

  /**
   * Waits until the count is another than `since`.
   * @returns the count, which is `since` when the time is over
   * @throws what `signal` is aborted with, ERR_SUPERSLAB_CLOSED when the pool is closed meanwhile (reject)
   */
  wait(since: number, options: ChangesOptions = {}): Promise<number> {
    try {
      checkChangesOptions(options);
      const { timeoutMs = Number.POSITIVE_INFINITY, signal } = options;
      checkNotAborted(signal);
      const awaited: Awaited<number> = {
        look: () => (this.count === since ? undefined : this.count),
        late: () => this.count,
      };
      return this.#file.core.events.wait(awaited, { timeoutMs, signal });
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }
}
