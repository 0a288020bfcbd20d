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

/** How scarce memory is. */
export const PRESSURE_LEVEL = {
  /** Memory is not scarce. */
  none: 0,
  /** It is scarce. */
  some: 1,
  /** Processes stand still for it, or may be killed. */
  critical: 2,
} as const;

/** What a level of pressure follows from. */
export const PRESSURE_REASON = {
  /** There was no pressure. */
  none: 0,
  /** Tasks of the control group wait for memory. */
  groupStalls: 1,
  /** Tasks of the machine do. */
  machineStalls: 2,
  /** A control group is near the limit beyond which processes are killed. */
  hardLimit: 3,
  /** A control group is near the limit beyond which processes are slowed down. */
  softLimit: 4,
  /** A control group has come to its limit. */
  outOfMemory: 5,
  /** The pools are near SUPERSLAB_TOTAL_BYTES. */
  totalBytes: 6,
} as const;

/** What pools give back under pressure, in this order. */
export const RELIEF_STEP = {
  /** Nothing is to be given back. */
  nothing: 0,
  /** What makes the next request fast and nothing else. */
  caches: 1,
  /** Data that can be made smaller, or moved together. */
  cold: 2,
  /** What waits to be lent again, beyond what is to be kept. */
  idle: 3,
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
