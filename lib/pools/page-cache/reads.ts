// Pages that are read on other threads, and who waits for them. Each step may be done again, so that upkeep goes on with what was cut off.
import type { FileFailure } from '../../addon/file-binding.js';
import { builtins, promiseThen } from '../../base/builtins.js';
import type { Frames } from './frames.js';
import type { PendingPin } from './pending-pin.js';

/** Pages that one job reads: where the disk has to be waited for, several jobs do so at once. */
const PAGES_PER_JOB = 16;

/** What is asked of the cache. */
export interface ReadsHost {
  /** The page may be there now. False when the stack is too deep to go on. */
  proceed(pending: PendingPin): boolean;
  reasonOf(failure: FileFailure): unknown;
}

/** Those who wait for one page. */
class WaitingList {
  readonly pins: PendingPin[] = [];
  /** They are served: who comes now waits for another read. */
  isDue = false;
}

export class Reads {
  readonly #frames: Frames;
  readonly #host: ReadsHost;
  /** Pages that no job has yet. */
  readonly #asked: number[] = [];
  #isSubmitting = false;
  /** By page. */
  readonly #waiting = new Map<number, WaitingList>();
  /** Those whose pages were read. */
  readonly #due: WaitingList[] = [];

  constructor(frames: Frames, host: ReadsHost) {
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

  /** The pin goes on once its page was read. It may be there twice. */
  add(pending: PendingPin): void {
    const { no } = pending.order;
    let list = this.#waiting.get(no);
    if (list === undefined || list.isDue) {
      list = new WaitingList();
      this.#waiting.set(no, list);
    }
    list.pins[list.pins.length] = pending;
  }

  /** By upkeep. */
  tick(): void {
    this.#serveDue();
    for (const no of [...this.#waiting.keys()]) {
      // A second job for a page finds nothing to do.
      if (this.#frames.isLoading(no)) this.#asked[this.#asked.length] = no;
      else this.#settle(no);
    }
    this.#submit();
  }

  /** The cache is closed: those who wait are told. May be called again. */
  end(): void {
    this.#serveDue();
    for (const no of [...this.#waiting.keys()]) this.#settle(no);
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
      // Without a thread upkeep asks again.
      if (done !== undefined) promiseThen(done, (unread) => this.#finish(job, unread));
    }
  }

  #finish(job: Uint32Array, unread: number): void {
    if (unread > 0) this.#failUnread();
    for (let i = 0; i < job.length; i++) this.#settle(job[i]!);
    // Frames that were being read are what somebody may wait for.
    if (this.#frames.core.hasWaiters()) this.#frames.core.serveWaiters();
  }

  #failUnread(): void {
    for (;;) {
      const failure = this.#frames.native.takeUnread();
      if (failure === undefined) return;
      // Those whom nobody tells because that is cut off have the page read again.
      for (const pending of this.#waiting.get(failure.where)?.pins ?? [])
        if (!pending.isSettled) pending.fail(this.#host.reasonOf(failure));
    }
  }

  /** The page is there, or could not be read; or it has gone again. */
  #settle(no: number): void {
    const list = this.#waiting.get(no);
    if (list === undefined) return;
    this.#due[this.#due.length] = list;
    list.isDue = true;
    this.#waiting.delete(no);
    this.#serveDue();
  }

  #serveDue(): void {
    const due = this.#due;
    while (due.length > 0) {
      const { pins } = due[due.length - 1]!;
      // Those who come now are in other lists.
      while (pins.length > 0) {
        const pending = pins[pins.length - 1]!;
        if (!pending.isSettled && !this.#host.proceed(pending)) return;
        pins.length--;
      }
      due.length--;
    }
  }
}
