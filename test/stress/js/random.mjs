/** Numbers that a seed decides: xorshift32 (Marsaglia, 2003). */
export class Random {
  #state;

  constructor(seed) {
    this.#state = seed | 0 || 1;
  }

  /** A whole number from 0 to `below` - 1. */
  below(below) {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % below;
  }

  /** True once in `times`. */
  oneIn(times) {
    return this.below(times) === 0;
  }

  of(list) {
    return list[this.below(list.length)];
  }

  /** Mostly small; now and then beyond 2 MiB. */
  size() {
    switch (this.below(16)) {
      case 0:
        return 0;
      case 1:
        return 1 + this.below(16 << 10);
      case 2:
        return 1 + this.below(256 << 10);
      case 3:
        return this.oneIn(8) ? 1 + this.below(5 << 20) : 1 + this.below(2 << 20);
      default:
        return 1 + this.below(2048);
    }
  }
}
