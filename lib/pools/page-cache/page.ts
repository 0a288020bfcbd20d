import { GUARD } from '../../addon/generated/choices.js';
import { FRAME_STATE, PAGE_HASH } from '../../addon/generated/memory.js';
import { memoryOf } from '../../base/builtins.js';
import { revoke } from '../../guard/revoke.js';
import type { Lent } from '../../pool/unfinished.js';
import type { PinHolder } from '../pin-watch.js';
import { foreignPageError, notPinnedError, readOnlyError } from './errors.js';
import type { Frames } from './frames.js';

const { compareExchange, or, sub } = Atomics;
const { imul } = Math;
const { pins: PINS, oneUse: ONE_USE, use: USE, mostUse: MOST_USE, valid: VALID, dirty: DIRTY } = FRAME_STATE;
/** Of a state: whether the page is there and may be pinned by its word alone. */
const CAN_BE_PINNED = VALID | FRAME_STATE.held;

/** Who has one pin of a page, and gives it back by `pages.letGo()`. */
export interface PageHolder {
  page: Page | undefined;
}

/** What the cache does with its pages. Not on the class, where anybody could forge a page with it. */
interface Pages {
  /** What pinSync() of a page that is there does; `slow` for others. One closure a cache. */
  bindPin<Missing>(
    frames: Frames<Page>,
    slow: (no: number) => Page | Missing,
  ): (no: number) => Page | Missing;
  /** The page that a frame has now, and that is pinned; where pins are watched, by whom `stack` says. `held` has the pin. */
  of(frames: Frames<Page>, frame: number, stack: string, held: PinHolder): Page;
  /** Takes back the pin that `holder` has, if it has one. May be called again: nothing comes between that and the store that says so. */
  letGo(holder: PageHolder): void;
}

let ofClass: Pages;

/**
 * A page of the file in memory, from the pin to the release. While leak detection or a guard watches all leases each pin has an object
 * of its own; otherwise each time that the page comes into memory has one, and pins of the same page give the same.
 */
export class Page implements Lent {
  /** Its number. */
  readonly no: number;
  /**
   * Its bytes: a Buffer over the frame that the page lies in. To be used until release() only: then the frame may have another page.
   */
  readonly buffer: Buffer;
  readonly #frames: Frames<Page>;
  readonly #frame: number;
  /** That of the frame for as long as it has this page. */
  readonly #turn: number;
  /** Of an object that is for one pin: whether that is over. */
  #isOver = false;

  private constructor(frames: Frames<Page>, frame: number, buffer: Buffer) {
    this.#frames = frames;
    this.#frame = frame;
    this.#turn = frames.turn(frame);
    this.no = frames.number(frame);
    this.buffer = buffer;
  }

  static {
    ofClass = { bindPin: Page.#bindPin, of: Page.#of, letGo: Page.#letGo };
  }

  /** Whether it is not pinned, or lies in memory no more. */
  get released(): boolean {
    return !Page.#isPage(this) || !Page.#isPinned(this);
  }

  /**
   * Says that the page's bytes were changed, or are about to be; while it is pinned, and before each checkpoint() that is to have them.
   * @throws ERR_SUPERSLAB_RELEASED when it is not pinned; ERR_SUPERSLAB_FILE_READ_ONLY with access: 'read'
   */
  markDirty(): void {
    if (!Page.#isPage(this)) throw foreignPageError(this, 'mark');
    const frames = this.#frames;
    if (!Page.#isPinned(this)) {
      throw notPinnedError(this.no, 'mark', frames.name, frames.settings.usableBytes);
    }
    if (frames.settings.reads) throw readOnlyError(frames.settings.path);
    if ((frames.words[this.#frame]! & DIRTY) === 0) or(frames.words, this.#frame, DIRTY);
  }

  /**
   * Takes one pin back.
   * @throws ERR_SUPERSLAB_RELEASED when it is not pinned
   */
  release(): void {
    if (!Page.#isPage(this)) throw foreignPageError(this, 'release');
    const frames = this.#frames;
    const { words, magazines, tag } = frames;
    const frame = this.#frame;
    const isPinned = words[frames.turns + frame] === this.#turn && (words[frame]! & PINS) !== 0;
    if (!isPinned || frames.watch !== undefined) {
      Page.#releaseWatched(this);
      return;
    }
    if ((sub(words, frame, 1) & PINS) !== 1) return;
    magazines.idle[tag]!++;
    // Without a limit the cache is closed, or somebody waits.
    if (magazines.limit[tag] !== 0) return;
    try {
      frames.afterUnpin();
    } catch {
      // The stack is full, and the page is released all the same: upkeep does the rest.
    }
  }

  [Symbol.dispose](): void {
    if (!this.released) this.release();
  }

  /** Of what a method was called on, whatever that is. */
  static #isPage(value: unknown): value is Page {
    return typeof value === 'object' && value !== null && #frames in value;
  }

  static #isPinned(page: Page): boolean {
    const { words, turns } = page.#frames;
    const frame = page.#frame;
    return !page.#isOver && words[turns + frame] === page.#turn && (words[frame]! & PINS) !== 0;
  }

  static #releaseWatched(page: Page): void {
    const frames = page.#frames;
    const { watch } = frames;
    const { usableBytes } = frames.settings;
    if (!Page.#isPinned(page)) {
      throw notPinnedError(page.no, 'release', frames.name, usableBytes, watch?.lastOf(page.no));
    }
    const end = watch?.ending(page.no, page.release);
    if (watch !== undefined && frames.native.guard === GUARD.detach) revoke(memoryOf(page.buffer));
    const isLast = (sub(frames.words, page.#frame, 1) & PINS) === 1;
    page.#isOver = true;
    if (end !== undefined) end.pin.isOver = true;
    if (isLast) frames.magazines.idle[frames.tag]!++;
    try {
      if (end !== undefined) watch!.ended(end);
      if (isLast && frames.magazines.limit[frames.tag] === 0) frames.afterUnpin();
    } catch {
      // As in release().
    }
  }

  static #letGo(holder: PageHolder): void {
    const { page } = holder;
    if (page === undefined) return;
    const frames = page.#frames;
    if (frames.watch !== undefined) {
      // An object of its own, which says itself that it is over.
      if (Page.#isPinned(page)) Page.#releaseWatched(page);
      holder.page = undefined;
    } else if (Page.#isPinned(page)) {
      const isLast = (sub(frames.words, page.#frame, 1) & PINS) === 1;
      holder.page = undefined;
      if (!isLast) return;
      frames.magazines.idle[frames.tag]!++;
      if (frames.magazines.limit[frames.tag] === 0) frames.afterUnpin();
    } else {
      holder.page = undefined;
    }
  }

  static #of(frames: Frames<Page>, frame: number, stack: string, held: PinHolder): Page {
    const { watch } = frames;
    if (watch !== undefined) {
      const { usableBytes } = frames.settings;
      const own = watch.pinned(frames.number(frame), frames.block(frame), usableBytes, stack, held);
      return new Page(frames, frame, own);
    }
    const known = frames.pages[frame];
    if (known !== undefined && known.#turn === frames.turn(frame) && known.buffer.length !== 0) return known;
    const page = new Page(frames, frame, frames.bufferOf(frame));
    frames.pages[frame] = page;
    return page;
  }

  static #bindPin<Missing>(
    frames: Frames<Page>,
    slow: (no: number) => Page | Missing,
  ): (no: number) => Page | Missing {
    if (frames.watch !== undefined) return slow;
    const { words, numbers, nexts, turns, heads, shift, pages, hits, tag } = frames;
    const { idle, acquired } = frames.magazines;
    return (no) => {
      if (typeof no !== 'number') return slow(no);
      let frame = words[heads + (imul(no, PAGE_HASH) >>> shift)]!;
      while (frame >= 0 && words[numbers + frame]! >>> 0 !== no) frame = words[nexts + frame]!;
      if (frame < 0) return slow(no);
      const page = pages[frame];
      const state = words[frame]!;
      if (
        page !== undefined &&
        page.#turn === words[turns + frame] &&
        (state & CAN_BE_PINNED) === VALID &&
        (state & PINS) !== PINS &&
        // 0 when user code detached its window.
        page.buffer.length !== 0 &&
        // It is the same page still: those leave their frames in calls of this thread alone.
        compareExchange(words, frame, state, state + ((state & USE) === MOST_USE ? 1 : ONE_USE + 1)) === state
      ) {
        if ((state & PINS) === 0) {
          idle[tag]!--;
          acquired[tag]!++;
        }
        hits[0]!++;
        return page;
      }
      return slow(no);
    };
  }
}

export const pages: Pages = ofClass;
