import type { NativeFile } from '../../addon/file-binding.js';
import { FILE_FAULT } from '../../addon/generated/codes.js';
import { builtins, promiseThen } from '../../base/builtins.js';
import { Deferred, promised } from '../../pool/deferred.js';

/** Somebody who waits until his commit is durable. */
class Committer extends Deferred<void> {
  /** The record that has to be durable; 0 when only what was stored into blocks has. */
  readonly sequence: number;
  /** The number of the first sync that began after it. */
  readonly sync: number;

  constructor(sequence: number, sync: number) {
    super();
    this.sequence = sequence;
    this.sync = sync;
  }

  succeed(): void {
    if (this.isSettled) return;
    this.resolve();
    this.isSettled = true;
  }
}

/**
 * Commits that share syncs (native/pools/mapped/mapped_group.cc): one is under way at a time, on a thread of libuv's pool, and those who
 * come meanwhile wait for the next one. Each step may be done again, so upkeep goes on with what was cut off.
 */
export class GroupCommit {
  readonly #native: NativeFile;
  readonly #errorOf: (fault: number) => unknown;
  readonly #synced: () => void;
  readonly #state = new builtins.Float64Array(4);
  #waiting: Committer[] = [];
  /** Syncs that were begun, and of those how many have ended. */
  #begun = 0;
  #ended = 0;
  /** What the next sync has to make durable: 1 data, 2 full. */
  #level = 1;

  /** `synced`: called after each sync, where nothing is half done. */
  constructor(native: NativeFile, errorOf: (fault: number) => unknown, synced: () => void) {
    this.#native = native;
    this.#errorOf = errorOf;
    this.#synced = synced;
  }

  get isBusy(): boolean {
    return this.#waiting.length > 0;
  }

  /**
   * A promise that is resolved when the record `sequence`, and what was stored into blocks until now, is durable. `committed` is called
   * before anybody has it.
   */
  wait(sequence: number, level: number, committed: () => void): Promise<void> {
    const committer = new Committer(sequence, this.#begun + 1);
    if (committer.resolve === undefined) return committer.promise;
    return promised(committer, () => {
      this.#waiting[this.#waiting.length] = committer;
      if (level > this.#level) this.#level = level;
      if (this.#begun === this.#ended && this.#waiting.length === 1) builtins.queueMicrotask(this.#look);
      committed();
    });
  }

  readonly #look = (): void => {
    this.proceed();
    this.#synced();
  };

  /** Serves those for whom a sync has done it, and begins the next one if somebody waits. */
  proceed(): void {
    if (this.#waiting.length === 0) return;
    this.#native.syncState(this.#state);
    const [through, ended, fault] = this.#state as unknown as [number, number, number];
    if (fault !== FILE_FAULT.none) {
      this.rejectAll(this.#errorOf(fault));
      return;
    }
    if (ended === this.#begun && ended !== this.#ended) {
      this.#ended = ended;
      this.#settle(through);
    }
    if (this.#waiting.length > 0 && this.#begun === this.#ended) this.#begin();
  }

  #begin(): void {
    const done = this.#native.syncLater(this.#level);
    if (done === undefined) return;
    this.#begun++;
    this.#level = 1;
    promiseThen(done, this.#look);
  }

  #settle(through: number): void {
    const waiting: Committer[] = [];
    for (const committer of this.#waiting) {
      const { sequence, sync } = committer;
      if (sequence <= through && sync <= this.#ended) committer.succeed();
      else waiting[waiting.length] = committer;
    }
    this.#waiting = waiting;
  }

  /** All that was committed is durable: the file was closed. */
  resolveAll(): void {
    for (const committer of this.#waiting) committer.succeed();
    this.#waiting = [];
  }

  rejectAll(reason: unknown): void {
    for (const committer of this.#waiting) committer.fail(reason);
    this.#waiting = [];
  }
}
