import type { BlockNumber, SliceTag } from '../../addon/binding.js';
import { SLICE_SHIFT } from '../../addon/generated/memory.js';
import { HOME_SHIFT, homes, type ReleaseStart } from '../../pool/magazines.js';
import { type Lent, Unfinished } from '../../pool/unfinished.js';
import type { Pin, PinHolder } from '../pin-watch.js';
import { touchPages } from '../warm.js';
import type { Frames } from './frames.js';
import type { Page } from './page.js';
import type { PlaceInLine } from './pin-order.js';

/** What takes a block back. */
export interface FrameCore {
  prepareRelease(block: BlockNumber, tag: SliceTag): ReleaseStart | undefined;
  putHome(block: BlockNumber, tag: SliceTag): void;
  afterRelease(start?: ReleaseStart): void;
}

/** What the core of a cache lends: a block on its way to be a frame, a frame that is empty, and at last the page that came into it. */
export class Frame implements Lent {
  readonly #frames: Frames<Page>;
  readonly #core: () => FrameCore;
  /** 0 once it is a frame's, or home. */
  #block: BlockNumber;
  /** Of a frame that is lent; -1 for none. */
  index: number;
  /** What came of it: nobody has it yet where the frame is given back after all. */
  page: Page | undefined = undefined;
  /** The same where the page has to be read first. */
  place: PlaceInLine | undefined = undefined;

  constructor(frames: Frames<Page>, core: () => FrameCore, block: BlockNumber, index: number) {
    this.#frames = frames;
    this.#core = core;
    this.#block = block;
    this.index = index;
  }

  /** Makes a frame of the block. False when there are as many as may be. */
  enter(): boolean {
    if (this.#block === 0) return this.index >= 0;
    const index = this.#frames.native.addFrame(this.#block);
    if (index >= 0) {
      this.#block = 0;
      this.index = index;
    }
    if (index < 0) return false;
    this.#frames.forget(index);
    return true;
  }

  /** Writes to its memory. */
  touch(): void {
    if (this.index >= 0) touchPages(this.#frames.bufferOf(this.index));
  }

  get released(): boolean {
    const hasPage = this.page !== undefined && !this.page.released;
    return this.#block === 0 && this.index < 0 && this.place === undefined && !hasPage;
  }

  release(): void {
    const block = this.#block;
    const { index, page } = this;
    if (block !== 0) {
      const core = this.#core();
      const tag = homes.table[block >>> SLICE_SHIFT]! & ((1 << HOME_SHIFT) - 1);
      const start = core.prepareRelease(block, tag);
      core.putHome(block, tag);
      this.#block = 0;
      core.afterRelease(start);
    } else if (index >= 0) {
      this.#frames.native.giveFrame(index);
      this.index = -1;
      if (this.#frames.magazines.limit[this.#frames.tag] === 0) this.#frames.afterUnpin();
    } else if (this.place !== undefined) {
      this.place.isDropped = true;
      this.place = undefined;
    } else if (page !== undefined && !page.released) {
      page.release();
    }
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** A page that is pinned and that nobody has yet. */
export class HeldPin extends Unfinished implements PinHolder {
  readonly #frames: Frames<Page>;
  /** Of the page; below 0 for none. */
  index = -1;
  pin: Pin | undefined = undefined;
  page: Page | undefined = undefined;

  constructor(frames: Frames<Page>) {
    super();
    this.#frames = frames;
  }

  undo(): void {
    const { index, page, pin } = this;
    if (page !== undefined) {
      if (!page.released) page.release();
      this.page = undefined;
      this.index = -1;
    } else if (index >= 0) {
      if (pin !== undefined) {
        pin.isOver = true;
        pin.watch.forget(pin);
      }
      // Nothing comes between: what is called first is a native operation.
      this.index = -1;
      this.#frames.unpin(index);
    }
  }
}
