// Pages that are read on other threads, and who waits for them.
import type { FileFailure } from '../../addon/file-binding.js';
import { builtins } from '../../base/builtins.js';
import { begin, finish, giveUp } from '../../pool/unfinished.js';
import { HeldPin } from './frame.js';
import type { Frames } from './frames.js';
import type { Page } from './page.js';
import type { PinOrder, PlaceInLine } from './pin-order.js';

/** Pages that one job reads: where the disk has to be waited for, several jobs do so at once. */
const PAGES_PER_JOB = 16;

/** What is asked of the cache. */
export interface ReadsHost {
  /** The page, which `held` has then; or a promise of it. Throws where it cannot be had. */
  pin(order: PinOrder, held: HeldPin): Page | Promise<Page>;
  errorOf(failure: FileFailure): Error;
}

interface Waiter extends PlaceInLine {
  readonly order: PinOrder;
  readonly resolve: (page: Page | Promise<Page>) => void;
  readonly reject: (reason: unknown) => void;
}

/** Those who wait for one page. */
class WaitingList {
  readonly waiters: Waiter[] = [];
  /** They are served: who comes now waits for another read. */
  isDue = false;
}

export class Reads {
  readonly #frames: Frames<Page>;
  readonly #host: ReadsHost;
  /** Pages that no job has yet. */
  readonly #asked: number[] = [];
  #isSubmitting = false;
  /** By page. */
  readonly #waiting = new Map<number, WaitingList>();
  /** Those whose pages were read. */
  readonly #due: WaitingList[] = [];

  constructor(frames: Frames<Page>, host: ReadsHost) {
    this.#frames = frames;
    this.#host = host;
  }

  /** Has a page read that has a frame; soon, together with others. */
  ask(no: number): void {
    this.#asked[this.#asked.length] = no;
    if (this.#isSubmitting) return;
    builtins.queueMicrotask(() => this.#submit());
    this.#isSubmitting = true;
  }

  /** A promise of a page that is being read. `holder` has the place until somebody has the promise. */
  wait(order: PinOrder, holder?: { place: PlaceInLine | undefined }): Promise<Page> {
    return new builtins.Promise<Page>((resolve, reject) => {
      let list = this.#waiting.get(order.no);
      if (list === undefined || list.isDue) {
        list = new WaitingList();
        this.#waiting.set(order.no, list);
      }
      const waiter: Waiter = { order, resolve, reject, isDropped: false };
      if (holder !== undefined) holder.place = waiter;
      list.waiters[list.waiters.length] = waiter;
    });
  }

  /** By upkeep: what was cut off before goes on. */
  tick(): void {
    this.#serveDue();
    for (const no of [...this.#waiting.keys()]) {
      // A second job for a page finds nothing to do.
      if (this.#frames.isLoading(no)) this.#asked[this.#asked.length] = no;
      else this.#settle(no);
    }
    this.#submit();
  }

  #submit(): void {
    this.#isSubmitting = false;
    const asked = this.#asked;
    while (asked.length > 0) {
      const count = Math.min(PAGES_PER_JOB, asked.length);
      const first = asked.length - count;
      const job = new builtins.Uint32Array(count);
      for (let i = 0; i < count; i++) job[i] = asked[first + i]!;
      const done = this.#frames.native.readPages(job);
      asked.length = first;
      void this.#finish(job, done);
    }
  }

  async #finish(job: Uint32Array, done: Promise<number> | undefined): Promise<void> {
    // Without a thread whoever wants the page reads it.
    if (done !== undefined && (await done) > 0) this.#failUnread();
    for (let i = 0; i < job.length; i++) this.#settle(job[i]!);
    // Frames that were being read are what somebody may wait for.
    if (this.#frames.core.hasWaiters()) this.#frames.core.serveWaiters();
  }

  #failUnread(): void {
    for (;;) {
      const failure = this.#frames.native.takeUnread();
      if (failure === undefined) return;
      const list = this.#waiting.get(failure.where);
      if (list === undefined) continue;
      this.#waiting.delete(failure.where);
      for (const waiter of list.waiters) if (!waiter.isDropped) this.#reject(waiter, failure);
    }
  }

  #reject(waiter: Waiter, failure: FileFailure): void {
    try {
      waiter.reject(this.#host.errorOf(failure));
    } catch (error) {
      waiter.reject(error); // the cache is closed
    }
  }

  /** The page is there, or could not be read; or it has gone again. */
  #settle(no: number): void {
    const list = this.#waiting.get(no);
    if (list === undefined) return;
    list.isDue = true;
    this.#due[this.#due.length] = list;
    this.#waiting.delete(no);
    this.#serveDue();
  }

  #serveDue(): void {
    for (let list = this.#due.at(-1); list !== undefined; list = this.#due.at(-1)) {
      while (list.waiters.length > 0) this.#serve(list.waiters);
      // What is called may have brought others.
      if (this.#due.at(-1) === list) this.#due.length--;
    }
  }

  /** The last of them. */
  #serve(waiters: Waiter[]): void {
    const waiter = waiters[waiters.length - 1]!;
    if (waiter.isDropped) {
      waiters.length--;
      return;
    }
    const held = begin(new HeldPin(this.#frames));
    try {
      waiter.resolve(this.#host.pin(waiter.order, held));
    } catch (error) {
      giveUp(held);
      waiter.reject(error);
    }
    // Either it is cut off before the promise is resolved, or the stores that follow happen, too.
    waiters.length--;
    held.page = undefined;
    held.index = -1;
    finish(held);
  }
}
