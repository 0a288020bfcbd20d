import type { BlockNumber, SliceIndex } from '../addon/binding.js';
import { environment } from '../addon/environment.js';
import { SLICE_SHIFT } from '../addon/generated/memory.js';
import { builtins } from '../base/builtins.js';
import { usable } from './windows.js';

const NO_MEMORY = new ArrayBuffer(0);
const NO_PROBE = new Uint8Array(0);

/** What this environment knows of a block beyond 2 MiB. */
export class HugeBlock {
  readonly number: BlockNumber;
  /** Its length. Another length under the same number is another block. */
  readonly bytes: number;
  /** What its lease is charged for; 0 where that is not known. */
  charged = 0;
  #window = NO_MEMORY;
  /** A view of the whole window: its length is 0 as soon as user code detached that, or when there is none. */
  #probe = NO_PROBE;

  constructor(number: BlockNumber, bytes: number) {
    this.number = number;
    this.bytes = bytes;
  }

  /** Shows exactly the block, which is leased or cached. */
  get window(): ArrayBuffer {
    if (this.#probe.length === 0) {
      const window = usable(environment.hugeWindow(this.number));
      this.#probe = new builtins.Uint8Array(window);
      this.#window = window;
    }
    return this.#window;
  }

  shows(memory: ArrayBuffer): boolean {
    return this.#window === memory;
  }
}

const hugeBlocks = new Map<BlockNumber, HugeBlock>();

/** What is known of block `n`; undefined when nothing is. */
export const knownHuge = (n: BlockNumber): HugeBlock | undefined => hugeBlocks.get(n);

/** The leased block `n`, which is beyond 2 MiB. */
export function hugeBlock(n: BlockNumber): HugeBlock {
  const bytes = environment.capacity(n);
  const known = hugeBlocks.get(n);
  if (known?.bytes === bytes) return known;
  const block = new HugeBlock(n, bytes);
  hugeBlocks.set(n, block);
  return block;
}

/** A window of exactly the leased block `n`, which is beyond 2 MiB. */
export const hugeWindow = (n: BlockNumber): ArrayBuffer => hugeBlock(n).window;

/** The slice that the block of a window starts in; -1 for other memory. */
export function hugeSliceOf(memory: ArrayBuffer): SliceIndex {
  for (const block of hugeBlocks.values()) if (block.shows(memory)) return block.number >>> SLICE_SHIFT;
  return -1;
}

/** See dropStaleWindows(). */
export function dropStaleHugeWindows(): void {
  for (const { number, bytes } of hugeBlocks.values()) {
    if (!environment.isHugeBlock(number, bytes)) hugeBlocks.delete(number);
  }
}
