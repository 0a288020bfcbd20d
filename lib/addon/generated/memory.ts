// Generated from native/binding/tables.h by scripts/generate.mjs. Do not edit.

/** Size of a superslab. Unit: bytes. */
export const SUPERSLAB_BYTES = 2097152;

/** Size of a slice. Unit: bytes. */
export const SLICE_BYTES = 65536;

/** Places for superslabs in an arena. */
export const SUPERSLABS_PER_ARENA = 2048;

/** The bits of a block number below the index of its slice: the granule. */
export const SLICE_SHIFT = 10;

/** A granule has 2^GRANULE_SHIFT bytes. */
export const GRANULE_SHIFT = 6;

/** The bits of a block number that are its granule. */
export const GRANULE_MASK = 1023;

/** The tag of the magazine of blocks beyond 2 MiB, each of a length and with a window of its own. */
export const HUGE_TAG = 67;

/** Block numbers of tag `t` stand from `t << MAGAZINE_SHIFT` on. */
export const MAGAZINE_SHIFT = 6;

/** The bits of a value's handle that are its slot. */
export const SLOT_BITS = 24;

/** A chunk of slots has 2^SLOT_CHUNK_SHIFT of them. */
export const SLOT_CHUNK_SHIFT = 12;

/** The longest compressed value. Unit: bytes. */
export const MAX_VALUE_BYTES = 2097152;

/** Generations of slots are below, and not 0. */
export const FIRST_GENERATIONS = 536870911;

/** The parts of NativePool.magazines, in words of 32 bits. */
export const MAGAZINES = {
  /** Blocks in the magazine, by tag. */
  depth: { at: 0, length: 256 },
  /** A release that finds so many blocks in the magazine takes the slow path; by tag. */
  limit: { at: 256, length: 256 },
  /** Counts acquires, by tag; wraps around. */
  acquired: { at: 512, length: 256 },
  /** Block numbers: 2^MAGAZINE_SHIFT of them a tag. */
  blocks: { at: 768, length: 4352 },
  /** Free blocks that guards keep outside of magazines, by tag. */
  parked: { at: 5120, length: 256 },
  /** What guards have in hand, by GUARD_LEVEL. */
  guardLevels: { at: 5376, length: 5 },
  /** Part of `acquired` that is no acquire: random steps of sampling; by tag. */
  skipped: { at: 5381, length: 256 },
  /** What a refill has fetched and nobody can acquire yet, by STAGED. */
  staged: { at: 5637, length: 67 },
  /**
   * How much longer than the request a block beyond 2 MiB may be that serves it, in percent of the request.
   */
  hugeWaste: { at: 5960, length: 1 },
  /** Free blocks whose buffers wait to be lent again, by tag. */
  idle: { at: 5704, length: 256 },
  /** Numbers of 64 bits, by OBJECT_COUNT: of a pool of JavaScript's own objects. */
  objects: { at: 5962, length: 36 },
  /** Numbers of 64 bits, by FILE_COUNT: of a pool in a file. */
  file: { at: 5998, length: 50 },
  /** Of a pool of records, by RECORDS. */
  records: { at: 6048, length: 2 },
} as const;

/** Places in MAGAZINES.guardLevels. A granule has 64 bytes. */
export const GUARD_LEVEL = {
  /** Of parked blocks beyond 2 MiB. */
  parkedHugeGranules: 0,
  /** Leases that leak detection or guards watch. */
  watchedBlocks: 1,
  /** Of their blocks. */
  watchedGranules: 2,
  /** Part of the parked blocks. */
  quarantinedBlocks: 3,
  /** Of the quarantined blocks. */
  quarantinedGranules: 4,
} as const;

/** Places in MAGAZINES.staged. */
export const STAGED = {
  /** How many blocks are staged. */
  blocks: 0,
  /** The tag of all of them. */
  tag: 1,
  /** Another number after each refill. */
  refills: 2,
  /** From here on, the blocks' numbers. */
  first: 3,
} as const;

/** Places in MAGAZINES.objects, which has numbers of 64 bits. */
export const OBJECT_COUNT = {
  /** 1 in a pool of objects, 0 in others. */
  isCounted: 0,
  /** Objects handed to callers. */
  acquires: 1,
  /** Requests refused because of the limit. */
  exhausted: 2,
  /** objects that callers hold */
  inUse: 3,
  /** objects that wait to be lent */
  idle: 4,
  /** objects that are being made, tested or reset */
  pending: 5,
  /** most objects that callers held at once */
  peakInUse: 6,
  /** when that was noticed, in time since the Unix epoch; 0 if none ever was lent */
  peakInUseAtMs: 7,
  /** limit of the objects; 0 is none */
  max: 8,
  /** objects that were made */
  made: 9,
  /** objects that were destroyed, or collected while they were lent */
  destroyed: 10,
  /** lent objects that were collected without being given back */
  collected: 11,
  /** calls of create that threw, were rejected or took too long */
  createFailures: 12,
  /** objects that failed their test or their reset, and were destroyed */
  invalid: 13,
  /** calls of destroy that threw, were rejected or took too long */
  destroyFailures: 14,
  /** idle objects that were destroyed because memory was scarce */
  relieved: 15,
  /** leases that lasted longer than the pool allows */
  leaseTimeouts: 16,
  /** calls that waited for an object in vain */
  waitTimeouts: 17,
} as const;

/** Places in MAGAZINES.file, which has numbers of 64 bits. */
export const FILE_COUNT = {
  /** 1 in a pool in a file, 0 in others. */
  isCounted: 0,
  /** bytes of the file for blocks, in use or not */
  dataBytes: 1,
  /** what the bytes for blocks may become */
  maxBytes: 2,
  /** bytes of all blocks, as long as they are in the file */
  usedBytes: 3,
  /** bytes of free extents of whole pages */
  freeBytes: 4,
  /** blocks that live */
  blocks: 5,
  /** length of the file, holes included */
  fileBytes: 6,
  /** what the file takes of its file system */
  diskBytes: 7,
  /** length of the journal */
  journalBytes: 8,
  /** most bytes of blocks since the file was opened */
  peakUsedBytes: 9,
  /** when that was noticed, in time since the Unix epoch; 0 if there never was a block */
  peakUsedAtMs: 10,
  /** buffers over blocks that were neither released nor found to be collected */
  views: 11,
  /** records of the journal that a power failure may take */
  undurableBytes: 12,
  /** how long the oldest of them is there */
  undurableMs: 13,
  /** blocks that were allocated since the file was opened */
  allocs: 14,
  /** blocks that were freed for good, or undone, since the file was opened */
  frees: 15,
  /** requests for blocks that got none */
  failedAllocs: 16,
  /** requests for blocks that were refused because of the limit */
  exhausted: 17,
  /** commits since the file was opened */
  commits: 18,
  /** times that the file system was asked to make something durable */
  syncs: 19,
  /** time that this took */
  syncNs: 20,
  /** times that changed pages were written home */
  checkpoints: 21,
  /** records of the journal that were replayed when the file was opened */
  replayed: 22,
  /** bytes for blocks by which the file grew */
  grownBytes: 23,
  /** bytes that went back to the file system */
  trimmedBytes: 24,
} as const;

/** Places in MAGAZINES.records. */
export const RECORDS = {
  /** Records that the chunks have. */
  made: 0,
  /** Those that are free. */
  idle: 1,
} as const;

/** The rows of NativePool.valueSlots(), in words of 32 bits. */
export const SLOT_ROWS = {
  /** The word of a slot: see SLOT_STATE. Others change it, too. */
  state: { at: 0, length: 4096 },
  /** The generation of the slot's value. */
  generation: { at: 4096, length: 4096 },
  /** The block of a hot value; 0 of others. */
  block: { at: 8192, length: 4096 },
  /** Of the value, in bytes. */
  length: { at: 12288, length: 4096 },
} as const;

/** What SLOT_ROWS.state has. */
export const SLOT_STATE = {
  /** The bits that say how often it is pinned. */
  pins: 65535,
  /** It was used since the hand came by. */
  referenced: 65536,
  /** It is in its block. */
  hot: 131072,
  /** The same, and it is being compressed. */
  busy: 262144,
  /** It is compressed. */
  cold: 393216,
  /** The bits below are pins and `referenced`. */
  shift: 17,
} as const;
