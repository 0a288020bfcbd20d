import type { BlockNumber, SliceTag } from '../../addon/binding.js';
import { SLICE_SHIFT } from '../../addon/generated/memory.js';
import { HOME_SHIFT, homes, type ReleaseStart } from '../../pool/magazines.js';
import { type Lent, Unfinished } from '../../pool/unfinished.js';
import type { Pin, PinHolder } from '../pin-watch.js';
import { touchPages } from '../warm.js';
import type { Frames } from './frames.js';
import { type Page, type PageHolder, pages } from './page.js';

/** What takes a block back. */
export interface FrameCore {
  prepareRelease(block: BlockNumber, tag: SliceTag): ReleaseStart | undefined;
  putHome(block: BlockNumber, tag: SliceTag): void;
  afterRelease(start?: ReleaseStart): void;
}

/** What the core of a cache lends: a block on its way to be a frame, then a frame that is empty. */
export class Frame implements Lent {
  readonly #frames: Frames<Page>;
  readonly #core: () => FrameCore;
  /** 0 once it is a frame's, or home. */
  #block: BlockNumber;
  /** Of a frame that is lent; -1 for none. */
  index = -1;

  constructor(frames: Frames<Page>, core: () => FrameCore, block: BlockNumber) {
    this.#frames = frames;
    this.#core = core;
    this.#block = block;
  }

  /** Makes a frame of the block. False when there are as many as may be. */
  enter(): boolean {
    if (this.#block === 0) return this.index >= 0;
    const { native, pages: shown, buffers } = this.#frames;
    const index = native.addFrame(this.#block);
    if (index < 0) return false;
    this.#block = 0;
    this.index = index;
    // Of the block that the frame had before.
    shown[index] = undefined;
    buffers[index] = undefined;
    return true;
  }

  /** Takes a frame that the native side can do without; `mayEvict`: where there could be more, too. False when there is none. */
  lend(mayEvict: boolean): boolean {
    this.index = this.#frames.native.lendFrame(mayEvict);
    return this.index >= 0;
  }

  /** Writes to its memory. */
  touch(): void {
    if (this.index >= 0) touchPages(this.#frames.bufferOf(this.index));
  }

  get released(): boolean {
    return this.#block === 0 && this.index < 0;
  }

  release(): void {
    const block = this.#block;
    const { index } = this;
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
    }
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** A page that is pinned and that nobody has yet. */
export class HeldPin extends Unfinished implements PinHolder, PageHolder {
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
    const { pin } = this;
    if (this.page !== undefined) {
      this.index = -1;
      pages.letGo(this);
    } else if (this.index >= 0) {
      if (pin !== undefined) {
        pin.isOver = true;
        pin.watch.forget(pin);
      }
      this.#frames.unpin(this.index, this);
    }
  }
}
