// Compresses values by a codec that JavaScript calls: one at a time, within the budget.
import type { NativePool } from '../../addon/binding.js';
import { now } from '../../addon/clock.js';
import { COOLED } from '../../addon/generated/codes.js';
import { builtins, lengthOf } from '../../base/builtins.js';
import { show } from '../../base/errors.js';
import type { ForeignCodec } from './codec.js';

/** A compression that takes longer has failed, whatever comes of it later. */
const LONGEST_MS = 30_000;

/** One compression that is under way. */
interface Job {
  readonly handle: number;
  readonly startMs: number;
}

/** What is asked of the values that are compressed. */
interface CooledValues {
  readonly closed: boolean;
  /** The bytes of a value that is busy. */
  bufferOf(handle: number): Buffer;
  noteCold(): void;
}

export class ForeignCooler {
  readonly codec: ForeignCodec;
  readonly #native: NativePool;
  readonly #values: CooledValues;
  readonly #share: number;
  #job: Job | undefined = undefined;
  /** The budget is used up until then. Of now(). */
  #notBefore = 0;
  /** Compressions that failed, and why the last did. */
  failures = 0;
  lastFailure = '';
  /** What compressing took so far: the time from call to result, in which it had a processor at most. */
  busyMs = 0;

  constructor(codec: ForeignCodec, native: NativePool, values: CooledValues, share: number) {
    this.codec = codec;
    this.#native = native;
    this.#values = values;
    this.#share = share;
  }

  /** Begins with the next value, unless one is under way, or the budget is used up. */
  pump(): void {
    const time = now();
    if (this.#job !== undefined && time - this.#job.startMs > LONGEST_MS) {
      const job = this.#job;
      this.#fail(job, `it took longer than ${LONGEST_MS / 1000} s`);
    }
    if (this.#job !== undefined || time < this.#notBefore || this.#values.closed) return;
    if (!this.#native.nudgeCooling()) return;
    const handle = this.#native.beginForeign();
    if (handle === 0) return;
    const job: Job = { handle, startMs: time };
    this.#job = job;
    this.#start(job);
  }

  #start(job: Job): void {
    let result: unknown;
    try {
      result = this.codec.compress(this.#values.bufferOf(job.handle));
    } catch (error) {
      this.#fail(job, show(error), error);
      return;
    }
    if (builtins.isUint8Array(result)) {
      this.#finish(job, result);
      return;
    }
    if (typeof (result as PromiseLike<unknown> | undefined)?.then !== 'function') {
      this.#fail(job, `compress() returned ${show(result)}`);
      return;
    }
    (result as PromiseLike<unknown>).then(
      (bytes) => this.#finish(job, bytes),
      (error: unknown) => this.#fail(job, show(error), error),
    );
  }

  #finish(job: Job, bytes: unknown): void {
    if (this.#job !== job) return;
    if (!builtins.isUint8Array(bytes)) {
      this.#fail(job, `compress() gave ${show(bytes)}`);
      return;
    }
    const result = this.#native.finishForeign(job.handle, bytes);
    this.#job = undefined;
    if (result === COOLED.done) this.#values.noteCold();
    this.#rest(job);
  }

  #fail(job: Job, why: string, error?: unknown): void {
    if (this.#job !== job) return;
    this.#native.giveUpForeign(job.handle);
    this.#job = undefined;
    this.failures++;
    this.lastFailure = error instanceof Error ? error.message : why;
    this.#rest(job);
  }

  /** Until the budget allows more. */
  #rest({ startMs }: Job): void {
    const time = now();
    const taken = time - startMs;
    this.busyMs += taken;
    const pause = taken * (1 / this.#share - 1);
    this.#notBefore = time + pause;
    // Nobody waits for it, and a closed pool does nothing.
    builtins.setTimeout(() => this.pump(), Math.ceil(pause)).unref();
  }

  /** Compresses values of about so many bytes at once, if the codec can; whether any became cold. */
  coolNow(bytes: number): boolean {
    const compress = this.codec.compressNow;
    if (compress === undefined) {
      this.pump();
      return false;
    }
    let left = bytes;
    while (left > 0) {
      const handle = this.#native.beginForeign();
      if (handle === 0) break;
      const buffer = this.#values.bufferOf(handle);
      const result = this.#native.finishForeign(handle, compress(buffer));
      if (result === COOLED.full || result === COOLED.noMemory) break;
      if (result === COOLED.done) left -= lengthOf(buffer);
    }
    return left < bytes;
  }
}
