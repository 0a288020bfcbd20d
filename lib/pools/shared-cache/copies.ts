import { builtins, memoryOf, sizeOf } from '../../base/builtins.js';

/** A buffer of its own costs more than copying a few KiB into it: several share a chunk, which lives as long as one of them. */
const CHUNK_BYTES = 65_536;
const MAX_PART = CHUNK_BYTES / 8;
/** So that numbers of any type can be read in place. */
const ALIGNMENT = 8;

/** Buffers for copies, with whatever lay there before. */
export class Copies {
  #chunk = new builtins.ArrayBuffer(0);
  #used = CHUNK_BYTES;

  make(length: number): Buffer {
    if (length > MAX_PART) return builtins.allocUnsafeSlow(length);
    // A program may have detached it.
    if (this.#used + length > CHUNK_BYTES || sizeOf(this.#chunk) !== CHUNK_BYTES) {
      this.#chunk = memoryOf(builtins.allocUnsafeSlow(CHUNK_BYTES));
      this.#used = 0;
    }
    const copy = builtins.bufferOf(this.#chunk, this.#used, length);
    this.#used += (length + ALIGNMENT - 1) & -ALIGNMENT;
    return copy;
  }
}
