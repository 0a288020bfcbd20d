/** Five minutes of figures, one a second, made of counters that only grow. */
import type { InspectorStats } from './protocol.js';

export const KEEP_SECONDS = 300;

/** null: not known, and a gap in the curve. */
export interface Sample {
  /** Seconds on the page's clock. */
  readonly at: number;
  readonly acquires: number | null;
  readonly releases: number | null;
  /** Of the last second, 0 to 1. */
  readonly hitRate: number | null;
  readonly rss: number | null;
  readonly committed: number;
  readonly inUse: number;
  readonly heapUsed: number | null;
  readonly minorFaults: number | null;
  readonly majorFaults: number | null;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export class Samples {
  readonly list: Sample[] = [];
  #before: InspectorStats | undefined;

  get last(): Sample | undefined {
    return this.list.at(-1);
  }

  push(now: InspectorStats, at: number): Sample {
    const before = this.#before;
    this.#before = now;
    const seconds = before === undefined ? 0 : (now.uptimeMs - before.uptimeMs) / 1000;
    // A pool that was closed takes its counts with it.
    const rate = (read: (figures: InspectorStats) => number | undefined) => {
      const [to, from] = [read(now), before && read(before)];
      return to === undefined || from === undefined || seconds <= 0 ? null : Math.max(to - from, 0) / seconds;
    };
    const acquires = rate(({ totals }) => totals.acquires);
    const hits = rate(({ totals }) => totals.hits);
    const sample: Sample = {
      at,
      acquires,
      releases: rate(({ totals }) => totals.releases),
      hitRate: acquires === null || hits === null || acquires === 0 ? null : Math.min(hits / acquires, 1),
      rss: now.rssBytes,
      committed: now.totals.committedBytes,
      inUse: now.totals.inUseBytes,
      heapUsed: now.heapUsedBytes,
      // Of the whole process: every pool says the same.
      minorFaults: rate(({ pools }) => pools[0]?.minorFaults),
      majorFaults: rate(({ pools }) => pools[0]?.majorFaults),
      p50: now.slow?.p50Ns ?? null,
      p95: now.slow?.p95Ns ?? null,
      p99: now.slow?.p99Ns ?? null,
    };
    this.list.push(sample);
    while (this.list.length > 0 && this.list[0]!.at < at - KEEP_SECONDS - 1) this.list.shift();
    return sample;
  }

  /** Nothing came for a while: the curves show it. */
  gap(at: number): void {
    this.#before = undefined;
    const last = this.last;
    if (last === undefined) return;
    const holes = Object.fromEntries(Object.keys(last).map((key) => [key, null]));
    this.list.push({ ...holes, at } as unknown as Sample);
  }
}
