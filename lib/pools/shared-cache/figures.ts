import type { CacheFigures } from '../../addon/cache-binding.js';
import { bytes, count, percent } from '../../base/text.js';
import type { PoolStats } from '../../stats/pool-stats.js';

/** Figures of a cache, of all threads and processes together. */
export interface SharedCacheFigures extends CacheFigures {
  readonly path: string;
  /** Part of the reads that found a value. */
  readonly hitRate: number;
}

/** What {@link SharedCache.stats} returns: what every pool tells of this thread, whose `objects` are pages; and `cache`. */
export interface SharedCacheStats extends PoolStats {
  readonly cache: SharedCacheFigures;
}

export function cacheFigures(figures: CacheFigures, path: string): SharedCacheFigures {
  const { hits, misses } = figures;
  return { ...figures, path, hitRate: hits === 0 ? 0 : hits / (hits + misses) };
}

/** Those figures as a text. */
export function figuresText(figures: SharedCacheFigures): string {
  const { path, entries, members, evictions, refusals, repairs } = figures;
  return [
    `  cache    ${path}, opened ${count(members)} times`,
    `           ${count(entries)} values, ${bytes(figures.bytes)} of ${bytes(figures.roomBytes)}`,
    `           ${percent(figures.hitRate)} of ${count(figures.hits + figures.misses)} reads found a value`,
    `           ${count(evictions)} evicted, ${count(refusals)} refused, ${count(repairs)} repairs`,
  ].join('\n');
}
