/** Part of a thread's time that samples may take in the long run. */
const SHARE = 0.004;

/** Most time that they may take at once, after a rest; ms. */
const BURST_MS = 3;

/** What follows a sample, its release and what the collector does with it, is as dear again. */
const AFTERMATH = 2;

/** An empty budget looks at the clock once in so many requests. */
const PATIENCE = 16;

/**
 * How many leases a thread may sample. One costs as much as hundreds that nobody watches: 3 µs for its
 * stack where the code is warm, and 50 where it is not. So it is time that is counted, and of a million leases a second
 * fewer are watched than one in 128.
 */
export class SampleBudget {
  /** Milliseconds; below 0 after a sample that took longer. */
  #left = BURST_MS;
  #since = performance.now();
  #asked = 0;

  /** Whether one more is allowed. */
  get isOpen(): boolean {
    return this.#left > 0 || this.#refill();
  }

  /** One was made between these times of performance.now(). */
  spend(start: number, end: number): void {
    this.#left -= (end - start) * AFTERMATH;
  }

  #refill(): boolean {
    if (++this.#asked < PATIENCE) return false;
    this.#asked = 0;
    const now = performance.now();
    this.#left = Math.min(BURST_MS, this.#left + (now - this.#since) * SHARE);
    this.#since = now;
    return this.#left > 0;
  }
}

/** xorshift32: a few bits of chance, many times a second. */
let state = (Math.random() * 0xffffffff) | 1;

/** A whole number from 0 to `mask`, which is a power of two less one. */
export function randomBits(mask: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 8) & mask;
}
