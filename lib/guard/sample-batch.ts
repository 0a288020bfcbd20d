/**
 * Samples of one size class that were taken while there was time for them, one after the other. Together they stand
 * for all leases from the first that any of them stands for until the next batch begins: also for those that came
 * after the last sample, for which there was no time.
 */
export class SampleBatch {
  /** The class's leases before the first that this stands for. */
  readonly #from: number;
  /** Those that its samples were drawn from: the one sampled, and those since the sample before it. */
  #drawn = 0;
  /** Those before the next batch; undefined while there is none. */
  #to: number | undefined;

  constructor(from: number) {
    this.#from = from;
  }

  /** One more sample is taken: of `count` leases, itself the last. Returns how many it was drawn from. */
  add(count: number): number {
    const weight = Math.max((count - this.#from - this.#drawn) >>> 0, 1);
    this.#drawn += weight;
    return weight;
  }

  /** The next batch begins after `count` leases. */
  end(count: number): void {
    this.#to = count;
  }

  /** How many leases a sample stands for that was drawn from `weight`, when there have been `count`. */
  share(weight: number, count: number): number {
    return (weight * (((this.#to ?? count) - this.#from) >>> 0)) / this.#drawn;
  }
}
