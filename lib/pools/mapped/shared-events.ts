import { now } from '../../addon/clock.js';
import type { NativeFile } from '../../addon/file-binding.js';
import { abortReason } from '../../addon/option-checks.js';
import { builtins, promiseThen } from '../../base/builtins.js';
import { isFullStack } from '../../base/errors.js';
import { Deferred, promised } from '../../pool/deferred.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';

/** How long one wait on libuv's pool lasts at most. Unit: ms. */
const SLICE_MS = 100;
/** After so much more, nobody will tell that it has ended: JavaScript was cut off there, or the threads of libuv's pool are busy. Unit: ms. */
const LOST_MS = 1000;

export interface EventOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** What somebody waits for. */
export interface Awaited<Result> {
  /** What the promise resolves to; undefined while that is not there. */
  look(): Result | undefined;
  /** The same when the time is over. May throw. */
  late(): Result;
  /** Takes back what nobody gets. May be called again. */
  giveBack?(result: Result): void;
}

/** Those who wait otherwise, and are looked after with the events, too. */
export interface Others {
  readonly areWaiting: boolean;
  serve(): void;
}

/** Somebody who waits until look() has found what he waits for. */
class Wait<Result> extends Deferred<Result> {
  readonly until: number;
  readonly #awaited: Awaited<Result>;
  readonly #signal: AbortSignal | undefined;
  /** What was found, while nobody else has it. */
  #found: Result | undefined = undefined;

  constructor(awaited: Awaited<Result>, { timeoutMs, signal }: EventOptions) {
    const until = now() + timeoutMs;
    super(); // Nothing is called after it.
    this.until = until;
    this.#awaited = awaited;
    this.#signal = signal;
  }

  /** Settles the promise if it can be. What is cut off is done again with the next event. */
  look(): void {
    if (this.isSettled) return;
    try {
      if (this.#signal?.aborted) throw abortReason(this.#signal);
      this.#found ??= this.#awaited.look();
      if (this.#found === undefined && now() < this.until) return;
      this.resolve(this.#found ?? this.#awaited.late());
      this.isSettled = true;
      if (!this.isEntering) this.#found = undefined;
    } catch (error) {
      // The stack is too deep, which is not the waiter's fault.
      if (!isFullStack(error)) this.fail(error);
    }
  }

  override fail(reason: unknown): void {
    super.fail(reason);
    this.#giveBack();
  }

  override abandon(): void {
    super.abandon();
    this.#giveBack();
  }

  #giveBack(): void {
    if (this.#found === undefined) return;
    this.#awaited.giveBack?.(this.#found);
    this.#found = undefined;
  }
}

/**
 * Waits for what other processes do with a shared file: one thread of libuv's pool sleeps on a futex for all who wait in this pool, 100 ms
 * at most at a time, since nobody tells of a death. Each step may be done again, so upkeep goes on with what was cut off.
 */
export class SharedEvents {
  readonly #native: NativeFile;
  readonly #others: Others;
  readonly #state = new builtins.Float64Array(4);
  #waiting: Wait<unknown>[] = [];
  /** While a thread sleeps: when that must have been told of. Of now(). */
  #sleepsUntil = 0;
  /** Which sleep that is. One that is told of later than that counts no more. */
  #sleep = 0;

  constructor(native: NativeFile, others: Others) {
    this.#native = native;
    this.#others = others;
  }

  get isBusy(): boolean {
    return this.#waiting.length > 0 || this.#others.areWaiting;
  }

  /**
   * What `awaited` finds, now or after one of the next events.
   * @throws what it throws now, and what the signal is aborted with
   */
  wait<Result>(awaited: Awaited<Result>, options: EventOptions): Promise<Result> {
    const wait = new Wait(awaited, options);
    if (wait.resolve === undefined) return wait.promise;
    return promised(wait, () => {
      // Before it looks: what happens from here on ends the sleep.
      this.#native.sharedState(this.#state);
      wait.look();
      if (wait.isSettled) return;
      this.#waiting[this.#waiting.length] = wait as Wait<unknown>;
      scheduleUpkeep();
      this.#sleepUnlessAsleep(wait.until);
    });
  }

  /** Has the others looked after with the next event. To be called before they are looked after now. */
  begin(): void {
    this.#native.sharedState(this.#state);
    this.#sleepUnlessAsleep(Number.POSITIVE_INFINITY);
  }

  /** Looks for all, and sleeps if some have to wait on. */
  proceed(): void {
    if (!this.isBusy || now() < this.#sleepsUntil) return;
    this.#native.sharedState(this.#state);
    this.#others.serve();
    // A signal of the program may have others come, or close the pool.
    for (let i = 0; i < this.#waiting.length; i++) this.#waiting[i]!.look();
    let first = Number.POSITIVE_INFINITY;
    const waiting: Wait<unknown>[] = [];
    for (const wait of this.#waiting) {
      if (wait.isSettled) continue;
      waiting[waiting.length] = wait;
      if (wait.until < first) first = wait.until;
    }
    this.#waiting = waiting;
    if (this.isBusy) this.#sleepUnlessAsleep(first);
  }

  #sleepUnlessAsleep(until: number): void {
    const start = now();
    if (start < this.#sleepsUntil) return;
    const ms = Math.max(1, Math.ceil(Math.min(until - start, SLICE_MS)));
    const sleep = this.#sleep + 1;
    const wake = () => {
      if (sleep !== this.#sleep) return;
      this.#sleepsUntil = 0;
      this.proceed();
    };
    const done = this.#native.awaitEvent(this.#state[0]!, ms);
    // Of a file that is not shared, nobody tells anything.
    if (done === undefined) builtins.setTimeout(wake, ms);
    else promiseThen(done, wake);
    this.#sleep = sleep;
    this.#sleepsUntil = start + ms + LOST_MS;
  }

  rejectAll(reason: unknown): void {
    for (const wait of this.#waiting) wait.fail(reason);
    this.#waiting = [];
  }
}
