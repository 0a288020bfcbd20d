// Generated from native/heap/stats.def by scripts/generate-stats-types.mjs. Do not edit.

/** Figures of the heap behind a pool. */
export interface HeapStats {
  /** Addresses reserved for all pools of the process. Unit: bytes. */
  readonly reservedBytes: number;
  /** Memory taken from the operating system and not given back. Unit: bytes. */
  readonly committedBytes: number;
  /** Capacity out of the slabs: leased plus cached by threads. Unit: bytes. */
  readonly chargedBytes: number;
  /** Highest chargedBytes so far. Unit: bytes. */
  readonly peakChargedBytes: number;
  /** Limit of chargedBytes; 0 is none. Unit: bytes. */
  readonly maxBytes: number;
  /** Free blocks beyond 2 MiB that are kept for reuse. Unit: bytes. */
  readonly bigCacheBytes: number;
  /** Blocks beyond 2 MiB served from the big cache. Unit: blocks. */
  readonly largeHits: number;
  /** Blocks beyond 2 MiB that needed fresh superslabs. Unit: blocks. */
  readonly largeMisses: number;
  /** Blocks beyond 2 MiB that callers gave back. Unit: blocks. */
  readonly largeReleases: number;
  /** Superslabs taken from the address space. Unit: superslabs. */
  readonly superslabsTaken: number;
  /** Superslabs given back to the address space. Unit: superslabs. */
  readonly superslabsGiven: number;
  /** Slabs cut. Unit: slabs. */
  readonly slabsMade: number;
  /** Slabs whose blocks were all free and that were dissolved. Unit: slabs. */
  readonly slabsRetired: number;
  /** Times memory was brought in ahead of use. Unit: calls. */
  readonly populates: number;
  /** Times memory was given back to the operating system. Unit: calls. */
  readonly purges: number;
  /** Memory given back to the operating system. Unit: bytes. */
  readonly purgedBytes: number;
  /** Explicit huge pages were asked for and not there. Unit: superslabs. */
  readonly hugeFallbacks: number;
  /** Requests for memory that the operating system refused. Unit: calls. */
  readonly osFailures: number;
  /** Requests refused because of maxBytes. Unit: requests. */
  readonly exhausted: number;
  /** Times the heap's lock was held by another thread. Unit: locks. */
  readonly contended: number;
  /** Frees of a block that was free already, ignored. Unit: blocks. */
  readonly doubleFrees: number;
  /** Blocks still leased when their thread ended; reclaimed. Unit: blocks. */
  readonly leakedBlocks: number;
  /** Capacity of those blocks. Unit: bytes. */
  readonly leakedBytes: number;
  /** Page faults of the whole process, minor and major. Unit: faults. */
  readonly pageFaults: number;
  /** Threads attached now. Unit: threads. */
  readonly threads: number;
}

/** Figures of one size class, over all threads. Exact while the threads rest. */
export interface ClassStats {
  /** Size of its blocks. Unit: bytes. */
  readonly blockBytes: number;
  /** Blocks handed to callers. Unit: blocks. */
  readonly acquires: number;
  /** Blocks that callers gave back. Unit: blocks. */
  readonly releases: number;
  /** Acquires served from a magazine without a refill. Unit: blocks. */
  readonly hits: number;
  /** Blocks with callers now. Unit: blocks. */
  readonly inUseBlocks: number;
  /** Free blocks in threads' magazines now. Unit: blocks. */
  readonly cachedBlocks: number;
  /** Magazine misses: the magazine was empty and fetched a batch. Unit: calls. */
  readonly refills: number;
  /** Blocks fetched by refills. Unit: blocks. */
  readonly refilledBlocks: number;
  /** The magazine was full, trimmed or drained and gave blocks back. Unit: calls. */
  readonly flushes: number;
  /** Blocks given back by flushes. Unit: blocks. */
  readonly flushedBlocks: number;
  /** Blocks that went home past their owner: freed by another thread, or shared leases. Unit: blocks. */
  readonly remoteFrees: number;
}

/** What {@link BufferPool.stats} returns. */
export interface PoolStats extends HeapStats {
  readonly name: string;
  readonly closed: boolean;
  /** Capacity of the buffers that callers hold. Unit: bytes. */
  readonly inUseBytes: number;
  /** Capacity of free blocks in threads' magazines. Unit: bytes. */
  readonly cachedBytes: number;
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
  /** The size classes that were used. */
  readonly classes: readonly ClassStats[];
}
