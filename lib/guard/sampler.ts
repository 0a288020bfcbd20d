/** Most samples that may follow each other without a pause. */
const BURST = 512;

/** Samples per millisecond in the long run: at 5 µs each they take one per cent of a thread's time. */
const PER_MS = 2;

/** An empty budget looks at the clock once in so many requests. */
const PATIENCE = 16;

/**
 * How many leases a thread may sample: a stack costs as much as a hundred leases without one, so a thread
 * that acquires millions a second can only watch fewer of them, with the right stack, or pay more.
 */
export class SampleBudget {
  #left = BURST;
  #since = performance.now();
  #asked = 0;

  /** Whether one more is allowed. */
  get isOpen(): boolean {
    return this.#left >= 1 || this.#refill();
  }

  spend(): void {
    this.#left--;
  }

  #refill(): boolean {
    if (++this.#asked < PATIENCE) return false;
    this.#asked = 0;
    const now = performance.now();
    this.#left = Math.min(BURST, this.#left + (now - this.#since) * PER_MS);
    this.#since = now;
    return this.#left >= 1;
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
