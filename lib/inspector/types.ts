// What an inspector tells its page: the events of `GET /events`, a stream of server-sent events
// (text/event-stream). `data` is JSON, but for `map`, which is base64 of the bytes that
// page/inspector/map-format.ts describes and page/inspector/map-frame.ts reads.
//
// The page is served at `/TOKEN/` of a TCP port (Inspector.url), so that what it asks for by a relative
// address ('events', './app.js', 'uplot.css') carries the token; its files lie in dist/inspector. The
// same addresses without a token are served on the process's unix socket. `/?token=TOKEN` is sent on to
// `/TOKEN/`; there are also `stats.json`, `memory.json` (what memoryFacts() gives: milliseconds) `report.txt` and `policy.txt`.
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
