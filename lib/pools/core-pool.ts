import type { LeakSite } from '../addon/figures.js';
import type { GuardReport } from '../base/misuse.js';
import type { Listeners } from '../guard/publishing.js';
import { checkBooks } from '../pool/books.js';
import type { Lent } from '../pool/unfinished.js';
import type { Advice } from '../stats/advice/advice.js';
import type { PoolStats } from '../stats/pool-stats.js';
import { ListenedPool } from './listened-pool.js';
import type { ObservedCore } from './observed-core.js';
import { forgetPool } from './open-pools.js';
import type { Pool } from './pool.js';
import { PoolFigures } from './pool-figures.js';
import { PoolListeners } from './pool-listeners.js';
import { checkTarget } from './pool-options.js';

/** What a pool asks of who watches its leases, of whatever kind. */
interface Watching {
  listeners: WeakRef<Listeners> | undefined;
  check(): readonly GuardReport[];
}

/** What is the same for all kinds of pool that have a PoolCore. Each class of pools is one of these. */
export abstract class CorePool<Buf extends Lent> extends ListenedPool implements Pool {
  /** The pool's name, in errors and reports. */
  readonly name: string;

  readonly #core: ObservedCore<Buf>;
  readonly #figures: PoolFigures;
  readonly #watching: Watching | undefined;

  /** `watching`: who watches leases, where that is not the core's guard. */
  protected constructor(core: ObservedCore<Buf>, watching: Watching | undefined = core.watcher) {
    super(new PoolListeners([watching, core]));
    this.name = core.name;
    this.#core = core;
    this.#figures = new PoolFigures(core);
    this.#watching = watching;
  }

  /** Whether close() was called. */
  get closed(): boolean {
    return this.#core.closed;
  }

  /**
   * Gives idle memory back to the operating system now, until at most `targetBytes` are committed or
   * nothing idle is left.
   * @returns the bytes given back
   */
  trim(targetBytes = 0): number {
    checkTarget(targetBytes);
    this.#core.checkOpen();
    return this.#core.trim(Math.floor(Math.min(targetBytes, Number.MAX_SAFE_INTEGER)));
  }

  /** The pool's figures now. Those of a shared heap (the default pool) are of all threads together. */
  stats(): PoolStats {
    return this.#figures.stats();
  }

  /** Those figures as a text, with advice that follows from them. For people: its form may change. */
  report(): string {
    return this.#figures.report();
  }

  /** The advice alone, the most urgent first; empty when all is well. */
  advice(): Advice[] {
    return this.#figures.advice();
  }

  /**
   * The places in the program that leak buffers of this pool, as far as leak detection has found them; of
   * the default pool those of all threads. A leak is found when the garbage collector has taken the buffer
   * and every view of it.
   */
  leaks(): readonly LeakSite[] {
    return this.#figures.leaks();
  }

  /**
   * Looks at once for what the guards find at a release or an acquire: bytes behind live buffers that
   * were overwritten, released blocks that were written to. Of this thread. Each is reported once. Then compares the
   * pool's own books: that each free block is in one magazine, of its size, within its window, and that the figures
   * agree. Costs microseconds for each free block that this thread keeps.
   * @throws ERR_SUPERSLAB_CORRUPT when the books contradict each other
   */
  check(): readonly GuardReport[] {
    const reports = this.#watching?.check() ?? [];
    checkBooks(this.#core, () => this.contradiction());
    return reports;
  }

  /** What contradicts itself in what a kind keeps of its own, in words. */
  protected contradiction(): string | undefined {
    return undefined;
  }

  /**
   * Ends the pool: it lends nothing from now on, and who waits is rejected. Buffers that are still out
   * stay valid and are given back as before; their memory goes to the operating system then. A
   * second close() does nothing.
   */
  close(): void {
    if (this.closed) return;
    this.stats();
    this.#core.close();
    forgetPool(this);
  }
}
