import { type BlockNumber, binding, type SliceTag } from '../addon/binding.js';
import { now } from '../addon/clock.js';
import type { PoolGuard } from './pool-guard.js';
import type { SampleBatch } from './sample-batch.js';
import type { CapturedStack } from './stack.js';

/** What a slot is doing. */
export const SLOT = {
  /** Free: in the quarantine or ready for the next lease. */
  parked: 0,
  /** A buffer of this thread has it. */
  leased: 1,
  /** The same, and the native lease table counts its references: other threads may have it too. */
  shared: 2,
  /** Released, but the program still has an ArrayBuffer that shows it: the block waits for its end. */
  stray: 3,
  /** The block belongs to somebody else. */
  gone: 4,
} as const;

/**
 * A block with an ArrayBuffer of its own, which lease after lease uses.
 *
 * Nobody but the program's views holds the ArrayBuffer while it is leased. So when it is collected, the
 * buffer and each view of it are gone, and the block may come back. A FinalizationRegistry tells, which
 * has the slot: nothing that a slot leads to may hold the ArrayBuffer of a lease.
 */
export class Slot {
  readonly guard: PoolGuard;
  readonly block: BlockNumber;
  readonly tag: SliceTag;
  /** Bytes of the ArrayBuffer. */
  readonly capacity: number;
  state: number = SLOT.parked;
  /** Only while no lease has it. */
  memory: ArrayBuffer | undefined = undefined;
  /** Of the ArrayBuffer made last, see binding.ownWindow. */
  window = 0;
  /** Whether the registry knows the ArrayBuffer. */
  registered = false;
  /** The present lease, or the last. */
  lease: LeaseRecord | undefined = undefined;

  constructor(guard: PoolGuard, block: BlockNumber, tag: SliceTag, capacity: number) {
    this.guard = guard;
    this.block = block;
    this.tag = tag;
    this.capacity = capacity;
  }
}

/** What is known of one lease, after its end too. */
export class LeaseRecord {
  readonly slot: Slot;
  readonly size: number;
  /** Bytes from the start of the block to the end of its canary; `size` without one. */
  readonly canaryEnd: number;
  readonly acquiredAt: number;
  readonly acquired: CapturedStack | undefined;
  released: CapturedStack | undefined = undefined;
  tag = '';
  /** Leases that this one was drawn from, because the others are not watched. */
  readonly weight: number;
  /** With which others it was sampled. */
  readonly batch: SampleBatch | undefined;
  /** What its buffer has left of them, and how often it was retained. */
  references = 1;
  retains = 0;
  /** Its place among the live ones; -1 once it has ended. */
  place = -1;
  /** Of now(). */
  endedAt = 0;
  /** Whether it is among the EndedLeases. */
  waitsForText = false;

  constructor(
    slot: Slot,
    size: number,
    canaryEnd: number,
    acquiredAt: number,
    acquired: CapturedStack | undefined,
    weight: number,
    batch?: SampleBatch,
  ) {
    this.slot = slot;
    this.size = size;
    this.canaryEnd = canaryEnd;
    this.acquiredAt = acquiredAt;
    this.acquired = acquired;
    this.weight = weight;
    this.batch = batch;
  }

  /** Whether its stacks keep functions alive. */
  get isRaw(): boolean {
    return this.acquired?.isRaw === true || this.released?.isRaw === true;
  }

  dropStacks(): void {
    this.acquired?.drop();
    this.released?.drop();
  }
}

/** The watched leases of one pool that have not ended. */
export class LiveLeases {
  readonly #records: LeaseRecord[] = [];
  /** Where settleStacks() goes on. */
  #next = 0;

  get size(): number {
    return this.#records.length;
  }

  add(record: LeaseRecord): void {
    record.place = this.#records.length;
    this.#records.push(record);
  }

  /** Whether it was among them: does nothing when it has ended. */
  remove(record: LeaseRecord): boolean {
    if (record.place < 0) return false;
    const last = this.#records.pop()!;
    if (last !== record) {
      this.#records[record.place] = last;
      last.place = record.place;
    }
    record.place = -1;
    return true;
  }

  [Symbol.iterator](): Iterator<LeaseRecord> {
    // Who looks at them may end some.
    return this.#records.slice()[Symbol.iterator]();
  }

  /** See StackHolder. */
  settleStacks(before: number, end: number): boolean {
    let none = true;
    for (let looked = 0; looked < this.#records.length; looked++) {
      if (this.#next >= this.#records.length) this.#next = 0;
      const record = this.#records[this.#next++]!;
      if (record.acquired?.isRaw !== true) continue;
      if (record.acquiredAt > before) {
        none = false;
        continue;
      }
      record.acquired.settle();
      if (now() > end) return false;
    }
    return none;
  }
}

const slots = new WeakMap<ArrayBuffer, Slot>();

export function noteMemory(memory: ArrayBuffer, slot: Slot): void {
  slots.set(memory, slot);
}

let windows = 0;

/** An ArrayBuffer over all of the slot's block; undefined where the host forbids that. */
export function makeMemory(slot: Slot): ArrayBuffer | undefined {
  slot.window = ++windows;
  return binding.ownWindow(slot.block, slot.capacity, slot.window);
}

/** The slot whose ArrayBuffer this is: to tell whose slice somebody tries to release. */
export function slotOfMemory(memory: ArrayBuffer): Slot | undefined {
  return slots.get(memory);
}
