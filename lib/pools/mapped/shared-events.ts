import { now } from '../../addon/clock.js';
import type { NativeFile } from '../../addon/file-binding.js';
import { abortReason } from '../../addon/option-checks.js';
import { builtins, promiseThen } from '../../base/builtins.js';

/** How long one wait on libuv's pool lasts at most. Unit: ms. */
const SLICE_MS = 100;

export interface EventOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Somebody who waits until `look` has found what he waits for. */
class Wait {
  readonly look: () => boolean;
  readonly until: number;
  readonly signal: AbortSignal | undefined;
  readonly promise: Promise<boolean>;
  isSettled = false;
  resolve!: (found: boolean) => void;
  reject!: (reason: unknown) => void;

  constructor(look: () => boolean, { timeoutMs, signal }: EventOptions) {
    this.look = look;
    this.until = now() + timeoutMs;
    this.signal = signal;
    this.promise = new builtins.Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

/**
 * Waits for what other processes do with a shared file: one thread of libuv's pool sleeps on a futex for all who wait in this pool, 100 ms
 * at most at a time, since nobody tells of a death. Each step may be done again, so upkeep goes on with what was cut off.
 */
export class SharedEvents {
  readonly #native: NativeFile;
  readonly #state = new builtins.Float64Array(4);
  #waiting: Wait[] = [];
  #isSleeping = false;

  constructor(native: NativeFile) {
    this.#native = native;
  }

  get isBusy(): boolean {
    return this.#waiting.length > 0;
  }

  /** Calls `look` now, and after each event, until it returns true; false when the time is over before. */
  wait(look: () => boolean, options: EventOptions): Promise<boolean> {
    const wait = new Wait(look, options);
    // A full stack kept the promise from telling its functions, and has rejected it.
    if (wait.resolve === undefined) return wait.promise;
    this.#waiting[this.#waiting.length] = wait;
    this.proceed();
    return wait.promise;
  }

  /** Looks for all, and sleeps if some have to wait on. */
  proceed(): void {
    if (this.#waiting.length === 0 || this.#isSleeping) return;
    this.#native.sharedState(this.#state);
    let first = now() + SLICE_MS;
    const waiting: Wait[] = [];
    for (const wait of this.#waiting) {
      this.#look(wait);
      if (wait.isSettled) continue;
      waiting[waiting.length] = wait;
      if (wait.until < first) first = wait.until;
    }
    this.#waiting = waiting;
    if (waiting.length > 0) this.#sleep(Math.max(1, Math.ceil(first - now())));
  }

  #look(wait: Wait): void {
    try {
      if (wait.signal?.aborted) throw abortReason(wait.signal);
      const found = wait.look();
      if (!found && now() < wait.until) return;
      wait.resolve(found);
    } catch (error) {
      wait.reject(error);
    }
    wait.isSettled = true;
  }

  #sleep(ms: number): void {
    const done = this.#native.awaitEvent(this.#state[0]!, ms);
    // Of a file that is not shared, nobody tells anything.
    if (done === undefined) {
      builtins.setTimeout(this.#wake, ms);
    } else {
      promiseThen(done, this.#wake);
    }
    this.#isSleeping = true;
  }

  readonly #wake = (): void => {
    this.#isSleeping = false;
    this.proceed();
  };

  rejectAll(reason: unknown): void {
    for (const wait of this.#waiting) wait.reject(reason);
    this.#waiting = [];
  }
}
