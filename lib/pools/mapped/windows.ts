import type { NativeFile } from '../../addon/file-binding.js';
import { builtins, sizeOf } from '../../base/builtins.js';
import { usable } from '../../pool/windows.js';

/** Blocks up to so many bytes lie in slabs (native/pools/mapped/classes.h). */
const MAX_SMALL = 16 * 1024;
const SLAB_BYTES = 64 * 1024;

/** How many windows there may be before those are forgotten that were collected. */
const FIRST_SWEEP = 1024;

/**
 * The ArrayBuffers through which this thread sees the data of a file: one for each slab of small blocks, and one for each
 * larger block. They are kept for as long as a buffer shows them.
 */
export class MappedWindows {
  readonly #native: NativeFile;
  /** By the offset in the data, for small blocks and for large ones. */
  readonly #slabs = new Map<number, WeakRef<ArrayBuffer>>();
  readonly #blocks = new Map<number, WeakRef<ArrayBuffer>>();
  #sweepAt = FIRST_SWEEP;

  constructor(native: NativeFile) {
    this.#native = native;
  }

  /** Whether a block of that length may have neighbours in its pages. */
  static sharesPages(length: number): boolean {
    return length <= MAX_SMALL;
  }

  /** Where the window of that block begins in the data. */
  static startOf(offset: number, length: number): number {
    return length <= MAX_SMALL ? offset - (offset % SLAB_BYTES) : offset;
  }

  /** Throws where the host forbids external ArrayBuffers. */
  of(offset: number, length: number): ArrayBuffer {
    const isSmall = length <= MAX_SMALL;
    const windows = isSmall ? this.#slabs : this.#blocks;
    const start = MappedWindows.startOf(offset, length);
    const bytes = isSmall ? SLAB_BYTES : length;
    const known = windows.get(start)?.deref();
    if (known !== undefined && sizeOf(known) === bytes) return known;
    if (windows.size >= this.#sweepAt) this.#sweep(windows);
    const window = usable(this.#native.window(start, bytes));
    windows.set(start, new builtins.WeakRef(window));
    return window;
  }

  #sweep(windows: Map<number, WeakRef<ArrayBuffer>>): void {
    for (const [start, ref] of windows) if (ref.deref() === undefined) windows.delete(start);
    this.#sweepAt = Math.max(FIRST_SWEEP, 2 * windows.size);
  }
}
