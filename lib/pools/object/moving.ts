import { Unfinished } from '../../pool/unfinished.js';
import type { Slot } from './slot.js';

/** Who gets a slot back that an operation had in hand. */
export interface SlotTaker<T> {
  /** The operation was cut off: whatever is in hand becomes idle, or goes if its object may be half reset. */
  takeBack(slot: Slot<T>, isSound: boolean): void;
}

/** A slot in the hand of an operation: see docs/INTERRUPTION.md. */
export class Moving<T> extends Unfinished {
  readonly #taker: SlotTaker<T>;
  slot: Slot<T> | undefined = undefined;
  /** Whether the object is as good as it was. */
  isSound = true;

  constructor(taker: SlotTaker<T>) {
    super();
    this.#taker = taker;
  }

  undo(): void {
    if (this.slot === undefined) return;
    this.#taker.takeBack(this.slot, this.isSound);
    this.slot = undefined;
  }
}
