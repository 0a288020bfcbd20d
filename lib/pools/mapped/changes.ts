import { checkNotAborted } from '../in-turn.js';
import type { MappedFile } from './mapped-file.js';
import { type ChangesOptions, checkChangesOptions } from './options.js';

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
  async wait(since: number, options: ChangesOptions = {}): Promise<number> {
    checkChangesOptions(options);
    const { timeoutMs = Number.POSITIVE_INFINITY, signal } = options;
    checkNotAborted(signal);
    await this.#file.core.events.wait(() => this.count !== since, { timeoutMs, signal });
    return this.count;
  }
}
