// Sizes and lifetimes of leases, sampled without a word on the fast path.
//
// The fast path of acquire looks a size up in a table and finds a class. While the table is all zeros it
// finds class 0, whose magazine is always empty, and goes the slow way: a trap. It is set 50 times a
// second; one of the next leases is measured, and the table restored. All others run as fast as ever.
import { Alarm } from '../addon/alarm.js';
import type { BlockNumber } from '../addon/binding.js';
import { now } from '../addon/clock.js';
import { environment, facts } from '../addon/environment.js';
import { builtins, copyInto, fill } from '../base/builtins.js';
import { type Core, openCores } from '../pool/cores.js';
import { hotTagOfGranules } from '../pool/hot-tags.js';
import { type MeasuredLease, measureUntilEnd } from '../pool/measured-leases.js';
import type { LeaseMeter, MeasuredPool } from '../pool/observers.js';

const PERIOD_MS = 20;

/**
 * The trap is set from a timer, so the first lease after it is always the one that the program makes
 * first in a turn of its loop. At most this many go by, at random, before one is measured.
 */
const MAX_SKIPPED = 255;

/** A lease that is measured, and stands for `weight` of its pool. */
class Sample implements MeasuredLease {
  readonly #pool: MeasuredPool;
  readonly #weight: number;
  readonly #at = now();

  constructor(pool: MeasuredPool, weight: number) {
    this.#pool = pool;
    this.#weight = weight;
  }

  ended(): void {
    const microseconds = (now() - this.#at) * 1000;
    this.#pool.native.recordLifetime(microseconds, this.#weight);
  }
}

let armed = false;
/** Leases to let go by; -1 while the trap is untouched. */
let skip = -1;
let watchers = 0;
/** What acquiredBy() said at the last sample. */
let seen = new WeakMap<MeasuredPool, number>();

const hasMagazines = (core: Core): core is Core & MeasuredPool => core.magazines !== undefined;

/** Acquires so far, modulo 2^32. */
function acquiredBy(pool: MeasuredPool): number {
  const { acquired, skipped } = pool.magazines;
  let sum = 0;
  for (let tag = 0; tag < acquired.length; tag++) sum += acquired[tag]! - skipped[tag]!;
  return sum >>> 0;
}

/** Acquires since the last sample, but for blocks beyond 2 MiB that came from the heap, which are in no magazine's count. */
function acquiredSince(pool: MeasuredPool): number {
  return (acquiredBy(pool) - (seen.get(pool) ?? 0)) >>> 0;
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
function isSampleDue(pool: MeasuredPool): boolean {
  if (!armed) return false;
  // A pool that is seldom used is not made to wait.
  if (skip < 0) skip = Math.floor(builtins.random() * Math.min(acquiredSince(pool) / 2, MAX_SKIPPED + 1));
  return skip-- === 0;
}

/** The lease stands for all since the last one that was measured. */
function beginSample(pool: MeasuredPool, block: BlockNumber, size: number): void {
  disarm();
  const weight = Math.max(acquiredSince(pool), 1);
  seen.set(pool, acquiredBy(pool));
  pool.native.recordSize(size, environment.capacity(block), weight);
  measureUntilEnd(block, new Sample(pool, weight));
}

export const leaseMeter: LeaseMeter = { isDue: isSampleDue, isWaiting: () => armed, begin: beginSample };

/** For leases that are watched one by one anyway: a whole lease, which stands for itself. */
export function recordLease(pool: MeasuredPool, size: number, capacity: number, microseconds: number): void {
  pool.native.recordSize(size, capacity, 1);
  pool.native.recordLifetime(microseconds, 1);
}

/**
 * Fills the histograms `sizes` and `lifetimes`, and `internalWaste`, of the pools that this thread acquires
 * from, for as long as it is not disposed of. Up to 50 leases a second are measured; each counts for
 * those that its pool lent since the one before. Lifetimes below 16 µs read too long: what is measured once
 * in a while runs uncompiled. Costs less than a thousandth, and never keeps the process alive.
 */
export function watchHistograms(): Disposable {
  if (watchers === 0) {
    seen = new WeakMap([...openCores.values()].filter(hasMagazines).map((pool) => [pool, acquiredBy(pool)]));
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
