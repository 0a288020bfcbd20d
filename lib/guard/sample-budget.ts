import { now } from '../addon/clock.js';

/**
 * The fast path asks for a sample when this many low bits of a count are zero. They are set so that it
 * does so when a sample is wanted; while the budget for samples is used up, it asks once in 4,096 leases. A constant,
 * because reading it from anywhere would cost the fast path 5 %.
 */
export const SAMPLE_MASK = 4095;

/** Part of a thread's time that samples may take in the long run. */
const SHARE = 0.004;

/** Most time that they may take at once, after a rest; ms. */
const BURST_MS = 3;

/** What follows a sample, its release and what the collector does with it, is as dear again. */
const AFTERMATH = 2;

/**
 * How many leases a thread may sample. One costs as much as hundreds that nobody watches: 3 µs for its
 * stack where the code is warm, and 50 where it is not. So it is time that is counted, and of a million leases a second
 * fewer are watched than one in 128.
 */
class SampleBudget {
  /** Milliseconds; below 0 after a sample that took longer. */
  #left = BURST_MS;
  #since = now();

  /** Whether one more is allowed. */
  get isOpen(): boolean {
    return this.#left > 0 || this.#refill();
  }

  /** One was made between these times of now(). */
  spend(start: number, end: number): void {
    // A thread that lost its core meanwhile has not spent that time, and need not rest for it.
    this.#left -= Math.min(end - start, BURST_MS) * AFTERMATH;
  }

  #refill(): boolean {
    const time = now();
    this.#left = Math.min(BURST_MS, this.#left + (time - this.#since) * SHARE);
    this.#since = time;
    return this.#left > 0;
  }
}

/** This thread's, for all of its pools together. */
export const sampleBudget = new SampleBudget();
