import { binding, type NativeStats } from './binding.js';
import type { LeaseCache } from './lease-cache.js';
import type { ClassStats, HeapStats, PoolStats } from './pool-stats.js';

/** The last figures of a pool that is closed and has everything back: its levels are all down. */
export function settledStats(last: PoolStats): PoolStats {
  const classes = last.classes.map((one) => ({
    ...one,
    releases: one.acquires,
    inUseBlocks: 0,
    cachedBlocks: 0,
  }));
  return {
    ...last,
    closed: true,
    committedBytes: 0,
    chargedBytes: 0,
    bigCacheBytes: 0,
    threads: 0,
    inUseBytes: 0,
    cachedBytes: 0,
    releases: classes.reduce((total, one) => total + one.releases, 0) + last.largeHits + last.largeMisses,
    largeReleases: last.largeHits + last.largeMisses,
    waiting: 0,
    classes,
  };
}

/** Figures of a pool from what the native side counts. */
export function readStats(cache: LeaseCache, native: NativeStats): PoolStats {
  const classes = native.classes as unknown as ClassStats[];
  const sum = (value: (one: ClassStats) => number) => classes.reduce((total, one) => total + value(one), 0);
  const cachedBytes = sum((one) => one.cachedBlocks * one.blockBytes);
  const heap = native.heap as unknown as HeapStats;
  return {
    name: cache.name,
    closed: cache.closed,
    ...heap,
    inUseBytes: Math.max(heap.chargedBytes - cachedBytes, 0),
    cachedBytes,
    acquires: sum((one) => one.acquires) + heap.largeHits + heap.largeMisses,
    releases: sum((one) => one.releases) + heap.largeReleases,
    hits: sum((one) => one.hits),
    refills: sum((one) => one.refills),
    flushes: sum((one) => one.flushes),
    remoteFrees: sum((one) => one.remoteFrees),
    fallbacks: cache.fallbacks,
    waiting: cache.waiters.length,
    outstandingTokens: binding.outstandingTokens(),
    classes,
  };
}
