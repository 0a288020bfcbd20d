import { builtins, copyInto } from '../../base/builtins.js';
import { makeError } from '../../base/errors.js';
import { SLOT_COUNT, STEP } from './handles.js';

const FIRST_SLOTS = 64;
/** Ends the list of free slots. */
const NONE = -1;

type Table = Float64Array | Uint32Array | Uint16Array | Uint8Array;

function grown<T extends Table>(table: T, length: number): T {
  const larger = new (table.constructor as new (length: number) => T)(length);
  copyInto(larger as unknown as Uint8Array, table as unknown as Uint8Array);
  return larger;
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
  /** Added to each slot of a handle: SCOPED, or 0. */
  readonly #flag: number;

  constructor(firstGeneration: number, flag: number) {
    this.firstGeneration = firstGeneration;
    this.#flag = flag;
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
      handles[slot] = -(this.firstGeneration * STEP + this.#flag + slot);
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
}
