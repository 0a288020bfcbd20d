// Generated from native/policy/knobs.def by scripts/generate.mjs. Do not edit.

/** What can be set for one pool; see docs/KNOBS.md. Options win over the environment. */
export interface KnobOptions {
  /**
   * Most bytes of blocks that are in use or cached by threads at once; 0 is no limit. A number of bytes or a
   * size such as '64m', from 0 to 128t.
   * SUPERSLAB_MAX_BYTES sets it for all pools.
   * @default 0
   */
  maxBytes?: number | string;
  /**
   * What `acquire` does at `maxBytes`: throw an error, wait for another thread to release, or give a plain
   * buffer from outside the pool.
   * SUPERSLAB_ON_EXHAUSTED sets it for all pools.
   * @default 'throw'
   */
  onExhausted?: 'throw' | 'wait' | 'fallback';
  /**
   * When the bytes of a buffer are cleared: never, each time it is acquired, or each time it is released.
   * SUPERSLAB_ZERO sets it for all pools.
   * @default 'never'
   */
  zero?: 'never' | 'acquire' | 'release';
  /**
   * Pages that superslabs ask for: plain, transparent huge, or explicit huge pages of 2 MiB or 1 GiB; plain
   * ones are used, and counted, where none can be had.
   * SUPERSLAB_HUGE_PAGES sets it for all pools.
   * @default 'thp'; 'off' in the profile 'low-memory'
   */
  hugePages?: 'off' | 'thp' | '2mb' | '1gb';
  /**
   * How memory is prefaulted: not at all, in batches that grow with demand, or a whole superslab at once.
   * SUPERSLAB_POPULATE sets it for all pools.
   * @default 'demand'; 'superslab' in the profile 'throughput'
   */
  populate?: 'off' | 'demand' | 'superslab';
  /**
   * Memory node of new superslabs: the one of the thread that asks, all in turn, or the node of this number.
   * Nodes have the numbers 0 to 1023.
   * SUPERSLAB_NUMA sets it for all pools.
   * @default 'local'
   */
  numa?: 'local' | 'interleave' | number;
  /**
   * Of how much of its use by threads on other nodes on a region of 2 MiB is moved to the node that uses it
   * most, after three intervals; 100 moves none. Where `numa` is `local`. From 1 to 100. Unit: %.
   * SUPERSLAB_NUMA_REMOTE_SHARE sets it for all pools.
   * @default 30
   */
  numaRemoteShare?: number;
  /**
   * Most bytes a second of a pool's memory that are moved from node to node; 0 moves none. A number of bytes
   * or a size such as '64m', from 0 to 128t.
   * SUPERSLAB_NUMA_MOVE_BYTES sets it for all pools.
   * @default '64m'
   */
  numaMoveBytes?: number | string;
  /**
   * How long free memory stays idle before it goes back to the operating system. From 0 to 86400000. Unit:
   * ms.
   * SUPERSLAB_PURGE_DELAY_MS sets it for all pools.
   * @default 1000; 10000 in the profile 'throughput'; 100 in the profile 'low-memory'
   */
  purgeDelayMs?: number;
  /**
   * Whether a pool holds secrets: its memory is left out of core dumps, reads as zero in a forked child, and
   * is cleared at each release (`zero` is `release`). docs/SECRETS.md tells what that does not cover.
   * SUPERSLAB_SENSITIVE sets it for all pools.
   * @default false
   */
  sensitive?: boolean;
  /**
   * Whether a pool's memory is locked, so that it is never written to swap; `ulimit -l` bounds how much can
   * be.
   * SUPERSLAB_LOCK_MEMORY sets it for all pools.
   * @default false
   */
  lockMemory?: boolean;
  /**
   * Whether memory that faults stands behind each block larger than 2 MiB, so that native code which overruns
   * one is stopped there.
   * SUPERSLAB_GUARD_PAGES sets it for all pools.
   * @default false
   */
  guardPages?: boolean;
  /**
   * Which leases are watched, so that a buffer that is collected without a release is reported, with the
   * stack that acquired it, and its block comes back; see docs/GUARDS.md.
   * SUPERSLAB_LEAK_DETECTION sets it for all pools.
   * @default 'off'
   */
  leakDetection?: 'off' | 'sampled' | 'full';
  /**
   * What is done to find use after release and overflow: fill released blocks and look for changes; also put
   * a pattern behind each buffer, and guard pages behind large ones; also detach a buffer's memory when it is
   * released. See docs/GUARDS.md.
   * SUPERSLAB_GUARD sets it for all pools.
   * @default 'off'
   */
  guard?: 'off' | 'poison' | 'canary' | 'detach';
  /**
   * Most bytes of released blocks that each thread holds back before they can be leased again, when there is
   * a guard. A number of bytes or a size such as '64m', from 0 to 128t.
   * SUPERSLAB_QUARANTINE_BYTES sets it for all pools.
   * @default '1m'
   */
  quarantineBytes?: number | string;
  /**
   * Whether a pool counts its demand by interval, keeps memory ready for bursts that come back and populates
   * memory ahead of demand that grows; see docs/ADAPTIVE.md.
   * SUPERSLAB_ADAPTIVE sets it for all pools.
   * @default true; false in the profile 'low-memory'
   */
  adaptive?: boolean;
  /**
   * Whether the capacities of magazines are learned: not at all; with what was better in a trial; with trials
   * only, whose outcome is told and does not stay; or no more, and what was learned stays. See
   * docs/LEARNING.md.
   * SUPERSLAB_LEARN sets it for all pools.
   * @default 'off'
   */
  learn?: 'off' | 'learn' | 'trial' | 'frozen';
}

/** Those that can be changed while the pool is open. */
export type LiveOptions = Pick<
  KnobOptions,
  | 'maxBytes'
  | 'hugePages'
  | 'populate'
  | 'numa'
  | 'numaRemoteShare'
  | 'numaMoveBytes'
  | 'purgeDelayMs'
  | 'adaptive'
  | 'learn'
>;
