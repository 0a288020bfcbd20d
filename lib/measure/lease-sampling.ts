// Sizes and lifetimes of leases, sampled without a word on the fast path.
//
// The fast path of acquire looks a size up in a table and finds a class. While the table is all zeros it
// finds class 0, whose magazine is always empty, and goes the slow way: a trap. It is set 50 times a
// second; one of the next leases is measured, and the table restored. All others run as fast as ever.
import { Alarm } from '../addon/alarm.js';
import { type BlockNumber, binding } from '../addon/binding.js';
import { now } from '../addon/clock.js';
import { facts, openCaches } from '../addon/environment.js';
import { builtins, copyInto, fill } from '../base/builtins.js';
import type { LeaseCache } from '../pool/lease-cache.js';

const PERIOD_MS = 20;

/**
 * The trap is set from a timer, so the first lease after it is always the one that the program makes
 * first in a turn of its loop. At most this many go by, at random, before one is measured.
 */
const MOST_SKIPPED = 255;

/** Should leases that are never released pile up. */
const MOST_OPEN = 10_000;

/** The table that the fast path looks sizes up in: facts.tagOfGranules, or all zeros. */
export const hotTagOfGranules: Uint8Array = facts.tagOfGranules.slice();

interface Sample {
  readonly cache: LeaseCache;
  readonly at: number;
  readonly weight: number;
}

let armed = false;
/** Leases to let go by; -1 while the trap is untouched. */
let skip = -1;
let watchers = 0;
/** Sampled leases that are out. */
const open = new Map<BlockNumber, Sample>();
/** What acquiredBy() said at the last sample. */
let seen = new WeakMap<LeaseCache, number>();

/** Acquires so far, modulo 2^32. */
function acquiredBy(cache: LeaseCache): number {
  const { acquired, skipped } = cache.magazines;
  let sum = 0;
  for (let tag = 0; tag < acquired.length; tag++) sum += acquired[tag]! - skipped[tag]!;
  return sum >>> 0;
}

/** Acquires since the last sample, but for blocks beyond 2 MiB, which are in no magazine's count. */
function acquiredSince(cache: LeaseCache): number {
  return (acquiredBy(cache) - (seen.get(cache) ?? 0)) >>> 0;
}

const alarm = new Alarm(() => {
  // Who began or ended watching may have been cut off.
  if (watchers === 0) {
    disarm();
    return;
  }
  alarm.ringWithin(PERIOD_MS);
  armed = true;
  fill(hotTagOfGranules, 0);
});

function disarm(): void {
  copyInto(hotTagOfGranules, facts.tagOfGranules);
  // Only now: while it is armed, the next lease disarms it again.
  armed = false;
  skip = -1;
}

/** Whether the lease that is being made off the fast path is to be measured. */
export function isSampleDue(cache: LeaseCache): boolean {
  if (!armed) return false;
  // A pool that is seldom used is not made to wait.
  if (skip < 0) skip = Math.floor(builtins.random() * Math.min(acquiredSince(cache) / 2, MOST_SKIPPED + 1));
  return skip-- === 0;
}

/** Measures a lease of `size` bytes from now until endSample(). It stands for all since the last one. */
export function beginSample(cache: LeaseCache, block: BlockNumber, size: number): void {
  disarm();
  const weight = Math.max(acquiredSince(cache), 1);
  seen.set(cache, acquiredBy(cache));
  binding.recordSize(cache.id, size, binding.capacity(block), weight);
  if (open.size >= MOST_OPEN) open.clear();
  open.set(block, { cache, at: now(), weight });
}

/** A lease with details has ended. Nothing happens unless it was sampled. */
export function endSample(block: BlockNumber): void {
  if (open.size === 0) return;
  const sample = open.get(block);
  if (sample === undefined) return;
  open.delete(block);
  const microseconds = (now() - sample.at) * 1000;
  binding.recordLifetime(sample.cache.id, microseconds, sample.weight);
}

/** For leases that are watched one by one anyway: a whole lease, which stands for itself. */
export function recordLease(cache: LeaseCache, size: number, capacity: number, microseconds: number): void {
  binding.recordSize(cache.id, size, capacity, 1);
  binding.recordLifetime(cache.id, microseconds, 1);
}

/**
 * Fills the histograms `sizes` and `lifetimes`, and `internalWaste`, of the pools that this thread acquires
 * from, for as long as it is not disposed of. Up to 50 leases a second are measured; each counts for
 * those that its pool lent since the one before. Lifetimes below 16 µs read too long: what is measured once
 * in a while runs uncompiled. Costs less than a thousandth, and never keeps the process alive.
 */
export function watchHistograms(): Disposable {
  if (watchers === 0) {
    seen = new WeakMap([...openCaches.values()].map((cache) => [cache, acquiredBy(cache)]));
    alarm.ringWithin(PERIOD_MS);
  }
  watchers++;
  let watching = true;
  return {
    [Symbol.dispose]() {
      if (!watching) return;
      watching = false;
      if (--watchers > 0) return;
      alarm.stop();
      disarm();
    },
  };
}
