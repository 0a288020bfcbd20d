import type { Memory } from '../examples/log-server/memory/memory.ts';

/**
 * A memory that tells on its users: counts references, throws on a release too many, and overwrites what was given
 * back, so that whoever still reads it reads garbage.
 */
export class CheckedMemory implements Memory {
  readonly kind = 'plain';
  readonly #references = new Map<Buffer, number>();
  acquired = 0;

  /** Buffers that somebody still holds. */
  get live(): number {
    return this.#references.size;
  }

  get liveBytes(): number {
    return [...this.#references.keys()].reduce((sum, buffer) => sum + buffer.length, 0);
  }

  acquire(size: number): Buffer {
    // Not zeroed by accident: whoever trusts fresh memory fails here.
    const buffer = Buffer.alloc(size, 0xee);
    this.#references.set(buffer, 1);
    this.acquired++;
    return buffer;
  }

  retain(buffer: Buffer): void {
    this.#references.set(buffer, this.#count(buffer) + 1);
  }

  release(buffer: Buffer): void {
    const left = this.#count(buffer) - 1;
    if (left > 0) {
      this.#references.set(buffer, left);
      return;
    }
    this.#references.delete(buffer);
    buffer.fill(0xdd);
  }

  #count(buffer: Buffer): number {
    const count = this.#references.get(buffer);
    if (count === undefined) throw new Error('not live: released before, or never acquired');
    return count;
  }
}
