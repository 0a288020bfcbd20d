// Generated from native/heap/stats.def by scripts/generate.mjs. Do not edit.

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
  /** When that was, in time since the Unix epoch; 0 if nothing ever was. Unit: ms. */
  readonly peakChargedAtMs: number;
  /** Limit of the capacity out of the slabs; 0 is none. Unit: bytes. */
  readonly maxBytes: number;
  /**
   * Released blocks beyond 2 MiB that threads keep to lend them again, or that guards hold back. Unit: bytes.
   */
  readonly heldHugeBytes: number;
  /** Free blocks beyond 2 MiB that are kept for reuse. Unit: bytes. */
  readonly bigCacheBytes: number;
  /** Blocks beyond 2 MiB served from those that threads keep and from the big cache. Unit: blocks. */
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
  /**
   * Refusals of the operating system to keep memory from dumps, forks or swap, or to end that. Unit: calls.
   */
  readonly secretFailures: number;
  /** Requests refused because of the pool's limit. Unit: requests. */
  readonly exhausted: number;
  /**
   * Requests for blocks that got none, because of the limit or the operating system; who waits for room asks
   * several times. Unit: requests.
   */
  readonly failedRequests: number;
  /** Times the heap's lock was held by another thread. Unit: locks. */
  readonly contended: number;
  /** Time that threads waited for the heap's lock. Unit: ns. */
  readonly lockWaitNs: number;
  /**
   * Sampled blocks that lay on the node of the thread that fetched them; none are sampled on a machine with
   * one node. Unit: blocks.
   */
  readonly numaLocal: number;
  /** Sampled blocks that lay on another node. Unit: blocks. */
  readonly numaRemote: number;
  /**
   * Spans of superslabs that lie on another node, because the one they were for had no memory left. Unit:
   * spans.
   */
  readonly numaFallbacks: number;
  /** Superslabs and blocks beyond 2 MiB that were moved to the node that uses them most. Unit: regions. */
  readonly numaMovedRegions: number;
  /** Pages of regions that were moved to another memory node. Unit: pages. */
  readonly numaMovedPages: number;
  /** Pages of regions on their way to another memory node that were not in memory. Unit: pages. */
  readonly numaAbsentPages: number;
  /**
   * Pages that stayed although their region was due to move to another memory node: in use, or there was no
   * room for them. Unit: pages.
   */
  readonly numaUnmovedPages: number;
  /** Proposals for the capacities of magazines that half of the threads tried. Unit: trials. */
  readonly learnTrials: number;
  /** Times a proposal for the capacities of magazines was kept. Unit: times. */
  readonly learnKept: number;
  /** Trials that were not better than what was there, and were rolled back. Unit: trials. */
  readonly learnRolledBack: number;
  /**
   * Times learning went back to the fixed limits, because of a clock or counts that made no sense. Unit:
   * times.
   */
  readonly learnFallbacks: number;
  /**
   * Calls off the fast path that the fixed capacities of magazines would have cost in addition, by the miss
   * curves. Unit: calls.
   */
  readonly learnSavedCalls: number;
  /**
   * Times that a purge delay became longer or shorter, because another one would have cost less. Unit: moves.
   */
  readonly learnDelayMoves: number;
  /**
   * Memory that was purged and came back within a time for which keeping it would have cost less; counted
   * while purge delays are learned, as the next two. Unit: bytes.
   */
  readonly learnEarlyBytes: number;
  /** Memory that its purge delay kept for longer than a fault would have cost. Unit: bytes. */
  readonly learnLateBytes: number;
  /**
   * Cost of memory and faults that the fixed purge delays would have had in addition, by the idle times.
   * Unit: us.
   */
  readonly learnSavedUs: number;
  /** Processor time that learning itself took. Unit: ns. */
  readonly learnNs: number;
  /** Frees of a block that was free already, ignored. Unit: blocks. */
  readonly doubleFrees: number;
  /** Blocks still leased when their thread ended; reclaimed. Unit: blocks. */
  readonly leakedBlocks: number;
  /** Capacity of blocks still leased when their thread ended. Unit: bytes. */
  readonly leakedBytes: number;
  /**
   * Released blocks whose memory the program had transferred away when their thread ended; perhaps another
   * thread sees them, so they are never leased again, and stay in use. Unit: blocks.
   */
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
  /** Times that memory went back because it was scarce. Unit: times. */
  readonly pressureReliefs: number;
  /** Memory given back while it was scarce: what was cached. Unit: bytes. */
  readonly pressureCacheBytes: number;
  /** Memory given back while it was scarce: by moving data together. Unit: bytes. */
  readonly pressureColdBytes: number;
  /** Memory given back while it was scarce: of what waited to be lent again. Unit: bytes. */
  readonly pressureIdleBytes: number;
  /** Empty memory that is kept ready for demand that comes back. Unit: bytes. */
  readonly readyBytes: number;
  /** Times memory was populated ahead of growing demand. Unit: calls. */
  readonly expansions: number;
  /** Memory populated ahead of growing demand. Unit: bytes. */
  readonly expandedBytes: number;
  /** Times less memory was kept ready for a size class than before. Unit: times. */
  readonly shrinks: number;
  /** Slabs that were no longer kept ready for one size class but for another. Unit: slabs. */
  readonly movedSlabs: number;
  /** Page faults of the whole process, minor and major. Unit: faults. */
  readonly pageFaults: number;
  /** Page faults that needed no disk, of the whole process. Unit: faults. */
  readonly minorFaults: number;
  /** Page faults that waited for a disk, of the whole process. Unit: faults. */
  readonly majorFaults: number;
  /** Threads attached now. Unit: threads. */
  readonly threads: number;
}

/** What is counted of one size class, over all threads. */
export interface ClassCounts {
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
}

/** What is derived from the counts of one size class. */
export interface ClassShares {
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

/** How leases are spread. */
export interface LeaseHistograms<Histogram> {
  /** Sizes that callers asked for. Unit: bytes. */
  readonly sizes: Histogram;
  /** Times from acquire to the last release. Unit: us. */
  readonly lifetimes: Histogram;
}

/** What is counted of a pool in JavaScript, or derived from what its heap counts. */
export interface PoolFigures {
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
  /** How scarce memory is now: 0 it is not, 1 some pressure, 2 critical. Unit: levels. */
  readonly pressureLevel: number;
  /** Times that memory became scarce, or scarcer. Unit: rises. */
  readonly pressureRises: number;
  /** Share of the acquires up to 2 MiB that a magazine served; 1 while there are none. Unit: ratio. */
  readonly hitRate: number;
  /** Share of the requests for blocks that got none. Unit: ratio. */
  readonly failureRate: number;
  /** Share of the limit that is out of the slabs; 0 without a limit. Unit: ratio. */
  readonly use: number;
  /** Share of the committed memory that callers hold: what caches hold is not among it. Unit: ratio. */
  readonly utilization: number;
  /** Share of the committed memory that neither callers nor magazines have. Unit: ratio. */
  readonly fragmentation: number;
  /** Share of the blocks' bytes that callers did not ask for; of the sampled leases. Unit: ratio. */
  readonly internalWaste: number;
}

/** What is counted of a pool of JavaScript's own objects, in its thread. */
export interface ObjectStats {
  /** Objects that callers hold. Unit: objects. */
  readonly inUse: number;
  /** Objects that wait to be lent. Unit: objects. */
  readonly idle: number;
  /** Objects that are being made, tested or reset. Unit: objects. */
  readonly pending: number;
  /** Most objects that callers held at once. Unit: objects. */
  readonly peakInUse: number;
  /** When that was noticed, in time since the Unix epoch; 0 if none ever was lent. Unit: ms. */
  readonly peakInUseAtMs: number;
  /** Limit of the objects; 0 is none. Unit: objects. */
  readonly max: number;
  /** Objects that were made. Unit: objects. */
  readonly made: number;
  /** Objects that were destroyed, or collected while they were lent. Unit: objects. */
  readonly destroyed: number;
  /** Lent objects that were collected without being given back. Unit: objects. */
  readonly collected: number;
  /** Calls of create that threw, were rejected or took too long. Unit: calls. */
  readonly createFailures: number;
  /** Objects that failed their test or their reset, and were destroyed. Unit: objects. */
  readonly invalid: number;
  /** Calls of destroy that threw, were rejected or took too long. Unit: calls. */
  readonly destroyFailures: number;
  /** Idle objects that were destroyed because memory was scarce. Unit: objects. */
  readonly relieved: number;
  /** Leases that lasted longer than the pool allows. Unit: leases. */
  readonly leaseTimeouts: number;
  /** Calls that waited for an object in vain. Unit: calls. */
  readonly waitTimeouts: number;
}

/** What is counted of a pool in a file, in its thread. */
export interface FileStats {
  /** Bytes of the file for blocks, in use or not. Unit: bytes. */
  readonly dataBytes: number;
  /** What the bytes for blocks may become. Unit: bytes. */
  readonly maxBytes: number;
  /** Bytes of all blocks, as long as they are in the file. Unit: bytes. */
  readonly usedBytes: number;
  /** Bytes of free extents of whole pages. Unit: bytes. */
  readonly freeBytes: number;
  /** Blocks that live. Unit: blocks. */
  readonly blocks: number;
  /** Length of the file, holes included. Unit: bytes. */
  readonly fileBytes: number;
  /** What the file takes of its file system. Unit: bytes. */
  readonly diskBytes: number;
  /** Length of the journal. Unit: bytes. */
  readonly journalBytes: number;
  /** Most bytes of blocks since the file was opened. Unit: bytes. */
  readonly peakUsedBytes: number;
  /** When that was noticed, in time since the Unix epoch; 0 if there never was a block. Unit: ms. */
  readonly peakUsedAtMs: number;
  /** Buffers over blocks that were neither released nor found to be collected. Unit: buffers. */
  readonly views: number;
  /** Records of the journal that a power failure may take. Unit: bytes. */
  readonly undurableBytes: number;
  /** How long the oldest of them is there. Unit: ms. */
  readonly undurableMs: number;
  /** Blocks that were allocated since the file was opened. Unit: blocks. */
  readonly allocs: number;
  /** Blocks that were freed for good, or undone, since the file was opened. Unit: blocks. */
  readonly frees: number;
  /** Requests for blocks that got none. Unit: requests. */
  readonly failedAllocs: number;
  /** Requests for blocks that were refused because of the limit. Unit: requests. */
  readonly exhausted: number;
  /** Commits since the file was opened. Unit: commits. */
  readonly commits: number;
  /** Times that the file system was asked to make something durable. Unit: calls. */
  readonly syncs: number;
  /** Time that this took. Unit: ns. */
  readonly syncNs: number;
  /** Times that changed pages were written home. Unit: times. */
  readonly checkpoints: number;
  /** Records of the journal that were replayed when the file was opened. Unit: records. */
  readonly replayed: number;
  /** Bytes for blocks by which the file grew. Unit: bytes. */
  readonly grownBytes: number;
  /** Bytes that went back to the file system. Unit: bytes. */
  readonly trimmedBytes: number;
}

/** Figures of the whole process. */
export interface ProcessFigures {
  /** Time since the process started. Unit: ms. */
  readonly uptimeMs: number;
  /** Resident memory of the whole process. Unit: bytes. */
  readonly rssBytes: number;
  /** Memory outside V8's heap that V8 accounts for, in the thread that asks. Unit: bytes. */
  readonly externalBytes: number;
  /** Tokens that nobody has adopted or revoked; each keeps its memory. Unit: tokens. */
  readonly outstandingTokens: number;
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

/** What the kernel says of the pools' memory. */
export interface MemoryFigures {
  /** Pool memory that is resident. Unit: bytes. */
  readonly rssBytes: number;
  /** Pool memory that lies in huge pages. Unit: bytes. */
  readonly hugeBytes: number;
  /** Share of the resident pool memory that lies in huge pages; 0 without any. Unit: ratio. */
  readonly hugeCoverage: number;
  /** Pool memory that was swapped out. Unit: bytes. */
  readonly swappedBytes: number;
}

/** Pool memory on one NUMA node. */
export interface NodeFigures {
  /** Pool memory that lies on a memory node. Unit: bytes. */
  readonly bytes: number;
}
