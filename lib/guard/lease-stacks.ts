import { now } from '../addon/clock.js';
import { CapturedStack, ownRealm } from '../base/stack.js';
import type { EndedLeases } from './ended-leases.js';
import { isLeased } from './slot.js';
import type { SlotBook } from './slot-book.js';
import { type StackHolder, settleLater } from './stack-settler.js';

/** The stacks of one pool's leases: where they were acquired and released. */
export class LeaseStacks implements StackHolder {
  readonly #frames: number;
  readonly #book: SlotBook;
  readonly #ended: EndedLeases;

  /** `frames`: of each stack; 0 for no stacks. */
  constructor(frames: number, book: SlotBook, ended: EndedLeases) {
    this.#frames = frames;
    this.#book = book;
    this.#ended = ended;
    if (frames > 0) ownRealm(); // made now: it takes milliseconds
  }

  /** That of the caller of `hidden`, which must be under way. */
  take(hidden: (...args: never[]) => unknown): CapturedStack | undefined {
    return this.#frames === 0 ? undefined : new CapturedStack(this.#frames, hidden);
  }

  /** Has stacks settled later. Called where no slot is in hand: timers may run hooks of the program. */
  settleLater(): void {
    if (this.#frames !== 0) settleLater(this);
  }

  settleStacks(before: number, end: number): boolean {
    // Half of the time at most for those that have ended.
    const noneEnded = this.#ended.settleStacks(before, (now() + end) / 2);
    return this.#settleLive(before, end) && noneEnded;
  }

  #settleLive(before: number, end: number): boolean {
    let none = true;
    for (const slot of this.#book.all) {
      const stack = isLeased(slot) ? slot.lease!.acquired : undefined;
      if (stack?.isRaw !== true) continue;
      if (slot.lease!.acquiredAt > before) {
        none = false;
        continue;
      }
      stack.settle();
      if (now() > end) return false;
    }
    return none;
  }
}
