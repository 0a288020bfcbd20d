import type { PooledBuffer } from '../../pool/pooled-buffer.js';
import { type Lent, Unfinished } from '../../pool/unfinished.js';

/** The values that one is put among. */
interface ValueHome {
  readonly store: { isChunk(buf: PooledBuffer): boolean };
  has(handle: number): boolean;
  free(handle: number): void;
}

/** What put() and putAsync() have in hand until their caller has it: memory for a chunk, and then a value of which nobody has the handle. */
export class HeldValue extends Unfinished implements Lent {
  readonly #values: ValueHome;
  buf: PooledBuffer | undefined = undefined;
  /** 0 for none. */
  handle = 0;

  constructor(values: ValueHome) {
    super();
    this.#values = values;
  }

  get released(): boolean {
    return this.handle === 0 && this.buf === undefined;
  }

  release(): void {
    this.undo();
  }

  [Symbol.dispose](): void {
    this.undo();
  }

  undo(): void {
    const { buf, handle } = this;
    if (handle > 0) {
      if (this.#values.has(handle)) this.#values.free(handle);
      this.handle = 0;
    }
    // A chunk without values is swept up as any other.
    if (buf !== undefined && !buf.released && !this.#values.store.isChunk(buf)) buf.release();
    this.buf = undefined;
  }
}
