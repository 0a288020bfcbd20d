// How a page is pinned: at once where it is there, else by a frame that it is read into.
import type { FileFailure } from '../../addon/file-binding.js';
import { FILE_FAULT, PIN_STATUS, READING } from '../../addon/generated/codes.js';
import { builtins } from '../../base/builtins.js';
import { isFullStack, isSuperslabError } from '../../base/errors.js';
import { promised } from '../../pool/deferred.js';
import { begin, finish, giveUp, HeldBuffers, within } from '../../pool/unfinished.js';
import type { Wish } from '../../pool/waiters.js';
import { notAPageNumber, pageFileError, tooManyPinsError } from './errors.js';
import { type Frame, HeldPin } from './frame.js';
import type { Frames } from './frames.js';
import { type Page, pages } from './page.js';
import { PendingPin } from './pending-pin.js';
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

const missing = (): undefined => undefined;
const itself = (page: Page): Page => page;

export class Pins {
  readonly frames: Frames<Page>;
  readonly reads: Reads;
  /** Pins a page that is there, where pins are not watched. */
  readonly #tryPin: (no: number) => Page | undefined;
  readonly #newFrame: () => Frame;
  /** Of pinResident(), which is not within itself; a new one after one that was cut off. */
  #spare: HeldPin | undefined = undefined;
  /** Set when the core has been made: they know each other. */
  core!: PinsCore;

  /** `newFrame` makes an object for a frame that the native side lends. */
  constructor(frames: Frames<Page>, newFrame: () => Frame) {
    this.frames = frames;
    this.#newFrame = newFrame;
    this.reads = new Reads(frames, {
      proceed: (pending) => this.#proceed(pending),
      reasonOf: (failure) => this.reasonOf(failure),
    });
    this.#tryPin = pages.bindPin<undefined>(frames, missing);
  }

  /** What a failure means; without one, of the last call that failed. */
  errorOf(failure: FileFailure = this.frames.native.pageFailure()): Error {
    const { native, settings } = this.frames;
    // The pool says so in its own words.
    if (failure.fault === FILE_FAULT.closed) this.core.checkOpen();
    return pageFileError(failure, settings, native.pageCount());
  }

  /** The same, which is thrown where the pool is closed, for those who wait. */
  reasonOf(failure: FileFailure): unknown {
    try {
      return this.errorOf(failure);
    } catch (error) {
      return error;
    }
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

  /** A function that pins a page for which nobody has to wait. */
  bindTryPin(): (no: number) => Page | undefined {
    const tryPin: (no: number) => Page | undefined = pages.bindPin<undefined>(this.frames, (no) =>
      this.#tryNow(no, tryPin),
    );
    return tryPin;
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
      if (-held.index === PIN_STATUS.noFrame) this.#pinIntoNew(no, held, READING.now);
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

  /** One that is not in memory is read at once if the kernel has it, else in the background. */
  #tryNow(no: number, hidden: (...args: never[]) => unknown): Page | undefined {
    this.checkNumber(no, 'tryPin()');
    const { frames } = this;
    const held = begin(new HeldPin(frames));
    try {
      held.index = this.#ask(no, READING.ifInMemory, undefined);
      if (-held.index === PIN_STATUS.noFrame) this.#pinIntoNew(no, held, READING.ifInMemory);
      const status = -held.index;
      if (held.index >= 0) held.page = pages.of(frames, held.index, this.stackOf(hidden), held);
      else if (status === PIN_STATUS.toBeRead) this.reads.ask(no);
      else if (status !== PIN_STATUS.loading && status !== PIN_STATUS.noFrame)
        throw this.#refusal(no, status);
    } catch (error) {
      giveUp(held);
      // pin() waits for a release then.
      if (isSuperslabError(error) && error.code === 'ERR_SUPERSLAB_EXHAUSTED') return undefined;
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
  #pinIntoNew(no: number, pin: HeldPin, reading: number): void {
    const { native } = this.frames;
    within(new HeldBuffers<Frame>(), (held) => {
      const frame = this.#takeFrame(held);
      pin.index = native.pinPageInto(no, reading, frame.index);
      // Otherwise the page is in another frame by now, or could not be read.
      if (pin.index === frame.index || -pin.index === PIN_STATUS.toBeRead) frame.index = -1;
      else frame.release();
    });
  }

  /** An empty frame, lent. */
  #takeFrame(held: HeldBuffers<Frame>): Frame {
    try {
      for (;;) {
        held.buf = this.core.acquireSlow(this.frames.settings.pageSize);
        if (held.buf.enter()) return held.buf;
        held.buf.release();
        this.core.checkOpen();
      }
    } catch (error) {
      // Where the system gives no memory, another page goes.
      if (!isSuperslabError(error) || error.code !== 'ERR_SUPERSLAB_NO_MEMORY') throw error;
      const frame = this.#newFrame();
      held.buf = frame;
      if (!frame.lend(true)) throw error;
      return frame;
    }
  }

  #refusal(no: number, status: number): Error {
    if (status === PIN_STATUS.tooManyPins) return tooManyPinsError(no, this.frames.name);
    return this.errorOf();
  }

  // Later ----------------------------------------------------------------------------------------

  /** A promise of a page that is there, where pins are not watched: few calls, and no garbage but the promise. */
  pinResident(no: number): Promise<Page> | undefined {
    this.core.checkOpen();
    const held = this.#spare ?? new HeldPin(this.frames);
    this.#spare = undefined;
    begin(held);
    try {
      held.page = this.#tryPin(no);
      const promise =
        held.page === undefined ? undefined : (builtins.promiseResolve(held.page) as Promise<Page>);
      finish(held);
      held.page = undefined;
      this.#spare = held;
      return promise;
    } catch (error) {
      giveUp(held);
      throw error;
    }
  }

  pin(order: PinOrder): Promise<Page> {
    return this.pinAs(order, itself);
  }

  /** A promise of what `resultOf` makes of the page. */
  pinAs<Result>(order: PinOrder, resultOf: (page: Page) => Result): Promise<Result> {
    this.checkNumber(order.no, 'pin()');
    const now = this.#promiseAtOnce(order, resultOf);
    if (typeof now !== 'number') return now;
    const pending = new PendingPin(order, resultOf);
    if (pending.resolve === undefined) return pending.promise as Promise<Result>;
    const begun = (): void => {
      // Not before: what is cut off then is settled by nobody.
      if (order.keeper !== undefined) order.keeper.pending = pending;
      this.#goOn(pending, now);
    };
    return promised(pending, begun) as Promise<Result>;
  }

  /** Or why the page cannot be had at once. */
  #promiseAtOnce<Result>(order: PinOrder, resultOf: (page: Page) => Result): Promise<Result> | number {
    const held = begin(new HeldPin(this.frames));
    try {
      const status = this.#pinAtOnce(order, held);
      const { page } = held;
      const promise =
        page === undefined ? status : (builtins.promiseResolve(resultOf(page)) as Promise<Result>);
      finish(held);
      if (page !== undefined && order.keeper !== undefined) order.keeper.page = page;
      return promise;
    } catch (error) {
      giveUp(held);
      throw error;
    }
  }

  /** 0, and `held` has the page; or why that cannot be. */
  #pinAtOnce({ no, ring, stack }: PinOrder, held: HeldPin): number {
    this.core.checkOpen();
    held.page = this.#tryPin(no);
    if (held.page !== undefined) return 0;
    held.index = this.#ask(no, READING.ifInMemory, ring);
    if (held.index < 0) return -held.index;
    held.page = pages.of(this.frames, held.index, stack, held);
    ring?.note(this.frames, held.index);
    return 0;
  }

  /** Has it wait for what `status` says. */
  #goOn(pending: PendingPin, status: number): void {
    if (status === PIN_STATUS.noFrame) this.#waitForFrame(pending);
    else if (status === PIN_STATUS.loading || status === PIN_STATUS.toBeRead) {
      this.reads.add(pending);
      if (status === PIN_STATUS.toBeRead) this.reads.ask(pending.order.no);
    } else throw this.#refusal(pending.order.no, status);
  }

  /** What it waited for has happened, or something else. False when the stack is too deep to go on. */
  #proceed(pending: PendingPin): boolean {
    const held = begin(new HeldPin(this.frames));
    try {
      const status = this.#pinAtOnce(pending.order, held);
      if (held.page !== undefined) pending.deliver(held);
      else this.#goOn(pending, status);
    } catch (error) {
      giveUp(held);
      if (isFullStack(error)) return false;
      pending.fail(error);
      return true;
    }
    finish(held);
    return true;
  }

  /** First come first served. */
  #waitForFrame(pending: PendingPin): void {
    void this.core.acquireInTurn<void>({
      size: this.frames.settings.pageSize,
      signal: pending.order.signal,
      pool: this,
      ready: (frame) => this.#proceedInto(pending, frame),
      failed: (reason) => pending.fail(reason),
    });
  }

  /** Whatever becomes of the pin, the frame is used, or given back. */
  #proceedInto(pending: PendingPin, frame: Frame): void {
    const { frames } = this;
    const { order } = pending;
    if (!frame.enter()) this.core.checkOpen();
    if (pending.isSettled) {
      frame.release();
      return;
    }
    within(new HeldPin(frames), (held) => {
      held.index = frames.native.pinPageInto(order.no, READING.ifInMemory, frame.index);
      const status = -held.index;
      if (held.index === frame.index || status === PIN_STATUS.toBeRead) frame.index = -1;
      else frame.release();
      if (status === PIN_STATUS.noFrame) throw this.errorOf();
      if (held.index < 0) {
        this.#goOn(pending, status);
        return;
      }
      held.page = pages.of(frames, held.index, order.stack, held);
      pending.deliver(held);
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
