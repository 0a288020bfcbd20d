import { facts } from '../addon/environment.js';
import { builtins } from '../base/builtins.js';
import type { PoolStats, ProcessStats } from '../stats/pool-stats.js';
import type { InspectorStats, InspectorTotals, LeakSites, MisuseSites, SlowPaths } from './types.js';

/** Those of the totals that are sums over the pools; the others are of the whole process. */
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
] as const satisfies readonly (keyof InspectorTotals & keyof PoolStats)[];

export function totalsOf(stats: ProcessStats): InspectorTotals {
  const sums = {} as Record<(typeof SUMS)[number], number>;
  for (const name of SUMS) sums[name] = stats.pools.reduce((sum, pool) => sum + pool[name], 0);
  return {
    ...sums,
    pageFaults: stats.faults.minor + stats.faults.major,
    committedBytes: stats.space.committedBytes,
    reservedBytes: stats.space.reservedBytes,
    outstandingTokens: stats.outstandingTokens,
  };
}

/** Latencies of different pools cannot be added up: those of the pool that took its slow path most often. */
export function slowPathsOf(pools: readonly PoolStats[]): SlowPaths | null {
  let busiest: PoolStats['slow'] | undefined;
  for (const { slow } of pools) if (slow.count > (busiest?.count ?? 0)) busiest = slow;
  if (busiest === undefined) return null;
  const { p50Ns, p95Ns, p99Ns, maxNs } = busiest;
  return { p50Ns, p95Ns, p99Ns, maxNs };
}

/** What the pages are told of `stats`. */
export function figuresOf(stats: ProcessStats): InspectorStats {
  return {
    at: builtins.dateNow(),
    uptimeMs: stats.uptimeMs,
    rssBytes: stats.rssBytes,
    externalBytes: stats.externalBytes,
    heapUsedBytes: process.memoryUsage().heapUsed,
    totals: totalsOf(stats),
    slow: slowPathsOf(stats.pools),
    pools: stats.pools,
  };
}

const settingOf = (variable: string): string =>
  facts.knobs.find((knob) => knob.variable === variable)?.value ?? 'off';

export function leaksOf(stats: ProcessStats): LeakSites {
  const detection = settingOf('SUPERSLAB_LEAK_DETECTION') as LeakSites['detection'];
  return { detection, sites: stats.leaks };
}

export function misuseOf(stats: ProcessStats): MisuseSites {
  return { guard: settingOf('SUPERSLAB_GUARD') as MisuseSites['guard'], sites: stats.misuse };
}
