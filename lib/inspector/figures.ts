import { openPools } from '../buffer-pool.js';
import type { PoolStats } from '../pool-stats.js';
import type { InspectorStats, InspectorTotals } from './types.js';

/** Those of `totals` that are sums over the pools; the others are of the whole process. */
const SUMS = [
  'acquires',
  'releases',
  'hits',
  'refills',
  'flushes',
  'remoteFrees',
  'exhausted',
  'osFailures',
  'leakedBlocks',
  'inUseBytes',
  'cachedBytes',
  'committedBytes',
] as const satisfies readonly (keyof InspectorTotals & keyof PoolStats)[];

const WHOLE = ['pageFaults', 'reservedBytes', 'outstandingTokens'] as const;

export function totalsOf(pools: readonly PoolStats[]): InspectorTotals {
  const totals: Record<string, number> = {};
  for (const name of SUMS) totals[name] = pools.reduce((sum, pool) => sum + pool[name], 0);
  for (const name of WHOLE) totals[name] = pools[0]?.[name] ?? 0;
  return totals as unknown as InspectorTotals;
}

/** What the process looks like now. */
export function readFigures(): InspectorStats {
  const pools = openPools().map((pool) => pool.stats());
  const memory = process.memoryUsage();
  return {
    at: Date.now(),
    uptimeMs: Math.round(process.uptime() * 1000),
    rssBytes: memory.rss,
    externalBytes: memory.external,
    heapUsedBytes: memory.heapUsed,
    totals: totalsOf(pools),
    slow: null,
    pools,
  };
}
