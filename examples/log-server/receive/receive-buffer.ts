import type { Memory } from '../memory/memory.js';

/**
 * A piece of memory that bytes are received into, one read behind the other, and that everything else points
 * into: parsed entries and archive writes. It is never written again below `filled`.
 */
export class ReceiveBuffer {
  readonly bytes: Buffer;
  /** Bytes [0, filled) have been received. */
  filled = 0;
  /** For EntryBlock: the last block that refers to this buffer, and under which number. */
  blockSerial = -1;
  blockIndex = -1;
  /** Entry blocks that refer to this buffer. */
  holders = 0;

  readonly #memory: Memory;

  constructor(memory: Memory, size: number) {
    this.#memory = memory;
    this.bytes = memory.acquire(size);
  }

  get room(): number {
    return this.bytes.length - this.filled;
  }

  release(): void {
    this.#memory.release(this.bytes);
  }
}
