// What the native side counts: the rows of native/heap/stats.def, and what is known beside them.
import type { ClassCounts, ClassShares, MemoryFigures, NodeFigures } from './generated/figures.js';

export type {
  ClassShares,
  FileStats,
  HeapStats,
  LatencyStats,
  LeaseHistograms,
  ObjectStats,
  PageFaults,
  PoolFigures,
  ProcessFigures,
  SpaceStats,
} from './generated/figures.js';

/** Figures of one size class, over all threads. Exact while the threads rest. */
export interface ClassStats extends ClassCounts, ClassShares {
  /** Size of its blocks. Unit: bytes. */
  readonly blockBytes: number;
}

/**
 * How leases are spread over the powers of two. Filled while somebody watches, see watchHistograms(),
 * or while leases are watched for leaks; empty otherwise.
 */
export interface Histogram {
  readonly unit: 'bytes' | 'us';
  /** 32 of them: bucket i counts leases from 2^i up to, not including, 2^(i+1); bucket 0 also zero. */
  readonly buckets: readonly number[];
  /** Leases that the buckets stand for: their sum. */
  readonly count: number;
  /** Leases that were measured. Fewer than `count` means that they are a sample. */
  readonly samples: number;
}

/** A place in a program that leaks: leases that were acquired there and that nobody can release. */
export interface LeakSite {
  /** Name of the pool. */
  readonly pool: string;
  /** What {@link BufferPool.tagged} was given; empty without one. */
  readonly tag: string;
  /**
   * collected: the buffer was garbage-collected without a release; its block came back.
   * threadEnded: the worker that had leased it ended; what it held was taken back.
   */
  readonly reason: 'collected' | 'threadEnded';
  /** Of the last of them; 0 when nobody knows. Unit: bytes. */
  readonly size: number;
  readonly count: number;
  /** Capacity of all of them. Unit: bytes. */
  readonly bytes: number;
  /** The longest time from acquire to report. Unit: ms. */
  readonly oldestMs: number;
  /** Where they were acquired; empty when no stack was taken. */
  readonly stack: string;
  /** How many leaks there were in all, if `count` is a sample of them. */
  readonly estimated: number;
}

/** Something that a pool did by itself because of its demand, and why; see docs/ADAPTIVE.md. */
export interface Adaptation {
  /** When, in time since the Unix epoch. Unit: ms. */
  readonly at: number;
  /**
   * keep: more memory is kept ready for a size class: three of the last six intervals took it and gave it back.
   * shrink: less is kept, since fewer did.
   * move: less is kept for one class, so that there is room for what another one took.
   * expand: memory was populated ahead of demand that grew with each look at it.
   * pressure: less is kept of all classes, since the process is close to its limit of memory.
   */
  readonly kind: 'keep' | 'shrink' | 'move' | 'expand' | 'pressure';
  /** The size class; of a move, which one gains. Unit: bytes. */
  readonly blockBytes?: number;
  /** Of a move: which one loses. Unit: bytes. */
  readonly fromBlockBytes?: number;
  /** keep: what is kept from then on; otherwise what was let go, moved or populated. Unit: bytes. */
  readonly bytes: number;
  /** keep, move: what the intervals took at once. expand: by how much the class grew from look to look. Unit: bytes. */
  readonly evidenceBytes: number;
}

/** The demand for one size class in one interval. */
export interface ClassDemand {
  /** Size of its blocks. Unit: bytes. */
  readonly blockBytes: number;
  /** Blocks handed to callers. */
  readonly acquires: number;
  /** The capacity of those. Unit: bytes. */
  readonly bytes: number;
  /** Most memory at once of slabs that had blocks out, in magazines of threads included. Unit: bytes. */
  readonly peakBytes: number;
}

export interface DemandInterval {
  /** In time since the Unix epoch. Unit: ms. */
  readonly startedAt: number;
  /** Blocks beyond 2 MiB handed to callers. */
  readonly hugeAcquires: number;
  /** The size classes that were used. */
  readonly classes: readonly ClassDemand[];
}

/** What callers of a pool were lent, by interval. */
export interface DemandHistory {
  /** How long an interval is. Unit: ms. */
  readonly intervalMs: number;
  /** At most 60 of them, the oldest first; the last one is still running. Empty for a pool that does not adapt. */
  readonly intervals: readonly DemandInterval[];
}

/** Pool memory on one NUMA node. */
export interface NodeMemory extends NodeFigures {
  /** The kernel's number of it. */
  readonly node: number;
}

/** What the kernel says of the pools' memory: see memoryFacts(). */
export interface MemoryFacts extends MemoryFigures {
  /** Where it lies; empty when the kernel does not tell. */
  readonly nodes: readonly NodeMemory[];
}
