import type { BlockNumber, NativePool } from '../addon/binding.js';
import { HUGE_TAG, MAGAZINE_SHIFT } from '../addon/generated/memory.js';
import { type HugeBlock, hugeBlock, knownHuge } from './huge-windows.js';
import type { Magazines } from './magazines.js';

/** Where the blocks stand in `Magazines.blocks`. */
const FIRST = HUGE_TAG << MAGAZINE_SHIFT;

type Make<Buf> = (window: ArrayBuffer, byteOffset: number, size: number, block: BlockNumber) => Buf;

/**
 * The blocks beyond 2 MiB that were released last, of any lengths (native/pools/buffer/huge_magazine.h). A release puts
 * one here as it puts others into the magazine of their class.
 */
export class HugeMagazine<Buf> {
  readonly #magazines: Magazines;
  readonly #native: NativePool;
  /** A size that was looked for, and what a lease of it is charged for: most are like the one before. 0 for none. */
  #size = 0;
  #bytes = 0;

  constructor(magazines: Magazines, native: NativePool) {
    this.#magazines = magazines;
    this.#native = native;
  }

  /** Whether leases of `size` were made before, so that it need not be checked. */
  knows(size: number): boolean {
    return size === this.#size;
  }

  /** Bytes that a lease of a valid size beyond 2 MiB is charged for. */
  #bytesFor(size: number): number {
    if (size !== this.#size) {
      this.#bytes = this.#native.hugeCapacity(size);
      this.#size = size;
    }
    return this.#bytes;
  }

  /** The policy may have changed, and with it how lengths are rounded. */
  forgetSizes(): void {
    this.#size = 0;
    this.#bytes = 0;
  }

  /** A lease of a valid size; undefined when no block here fits. */
  lend(size: number, make: Make<Buf>): Buf | undefined {
    const at = this.#find(size);
    if (at < 0) return undefined;
    const block = this.#magazines.blocks[at]!;
    const buf = make(knownHuge(block)!.window, 0, size, block);
    // Once that has begun nothing is called any more, so that nothing can be cut off, until the buffer is the caller's.
    return this.#remove(at, block) ? buf : undefined;
  }

  /** The same without a buffer. */
  takeBlock(size: number): BlockNumber | undefined {
    const at = this.#find(size);
    if (at < 0) return undefined;
    const block = this.#magazines.blocks[at]!;
    return this.#remove(at, block) ? block : undefined;
  }

  /** A block that the heap has given for a lease of `size` bytes. */
  welcome(number: BlockNumber, size: number): HugeBlock {
    const block = hugeBlock(number);
    block.charged = this.#bytesFor(size);
    return block;
  }

  /** Where the block lies that fits and was released last; -1 for none. */
  #find(size: number): number {
    const { depth, blocks, hugeWaste } = this.#magazines;
    const top = depth[HUGE_TAG]!;
    if (top === 0) return -1;
    const bytes = this.#bytesFor(size);
    const most = bytes + (bytes * hugeWaste[0]!) / 100;
    for (let at = FIRST + top - 1; at >= FIRST; at--) {
      const known = knownHuge(blocks[at]!);
      if (known !== undefined && known.charged >= bytes && known.charged <= most) return at;
    }
    return -1;
  }

  /** Stores alone, which happen together. False if the block lies there no more. */
  #remove(at: number, block: BlockNumber): boolean {
    const { depth, acquired, blocks } = this.#magazines;
    const top = depth[HUGE_TAG]! - 1;
    if (at > FIRST + top || blocks[at] !== block) return false;
    blocks[at] = blocks[FIRST + top]!;
    depth[HUGE_TAG] = top;
    acquired[HUGE_TAG]!++;
    return true;
  }
}
