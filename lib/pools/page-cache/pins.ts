// How a page is pinned: at once where it is there, else by a frame that it is read into.
import type { FileFailure } from '../../addon/file-binding.js';
import { FILE_FAULT, PIN_STATUS, READING } from '../../addon/generated/codes.js';
import { builtins } from '../../base/builtins.js';
import { isSuperslabError } from '../../base/errors.js';
import { begin, finish, giveUp, HeldBuffers, within } from '../../pool/unfinished.js';
import type { Wish } from '../../pool/waiters.js';
import { notAPageNumber, pageFileError, tooManyPinsError } from './errors.js';
import { type Frame, HeldPin } from './frame.js';
import type { Frames } from './frames.js';
import { type Page, pages } from './page.js';
import type { PinOrder } from './pin-order.js';
import { Reads } from './reads.js';
import type { Ring } from './ring.js';

/** What is asked of the core of the cache. */
export interface PinsCore {
  checkOpen(): void;
  acquireSlow(size: number): Frame;
  acquireInTurn<Result>(wish: Wish<Frame, Result>): Promise<Result>;
}

/** Of all frames the part that prefetch() fills at once: what it brought in before would go again. */
const PREFETCHED_PART = 4;

const nobody = (): undefined => undefined;

export class Pins {
  readonly frames: Frames<Page>;
  readonly reads: Reads;
  /** Pins a page that is there, where pins are not watched. */
  readonly #tryPin: (no: number) => Page | undefined;
  readonly #lentFrame: (index: number) => Frame;
  /** Set when the core has been made: they know each other. */
  core!: PinsCore;

  /** `lentFrame` makes an object of a frame that the native side has lent. */
  constructor(frames: Frames<Page>, lentFrame: (index: number) => Frame) {
    this.frames = frames;
    this.#lentFrame = lentFrame;
    this.reads = new Reads(frames, {
      pin: (order, held) => {
        const page = this.#pinAtOnce(order, held);
        return typeof page === 'number' ? this.#pinLater(order, page) : page;
      },
      errorOf: (failure) => this.errorOf(failure),
    });
    this.#tryPin = pages.bindPin<undefined>(frames, nobody);
  }

  /** What a failure means; without one, of the last call that failed. */
  errorOf(failure: FileFailure = this.frames.native.pageFailure()): Error {
    const { native, settings } = this.frames;
    // The pool says so in its own words.
    if (failure.fault === FILE_FAULT.closed) this.core.checkOpen();
    return pageFileError(failure, settings, native.pageCount());
  }

  checkNumber(no: unknown, what: string): void {
    this.core.checkOpen();
    if (!Number.isInteger(no) || (no as number) < 0) throw notAPageNumber(no, what);
  }

  /** A function that pins a page, whatever it takes. */
  bindPinSync(): (no: number) => Page {
    const pinSync: (no: number) => Page = pages.bindPin<never>(this.frames, (no) =>
      this.pinNow(no, undefined, pinSync),
    );
    return pinSync;
  }

  /** Who called `hidden`, where pins are watched. */
  stackOf(hidden: (...args: never[]) => unknown): string {
    return this.frames.watch?.capture(hidden) ?? '';
  }

  // At once --------------------------------------------------------------------------------------

  pinNow(
    no: number,
    ring: Ring | undefined,
    hidden: (...args: never[]) => unknown = Pins.prototype.pinNow,
  ): Page {
    this.checkNumber(no, 'pinSync()');
    const { frames } = this;
    const held = begin(new HeldPin(frames));
    try {
      held.index = this.#ask(no, READING.now, ring);
      if (-held.index === PIN_STATUS.noFrame) this.#pinIntoNew(no, held);
      if (held.index < 0) throw this.#refusal(no, -held.index);
      held.page = pages.of(frames, held.index, this.stackOf(hidden), held);
      ring?.note(frames, held.index);
    } catch (error) {
      giveUp(held);
      throw error;
    }
    const { page } = held;
    finish(held);
    return page;
  }

  #ask(no: number, reading: number, ring: Ring | undefined): number {
    const { native } = this.frames;
    if (ring === undefined) return native.pinPage(no, reading, false);
    return native.pinScanned(no, reading, ring.isFull, ring.frame >>> 0, ring.turn);
  }

  /** Pins a page into a frame that was not one before, or that somebody else can do without. */
  #pinIntoNew(no: number, pin: HeldPin): void {
    const { native } = this.frames;
    within(new HeldBuffers<Frame>(), (held) => {
      const frame = this.#takeFrame(held);
      pin.index = native.pinPageInto(no, READING.now, frame.index);
      // Otherwise the page is in another frame by now, or could not be read.
      if (pin.index === frame.index) frame.index = -1;
      else frame.release();
    });
  }

  /** An empty frame, lent. */
  #takeFrame(held: HeldBuffers<Frame>): Frame {
    const { native, settings } = this.frames;
    try {
      for (;;) {
        held.buf = this.core.acquireSlow(settings.pageSize);
        if (held.buf.enter()) return held.buf;
        held.buf.release();
        this.core.checkOpen();
      }
    } catch (error) {
      // Where the system gives no memory, another page goes.
      if (!isSuperslabError(error) || error.code !== 'ERR_SUPERSLAB_NO_MEMORY') throw error;
      held.buf = this.#lentFrame(native.lendFrame(true));
      if (held.buf.released) throw error;
      return held.buf;
    }
  }

  #refusal(no: number, status: number): Error {
    if (status === PIN_STATUS.tooManyPins) return tooManyPinsError(no, this.frames.name);
    return this.errorOf();
  }

  // Later ----------------------------------------------------------------------------------------

  pin(order: PinOrder): Promise<Page> {
    this.checkNumber(order.no, 'pin()');
    const now = within(new HeldPin(this.frames), (held) => {
      const page = this.#pinAtOnce(order, held);
      return typeof page === 'number' ? page : (builtins.promiseResolve(page) as Promise<Page>);
    });
    return typeof now === 'number' ? this.#pinLater(order, now) : now;
  }

  /** The page, which `held` has then; or why that cannot be. */
  #pinAtOnce({ no, ring, stack }: PinOrder, held: HeldPin): Page | number {
    this.core.checkOpen();
    held.page = this.#tryPin(no);
    if (held.page !== undefined) return held.page;
    held.index = this.#ask(no, READING.ifInMemory, ring);
    if (held.index < 0) return -held.index;
    held.page = pages.of(this.frames, held.index, stack, held);
    ring?.note(this.frames, held.index);
    return held.page;
  }

  /**
   * The page once it has been read, or once there is a frame for it: `status` says which. Who waits has the promise of the last call:
   * nothing comes after it that could be cut off, and nobody else would give the page back.
   */
  #pinLater(order: PinOrder, status: number): Promise<Page> {
    return status === PIN_STATUS.noFrame ? this.#pinInTurn(order) : this.#waitFor(order, status);
  }

  #waitFor(order: PinOrder, status: number, holder?: Frame): Promise<Page> {
    if (status === PIN_STATUS.toBeRead) this.reads.ask(order.no);
    else if (status !== PIN_STATUS.loading) throw this.#refusal(order.no, status);
    return this.reads.wait(order, holder);
  }

  /** Once there is a frame, first come first served. */
  #pinInTurn(order: PinOrder): Promise<Page> {
    return this.core.acquireInTurn<Page | Promise<Page>>({
      size: this.frames.settings.pageSize,
      signal: order.signal,
      pool: this,
      ready: (frame) => this.#pinInto(order, frame),
    }) as Promise<Page>;
  }

  /** The frame has the page then, and its pin, until somebody has the promise. */
  #pinInto(order: PinOrder, frame: Frame): Page | Promise<Page> {
    const { frames } = this;
    if (!frame.enter()) this.core.checkOpen();
    return within(new HeldPin(frames), (held) => {
      held.index = frames.native.pinPageInto(order.no, READING.ifInMemory, frame.index);
      const status = -held.index;
      if (held.index === frame.index || status === PIN_STATUS.toBeRead) frame.index = -1;
      else frame.release();
      if (held.index < 0) return this.#waitFor(order, status, frame);
      frame.page = pages.of(frames, held.index, order.stack, held);
      held.index = -1;
      return frame.page;
    });
  }

  // Ahead ----------------------------------------------------------------------------------------

  /** Has pages read that are not there. How many. */
  prefetch(first: number, count: number): number {
    const { native, settings } = this.frames;
    const most = Math.max(1, Math.floor(settings.frames / PREFETCHED_PART));
    const end = Math.min(first + count, native.pageCount());
    let asked = 0;
    for (let no = first; no < end && asked < most; no++) {
      let came = native.prefetchPage(no, false);
      if (came < 0 && this.#addFrame()) came = native.prefetchPage(no, true);
      if (came < 0) break;
      if (came === 0) continue;
      this.reads.ask(no);
      asked++;
    }
    return asked;
  }

  /** Whether there is an empty frame now. */
  #addFrame(): boolean {
    try {
      within(new HeldBuffers<Frame>(), (held) => this.#takeFrame(held).release());
      return true;
    } catch {
      return false;
    }
  }
}
