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

/** Something that a pool learned, about the capacities of its magazines or its purge delays, and why; see docs/LEARNING.md. */
export interface LearningEvent {
  /** When, in time since the Unix epoch. Unit: ms. */
  readonly at: number;
  /** What it is about: the capacities of magazines, or purge delays. */
  readonly controller: 'capacity' | 'purge';
  /**
   * moved: another purge delay would have cost less, which is known without a trial.
   * trial: a proposal holds for half of the threads.
   * kept: it was better, and holds for all.
   * better: it was better, in the mode of trials alone, where nothing stays.
   * rolledBack: it was not better.
   * jumped: other sizes are asked for than before, and the proposal for those was taken over at once.
   * fitted: the budget became smaller.
   * frozen: nothing changed for long, and nothing is proposed until demand changes.
   * fellBack: the fixed limits hold again, because of `cause`.
   */
  readonly kind:
    | 'moved'
    | 'trial'
    | 'kept'
    | 'better'
    | 'rolledBack'
    | 'jumped'
    | 'fitted'
    | 'frozen'
    | 'fellBack';
  /** Of fellBack: the clock went back, a look came too late, a count fell, or a gain was no number. */
  readonly cause?: 'clock' | 'late' | 'counts' | 'number';
  /** Slow calls that were to be saved, as a part of all; of purge delays: cost. */
  readonly predictedGain: number;
  /** Those that a trial has saved, as a part of all; 0 where there was none. */
  readonly measuredGain: number;
  /** The size class whose magazines change by most bytes. Unit: bytes. */
  readonly blockBytes?: number;
  /** Of purge delays: that of slabs, or that of blocks beyond 2 MiB. */
  readonly band?: 'slabs' | 'huge';
  /** Blocks that those magazines held before, and after; or the delay before, and after. Unit: blocks, or ms. */
  readonly from?: number;
  readonly to?: number;
}

/** What a pool has learned. */
export interface LearningStats {
  /** The option `learn` as it is now. */
  readonly mode: 'off' | 'learn' | 'trial' | 'frozen';
  /** What is being done: proposals are looked for; one is tried; none is for a while, after a bad one; or none is any more. */
  readonly state: 'watching' | 'trial' | 'resting' | 'frozen';
  /** What learning itself takes. Unit: bytes. */
  readonly ownBytes: number;
  /** Events so far. */
  readonly count: number;
  /** Blocks that a thread's magazine of a size class holds at most, where that was learned. */
  readonly capacities: readonly { readonly blockBytes: number; readonly blocks: number }[];
  /** How long idle memory of slabs and of blocks beyond 2 MiB is kept, where that was learned. Unit: ms. */
  readonly purgeDelays: readonly { readonly band: 'slabs' | 'huge'; readonly ms: number }[];
  /** The last ones, the latest first: 12 at most. */
  readonly events: readonly LearningEvent[];
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
