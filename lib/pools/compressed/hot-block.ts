import type { BlockNumber, SliceTag } from '../../addon/binding.js';
import { GRANULE_MASK, GRANULE_SHIFT, SLICE_SHIFT } from '../../addon/generated/memory.js';
import { builtins } from '../../base/builtins.js';
import type { Lending } from '../../pool/lending.js';
import { HOME_SHIFT, homes, type ReleaseStart } from '../../pool/magazines.js';
import type { Lent } from '../../pool/unfinished.js';
import { currentWindow } from '../../pool/windows.js';

/** What takes a block back. */
export interface HotCore {
  prepareRelease(block: BlockNumber, tag: SliceTag): ReleaseStart | undefined;
  putHome(block: BlockNumber, tag: SliceTag): void;
  afterRelease(start?: ReleaseStart): void;
}

/** A block on its way to be a value's. */
export class HotBlock implements Lent {
  /** 0 once a value has it, or it is home. */
  block: BlockNumber;
  readonly buffer: Buffer;
  readonly #core: HotCore;

  constructor(core: HotCore, block: BlockNumber, buffer: Buffer) {
    this.#core = core;
    this.block = block;
    this.buffer = buffer;
  }

  get released(): boolean {
    return this.block === 0;
  }

  release(): void {
    const { block } = this;
    if (block === 0) return;
    const tag = homes.table[block >>> SLICE_SHIFT]! & ((1 << HOME_SHIFT) - 1);
    const start = this.#core.prepareRelease(block, tag);
    this.#core.putHome(block, tag);
    this.block = 0;
    this.#core.afterRelease(start);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** A Buffer over the first bytes of a hot value's block. */
export const bufferOver = (block: BlockNumber, length: number): Buffer =>
  builtins.bufferOf(currentWindow(block), (block & GRANULE_MASK) << GRANULE_SHIFT, length);

/** How blocks are lent; `core` is there when the first is. */
export const makeHotBlock =
  (core: () => HotCore): Lending<HotBlock>['make'] =>
  (window, byteOffset, size, block) =>
    new HotBlock(core(), block, builtins.bufferOf(window, byteOffset, size));
