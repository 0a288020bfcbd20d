import type { SliceTag } from '../addon/binding.js';
import { builtins } from '../base/builtins.js';
import type { Magazines } from '../pool/magazines.js';
import { SampleBatch } from './sample-batch.js';
import { SAMPLE_MASK, sampleBudget } from './sample-budget.js';

/** What is known of a lease that was sampled. */
export interface SampledLease {
  readonly slot: { readonly tag: SliceTag };
  readonly weight: number;
  readonly batch: SampleBatch | undefined;
}

/** Which leases of one pool are watched, where only samples are, and how many leases each sample stands for. */
export class LeaseSampler {
  readonly #magazines: Magazines;
  /** Of how many leases one is sampled. */
  readonly #interval: number;
  /** The samples of each class that were taken last. */
  readonly #batches: (SampleBatch | undefined)[] = [];
  /** Classes of which a sample was skipped since then, because the budget was used up. */
  readonly #hasMissed = new builtins.Uint8Array(256);
  #hugeStep = 1;
  #hugeUntilSample = 1;
  /** Leases that the huge one sampled last stands for. */
  hugeWeight = 1;

  constructor(magazines: Magazines, interval: number) {
    this.#magazines = magazines;
    this.#interval = interval;
  }

  /** Whether the next acquire of a class is one to sample. */
  isDue(tag: SliceTag): boolean {
    if (((this.#magazines.acquired[tag]! + 1) & SAMPLE_MASK) !== 0) return false;
    if (sampleBudget.isOpen) return true;
    this.#hasMissed[tag] = 1;
    return false;
  }

  /**
   * Has the fast path ask for the next sample, of a class, after so many leases as chance will have it: a
   * program whose acquires follow a pattern shows all of it. Without this it asks after SAMPLE_MASK + 1.
   */
  setNext(tag: SliceTag): void {
    const { acquired, skipped } = this.#magazines;
    const interval = this.#drawInterval();
    const next = (acquired[tag]! + interval) & SAMPLE_MASK;
    const skip = (SAMPLE_MASK + 1 - next) & SAMPLE_MASK;
    acquired[tag]! += skip;
    skipped[tag]! += skip;
  }

  /** From 1 to twice the mean, less one. */
  #drawInterval(): number {
    return 1 + Math.floor(builtins.random() * (2 * this.#interval - 1));
  }

  /** The same for blocks beyond 2 MiB, whose acquires JavaScript does not count. */
  isHugeDue(): boolean {
    if (this.#hugeUntilSample > 1) {
      this.#hugeUntilSample--;
      return false;
    }
    const step = this.#drawInterval();
    this.hugeWeight = this.#hugeStep;
    this.#hugeStep = step;
    this.#hugeUntilSample = step;
    return true;
  }

  /** The batch that the next sample of a class belongs to. */
  batchOf(tag: SliceTag): SampleBatch {
    const before = this.#acquiresOf(tag);
    let batch = this.#batches[tag];
    if (batch === undefined || this.#hasMissed[tag] === 1) {
      batch?.end(before);
      batch = new SampleBatch(batch === undefined ? 0 : before);
      this.#batches[tag] = batch;
      this.#hasMissed[tag] = 0;
    }
    return batch;
  }

  /** How many leases the next sample of a class was drawn from. */
  weightOfNext(batch: SampleBatch, tag: SliceTag): number {
    return batch.add(this.#acquiresOf(tag) + 1);
  }

  /** Those of a size class in this thread. */
  #acquiresOf(tag: SliceTag): number {
    const { acquired, skipped } = this.#magazines;
    return (acquired[tag]! - skipped[tag]!) >>> 0;
  }

  /** How many leases one that is watched stands for. */
  weightOf({ slot, weight, batch }: SampledLease): number {
    return batch === undefined ? weight : batch.share(weight, this.#acquiresOf(slot.tag));
  }
}
