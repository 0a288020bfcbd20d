import type { BlockNumber, NativePool, SliceTag } from '../../addon/binding.js';
import {
  FRAME_ROW,
  FRAME_STATE,
  GRANULE_MASK,
  GRANULE_SHIFT,
  PAGE_HASH,
} from '../../addon/generated/memory.js';
import { builtins } from '../../base/builtins.js';
import { hostError } from '../../base/errors.js';
import type { Magazines } from '../../pool/magazines.js';
import { currentWindow } from '../../pool/windows.js';
import type { PinOwner, PinWatch } from '../pin-watch.js';
import type { PageSettings } from './options.js';

const { sub } = Atomics;

/** What a frame is told of that is not pinned any more. */
export interface FramesCore {
  readonly closed: boolean;
  hasWaiters(): boolean;
  serveWaiters(): void;
  afterRelease(): void;
}

/**
 * The frames of one cache: words over the native table (native/pools/page_cache/frame_table.h), which the threads that read and
 * write change as well. A frame's state is changed by atomic operations alone. A frame that nobody has pinned counts as an idle
 * block of the pool (`Magazines.idle`). `Shown` is what a program has of a page.
 */
export class Frames<Shown = unknown> {
  readonly name: string;
  readonly native: NativePool;
  readonly magazines: Magazines;
  readonly settings: PageSettings;
  readonly tag: SliceTag;
  readonly watch: PinWatch | undefined;
  /** Rows of a word for each frame, see FRAME_ROW. */
  readonly words: Int32Array;
  readonly numbers: number;
  readonly nexts: number;
  readonly turns: number;
  readonly heads: number;
  /** A page's chain begins at `heads` plus its number times PAGE_HASH, shifted by so many bits. */
  readonly shift: number;
  /** By frame: its memory, and what was lent of it last. */
  readonly buffers: (Buffer | undefined)[] = [];
  readonly pages: (Shown | undefined)[] = [];
  /** Pins of pages that were there. [0] alone: numbers of a typed array make no garbage. */
  readonly hits = new builtins.Float64Array(1);
  /** Set when the core has been made: they know each other. */
  core!: FramesCore;

  constructor(
    name: string,
    native: NativePool,
    magazines: Magazines,
    settings: PageSettings,
    tag: SliceTag,
    watchOf: (owner: PinOwner) => PinWatch | undefined,
  ) {
    this.name = name;
    this.native = native;
    this.magazines = magazines;
    this.settings = settings;
    this.tag = tag;
    const { frames } = settings;
    const memory = native.pageRows();
    if (memory === undefined) throw hostError();
    this.words = new builtins.Int32Array(memory);
    this.numbers = FRAME_ROW.number * frames;
    this.nexts = FRAME_ROW.next * frames;
    this.turns = FRAME_ROW.turn * frames;
    this.heads = FRAME_ROW.heads * frames;
    this.shift = Math.clz32(Math.max(frames, 2) - 1);
    this.watch = watchOf({ unpin: (no) => this.#unpinLost(no), afterUnpin: () => {} });
  }

  state(frame: number): number {
    return this.words[frame]!;
  }

  number(frame: number): number {
    return this.words[this.numbers + frame]! >>> 0;
  }

  turn(frame: number): number {
    return this.words[this.turns + frame]!;
  }

  block(frame: number): BlockNumber {
    return this.words[FRAME_ROW.block * this.settings.frames + frame]! >>> 0;
  }

  /** The memory of a frame, in a window that is there. */
  bufferOf(frame: number): Buffer {
    const known = this.buffers[frame];
    if (known !== undefined && known.length !== 0) return known;
    const block = this.block(frame);
    const buffer = builtins.bufferOf(
      currentWindow(block),
      (block & GRANULE_MASK) << GRANULE_SHIFT,
      this.settings.usableBytes,
    );
    this.buffers[frame] = buffer;
    return buffer;
  }

  /** Takes back one pin, which `held` had. Nothing comes between that and the store that says so. */
  unpin(frame: number, held?: { index: number }): void {
    const { magazines, tag } = this;
    const isLast = (sub(this.words, frame, 1) & FRAME_STATE.pins) === 1;
    if (held !== undefined) held.index = -1;
    if (!isLast) return;
    magazines.idle[tag]!++;
    if (magazines.limit[tag] === 0) this.afterUnpin();
  }

  /** The cache is closed, or somebody waits for a frame. If this is cut off, upkeep does it. */
  afterUnpin(): void {
    const { core } = this;
    if (core.closed) this.drop(0);
    if (core.closed) core.afterRelease();
    else if (core.hasWaiters()) core.serveWaiters();
  }

  /** Gives the blocks of all but `keep` frames back of which nobody needs the page; those that are clean. */
  drop(keep: number, mostUse: number = FRAME_STATE.mostUse / FRAME_STATE.oneUse): void {
    const { idle } = this.magazines;
    while (idle[this.tag]! > keep) {
      const frame = this.native.dropFrame(mostUse);
      if (frame < 0) return;
      this.pages[frame] = undefined;
      this.buffers[frame] = undefined;
    }
  }

  /** The collector has taken what somebody had of a page. */
  #unpinLost(no: number): void {
    const frame = this.find(no);
    if (frame >= 0 && (this.state(frame) & FRAME_STATE.pins) !== 0) this.unpin(frame);
  }

  /** The frame that a page is in, or comes into; -1 for none. */
  find(no: number): number {
    const { words } = this;
    let frame = words[this.heads + (Math.imul(no, PAGE_HASH) >>> this.shift)]!;
    while (frame >= 0 && this.number(frame) !== no) frame = words[this.nexts + frame]!;
    return frame;
  }

  /** Whether a page has a frame and is not in it yet. */
  isLoading(no: number): boolean {
    const frame = this.find(no);
    return frame >= 0 && (this.state(frame) & FRAME_STATE.valid) === 0;
  }
}
