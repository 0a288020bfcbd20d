// Generated from native/binding/tables.h by scripts/generate.mjs. Do not edit.

/** The first byte of a frame. Raised when the meaning of one changes. */
export const MAP_FORMAT = 1;

/** Slices of a superslab. */
export const SLICES = 32;

/** Size of a superslab. Unit: bytes. */
export const SUPERSLAB_BYTES = 2097152;

/** Size of a slice. Unit: bytes. */
export const SLICE_BYTES = 65536;

/** Places for superslabs in an arena. */
export const SUPERSLABS_PER_ARENA = 2048;

/** Size of a frame's header. Unit: bytes. */
export const HEADER_BYTES = 16;

/** Size of a record. Unit: bytes. */
export const RECORD_BYTES = 76;

/** Size of a slice's part of it. Unit: bytes. */
export const SLICE_ENTRY_BYTES = 2;

/** The tag of a slice that is in no slab. */
export const TAG_FREE = 0;

/** The tag of a slice of a block beyond 2 MiB. */
export const TAG_HUGE = 255;

/**
 * Set in the tag of a slice whose slab began in an earlier slice. The other bits are the size class plus one:
 * `tag` in Hello.classes.
 */
export const TAG_CONTINUED = 128;

/** A slice's state is the fullness of its whole slab, and in the bits below the temperature. */
export const FULLNESS_SHIFT = 4;

/**
 * The fullness of a slab whose blocks are all out, or of a leased block beyond 2 MiB. 0 is none, and between
 * them stands 1 + 14 x out / blocks, rounded down. A block is out when a caller or a thread's magazine has
 * it.
 */
export const FULL = 15;

/** Offsets in the header of a frame; the records follow it, in ascending order of index. */
export const HEADER = {
  /** u8: MAP_FORMAT. */
  format: 0,
  /**
   * u8: 1 when every superslab that is or was in use follows, so that what was known before is forgotten; 0
   * when only superslabs follow whose record changed.
   */
  full: 1,
  /** u16: size of a record. A reader steps by it and ignores what it does not know. */
  recordBytes: 2,
  /** u32: number of records. */
  records: 4,
  /** f64: when the memory was looked at, in milliseconds since 1970. */
  atMs: 8,
} as const;

/** Offsets in the record of a superslab. */
export const RECORD = {
  /** u32: arena ordinal x SUPERSLABS_PER_ARENA + place in its arena; dense, and stays the same. */
  index: 0,
  /** u8: see USE. */
  use: 4,
  /** u8: `ordinal` in PoolNames; 0 when it is in none, or in one without a name. */
  pool: 5,
  /** u8: a set of FLAG. */
  flags: 6,
  /** u8: memory node that it was placed on + 1; 0 when that is unknown, or wherever the thread ran. */
  node: 7,
  /** u32: superslabs of the block beyond 2 MiB that starts here; otherwise 0. */
  span: 8,
  /** SLICES x SLICE_ENTRY, in ascending order of address. */
  slices: 12,
} as const;

/** Offsets in what a record has of each slice. */
export const SLICE_ENTRY = {
  /** u8: a size class plus one, or see TAG_. */
  tag: 0,
  /** u8: fullness << FULLNESS_SHIFT | temperature. */
  state: 1,
} as const;

/** What a superslab is used for. */
export const USE = {
  /** In no pool: never handed out, or given back. */
  spare: 0,
  /** Cut into slabs. */
  slabs: 1,
  /** First superslab of a block beyond 2 MiB. */
  hugeHead: 2,
  /** A further superslab of such a block. */
  hugeTail: 3,
} as const;

/** What RECORD.flags is a set of. */
export const FLAG = {
  /** In explicit huge pages. */
  hugePages: 1,
  /** Transparent huge pages are asked for. */
  transparentHuge: 2,
  /** ArrayBuffers over it may exist. */
  views: 4,
  /** Spare, and holds memory still. */
  idle: 8,
  /** Memory of a pool of secrets. */
  secret: 16,
} as const;

/**
 * Of a slice's whole slab. Growing cold alone sends no record: a slice that was hot is warm after the next
 * frame that does not call it hot again, and cold 60 s later.
 */
export const TEMPERATURE = {
  /** Nothing is behind it: never touched, or given back to the operating system. */
  untouched: 0,
  /** No block of it was taken or given back for 60 s. */
  cold: 1,
  /** One was within the last 60 s. */
  warm: 2,
  /** One was since the frame before. */
  hot: 3,
} as const;
