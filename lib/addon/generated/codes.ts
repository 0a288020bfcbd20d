// Generated from native/binding/tables.h by scripts/generate.mjs. Do not edit.

/** What refill() and takeHuge() return when the pool's limit is reached. */
export const NO_ROOM = 0;

/** What refill() and takeHuge() return when the operating system gives no memory. */
export const NO_MEMORY = -1;

/** What refill() adds to the number of blocks when windows of slices were cut anew. */
export const RECUT = 256;

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
