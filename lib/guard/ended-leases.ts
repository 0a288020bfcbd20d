import { now } from '../addon/clock.js';
import { type LeaseRecord, SLOT } from './slot.js';

/** Most that wait: their text takes tens of milliseconds. */
const MOST = 1024;

/**
 * Leases that ended while their stacks were still raw: those keep functions alive, and with them perhaps leaked
 * buffers, as long as the program refers to the released buffer or its slot waits for the next lease. So
 * they are made text a while later, or let go of where more leases end than there is time for.
 */
export class EndedLeases {
  /** Oldest first, from #head on. */
  #records: LeaseRecord[] = [];
  #head = 0;
  /** Whether an old lease is worth text; else its stacks are let go of. */
  readonly #keepsText: boolean;

  constructor(keepsText: boolean) {
    this.#keepsText = keepsText;
  }

  add(record: LeaseRecord): void {
    record.endedAt = now();
    record.waitsForText = true;
    this.#records.push(record);
    if (this.#records.length - this.#head <= MOST) return;
    const oldest = this.#shift();
    // A late write into a parked block is reported with the stacks: they go with its next lease, see letGo().
    const { state, lease } = oldest.slot;
    if ((state !== SLOT.quarantined && state !== SLOT.idle) || lease !== oldest) oldest.dropStacks();
  }

  /** The slot of `record` has ended, or gets its next lease. */
  letGo(record: LeaseRecord | undefined): void {
    if (record !== undefined && !record.waitsForText) record.dropStacks();
  }

  /** See StackHolder. */
  settleStacks(before: number, end: number): boolean {
    while (this.#head < this.#records.length) {
      if (this.#records[this.#head]!.endedAt > before) return false;
      const record = this.#shift();
      if (!this.#keepsText) {
        record.dropStacks();
        continue;
      }
      record.acquired?.settle();
      record.released?.settle();
      if (now() > end) return this.#records.length === 0;
    }
    return true;
  }

  #shift(): LeaseRecord {
    const record = this.#records[this.#head++]!;
    record.waitsForText = false;
    // Half of the array is empty: cut it off.
    if (this.#head * 2 >= this.#records.length) {
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
    return record;
  }
}
