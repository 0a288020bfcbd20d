const SMALLEST = 16 * 1024;
/** Reads that should fill a buffer: with fewer system calls are saved by a larger one, with many more it lies there half empty. */
const FEW_READS = 4;
const MANY_READS = 64;

/**
 * How large a connection's next receive buffer should be. Large ones save system calls, but a server has many quiet
 * connections and each holds one; so a connection starts small and gets what its traffic fills.
 * (Netty's AdaptiveRecvByteBufAllocator follows the same idea.)
 */
export class ReceiveSize {
  readonly #largest: number;
  #size: number;
  #reads = 0;

  constructor(largest: number) {
    this.#largest = largest;
    this.#size = Math.min(SMALLEST, largest);
  }

  /** Something was read into the current buffer. */
  read(): void {
    this.#reads++;
  }

  /** The size of the next buffer, which must have room for `needed` bytes and as many again. */
  next(needed: number): number {
    if (this.#reads > 0 && this.#reads <= FEW_READS) this.#size = Math.min(this.#size * 2, this.#largest);
    else if (this.#reads >= MANY_READS)
      this.#size = Math.max(this.#size / 2, Math.min(SMALLEST, this.#largest));
    this.#reads = 0;
    return Math.max(this.#size, 2 * needed);
  }
}
