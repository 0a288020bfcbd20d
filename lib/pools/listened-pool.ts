import type { PoolEvents } from '../guard/publishing.js';
import type { PoolListeners } from './pool-listeners.js';

/** What is the same for all kinds of pool: who listens to them, and that `using` closes them. */
export abstract class ListenedPool<Events extends PoolEvents & Record<keyof Events, unknown[]> = PoolEvents> {
  readonly #listeners: PoolListeners<Events>;

  protected constructor(listeners: PoolListeners<Events>) {
    this.#listeners = listeners;
  }

  /**
   * Calls `listener` each time that the event happens in this pool, in this thread: 'leak' for each leak and 'guard' for other
   * misuse, with leak detection or a guard (docs/GUARDS.md); 'pressure' when the pool has given back what it could because memory
   * is scarce (docs/PRESSURE.md). An ObjectPool has 'createError', 'destroyError' and 'leaseTimeout', too.
   * @throws ERR_SUPERSLAB_ARGUMENT when the pool has no such event
   */
  on<Name extends keyof Events & string>(name: Name, listener: (...args: Events[Name]) => void): this {
    this.#listeners.of(name).on(name as never, listener as never);
    return this;
  }

  /** The same, for the next one only. */
  once<Name extends keyof Events & string>(name: Name, listener: (...args: Events[Name]) => void): this {
    this.#listeners.of(name).once(name as never, listener as never);
    return this;
  }

  /** Ends what on() or once() began. */
  off<Name extends keyof Events & string>(name: Name, listener: (...args: Events[Name]) => void): this {
    this.#listeners.of(name).off(name as never, listener as never);
    return this;
  }

  /** Ends the pool. A second close() does nothing. */
  abstract close(): void;

  [Symbol.dispose](): void {
    this.close();
  }
}
