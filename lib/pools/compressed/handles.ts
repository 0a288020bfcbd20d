// Handles of values: plain numbers, the slot in the low bits and its generation above.
import { FIRST_GENERATIONS, SLOT_BITS, SLOT_CHUNK_SHIFT } from '../../addon/generated/memory.js';

export const SLOT_MASK = 2 ** SLOT_BITS - 1;
/** A slot's place in its chunk. */
export const CHUNK_MASK = 2 ** SLOT_CHUNK_SHIFT - 1;
/** To be multiplied with what is above a handle's slot: exact, as it is a power of two. */
export const TO_GENERATION = 2 ** -SLOT_BITS;

export const slotOf = (handle: number): number => handle & SLOT_MASK;
export const generationOf = (handle: number): number => Math.floor(handle * TO_GENERATION);

export const isHandle = (value: unknown): value is number =>
  Number.isSafeInteger(value) && generationOf(value as number) > 0;

/** Whether a slot whose generations began with `first`, and whose present one is `last`, had that one before. */
export function wasGenerationOf(generation: number, last: number, first: number): boolean {
  const since = (one: number) => (one - first + FIRST_GENERATIONS) % FIRST_GENERATIONS;
  return since(generation) < since(last);
}
