import { now } from '../../addon/clock.js';
import type { NativeFile } from '../../addon/file-binding.js';
import { builtins } from '../../base/builtins.js';

/** For so long a view keeps its block from being used again (native/pools/mapped/sharing.h). Unit: ms. */
const LEASE_MS = 10_000;

/** The views that were made in one interval. */
export interface ViewInterval {
  /** The last record of the file when it began. */
  readonly known: number;
  readonly sinceMs: number;
  count: number;
}

/**
 * Tells the other processes how old the oldest view of this pool is: what they free while it is there is not used again. Views are counted
 * by intervals, of which there are two, and one that is older than the lease counts no more.
 */
export class SharedViews {
  readonly #native: NativeFile;
  readonly #isShared: boolean;
  readonly #state = new builtins.Float64Array(4);
  #older: ViewInterval | undefined = undefined;
  #newer: ViewInterval;

  constructor(native: NativeFile, isShared: boolean) {
    this.#native = native;
    this.#isShared = isShared;
    this.#newer = this.#begin();
  }

  #begin(): ViewInterval {
    if (this.#isShared) this.#native.sharedState(this.#state);
    return { known: this.#state[2]!, sinceMs: now(), count: 0 };
  }

  /** A view was made; what end() wants of it. undefined where nobody else has the file. */
  add(): ViewInterval | undefined {
    if (!this.#isShared) return undefined;
    const interval = this.#newer;
    interval.count++;
    return interval;
  }

  /** `isLast`: there are no others. */
  end(interval: ViewInterval | undefined, isLast: boolean): void {
    if (interval === undefined) return;
    interval.count--;
    if (isLast) this.#native.setOldestView(-1, 0);
  }

  /** Now and then. Whether there are views. */
  tick(): boolean {
    if (!this.#isShared) return false;
    const older = this.#older;
    const isOver = older !== undefined && (older.count <= 0 || now() - older.sinceMs > LEASE_MS);
    if (older === undefined || isOver) this.#turn();
    return (this.#older?.count ?? 0) > 0 || this.#newer.count > 0;
  }

  #turn(): void {
    const before = this.#newer;
    this.#newer = this.#begin();
    this.#older = before.count > 0 ? before : undefined;
    if (this.#older === undefined) this.#native.setOldestView(-1, 0);
    else this.#native.setOldestView(before.known, Math.max(0, Math.round(now() - before.sinceMs)));
  }
}
