import type { NativePool } from '../../addon/binding.js';
import { SLOT_CHUNK_SHIFT, SLOT_ROWS, SLOT_STATE } from '../../addon/generated/memory.js';
import { builtins } from '../../base/builtins.js';
import { hostError } from '../../base/errors.js';
import { CHUNK_MASK } from './handles.js';

export const { pins: PINS, referenced: REFERENCED, hot: HOT, busy: BUSY, cold: COLD } = SLOT_STATE;
/** The bits of a state that say where the value is. */
export const PLACE = -1 << SLOT_STATE.shift;

/** Where the rows of a chunk begin; the states are the first of them. */
export const GENERATIONS = SLOT_ROWS.generation.at;
const BLOCKS = SLOT_ROWS.block.at;
const LENGTHS = SLOT_ROWS.length.at;

/**
 * The slots of one pool: words over native memory (native/pools/compressed/value_slots.h), which the thread that compresses
 * changes as well. A slot's state is changed by atomic operations alone, and tells which of the other words mean something.
 */
export class Slots {
  /** By chunk. What is not there yet, nobody has a handle of. */
  readonly chunks: Int32Array[] = [];
  readonly #native: NativePool;

  constructor(native: NativePool) {
    this.#native = native;
  }

  /** Sees to it that the words of a slot are there. */
  cover(slot: number): void {
    while (this.chunks.length <= slot >>> SLOT_CHUNK_SHIFT) {
      const memory = this.#native.valueSlots(this.chunks.length);
      if (memory === undefined) throw hostError();
      const words = new builtins.Int32Array(memory);
      this.chunks[this.chunks.length] = words;
    }
  }

  has(slot: number): boolean {
    return slot >>> SLOT_CHUNK_SHIFT < this.chunks.length;
  }

  state(slot: number): number {
    return this.chunks[slot >>> SLOT_CHUNK_SHIFT]![slot & CHUNK_MASK]!;
  }

  generation(slot: number): number {
    return this.chunks[slot >>> SLOT_CHUNK_SHIFT]![GENERATIONS + (slot & CHUNK_MASK)]!;
  }

  /** The block of a hot value. */
  block(slot: number): number {
    return this.chunks[slot >>> SLOT_CHUNK_SHIFT]![BLOCKS + (slot & CHUNK_MASK)]! >>> 0;
  }

  length(slot: number): number {
    return this.chunks[slot >>> SLOT_CHUNK_SHIFT]![LENGTHS + (slot & CHUNK_MASK)]!;
  }
}
