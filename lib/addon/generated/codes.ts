// Generated from native/binding/tables.h by scripts/generate.mjs. Do not edit.

/** What refill() and takeHuge() return when the pool's limit is reached. */
export const NO_ROOM = 0;

/** What refill() and takeHuge() return when the operating system gives no memory. */
export const NO_MEMORY = -1;

/** What refill() adds to the number of blocks when windows of slices were cut anew. */
export const RECUT = 256;

/** What calls about a compressed value return. */
export const VALUE_FAULT = {
  /** Nothing is wrong. */
  none: 0,
  /** The value is cold: heatValue() first. */
  cold: 1,
  /** A codec of the program has compressed it. */
  foreign: 2,
  /** The value has ended, or there never was one. */
  stale: 3,
  /** Somebody has pinned it. */
  pinned: 4,
  /** Nobody has pinned it. */
  unpinned: 5,
  /** It is pinned 65,535 times. */
  tooManyPins: 6,
  /** Its compressed bytes were changed. */
  corrupt: 7,
} as const;

/** What finishForeign() returns. */
export const COOLED = {
  /** The value is cold. */
  done: 0,
  /** It compresses badly, and stays hot. */
  rejected: 1,
  /** It was pinned or freed meanwhile. */
  inVain: 2,
  /** There was no value to compress. */
  nothing: 3,
  /** There is no room for cold values. */
  full: 4,
  /** The operating system gives no memory. */
  noMemory: 5,
} as const;

/** What share(), adopt() and revoke() return. */
export const LEASE_FAULT = {
  /** Nothing is wrong. */
  none: 0,
  /** No such token was ever given out. */
  forged: 1,
  /** The token was adopted or revoked, or its block is gone. */
  used: 2,
  /** There is no memory for the lease table. */
  noMemory: 3,
  /** There is no such leased block, or it is shorter. */
  refused: 4,
} as const;

/** What refusedSecrecy() returns: a set of these. */
export const SECRECY = {
  /** The memory is left out of core dumps. */
  noDump: 1,
  /** A forked child reads zeros. */
  wipeOnFork: 2,
  /** The memory is never written to swap. */
  locked: 4,
} as const;

/** What takeSignals() returns: a set of these. */
export const SIGNAL = {
  /** Another thread needs what this one caches. */
  flush: 1,
  /** There is room again under the pool's limit. */
  roomMade: 2,
} as const;
