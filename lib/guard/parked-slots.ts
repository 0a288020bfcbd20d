import { MAGAZINES } from '../addon/generated/memory.js';
import { builtins } from '../base/builtins.js';
import { SLOT, type Slot } from './slot.js';
import type { SlotBook } from './slot-book.js';

const TAGS = MAGAZINES.parked.length;

/**
 * The order of parked slots: the quarantine, from which the oldest leaves first, and the idle ones of each class.
 * A slot is put into its list before its state says so, and taken out after: what is cut off in between loses none.
 */
export class ParkedSlots {
  readonly #book: SlotBook;
  /** Oldest first, from #head on. */
  #quarantine: Slot[] = [];
  #head = 0;
  readonly #idle: Slot[][] = [];
  /** The fewest idle slots of each class since the last look: nobody needs those. */
  readonly #spare = new builtins.Uint32Array(TAGS);

  constructor(book: SlotBook) {
    this.#book = book;
    for (let tag = 0; tag < TAGS; tag++) this.#idle.push([]);
  }

  addToQuarantine(slot: Slot): void {
    this.#quarantine.push(slot);
    this.#book.move(slot, SLOT.quarantined);
  }

  /** The one that has been there longest, which is loose from now on. */
  leaveQuarantine(): Slot | undefined {
    while (this.#head < this.#quarantine.length) {
      const slot = this.#quarantine[this.#head]!;
      const isIn = slot.state === SLOT.quarantined;
      if (isIn) this.#book.move(slot, SLOT.loose);
      this.#head++;
      if (this.#head * 2 >= this.#quarantine.length) {
        // Half of the array is empty: cut it off.
        this.#quarantine = this.#quarantine.slice(this.#head);
        this.#head = 0;
      }
      if (isIn) return slot;
    }
    return undefined;
  }

  idleCount(tag: number): number {
    return this.#idle[tag]!.length;
  }

  addIdle(slot: Slot): void {
    this.#idle[slot.tag]!.push(slot);
    this.#book.move(slot, SLOT.idle);
  }

  /** The one of a class that was used last, which is loose from now on. */
  takeIdle(tag: number): Slot | undefined {
    const idle = this.#idle[tag]!;
    while (idle.length > 0) {
      const slot = idle[idle.length - 1]!;
      const isIn = slot.state === SLOT.idle;
      if (isIn) this.#book.move(slot, SLOT.loose);
      idle.pop();
      if (idle.length < this.#spare[tag]!) this.#spare[tag] = idle.length;
      if (isIn) return slot;
    }
    return undefined;
  }

  /** Any of them, loose from now on. */
  take(): Slot | undefined {
    const slot = this.leaveQuarantine();
    if (slot !== undefined) return slot;
    for (let tag = 0; tag < TAGS; tag++) {
      const idle = this.takeIdle(tag);
      if (idle !== undefined) return idle;
    }
    return undefined;
  }

  /** Has `giveUp` called with the idle slots that nobody needed since the last call. */
  dropSpare(giveUp: (slot: Slot) => void): void {
    for (let tag = 0; tag < TAGS; tag++) {
      const idle = this.#idle[tag]!;
      // The oldest: they are at the start.
      for (const slot of idle.slice(0, this.#spare[tag]!)) {
        if (slot.state !== SLOT.idle) continue;
        this.#book.move(slot, SLOT.loose);
        giveUp(slot);
      }
      const kept = idle.filter(({ state }) => state === SLOT.idle);
      this.#idle[tag] = kept;
      this.#spare[tag] = kept.length;
    }
  }
}
