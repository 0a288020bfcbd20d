import { builtins, copyInto } from '../../base/builtins.js';
import { makeError } from '../../base/errors.js';
import { generationAfter, generationsSince, SLOT_COUNT, STEP } from './handles.js';

const FIRST_SLOTS = 64;
/** Ends the list of free slots. */
const NONE = -1;

type Table = Float64Array | Uint32Array | Uint16Array | Uint8Array;

function grown<T extends Table>(table: T, length: number): T {
  const larger = new (table.constructor as new (length: number) => T)(length);
  copyInto(larger as unknown as Uint8Array, table as unknown as Uint8Array);
  return larger;
}

function shortened<T extends Table>(table: T, length: number): T {
  const shorter = new (table.constructor as new (length: number) => T)(length);
  copyInto(shorter as unknown as Uint8Array, table.subarray(0, length) as unknown as Uint8Array);
  return shorter;
}

/**
 * Where each value lies. A slot is used again when its value has ended, with another handle.
 *
 * Invariant: the slots below `made` either have a value, and their handle is positive, or are in the list of free ones, which
 * begins at `free` and leads on by `offsets`. `length` slots have places.
 */
export class SlotTable {
  /** The last handle of each slot; negative when it names nothing any more. It is stored last. */
  handles = new builtins.Float64Array(0);
  chunks = new builtins.Uint32Array(0);
  offsets = new builtins.Uint32Array(0);
  lengths = new builtins.Uint32Array(0);
  /** Collections that a young value has survived. */
  ages = new builtins.Uint8Array(0);
  pins = new builtins.Uint16Array(0);
  length = 0;
  made = 0;
  free = NONE;
  readonly firstGeneration: number;
  /** What slots without a handle begin behind: no slot whose place went back has had a later generation. */
  #lastDropped: number;
  /** Added to each slot of a handle: SCOPED, or 0. */
  readonly #flag: number;

  constructor(firstGeneration: number, flag: number) {
    this.firstGeneration = firstGeneration;
    this.#lastDropped = firstGeneration;
    this.#flag = flag;
  }

  /** The last handle that the slot can have had; 0 for a slot that has had none. */
  lastHandle(slot: number): number {
    if (slot < this.made) return Math.abs(this.handles[slot]!);
    return this.#lastDropped === this.firstGeneration ? 0 : this.#lastDropped * STEP + this.#flag + slot;
  }

  /** Makes places for more slots. Nothing is changed until all are there. */
  grow(pool: string): void {
    const length = Math.min(Math.max(this.length * 2, FIRST_SLOTS), SLOT_COUNT);
    if (this.length >= length) {
      throw makeError(
        'ERR_SUPERSLAB_EXHAUSTED',
        `pool "${pool}" has ${this.length} values, which is the most that one can have; free values or use a second pool`,
      );
    }
    const handles = grown(this.handles, length);
    for (let slot = this.length; slot < length; slot++) {
      handles[slot] = -(this.#lastDropped * STEP + this.#flag + slot);
    }
    const chunks = grown(this.chunks, length);
    const offsets = grown(this.offsets, length);
    const lengths = grown(this.lengths, length);
    const ages = grown(this.ages, length);
    const pins = grown(this.pins, length);
    this.handles = handles;
    this.chunks = chunks;
    this.offsets = offsets;
    this.lengths = lengths;
    this.ages = ages;
    this.pins = pins;
    this.length = length;
  }

  /**
   * Gives the places back that a burst took: if all values lie in the first quarter of the slots, with `used` slots, and what follows
   * has none. Free slots are used from the lowest on then, so that values come to lie in front.
   */
  shrink(used: number): void {
    const length = Math.max(FIRST_SLOTS, 2 ** Math.ceil(Math.log2(used * 2)));
    if (length > this.length / 2) return;
    let dropped = 0;
    for (let slot = used; slot < this.made; slot++) {
      dropped = Math.max(dropped, generationsSince(Math.abs(this.handles[slot]!), this.firstGeneration));
    }
    const before = generationsSince(this.#lastDropped * STEP, this.firstGeneration);
    const lastDropped = generationAfter(this.firstGeneration, Math.max(dropped, before));
    const handles = shortened(this.handles, length);
    for (let slot = used; slot < length; slot++) handles[slot] = -(lastDropped * STEP + this.#flag + slot);
    const offsets = shortened(this.offsets, length);
    let free = NONE;
    for (let slot = used - 1; slot >= 0; slot--) {
      if (handles[slot]! > 0) continue;
      offsets[slot] = free;
      free = slot;
    }
    const chunks = shortened(this.chunks, length);
    const lengths = shortened(this.lengths, length);
    const ages = shortened(this.ages, length);
    const pins = shortened(this.pins, length);
    // Nothing is called any more: it happens, or it does not.
    this.handles = handles;
    this.chunks = chunks;
    this.offsets = offsets;
    this.lengths = lengths;
    this.ages = ages;
    this.pins = pins;
    this.length = length;
    this.made = used;
    this.free = free;
    this.#lastDropped = lastDropped;
  }

  /** Slots up to the last one with a value. */
  get used(): number {
    const { handles } = this;
    let used = this.made;
    while (used > 0 && handles[used - 1]! <= 0) used--;
    return used;
  }
}
