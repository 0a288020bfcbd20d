import type { NativeProcessStats } from '../addon/binding.js';
import { environment, facts } from '../addon/environment.js';
import type { MemoryFacts } from '../addon/figures.js';
import { pressureFigures } from '../addon/pressure.js';
import { makeError } from '../base/errors.js';
import type { MisuseSite } from '../base/misuse.js';
import { allCores, type Core } from '../pool/cores.js';
import { noteDetachedWindows } from '../pool/windows.js';
import type { PoolStats, ProcessStats } from './pool-stats.js';
import { NO_THREAD_FIGURES, readStats } from './read-stats.js';

/**
 * Whose core the pools of this process take their memory from: `'libsuperslab.so'` when that serves the
 * process's malloc too (`superslab run`), so that there is one core, and else `'addon'`, their own.
 */
export const core: 'addon' | 'libsuperslab.so' = facts.sharesCore ? 'libsuperslab.so' : 'addon';

/** What the native side counts, and JavaScript in its memory. */
function nativeStats(): NativeProcessStats {
  for (const own of allCores()) own.publish?.();
  return environment.processStats();
}

/** Of several shares of a pool, each tells of all. */
function coresByHeap(): Map<number, Core> {
  const cores = new Map<number, Core>();
  for (const own of allCores()) cores.set(own.heapId, own);
  return cores;
}

const poolsOf = (native: NativeProcessStats): PoolStats[] => {
  const cores = coresByHeap();
  return native.pools.map((pool) => {
    const own = cores.get(pool.heapId);
    if (own === undefined) return readStats(pool, NO_THREAD_FIGURES);
    return { ...readStats(pool, own.threadFigures()), name: own.name };
  });
};

/** The pools of stats() alone. */
export const poolStats = (): PoolStats[] => poolsOf(nativeStats());

/** The list that was told last, of this thread. */
let known: { changes: number; sites: readonly MisuseSite[] } = { changes: -1, sites: [] };

/** The same array until there is one more case: who tells it to others sees that there is nothing new. */
function misuse(): readonly MisuseSite[] {
  const changes = environment.misuseChanges();
  if (changes !== known.changes) known = { changes, sites: Object.freeze(environment.misuseSites()) };
  return known.sites;
}

/**
 * Figures of the process and of every pool in it, whatever thread it belongs to. Counters of other
 * threads are as those threads last brought them up to date, at the latest when they looked after
 * idle memory. A pool that was closed is gone from here once it has everything back. Costs tens of
 * microseconds a pool; the kernel is asked for `rssBytes` and `faults` only. Any thread.
 */
export function stats(): ProcessStats {
  noteDetachedWindows();
  const native = nativeStats();
  const figures: ProcessStats = {
    pid: process.pid,
    core,
    uptimeMs: Math.round(process.uptime() * 1000),
    rssBytes: process.memoryUsage.rss(),
    externalBytes: process.memoryUsage().external,
    outstandingTokens: environment.outstandingTokens(),
    space: native.space,
    faults: native.faults,
    pressure: pressureFigures(),
    pools: poolsOf(native),
    leaks: environment.leakSites(),
    misuse: misuse(),
    knobs: facts.knobs,
  };
  // For programs that read the list by its former name; not enumerable, so that it is told once.
  return Object.defineProperty(figures, 'mistakes', { value: figures.misuse });
}

/**
 * What this process goes by, as the text of a policy file (docs/TUNING.md): the settings that differ from the defaults, and, of
 * the default pool, what was learned of single size classes. Written to a file, it is what the next process starts with, by
 * `SUPERSLAB_POLICY=file`. Options of single pools are not in it.
 *
 * @example
 * import { writeFileSync } from 'node:fs';
 * import { policy } from 'superslab';
 *
 * process.on('SIGUSR2', () => writeFileSync('server.policy', policy()));
 */
export const policy = (): string => environment.policyText();

/**
 * What the kernel says of the pools' memory: how much is resident, in huge pages (transparent ones and
 * explicit ones), swapped out, and on which node. With `superslab run` malloc's is among it. Read from
 * /proc/self/smaps and numa_maps on a thread of libuv's pool. The kernel walks the pages of the whole process, while page
 * faults of other threads may wait: 2 ms, and 30 ms more for each GiB that does not lie in huge pages. Not every second.
 * @throws ERR_SUPERSLAB_HOST (rejects) where there is no such file, or it cannot be read to its end
 */
export async function memoryFacts(): Promise<MemoryFacts> {
  const found = await environment.memoryFacts();
  if (found) return found;
  throw makeError(
    'ERR_SUPERSLAB_HOST',
    found === null
      ? 'memoryFacts() could not read /proc/self/smaps and numa_maps to their end: the kernel lacks memory; try again'
      : 'memoryFacts() needs /proc/self/smaps, which Linux has unless it was built without CONFIG_PROC_PAGE_MONITOR',
  );
}
