import type { NativeFile } from '../../addon/file-binding.js';
import { FILE_FAULT } from '../../addon/generated/codes.js';
import { builtins } from '../../base/builtins.js';

/** Bytes that are copied in one turn of the event loop: less than a millisecond. */
const STEP_BYTES = 2 ** 20;

/** Is told how many bytes of the data are copied, and of how many. */
export type BackupProgress = (done: number, total: number) => void;

/** One copy that is being made. Each turn does one step, so that the program goes on meanwhile. */
export class Backup {
  readonly #native: NativeFile;
  readonly #errorOf: (fault: number) => unknown;
  readonly #progress: BackupProgress | undefined;
  readonly #state = new builtins.Float64Array(4);
  #isDone = false;
  #resolve!: (bytes: number) => void;
  #reject!: (reason: unknown) => void;

  constructor(native: NativeFile, errorOf: (fault: number) => unknown, progress: BackupProgress | undefined) {
    this.#native = native;
    this.#errorOf = errorOf;
    this.#progress = progress;
  }

  /** Resolves to the bytes of data in the copy, whose file then has its name. */
  run(path: string, mode: number): Promise<number> {
    const promise = new builtins.Promise<number>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const fault = this.#native.beginBackup(path, mode);
    if (fault !== FILE_FAULT.none) this.#reject(this.#errorOf(fault));
    else this.#step();
    return promise;
  }

  readonly #step = (): void => {
    if (this.#isDone) return;
    // First of all: what is cut off below goes on in the next turn.
    builtins.setImmediate(this.#step);
    try {
      this.#isDone = !this.#goOn();
    } catch (error) {
      this.#isDone = true;
      this.#native.endBackup();
      this.#reject(error);
    }
  };

  /** Whether there is more to do. */
  #goOn(): boolean {
    this.#check(this.#native.stepBackup(STEP_BYTES, this.#state));
    const done = this.#state[0]!;
    const total = this.#state[1]!;
    this.#progress?.(done, total);
    if (done < total) return true;
    this.#check(this.#native.finishBackup());
    this.#resolve(total);
    return false;
  }

  #check(fault: number): void {
    if (fault !== FILE_FAULT.none) throw this.#errorOf(fault);
  }
}
