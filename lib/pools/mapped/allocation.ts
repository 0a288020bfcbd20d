import type { Lent } from '../../pool/unfinished.js';
import type { MappedBuffer } from './mapped-buffer.js';

/** A block for somebody who waits, until he has it: what is given back is freed, and not its view alone ended. */
export class Allocation implements Lent {
  readonly buf: MappedBuffer;

  constructor(buf: MappedBuffer) {
    this.buf = buf;
  }

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
