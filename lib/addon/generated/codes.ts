// Generated from native/binding/tables.h by scripts/generate.mjs. Do not edit.

/** What refill() and takeHuge() return when the pool's limit is reached. */
export const NO_ROOM = 0;

/** What refill() and takeHuge() return when the operating system gives no memory. */
export const NO_MEMORY = -1;

/** What refill() adds to the number of blocks when windows of slices were cut anew. */
export const RECUT = 256;

/** What store() of a shared cache returns. */
export const STORED = {
  /** The value is there. */
  done: 0,
  /** It is longer than a part has room for. */
  tooLong: 1,
  /** Too much of the part is pinned. */
  noRoom: 2,
  /** Whoever writes to the part does not go on. */
  busy: 3,
  /** The key was changed while it was computed. */
  void: 4,
} as const;

/** What claim() of a shared cache returns. */
export const CLAIMED = {
  /** The caller computes the value. */
  own: 0,
  /** Somebody else does. */
  other: 1,
  /** There is a value. */
  present: 2,
  /** Nobody is kept from computing it, too. */
  noPlace: 3,
} as const;

/** What pinPage() and its like return, as a number below 0. */
export const PIN_STATUS = {
  /** All are pinned, or there may be more of them. */
  noFrame: 1,
  /** The page is being read. */
  loading: 2,
  /** The page has a frame: readPages() it. */
  toBeRead: 3,
  /** It is pinned 65,535 times. */
  tooManyPins: 4,
  /** pageFailure() tells what failed. */
  failed: 5,
} as const;

/** What pages are written with. */
export const PAGE_CHECKSUM = {
  /** None. */
  none: 0,
  /** CRC-32C. */
  crc32c: 1,
  /** XXH3 of 64 bits. */
  xxh3: 2,
} as const;

/** When pinPage() and its like read a page. */
export const READING = {
  /** At once, whoever has to wait for the disk. */
  now: 0,
  /** At once if nobody has to wait for the disk. */
  ifInMemory: 1,
  /** By readPages(). */
  later: 2,
} as const;

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

/** What locking a name returns. */
export const NAME_LOCK = {
  /** It is locked. */
  locked: 0,
  /** This pool has it. */
  heldHere: 1,
  /** Another pool has it. */
  heldElsewhere: 2,
  /** The file system has no locks. */
  failed: 3,
} as const;

/** What methods of a file return. */
export const FILE_FAULT = {
  /** Nothing is wrong. */
  none: 0,
  /** The pool is closed. */
  closed: 1,
  /** The file was opened to be read. */
  readOnly: 2,
  /** The handle names no block that lives. */
  stale: 3,
  /** maxBytes are in use, or too scattered. */
  full: 4,
  /** The disk has no space. */
  noSpace: 5,
  /** More changes than one commit can have. */
  batchFull: 6,
  /** There are changes that are not committed. */
  uncommitted: 7,
  /** An argument is out of its range. */
  range: 8,
  /** The name is empty or too long. */
  rootName: 9,
  /** All roots are in use. */
  rootsFull: 10,
  /** Reading, writing or syncing failed. */
  failed: 13,
  /** Pages are not there: the file was cut, or the disk failed. */
  lost: 14,
  /** A checksum or a structure of the file is wrong. */
  damaged: 15,
  /** A backup is under way already, or none is. */
  backup: 11,
  /** The file cannot be opened: FILE_STATUS tells why. */
  file: 16,
  /** Another process has the writer's lock. */
  busy: 12,
  /** Another pool has the file open, alone. */
  inUse: 17,
  /** Others share the file. */
  inUseShared: 18,
  /** Others share the file with another sync. */
  otherSync: 19,
  /** Another process opens or closes the file. */
  opening: 20,
  /** Too many pools share the file. */
  tooManyMembers: 21,
  /** It is no file of superslab. */
  foreign: 22,
  /** It is of a machine with another byte order. */
  byteOrder: 23,
  /** It is of another version. */
  version: 24,
  /** It has pages of another size. */
  pageSize: 25,
  /** It is shorter than it says. */
  cut: 26,
  /** It was made with another maxBytes. */
  otherSize: 27,
  /** It was made with checksums, or without. */
  otherChecksums: 28,
  /** It was made to overwrite what is freed, or not to. */
  otherSensitive: 29,
  /** Its blocks are encrypted. */
  encrypted: 30,
  /** Its blocks are not encrypted. */
  notEncrypted: 31,
  /** It was not closed. */
  needsReplay: 32,
  /** There are no addresses for the mapping. */
  noMemory: 33,
  /** Too many files are mapped. */
  tooManyOpen: 34,
  /** The file has not so many pages. */
  noPage: 35,
  /** The file's length is no multiple of a page's. */
  fileLength: 36,
  /** The file system cannot bypass its cache. */
  noDirect: 37,
} as const;

/** What an operation on a file came to. */
export const FILE_STATUS = {
  /** Nothing is wrong. */
  ok: 0,
  /** There is no such file or folder. */
  notFound: 1,
  /** There is one already. */
  exists: 2,
  /** A folder, pipe, socket or device. */
  notRegular: 3,
  /** A symbolic link. */
  link: 4,
  /** It belongs to another user. */
  foreignOwner: 5,
  /** Others may do more with it than the mode allows. */
  tooOpen: 6,
  /** This user may not. */
  noAccess: 7,
  /** The file system is mounted to be read. */
  readOnly: 8,
  /** The disk is full, or a quota is used up. */
  noSpace: 9,
  /** As many files are open as may be. */
  tooManyFiles: 10,
  /** There is no memory or no addresses. */
  noMemory: 11,
  /** Somebody else has a lock. */
  locked: 12,
  /** It ends too early. */
  short: 13,
  /** The file system or the kernel cannot. */
  unsupported: 14,
  /** Anything else. */
  io: 15,
  /** The bytes are not in memory. */
  wouldBlock: 16,
} as const;

/** What happened to a file. */
export const FILE_EVENT = {
  /** The file was mapped; bytes of the mapping. */
  map: 0,
  /** Records of the journal were replayed; how many. */
  recover: 1,
  /** The file has more bytes for blocks. */
  grow: 2,
  /** Bytes went back to the file system. */
  shrink: 3,
  /** A record was written; its bytes. */
  commit: 4,
  /** Something was made durable. */
  sync: 5,
  /** Pages were written home; their bytes. */
  checkpoint: 6,
} as const;
