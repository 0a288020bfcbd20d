import type { NativeStats } from '../addon/binding.js';
import { environment } from '../addon/environment.js';
import type { ClassStats, HeapStats, ObjectStats } from '../addon/figures.js';
import type { ThreadFigures } from '../pool/cores.js';
import type { PoolStats } from './pool-stats.js';

/** Of a pool that this thread has no caches of. */
export const NO_THREAD_FIGURES: ThreadFigures = { fallbacks: 0, waiting: 0 };

/** A share from 0 to 1; `empty` when there is nothing to take it of. */
function ratio(part: number, whole: number, empty = 0): number {
  return whole > 0 ? Math.min(Math.max(part / whole, 0), 1) : empty;
}

function classStats(one: NativeStats['classes'][number]): ClassStats {
  return {
    ...one,
    hitRate: ratio(one.hits, one.acquires, 1),
    occupancy: ratio(one.inUseBlocks, one.slabBlocks),
  };
}

/**
 * Those of a pool of records as if each record were a block. The class of its chunks, which are all cached blocks to the heap, becomes
 * one of records; the rest of a chunk, less than a record, counts as free.
 */
function ofRecords(native: NativeStats): NativeStats {
  const { records, heap } = native;
  if (records === undefined) return native;
  const { chunkBytes, chunkRecords, recordBytes, out } = records;
  const inRecords = (bytes: number) => Math.round((bytes / chunkBytes) * chunkRecords * recordBytes);
  const classes = native.classes.map((one) => {
    if (one.blockBytes !== chunkBytes) return one;
    const chunks = one.cachedBlocks + one.inUseBlocks;
    return {
      ...one,
      blockBytes: recordBytes,
      releases: Math.max(one.acquires - out, 0),
      inUseBlocks: out,
      cachedBlocks: Math.max(chunks * chunkRecords - out, 0),
      slabBlocks: one.slabBlocks * chunkRecords,
    };
  });
  return {
    ...native,
    classes,
    heap: {
      ...heap,
      chargedBytes: inRecords(heap.chargedBytes),
      peakChargedBytes: inRecords(heap.peakChargedBytes),
      maxBytes: inRecords(heap.maxBytes),
    },
  };
}

/** Those of a pool in a file as if its blocks were the heap's. */
function ofFile(native: NativeStats): NativeStats {
  const { file, heap } = native;
  if (file === undefined) return native;
  return {
    ...native,
    heap: {
      ...heap,
      committedBytes: file.diskBytes,
      chargedBytes: file.usedBytes,
      peakChargedBytes: file.peakUsedBytes,
      peakChargedAtMs: file.peakUsedAtMs,
      maxBytes: file.maxBytes,
      exhausted: file.exhausted,
      failedRequests: file.failedAllocs,
    },
  };
}

/** Figures of a pool from what the native side counts. */
export function readStats(counted: NativeStats, thread: ThreadFigures): PoolStats {
  const native = ofFile(ofRecords(counted));
  const classes = native.classes.map(classStats);
  const sum = (value: (one: ClassStats) => number) => classes.reduce((total, one) => total + value(one), 0);
  const heap: HeapStats = native.heap;
  const cachedBytes = sum((one) => one.cachedBlocks * one.blockBytes) + heap.heldHugeBytes;
  const hits = sum((one) => one.hits);
  const classAcquires = sum((one) => one.acquires);
  const { objects, file } = native;
  const pressure = environment.pressure();
  const lent = (objects?.acquires ?? 0) + (file?.allocs ?? 0);
  const acquires = classAcquires + heap.hugeHits + heap.hugeMisses + lent;
  return {
    name: native.name,
    closed: native.closed,
    heapId: native.heapId,
    ...heap,
    ...(objects === undefined ? {} : { exhausted: objects.exhausted }),
    inUseBytes: Math.max(heap.chargedBytes - cachedBytes, 0),
    cachedBytes,
    slabBytes: sum((one) => one.slabBlocks * one.blockBytes),
    acquires,
    releases: sum((one) => one.releases) + heap.hugeReleases + (file?.frees ?? lent - (objects?.inUse ?? 0)),
    hits,
    refills: sum((one) => one.refills),
    flushes: sum((one) => one.flushes),
    remoteFrees: sum((one) => one.remoteFrees),
    fallbacks: thread.fallbacks,
    waiting: thread.waiting,
    outstandingTokens: environment.outstandingTokens(),
    pressureLevel: pressure.level,
    pressureRises: pressure.rises,
    hitRate: ratio(hits, classAcquires, 1),
    failureRate: ratio(heap.failedRequests, acquires + heap.failedRequests),
    use: ratio(heap.chargedBytes, heap.maxBytes),
    utilization: ratio(heap.chargedBytes - cachedBytes, heap.committedBytes),
    fragmentation: ratio(heap.committedBytes - heap.chargedBytes, heap.committedBytes),
    internalWaste: ratio(native.capacityBytes - native.sizeBytes, native.capacityBytes),
    sizes: native.histograms.sizes,
    lifetimes: native.histograms.lifetimes,
    slow: native.slow,
    classes,
    adaptations: native.adaptations,
    ...(native.learning === undefined ? {} : { learning: native.learning }),
    ...(objects === undefined ? {} : { objects: objectStats(objects) }),
    ...(file === undefined ? {} : { file }),
  };
}

/** Without what is told for all kinds alike. */
function objectStats({
  acquires: _,
  exhausted: __,
  ...objects
}: NonNullable<NativeStats['objects']>): ObjectStats {
  return objects;
}

/** The last figures of a pool that is closed and has everything back: its levels are all down. */
export function settledStats(last: PoolStats): PoolStats {
  const classes = last.classes.map((one) => ({
    ...one,
    releases: one.acquires,
    inUseBlocks: 0,
    cachedBlocks: 0,
    slabs: 0,
    slabBlocks: 0,
    occupancy: 0,
  }));
  const { objects, file } = last;
  return {
    ...last,
    closed: true,
    committedBytes: 0,
    chargedBytes: 0,
    bigCacheBytes: 0,
    heldHugeBytes: 0,
    watchedBlocks: 0,
    watchedBytes: 0,
    quarantinedBlocks: 0,
    quarantinedBytes: 0,
    readyBytes: 0,
    threads: 0,
    inUseBytes: 0,
    cachedBytes: 0,
    slabBytes: 0,
    use: 0,
    utilization: 0,
    fragmentation: 0,
    releases:
      file !== undefined
        ? last.releases
        : objects === undefined
          ? classes.reduce((total, one) => total + one.releases, 0) + last.hugeHits + last.hugeMisses
          : last.acquires,
    hugeReleases: last.hugeHits + last.hugeMisses,
    waiting: 0,
    classes,
    ...(objects === undefined
      ? {}
      : { objects: { ...objects, inUse: 0, idle: 0, pending: 0, destroyed: objects.made } }),
  };
}
