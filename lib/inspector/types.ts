// What an inspector tells its page: the events of `GET /events`, a stream of server-sent events
// (text/event-stream). `data` is JSON, but for `map`, which is base64 of the bytes described below.
//
// The page is served at `/TOKEN/` of a TCP port (Inspector.url), so that what it asks for by a relative
// address ('events', './app.js', 'uplot.css') carries the token; its files lie in dist/inspector. The
// same addresses without a token are served on the process's unix socket. `/?token=TOKEN` is sent on to
// `/TOKEN/`; there are also `stats.json`, `memory.json` (what memoryFacts() gives: milliseconds) and `report.txt`.
//
//   event: hello     Hello           first, once a connection
//   event: pools     PoolNames       after hello, and when pools came or went
//   event: map       MapFrame        once a second: what changed, or everything (see `full`)
//   event: stats     InspectorStats  once a second
//   event: leaks     LeakSites       after hello, and when they changed
//   event: misuse    MisuseSites     likewise
//
// Fields may be added; none changes its meaning while `Hello.format` is the same. All numbers of the
// map are little-endian, all sizes bytes, all times milliseconds unless a name says otherwise.
//
// MapFrame
//   offset  type
//   0       u8       format of the map: 1
//   1       u8       full: 1 when every superslab that is or was in use follows, so that what was known
//                    before is forgotten; 0 when only superslabs follow whose record changed
//   2       u16      bytes of a record: 76 (a reader steps by it and ignores what it does not know)
//   4       u32      number of records
//   8       f64      when the memory was looked at: milliseconds since 1970
//   16      records  one a superslab, in ascending order of index
//
// Record of a superslab (2 MiB of addresses; what the map shows of it is its 32 slices of 64 KiB)
//   0       u32      index: arena ordinal x 2048 + place in its arena (4 GiB); dense, stays the same
//   4       u8       use: 0 spare (in no pool: never handed out, or given back), 1 cut into slabs,
//                    2 first superslab of a block beyond 2 MiB, 3 a further one of such a block
//   5       u8       pool: `ordinal` in PoolNames; 0 when it is in none, or in one without a name
//   6       u8       flags: 1 explicit huge pages, 2 transparent huge pages asked for,
//                    4 views of it may exist (JavaScript), 8 spare and holding memory still,
//                    16 memory of a pool of secrets
//   7       u8       memory node it was placed on + 1; 0 unknown, or wherever the thread ran
//   8       u32      superslabs of the block beyond 2 MiB that starts here; otherwise 0
//   12      32 x     { u8 tag; u8 state }, a slice each, in ascending order of address
//
//   tag     0        in no slab
//           1..64    bits 0-6: size class plus one: `tag` in Hello.classes
//           bit 7    set when the slab began in an earlier slice (a slab has up to 32 slices)
//           255      in a block beyond 2 MiB
//   state   bits 4-7 fullness of the slice's whole slab: 0 no block is out, 15 all of them are, between
//                    them 1 + 14 x (blocks out) / (blocks), rounded down. Out is what is with callers or
//                    in a thread's magazine. Block beyond 2 MiB: 15 leased, 0 kept for reuse
//           bits 0-3 temperature of the slice's whole slab:
//                    0 nothing behind it: never touched, or given back to the operating system
//                    1 cold: no block of it was taken or given back for more than 60 s
//                    2 warm: within the last 60 s
//                    3 hot: since the frame before
//
// Growing cold alone sends no record. A slice that was hot is warm after the next frame that does not
// call it hot again, and cold after 60 s without having been hot. Frames with `full` tell all of it.
// A slice of temperature 2 in a full frame may be drawn as if it had been hot at that moment.

import type { SlabCut } from '../addon/binding.js';
import type { LeakSite } from '../addon/figures.js';
import type { KnobRow, StatisticRow } from '../addon/rows.js';
import type { MisuseSite } from '../base/misuse.js';
import type { PoolStats } from '../stats/pool-stats.js';

export interface Hello {
  /** Raised when the meaning of what is sent changes: 1. */
  readonly format: number;
  readonly pid: number;
  /** process.title, for a heading. */
  readonly title: string;
  /** The script that the process runs, or '' (node -e, REPL). */
  readonly script: string;
  /** process.version */
  readonly node: string;
  /** superslab's version. */
  readonly version: string;
  /** `${process.platform}-${process.arch}` */
  readonly platform: string;
  readonly core: 'addon' | 'libsuperslab.so';
  /** 0 for the main thread. */
  readonly threadId: number;
  /** When the process began: milliseconds since 1970. */
  readonly startedAt: number;
  readonly superslabBytes: number;
  readonly sliceBytes: number;
  readonly superslabsPerArena: number;
  /** Between two `stats` events. */
  readonly periodMs: number;
  /** Every size class: the tag of its slices, the size of its blocks, and how its slabs are cut. */
  readonly classes: readonly SlabCut[];
  /** Every setting with its meaning; `value` is what holds in the process before pools' options. */
  readonly knobs: readonly KnobRow[];
  /** Every figure with unit and meaning; `name` is the field in PoolStats or its classes. */
  readonly statistics: readonly StatisticRow[];
}

export interface PoolNames {
  /** `ordinal` (1 to 254) is what the map's records carry; an ended pool's may be used again. */
  readonly pools: readonly { readonly ordinal: number; readonly name: string }[];
}

/** Upper bounds of the latencies of slow paths (acquires that called native code), nanoseconds. */
export interface SlowPaths {
  readonly p50Ns: number;
  readonly p95Ns: number;
  readonly p99Ns: number;
  readonly maxNs: number;
}

/** Sums over all pools. Those that only grow are counts since the start: a rate is a difference. */
export interface InspectorTotals {
  /** Grow. */
  readonly acquires: number;
  readonly releases: number;
  /** Acquires that needed no native call. */
  readonly hits: number;
  readonly refills: number;
  readonly flushes: number;
  readonly remoteFrees: number;
  /** Requests refused because of maxBytes. */
  readonly exhausted: number;
  /** Requests for memory that the operating system refused. */
  readonly osFailures: number;
  /** Blocks whose buffers were lost without a release. */
  readonly leakedBlocks: number;
  /** Page faults of the whole process, minor and major. */
  readonly pageFaults: number;
  /** Levels. Capacity of the buffers that callers hold. */
  readonly inUseBytes: number;
  /** Capacity of free blocks in threads' magazines. */
  readonly cachedBytes: number;
  /** Memory taken from the operating system and not given back. */
  readonly committedBytes: number;
  /** Addresses reserved. */
  readonly reservedBytes: number;
  /** Share tokens that nobody has adopted or revoked. */
  readonly outstandingTokens: number;
}

export interface InspectorStats {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly uptimeMs: number;
  /** Resident memory of the whole process. */
  readonly rssBytes: number;
  /** process.memoryUsage(): all external memory, and V8's heap. */
  readonly externalBytes: number;
  readonly heapUsedBytes: number;
  readonly totals: InspectorTotals;
  /** Of the pool that took its slow path most often; null while nothing was measured. */
  readonly slow: SlowPaths | null;
  /** Every pool of the process, those of other threads too. Fields as in pool.stats(). */
  readonly pools: readonly PoolStats[];
}

/** Buffers that were lost without a release, once a place in the program. */
export type InspectorLeak = LeakSite;

export interface LeakSites {
  /** SUPERSLAB_LEAK_DETECTION of the process; a pool's own option may differ. With 'off' a list is empty. */
  readonly detection: 'off' | 'sampled' | 'full';
  readonly sites: readonly InspectorLeak[];
}

/** Buffers that were used wrongly: released twice, written after their release and so on. Few: see docs/GUARDS.md. */
export interface MisuseSites {
  /** SUPERSLAB_GUARD of the process; a pool's own option may differ. Errors are looked for with 'off' too. */
  readonly guard: 'off' | 'poison' | 'canary' | 'detach';
  readonly sites: readonly MisuseSite[];
}
