import type { Lent } from '../../pool/unfinished.js';
import type { MappedBuffer } from './mapped-buffer.js';

/**
 * A block for somebody who waits, until he has it: what is given back is freed, and not its view alone ended. It is made before the block,
 * which a store puts into it.
 */
export class Allocation implements Lent {
  buf!: MappedBuffer;

  get released(): boolean {
    return this.buf.released;
  }

  release(): void {
    this.buf.free();
  }

  [Symbol.dispose](): void {
    if (!this.released) this.buf.free();
  }
}
