import { GRANULE_SHIFT, GUARD_LEVEL, HUGE_TAG } from '../addon/generated/memory.js';
import type { Magazines } from '../pool/magazines.js';
import { SLOT, type Slot, type SlotState } from './slot.js';

const GRANULE_BYTES = 1 << GRANULE_SHIFT;

/** 1 for the states in which a slot counts so, by state. */
function counting(...states: SlotState[]): Uint8Array {
  const out = new Uint8Array(Object.keys(SLOT).length);
  for (const state of states) out[state] = 1;
  return out;
}

/** Free blocks, which count as cached. */
const PARKED = counting(SLOT.quarantined, SLOT.idle, SLOT.stray, SLOT.busy);
const WATCHED = counting(SLOT.leased, SLOT.shared);
const QUARANTINED = counting(SLOT.quarantined);
const LOOSE = counting(SLOT.loose, SLOT.looseShared);

/**
 * All slots of one guard, the states that they are in, and the figures of that. The state alone says what a slot is
 * doing; a list that has a slot which is in another state by now has it no more.
 *
 * JavaScript can be cut off at each call of a function and each turn of a loop, by a stack that is full or by a timeout,
 * and then neither `catch` nor `finally` need run. So a change that must be whole is made here, without a call or a
 * loop in it; what is cut off around it leaves loose slots, which the next look finds.
 */
export class SlotBook {
  readonly all = new Set<Slot>();
  quarantinedBytes = 0;
  /** How many are loose, or somewhat more: those that were handed on and not forgotten. */
  loose = 0;
  readonly #parked: Uint32Array;
  readonly #levels: Uint32Array;

  constructor({ parked, guardLevels }: Magazines) {
    this.#parked = parked;
    this.#levels = guardLevels;
  }

  move(slot: Slot, to: SlotState): void {
    const from = slot.state;
    const { capacity, tag } = slot;
    // Of an adopted lease not a whole number.
    const granules = ((capacity + GRANULE_BYTES - 1) / GRANULE_BYTES) >>> 0;
    const parked = PARKED[to]! - PARKED[from]!;
    const watched = WATCHED[to]! - WATCHED[from]!;
    const quarantined = QUARANTINED[to]! - QUARANTINED[from]!;
    slot.state = to;
    this.loose += LOOSE[to]! - LOOSE[from]!;
    this.#parked[tag]! += parked;
    if (tag === HUGE_TAG) this.#levels[GUARD_LEVEL.parkedHugeGranules]! += parked * granules;
    this.#levels[GUARD_LEVEL.watchedBlocks]! += watched;
    this.#levels[GUARD_LEVEL.watchedGranules]! += watched * granules;
    this.#levels[GUARD_LEVEL.quarantinedBlocks]! += quarantined;
    this.#levels[GUARD_LEVEL.quarantinedGranules]! += quarantined * granules;
    this.quarantinedBytes += quarantined * capacity;
  }
}
