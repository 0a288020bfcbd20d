// Handles: plain numbers that name the lease of a record, by its slot among all of the pool and the slot's generation.

/** Bits of a handle that are the slot. */
const SLOT_COUNT = 2 ** 24;
/** The rest of what a number holds exactly: a handle repeats when its slot was lent 2^28 times. */
const GENERATION_MASK = 2 ** 29 - 1;

/** Records that one pool can have. */
export const MAX_RECORDS = SLOT_COUNT;

/** `generation` is odd; `place` counts the slots of all chunks, from 0 on. */
export const handleOf = (generation: number, place: number): number =>
  (generation & GENERATION_MASK) * SLOT_COUNT + place;

export const placeOf = (handle: number): number => handle % SLOT_COUNT;

const generationOf = (handle: number): number => Math.floor(handle / SLOT_COUNT);

export const isHandle = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (generationOf(value as number) & 1) !== 0;

/** Whether the slot has that lease now. */
export const isOf = (handle: number, generation: number): boolean =>
  (generation & GENERATION_MASK) === generationOf(handle);

/** Counted from the slot's first lease, which is 1; how many leases the slot had, and which one the handle is of. */
export function leasesOf(handle: number, generation: number, first: number): { had: number; which: number } {
  const had = Math.ceil(((generation - first) >>> 0) / 2);
  const which = Math.ceil(((generationOf(handle) - first) & GENERATION_MASK) / 2);
  return { had, which };
}
