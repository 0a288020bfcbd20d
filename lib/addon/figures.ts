// Generated from native/heap/stats.def by scripts/generate-stats-types.mjs. Do not edit.

/** What a heap counts itself. */
export interface HeapStats {
  /** Addresses reserved for all pools of the process. Unit: bytes. */
  readonly reservedBytes: number;
  /** Memory taken from the operating system and not given back. Unit: bytes. */
  readonly committedBytes: number;
  /** Capacity out of the slabs: leased plus cached by threads. Unit: bytes. */
  readonly chargedBytes: number;
  /** Most capacity that was out of the slabs at once. Unit: bytes. */
  readonly peakChargedBytes: number;
  /** Limit of the capacity out of the slabs; 0 is none. Unit: bytes. */
  readonly maxBytes: number;
  /** Released blocks beyond 2 MiB that guards hold back. Unit: bytes. */
  readonly heldHugeBytes: number;
  /** Free blocks beyond 2 MiB that are kept for reuse. Unit: bytes. */
  readonly bigCacheBytes: number;
  /** Blocks beyond 2 MiB served from the big cache. Unit: blocks. */
  readonly hugeHits: number;
  /** Blocks beyond 2 MiB that needed fresh superslabs. Unit: blocks. */
  readonly hugeMisses: number;
  /** Blocks beyond 2 MiB that callers gave back. Unit: blocks. */
  readonly hugeReleases: number;
  /** Superslabs taken from the address space. Unit: superslabs. */
  readonly superslabsTaken: number;
  /** Superslabs given back to the address space. Unit: superslabs. */
  readonly superslabsGiven: number;
  /** Slabs cut. Unit: slabs. */
  readonly slabsMade: number;
  /** Slabs whose blocks were all free and that were dissolved. Unit: slabs. */
  readonly slabsRetired: number;
  /** Times memory was populated ahead of use. Unit: calls. */
  readonly populates: number;
  /** Times memory was given back to the operating system. Unit: calls. */
  readonly purges: number;
  /** Memory given back to the operating system. Unit: bytes. */
  readonly purgedBytes: number;
  /** Explicit huge pages were asked for and not there. Unit: superslabs. */
  readonly hugePageFallbacks: number;
  /** Requests for memory that the operating system refused. Unit: calls. */
  readonly osFailures: number;
  /** Refusals of the operating system to keep memory from dumps, forks or swap, or to end that. Unit: calls. */
  readonly secretFailures: number;
  /** Requests refused because of the pool's limit. Unit: requests. */
  readonly exhausted: number;
  /** Requests for blocks that got none, because of the limit or the operating system; who waits for room asks several times. Unit: requests. */
  readonly failedRequests: number;
  /** Times the heap's lock was held by another thread. Unit: locks. */
  readonly contended: number;
  /** Time that threads waited for the heap's lock. Unit: ns. */
  readonly lockWaitNs: number;
  /** Sampled blocks that lay on the node of the thread that fetched them; none are sampled on a machine with one node. Unit: blocks. */
  readonly numaLocal: number;
  /** Sampled blocks that lay on another node. Unit: blocks. */
  readonly numaRemote: number;
  /** Frees of a block that was free already, ignored. Unit: blocks. */
  readonly doubleFrees: number;
  /** Blocks still leased when their thread ended; reclaimed. Unit: blocks. */
  readonly leakedBlocks: number;
  /** Capacity of blocks still leased when their thread ended. Unit: bytes. */
  readonly leakedBytes: number;
  /** Released blocks whose memory the program had transferred away when their thread ended; perhaps another thread sees them, so they are never leased again, and stay in use. Unit: blocks. */
  readonly transferredBlocks: number;
  /** Capacity of the transferred blocks. Unit: bytes. */
  readonly transferredBytes: number;
  /** Leased blocks whose buffer was collected without a release, and that came back. Unit: blocks. */
  readonly collectedBlocks: number;
  /** Capacity of leased blocks whose buffer was collected without a release. Unit: bytes. */
  readonly collectedBytes: number;
  /** Misuse that the guards found. Unit: reports. */
  readonly guardReports: number;
  /** Writes to a released block that the guards found; among all that they found. Unit: reports. */
  readonly poisonReports: number;
  /** Leases that leak detection or guards watch now. Unit: blocks. */
  readonly watchedBlocks: number;
  /** Capacity of the blocks of leases that leak detection or guards watch now. Unit: bytes. */
  readonly watchedBytes: number;
  /** Released blocks that guards keep in quarantine now. Unit: blocks. */
  readonly quarantinedBlocks: number;
  /** Capacity of released blocks that guards keep in quarantine now; among what is cached. Unit: bytes. */
  readonly quarantinedBytes: number;
  /** Page faults of the whole process, minor and major. Unit: faults. */
  readonly pageFaults: number;
  /** Page faults that needed no disk, of the whole process. Unit: faults. */
  readonly minorFaults: number;
  /** Page faults that waited for a disk, of the whole process. Unit: faults. */
  readonly majorFaults: number;
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
  /** Slabs that are cut into blocks of this class. Unit: slabs. */
  readonly slabs: number;
  /** Blocks that the slabs of this class have room for. Unit: blocks. */
  readonly slabBlocks: number;
  /** Share of acquires that a magazine served; 1 while there are none. Unit: ratio. */
  readonly hitRate: number;
  /** Share of the slabs' blocks that callers have. Unit: ratio. */
  readonly occupancy: number;
}

/** How long slow-path calls took. All 0 while none was timed. */
export interface LatencyStats {
  /** Half of the slow-path calls took at most this long. Unit: ns. */
  readonly p50Ns: number;
  /** 95 % of the slow-path calls took at most this long. Unit: ns. */
  readonly p95Ns: number;
  /** 99 % of the slow-path calls took at most this long. Unit: ns. */
  readonly p99Ns: number;
  /** The longest slow-path call that was timed. Unit: ns. */
  readonly maxNs: number;
  /** Slow-path calls that were timed. Unit: calls. */
  readonly count: number;
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

/** Figures of the address space that all pools of the process take from. */
export interface SpaceStats {
  /** Addresses reserved for all pools. Unit: bytes. */
  readonly reservedBytes: number;
  /** Memory that the pools took from the operating system and have not given back. Unit: bytes. */
  readonly committedBytes: number;
  /** Superslabs that the pools have taken. Unit: superslabs. */
  readonly superslabs: number;
  /** Ranges of up to 4 GiB of addresses that are in use. Unit: arenas. */
  readonly arenas: number;
  /** Memory of superslabs in no pool that was not given back yet. Unit: bytes. */
  readonly idleBytes: number;
}

/** Page faults of a process. */
export interface PageFaults {
  /** Page faults that needed no disk. Unit: faults. */
  readonly minor: number;
  /** Page faults that waited for a disk. Unit: faults. */
  readonly major: number;
}

/** Pool memory on one NUMA node. */
export interface NodeMemory {
  /** The kernel's number of it. */
  readonly node: number;
  /** Pool memory that lies on a memory node. Unit: bytes. */
  readonly bytes: number;
}

/** What the kernel says of the pools' memory: see memoryFacts(). */
export interface MemoryFacts {
  /** Pool memory that is resident. Unit: bytes. */
  readonly rssBytes: number;
  /** Pool memory that lies in huge pages. Unit: bytes. */
  readonly hugeBytes: number;
  /** Share of the resident pool memory that lies in huge pages; 0 without any. Unit: ratio. */
  readonly hugeCoverage: number;
  /** Pool memory that was swapped out. Unit: bytes. */
  readonly swappedBytes: number;
  /** Where it lies; empty when the kernel does not tell. */
  readonly nodes: readonly NodeMemory[];
}
