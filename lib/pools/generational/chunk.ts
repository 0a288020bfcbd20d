import { environment, facts } from '../../addon/environment.js';
import { GRANULE_MASK, GRANULE_SHIFT } from '../../addon/generated/memory.js';
import { builtins, copyInto, fill } from '../../base/builtins.js';
import { hugeWindow } from '../../pool/huge-windows.js';
import { leases, type PooledBuffer } from '../../pool/pooled-buffer.js';
import { currentWindow } from '../../pool/windows.js';

export const YOUNG = 0;
export const OLD = 1;
export const PERMANENT = 2;
/** Of chunks for values that end with their scope. */
export const SCOPE = 3;
/** Of young chunks that the collection under way empties. */
export const LEAVING = 4;
export type Generation = typeof YOUNG | typeof OLD | typeof PERMANENT | typeof SCOPE | typeof LEAVING;

/** Values begin at multiples of it, and take at least as much. Unit: bytes. */
export const ALIGN = 8;
/** Up to so many bytes a loop over words is faster than a view for each copy. */
const MAX_LOOP_BYTES = 512;
const FIRST_LOG = 1024;
/** The largest block that lies in a slab. */
const MAX_CLASS_BYTES = facts.bytesOfTag[facts.bytesOfTag.length - 1]!;

/** Bytes of a chunk that a value of so many takes. */
export const footprint = (bytes: number): number => (bytes === 0 ? ALIGN : (bytes + ALIGN - 1) & -ALIGN);

const NO_BYTES = new Uint8Array(0);
const NO_WORDS = new Uint32Array(0);

/**
 * Memory in which values lie one after the other, and how much of it is used.
 * Invariant: liveBytes <= used <= capacity; both are multiples of ALIGN.
 */
export class Chunk {
  /** Its place in the list of all chunks; -1 of one that is in none. */
  index = -1;
  readonly buf: PooledBuffer | undefined;
  readonly capacity: number;
  generation: Generation;
  /** All of its memory. Both are empty once the program has taken the ArrayBuffer away: see {@link refresh}. */
  bytes: Uint8Array = NO_BYTES;
  words: Uint32Array = NO_WORDS;
  /** Where the next value goes. */
  used = 0;
  liveBytes = 0;
  liveValues = 0;
  /** Values in it that must not move. */
  pinned = 0;
  /** Whether the program got a view of a value in it since the last collection began: then only a collection moves it. */
  isViewed = false;
  /** Collections that it went through since it was filled. */
  age = 0;
  /** The slots of what was put in it, in that order; some have ended, or moved on. */
  log: Uint32Array = NO_WORDS;
  logged = 0;

  constructor(buf: PooledBuffer | undefined, capacity: number, generation: Generation, values: number) {
    this.buf = buf;
    this.capacity = capacity;
    this.generation = generation;
    if (values > 0) this.log = new builtins.Uint32Array(Math.min(values, FIRST_LOG));
    if (buf !== undefined) this.refresh();
  }

  /** Sees the memory anew: the program may have taken the ArrayBuffer away by a transfer. */
  refresh(): void {
    if (this.buf!.released) return;
    const block = leases.blockOf(this.buf!);
    const isHuge = environment.capacity(block) > MAX_CLASS_BYTES;
    const window = isHuge ? hugeWindow(block) : currentWindow(block);
    const start = isHuge ? 0 : (block & GRANULE_MASK) << GRANULE_SHIFT;
    const bytes = new builtins.Uint8Array(window, start, this.capacity);
    const words = new builtins.Uint32Array(window, start, this.capacity >>> 2);
    this.bytes = bytes;
    this.words = words;
  }

  growLog(): void {
    const log = new builtins.Uint32Array(Math.max(this.log.length * 2, 1));
    copyInto(log as unknown as Uint8Array, this.log as unknown as Uint8Array);
    this.log = log;
  }

  /** Overwrites what nobody may see any more. */
  wipe(from: number, to: number, byte: number): void {
    if (this.bytes.length === 0) this.refresh();
    fill(this.bytes.subarray(from, to), byte);
  }
}

/** Has room for nothing: what takes a chunk's place where there is none. */
export const NO_CHUNK = new Chunk(undefined, 0, YOUNG, 0);

/** Copies a value of `length` bytes from one chunk to another; both offsets are multiples of ALIGN. */
export function copyValue(from: Chunk, offset: number, to: Chunk, target: number, length: number): void {
  if (length > MAX_LOOP_BYTES) {
    copyInto(to.bytes.subarray(target, target + length), from.bytes.subarray(offset, offset + length));
    return;
  }
  const source = from.words;
  const words = to.words;
  const end = (offset + length + 3) >>> 2;
  let at = target >>> 2;
  for (let i = offset >>> 2; i < end; i++) words[at++] = source[i]!;
}
