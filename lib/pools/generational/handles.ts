// Handles: plain numbers that name values. The low bits are the slot of a table, the rest says how often the slot was used.

/** From one handle of a slot to its next. */
export const STEP = 2 ** 25;
/** Slots of one table: values that live at once, outside of scopes and within. */
export const SLOT_COUNT = 2 ** 24;
/** Set in the slots of values that were made in a scope, which have a table of their own. */
export const SCOPED = SLOT_COUNT;
/** Of a handle: its slot, with SCOPED. */
export const SLOT_MASK = STEP - 1;

/** Beyond it a slot begins anew: a handle repeats when its slot was used 2^28 times. */
const LAST = Number.MAX_SAFE_INTEGER;
const GENERATIONS = 2 ** 28;

/** The handle after that one in the same slot. Generation 0 is never used, so that small numbers are no handles. */
export const nextHandle = (handle: number): number =>
  handle + STEP > LAST ? (handle & SLOT_MASK) + STEP : handle + STEP;

export const isHandle = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= STEP;

/** How often a slot whose generations began with `first` was used until it had that handle. */
export const generationsSince = (handle: number, first: number): number =>
  (Math.floor(handle / STEP) - first + GENERATIONS) % GENERATIONS;

/** The generation that follows `first` by so many; 0 is left out. */
export const generationAfter = (first: number, count: number): number => (first + count) % GENERATIONS || 1;

/** Whether a slot whose generations began with `first`, and whose last handle is `last`, can have had that handle. */
export function wasHandleOf(handle: number, last: number, first: number): boolean {
  const since = generationsSince(handle, first);
  return since !== 0 && since <= generationsSince(last, first);
}
