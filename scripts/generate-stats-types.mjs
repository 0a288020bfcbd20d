// Writes lib/addon/figures.ts, what the native side counts, and lib/stats/pool-stats.ts, what stats() makes of it, from
// native/heap/stats.def, the one list of statistics.
//
//   node scripts/generate-stats-types.mjs [--check]
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const source = path.join(root, 'native/heap/stats.def');

const KINDS = 'HEAP|LEASE|CLASS|LATENCY|HISTOGRAM|PROCESS|POOL|POOL_PROCESS|POOL_CLASS|SHOWN|MEMORY|NODE';
/** Which interface a kind's figures stand in, where that is not the kind itself. */
const INTERFACES = { PROCESS: 'HEAP', LEASE: 'HEAP', POOL_PROCESS: 'POOL', POOL_CLASS: 'CLASS' };

/** [{ scope, name, unit, meaning }], in the order of the list. */
function readRows(text) {
  const quoted = String.raw`"((?:[^"]|"\s*")*)"`;
  const pattern = new RegExp(
    String.raw`^(${KINDS})_(?:STAT|LEVEL)\((?:(\w+), )?"(\w+)", "([^"]+)",\s*${quoted}\)$`,
    'gm',
  );
  const rows = [...text.matchAll(pattern)].map(([, kind, first, name, unit, meaning]) => ({
    scope: kind === 'SHOWN' ? first : (INTERFACES[kind] ?? kind).toLowerCase(),
    name,
    unit,
    meaning: meaning.replace(/"\s*"/g, ''),
  }));
  const written = text.match(new RegExp(`^(${KINDS})_(STAT|LEVEL)\\(`, 'gm'))?.length ?? 0;
  if (rows.length === 0 || rows.length !== written) {
    throw new Error(`${source}: understood ${rows.length} of ${written} statistics`);
  }
  return rows;
}

const rows = readRows(fs.readFileSync(source, 'utf8'));

function fields(scope, { type = 'number', indent = '  ' } = {}) {
  return rows
    .filter((row) => row.scope === scope)
    .map(({ name, unit, meaning }) => {
      const words = `${meaning[0].toUpperCase()}${meaning.slice(1)}. Unit: ${unit}.`;
      return `${indent}/** ${words} */\n${indent}readonly ${name}: ${type};`;
    })
    .join('\n');
}

const HEADER = `// Generated from native/heap/stats.def by scripts/generate-stats-types.mjs. Do not edit.
`;

const figures = `${HEADER}
/** What a heap counts itself. */
export interface HeapStats {
${fields('heap')}
}

/** Figures of one size class, over all threads. Exact while the threads rest. */
export interface ClassStats {
  /** Size of its blocks. Unit: bytes. */
  readonly blockBytes: number;
${fields('class')}
}

/** How long slow-path calls took. All 0 while none was timed. */
export interface LatencyStats {
${fields('latency')}
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
  /** Leases that were measured. Fewer than \`count\` means that they are a sample. */
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
  /** How many leaks there were in all, if \`count\` is a sample of them. */
  readonly estimated: number;
}

/** Figures of the address space that all pools of the process take from. */
export interface SpaceStats {
${fields('space')}
}

/** Page faults of a process. */
export interface PageFaults {
${fields('faults')}
}

/** Pool memory on one NUMA node. */
export interface NodeMemory {
  /** The kernel's number of it. */
  readonly node: number;
${fields('node')}
}

/** What the kernel says of the pools' memory: see memoryFacts(). */
export interface MemoryFacts {
${fields('memory')}
  /** Where it lies; empty when the kernel does not tell. */
  readonly nodes: readonly NodeMemory[];
}
`;

const poolStats = `${HEADER}import type {
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
${fields('pool')}
${fields('histogram', { type: 'Histogram' })}
  /** How long calls took that a magazine could not serve alone, in all threads. */
  readonly slow: LatencyStats;
  /** The size classes that were used. */
  readonly classes: readonly ClassStats[];
}

/** What \`superslab.stats()\` returns: the process, and every pool of every thread. */
export interface ProcessStats {
  readonly pid: number;
  /** Whose core the pools take their memory from. */
  readonly core: 'addon' | 'libsuperslab.so';
${fields('process')}
  readonly space: SpaceStats;
  /** Page faults of the whole process. */
  readonly faults: PageFaults;
  /**
   * One for each heap: the default pool first, then the pools with a heap of their own by age, those of
   * other threads too. \`fallbacks\` and \`waiting\` are known of this thread only, and 0 for the others.
   */
  readonly pools: readonly PoolStats[];
  readonly leaks: readonly LeakSite[];
  /** Other misuse of buffers, once a place; of many places, those of a pool and kind together. */
  readonly misuse: readonly MisuseSite[];
  /** The policy values of the process, before options. */
  readonly knobs: readonly KnobRow[];
}
`;

const targets = { 'lib/addon/figures.ts': figures, 'lib/stats/pool-stats.ts': poolStats };

for (const [name, text] of Object.entries(targets)) {
  const target = path.join(root, name);
  if (!process.argv.includes('--check')) {
    fs.writeFileSync(target, text);
  } else if (!fs.existsSync(target) || fs.readFileSync(target, 'utf8') !== text) {
    console.error(`${name} is stale: run "node scripts/generate-stats-types.mjs"`);
    process.exitCode = 1;
  }
}
