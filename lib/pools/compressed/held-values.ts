// What put() and access() have in hand until their caller has it.
import type { NativePool } from '../../addon/binding.js';
import { type Lent, Unfinished } from '../../pool/unfinished.js';
import type { Pin, PinHolder } from '../pin-watch.js';
import type { HotBlock } from './hot-block.js';

/** A block, and then the value in it, of which nobody has the handle yet. */
export class HeldPut extends Unfinished implements Lent {
  readonly #native: NativePool;
  hot: HotBlock | undefined = undefined;
  /** 0 for none. */
  handle = 0;

  constructor(native: NativePool) {
    super();
    this.#native = native;
  }

  get released(): boolean {
    return this.handle === 0 && this.hot === undefined;
  }

  release(): void {
    this.undo();
  }

  [Symbol.dispose](): void {
    this.undo();
  }

  undo(): void {
    const { handle } = this;
    if (handle > 0) {
      this.#native.freeValue(handle);
      this.handle = 0;
    } else if (this.hot !== undefined) {
      this.hot.release();
      this.hot = undefined;
    }
  }
}

/** A block, and then the pin of the value that was heated into it, which may have a note. */
export class HeldHeat extends Unfinished implements PinHolder {
  readonly #native: NativePool;
  readonly #handle: number;
  hot: HotBlock | undefined = undefined;
  isPinned = false;
  pin: Pin | undefined = undefined;

  constructor(native: NativePool, handle: number) {
    super();
    this.#native = native;
    this.#handle = handle;
  }

  undo(): void {
    const { pin } = this;
    if (pin !== undefined) {
      pin.watch.forget(pin);
      if (!pin.isOver) this.#native.unpinValue(this.#handle);
      pin.isOver = true;
    } else if (this.isPinned) {
      this.#native.unpinValue(this.#handle);
      this.isPinned = false;
    } else if (this.hot !== undefined) {
      this.hot.release();
      this.hot = undefined;
    }
  }
}
