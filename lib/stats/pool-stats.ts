// Generated from native/heap/stats.def by scripts/generate-stats-types.mjs. Do not edit.
import type {
  ClassStats,
  HeapStats,
  Histogram,
  LatencyStats,
  LeakSite,
  PageFaults,
  SpaceStats,
} from '../addon/figures.js';
import type { KnobRow } from '../addon/rows.js';
import type { MisuseSite } from '../base/misuse.js';

/** What {@link BufferPool.stats} returns: figures of a pool, and of the heap behind it. */
export interface PoolStats extends HeapStats {
  readonly name: string;
  readonly closed: boolean;
  /** Names the heap behind the pool within the process; the default pools of all threads share one. */
  readonly heapId: number;
  /** Capacity of the buffers that callers hold. Unit: bytes. */
  readonly inUseBytes: number;
  /** Capacity of free blocks in threads' magazines. Unit: bytes. */
  readonly cachedBytes: number;
  /** Blocks that the slabs have room for, whether out or free. Unit: bytes. */
  readonly slabBytes: number;
  /** Blocks handed to callers, those beyond 2 MiB included. Unit: blocks. */
  readonly acquires: number;
  /** Blocks that callers gave back, those beyond 2 MiB included. Unit: blocks. */
  readonly releases: number;
  /** Acquires served from a magazine without a refill. Unit: blocks. */
  readonly hits: number;
  /** Times a magazine was empty and fetched a batch. Unit: calls. */
  readonly refills: number;
  /** Times a magazine gave blocks back. Unit: calls. */
  readonly flushes: number;
  /** Blocks that went home past their owner. Unit: blocks. */
  readonly remoteFrees: number;
  /** Buffers from outside the pool, because it was exhausted; of this thread. Unit: buffers. */
  readonly fallbacks: number;
  /** Calls of acquireAsync() that wait now; of this thread. Unit: calls. */
  readonly waiting: number;
  /** Tokens of the whole process that nobody has adopted or revoked; each keeps its memory. Unit: tokens. */
  readonly outstandingTokens: number;
  /** Share of the acquires up to 2 MiB that a magazine served; 1 while there are none. Unit: ratio. */
  readonly hitRate: number;
  /** Share of the requests for blocks that got none. Unit: ratio. */
  readonly failureRate: number;
  /** Share of the limit that is out of the slabs; 0 without a limit. Unit: ratio. */
  readonly use: number;
  /** Share of the committed memory that neither callers nor magazines have. Unit: ratio. */
  readonly fragmentation: number;
  /** Share of the blocks' bytes that callers did not ask for; of the sampled leases. Unit: ratio. */
  readonly internalWaste: number;
  /** Sizes that callers asked for. Unit: bytes. */
  readonly sizes: Histogram;
  /** Times from acquire to the last release. Unit: us. */
  readonly lifetimes: Histogram;
  /** How long calls took that a magazine could not serve alone, in all threads. */
  readonly slow: LatencyStats;
  /** The size classes that were used. */
  readonly classes: readonly ClassStats[];
}

/** What `superslab.stats()` returns: the process, and every pool of every thread. */
export interface ProcessStats {
  readonly pid: number;
  /** Whose core the pools take their memory from. */
  readonly core: 'addon' | 'libsuperslab.so';
  /** Time since the process started. Unit: ms. */
  readonly uptimeMs: number;
  /** Resident memory of the whole process. Unit: bytes. */
  readonly rssBytes: number;
  /** Memory outside V8's heap that V8 accounts for, in the thread that asks. Unit: bytes. */
  readonly externalBytes: number;
  /** Tokens that nobody has adopted or revoked; each keeps its memory. Unit: tokens. */
  readonly outstandingTokens: number;
  readonly space: SpaceStats;
  /** Page faults of the whole process. */
  readonly faults: PageFaults;
  /**
   * One for each heap: the default pool first, then the pools with a heap of their own by age, those of
   * other threads too. `fallbacks` and `waiting` are known of this thread only, and 0 for the others.
   */
  readonly pools: readonly PoolStats[];
  readonly leaks: readonly LeakSite[];
  /** Other misuse of buffers, once a place; of many places, those of a pool and kind together. */
  readonly misuse: readonly MisuseSite[];
  /** The policy values of the process, before options. */
  readonly knobs: readonly KnobRow[];
}
