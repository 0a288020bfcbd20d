import type { NativePool } from '../addon/binding.js';
import { GUARD, LEAK_DETECTION } from '../addon/generated/choices.js';
import type { WatchedPool } from '../pool/observers.js';

/** What released blocks are filled with, unless the pool clears them. */
export const POISON_BYTE = 0xdb;

/** What a guard is to do: policy values of its pool. */
export interface GuardSettings {
  /** Whether each lease is watched, and not only samples. */
  readonly watchesAll: boolean;
  readonly findsLeaks: boolean;
  /** Of how many leases one is sampled. */
  readonly sampleInterval: number;
  /** Of each stack; 0 for no stacks. */
  readonly frames: number;
  readonly poisons: boolean;
  readonly hasCanaries: boolean;
  readonly detaches: boolean;
  readonly quarantineBytes: number;
  /** What a parked block is filled with; -1 for nothing. */
  readonly filling: number;
  /** Of the machine. */
  readonly pageBytes: number;
  /** What each block begins at a multiple of. */
  readonly align: number;
}

/** What a guard of that code, one of GUARD, does beside what the weaker ones do. */
export const modesOf = (guard: number) => ({
  poisons: guard >= GUARD.poison,
  hasCanaries: guard >= GUARD.canary,
  detaches: guard >= GUARD.detach,
});

/** Those of a pool, which the native side watches from now on. */
export function beginWatching(pool: WatchedPool, native: NativePool): GuardSettings {
  const { guard, leakDetection } = native;
  const findsLeaks = leakDetection !== LEAK_DETECTION.off;
  const modes = modesOf(guard);
  return {
    watchesAll: guard !== GUARD.off || leakDetection > LEAK_DETECTION.sampled,
    findsLeaks,
    sampleInterval: native.leakSample,
    frames: native.leakFrames,
    ...modes,
    quarantineBytes: modes.poisons ? native.quarantineBytes : 0,
    filling: pool.zeroAtRelease ? 0 : modes.poisons ? POISON_BYTE : -1,
    pageBytes: native.watch(findsLeaks ? pool.name : ''),
    align: pool.align,
  };
}
