import type { LeakSite } from '../addon/figures.js';
import type { GuardReport } from '../base/misuse.js';
import type { PoolEvents } from '../guard/publishing.js';
import type { Advice } from '../stats/advice/advice.js';
import type { PoolStats } from '../stats/pool-stats.js';

/**
 * What every kind of pool has, whatever it lends. `stats()` of the process, the metrics, the inspector and the command line
 * know pools by this and by their figures alone, and test/pools/conformance.ts says what each member must do.
 *
 * A pool belongs to the thread that made it. Its errors have a code of `lib/base/errors.ts`, and say what was wrong,
 * with which value, and what to do.
 */
export interface Pool extends Disposable {
  /** In errors, reports and metrics. */
  readonly name: string;
  /** The limit in bytes, 0 for none; for a kind that counts bytes. */
  readonly maxBytes?: number;
  /** The limit in objects, 0 for none; for a kind that counts objects. */
  readonly max?: number;
  /** Whether close() was called. */
  readonly closed: boolean;

  /** The pool's figures now. Once it is closed and has everything back, its last ones, with nothing in use. */
  stats(): PoolStats;
  /** Those figures as a text, with advice that follows from them. For people: its form may change. */
  report(): string;
  /** The advice alone, the most urgent first; empty when all is well. */
  advice(): readonly Advice[];
  /** The places in the program that leak what the pool lends, as far as leak detection has found them. */
  leaks(): readonly LeakSite[];
  /**
   * Looks at once for misuse that guards find, and whether the pool's own books agree with each other.
   * @returns the misuse, each case once; empty when there is none, and without a guard
   * @throws ERR_SUPERSLAB_CORRUPT when the books contradict each other: something wrote to memory that is not its own
   */
  check(): readonly GuardReport[];

  /**
   * Gives idle memory back to the operating system, until at most `targetBytes` are committed or nothing idle is left.
   * @returns the bytes given back
   * @throws ERR_SUPERSLAB_ARGUMENT for what is no number of bytes
   * @throws ERR_SUPERSLAB_CLOSED
   */
  trim(targetBytes?: number): number;
  /**
   * Ends the pool: it lends nothing from now on, and who waits is rejected. What is still out stays valid and is
   * given back as before; the memory goes to the operating system then. A second close() does nothing.
   */
  close(): void;
  /** For `using`: the same as close(). */
  [Symbol.dispose](): void;

  /** Calls `listener` for each event from now on. */
  on<Name extends keyof PoolEvents>(name: Name, listener: (...args: PoolEvents[Name]) => void): this;
  /** The same, for the next one only. */
  once<Name extends keyof PoolEvents>(name: Name, listener: (...args: PoolEvents[Name]) => void): this;
  /** Ends what on() or once() began. */
  off<Name extends keyof PoolEvents>(name: Name, listener: (...args: PoolEvents[Name]) => void): this;
}
