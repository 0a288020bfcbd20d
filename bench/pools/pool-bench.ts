import type { MeasuredRow } from '../support/report.js';

/** What is measured of a kind of pool. */
export interface PoolBench {
  /** @param quick - A few seconds, for the exit code; the figures are rough. */
  rows(quick: boolean): Promise<MeasuredRow[]>;
  /** What the peers are, for the reader of the table. */
  readonly notes: readonly string[];
}
