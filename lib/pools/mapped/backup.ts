import type { NativeFile } from '../../addon/file-binding.js';
import { FILE_FAULT } from '../../addon/generated/codes.js';
import { builtins } from '../../base/builtins.js';
import { isFullStack } from '../../base/errors.js';
import { Deferred, promised } from '../../pool/deferred.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';

/** Bytes that are copied in one turn of the event loop: less than a millisecond. */
const STEP_BYTES = 2 ** 20;

/** Is told how many bytes of the data are copied, and of how many. */
export type BackupProgress = (done: number, total: number) => void;

export interface BackupHost {
  errorOf(fault: number): unknown;
  /** Before the promise is settled. May be called again. */
  ended(): void;
}

/**
 * One copy that is being made. Each turn does one step, so that the program goes on meanwhile, and asks for the next one first; upkeep asks for one
 * where that was cut off.
 */
export class Backup extends Deferred<number> {
  readonly #native: NativeFile;
  readonly #host: BackupHost;
  readonly #progress: BackupProgress | undefined;
  readonly #state: Float64Array;
  /** Whether the native side makes a copy, which is this one. */
  #hasBegun = false;
  /** The copy has its name. */
  #isWhole = false;
  /** Of the step that is asked for: an earlier one does nothing. */
  #turn = 0;

  constructor(native: NativeFile, host: BackupHost, progress: BackupProgress | undefined) {
    const state = new builtins.Float64Array(4);
    super(); // Nothing is called after it.
    this.#state = state;
    this.#native = native;
    this.#host = host;
    this.#progress = progress;
  }

  /**
   * Resolves to the bytes of data in the copy, whose file then has its name. `kept` sees to it that look() is called now and then.
   * @throws what fails at once
   */
  run(path: string, mode: number, kept: () => void): Promise<number> {
    return promised(this, () => {
      scheduleUpkeep();
      kept();
      const fault = this.#native.beginBackup(path, mode);
      this.#hasBegun = fault === FILE_FAULT.none;
      this.#check(fault);
      this.look();
    });
  }

  /** Does the next step. */
  look(): void {
    this.#step(this.#turn);
  }

  #step(turn: number): void {
    if (this.isSettled || turn !== this.#turn) return;
    const next = turn + 1;
    // First of all: what is cut off below goes on in the next turn.
    builtins.setImmediate(() => this.#step(next));
    this.#turn = next;
    try {
      this.#goOn();
    } catch (error) {
      // The stack is too deep for the step, which is done again.
      if (!isFullStack(error)) this.fail(error);
    }
  }

  #goOn(): void {
    const state = this.#state;
    if (!this.#isWhole) {
      this.#check(this.#native.stepBackup(STEP_BYTES, state));
      this.#progress?.(state[0]!, state[1]!);
      if (state[0]! < state[1]!) return;
      const fault = this.#native.finishBackup();
      this.#isWhole = fault === FILE_FAULT.none;
      this.#check(fault);
    }
    this.#host.ended();
    this.resolve(state[1]!);
    this.isSettled = true;
  }

  override fail(reason: unknown): void {
    this.#end();
    super.fail(reason);
  }

  override abandon(): void {
    super.abandon();
    this.#end();
  }

  #end(): void {
    if (this.#hasBegun && !this.#isWhole) this.#native.endBackup();
    this.#hasBegun = false;
    this.#host.ended();
  }

  #check(fault: number): void {
    if (fault !== FILE_FAULT.none) throw this.#host.errorOf(fault);
  }
}
