import type { FileStats } from '../../addon/figures.js';
import { FILE_COUNT } from '../../addon/generated/memory.js';
import type { PoolStats } from '../../stats/pool-stats.js';

/**
 * Figures of a MappedPool. What other pools have of memory is here of the file: blocks are what is in use, and what the file takes
 * of its file system is what is committed. Once the pool is closed, `file` has its last figures.
 */
export interface MappedPoolStats extends PoolStats {
  readonly path: string;
  readonly file: FileStats;
}

/** What is counted of a file, from the memory that the native side reads. */
export function fileStats(counts: Float64Array): FileStats {
  const { isCounted: _, ...places } = FILE_COUNT;
  const entries = Object.entries(places).map(([name, place]) => [name, counts[place]!]);
  return Object.fromEntries(entries) as FileStats;
}
