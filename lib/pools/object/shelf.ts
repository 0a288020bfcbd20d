import { OBJECT_COUNT } from '../../addon/generated/memory.js';
import { builtins, splice } from '../../base/builtins.js';
import type { Moving } from './moving.js';
import { type Slot, STATE } from './slot.js';

/**
 * The idle objects of one pool, the oldest first, and what its hot paths read and write. An object is idle if the state
 * of its slot says so; then the slot is here, below `depth`.
 */
export class Shelf<T> {
  /** Places at and above `depth` are left over. */
  readonly slots: Slot<T>[] = [];
  depth = 0;
  /** The lowest depth since note() was called. */
  low = 0;
  /** Slots in the pool's hand, and those whose objects are being made. */
  pending = 0;
  /** Those of them that are being made or tested: an object comes of each before long. A reset may last. */
  coming = 0;
  /** Whether get() may take the top without more ado, and put() may leave it there. */
  getsFast = false;
  putsFast = false;
  /** Gets until the next one that is sampled; below 0 for none. */
  untilSample = -1;
  /** In the memory that the native side reads, by OBJECT_COUNT. */
  readonly counts: Float64Array;

  /** All slots of the pool. */
  readonly #all: ReadonlySet<Slot<T>>;
  /** The lowest depth since upkeep looked at it: what lay below was not lent since. */
  lowSinceTick = 0;

  constructor(counts: Float64Array, all: ReadonlySet<Slot<T>>) {
    this.counts = counts;
    this.#all = all;
  }

  /** Objects that callers have. */
  get inUse(): number {
    return this.#all.size - this.pending - this.depth;
  }

  /** Brings figures up to date that hot paths do not count. Called before anything changes but what they change. */
  note(): void {
    const inUse = this.#all.size - this.pending - this.low;
    if (inUse > this.counts[OBJECT_COUNT.peakInUse]!) {
      this.counts[OBJECT_COUNT.peakInUse] = inUse;
      this.counts[OBJECT_COUNT.peakInUseAtMs] = builtins.dateNow();
    }
    if (this.low < this.lowSinceTick) this.lowSinceTick = this.low;
    this.low = this.depth;
  }

  /** For whoever reads the figures, in any thread. */
  publish(): void {
    this.note();
    this.counts[OBJECT_COUNT.idle] = this.depth;
    this.counts[OBJECT_COUNT.pending] = this.pending;
    this.counts[OBJECT_COUNT.inUse] = this.inUse;
  }

  /** Moves the slot that was put last, or first, into the pool's hand. */
  pop(isFirstIn: boolean, moving: Moving<T>): Slot<T> | undefined {
    if (this.depth === 0) return undefined;
    if (isFirstIn) return this.removeAt(0, moving);
    const slot = this.slots[this.depth - 1]!;
    slot.state = STATE.busy;
    moving.slot = slot;
    this.pending++;
    this.depth--;
    if (this.depth < this.low) this.low = this.depth;
    return slot;
  }

  /** Takes one from anywhere. One call of a built-in, and stores. */
  removeAt(place: number, moving: Moving<T>): Slot<T> {
    const slot = this.slots[place]!;
    splice(this.slots, place, 1);
    slot.state = STATE.busy;
    moving.slot = slot;
    this.pending++;
    this.depth--;
    if (this.depth < this.low) this.low = this.depth;
    return slot;
  }

  /** Makes a slot in hand idle. Stores alone. */
  push(slot: Slot<T>): void {
    slot.state = STATE.idle;
    this.slots[this.depth] = slot;
    this.pending--;
    this.depth++;
  }

  /** An object in hand is on its way to whoever waits. */
  expect(slot: Slot<T>): void {
    if (slot.isComing) return;
    slot.isComing = true;
    this.coming++;
  }

  /** It is there, or will not come. */
  expectNoMore(slot: Slot<T>): void {
    if (!slot.isComing) return;
    slot.isComing = false;
    this.coming--;
  }

  count(what: keyof typeof OBJECT_COUNT): void {
    this.counts[OBJECT_COUNT[what]]!++;
  }
}
