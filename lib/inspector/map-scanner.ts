import type { NativeScanner } from '../addon/binding.js';
import { environment } from '../addon/environment.js';
import { builtins } from '../base/builtins.js';
import { makeError } from '../base/errors.js';

export interface Frames {
  readonly changes: ArrayBuffer | undefined;
  readonly full: ArrayBuffer | undefined;
}

/** Looks at the memory of the whole process, without holding up this thread or any other. */
export class MapScanner {
  readonly #native: NativeScanner;
  #busy = false;

  constructor() {
    const native = environment.makeScanner();
    if (native === undefined) {
      throw makeError(
        'ERR_SUPERSLAB_NO_MEMORY',
        'no address space for the inspector (50 MiB of addresses); raise the limit (ulimit -v)',
      );
    }
    this.#native = native;
  }

  /** A scan is under way: the next one has to wait for it. */
  get busy(): boolean {
    return this.#busy;
  }

  scan(ordinals: Uint32Array, wanted: { changes: boolean; full: boolean }): Promise<Frames> {
    return new Promise((resolve) => {
      this.#native.scan({
        ordinals,
        ...wanted,
        atMs: builtins.dateNow(),
        done: (changes, full) => {
          this.#busy = false;
          resolve({ changes, full });
        },
      });
      this.#busy = true; // not when that threw
    });
  }
}
