import type { BlockNumber } from '../addon/binding.js';
import type { MisusedBuffer } from '../base/misuse.js';

/** What buffers tell of a lease that leak detection or a guard watches. */
export interface WatchedLease {
  readonly block: BlockNumber;
  readonly size: number;
  /** What the buffer is for, in reports. */
  tag: string;
  /** What its buffer has left of them, and how often it was retained. */
  references: number;
  retains: number;
  /** The lease is in the native lease table from now on. */
  share(): void;
  /** It is not after all. */
  unshare(): void;
  // A release is these three, because the buffer itself must be marked as released in the midst of it.
  /** The last reference is about to be given back. May run code of the program. */
  beforeRelease(memory: ArrayBuffer): void;
  /** Ends the lease: all of it, or, if it is cut off, nothing. `memory` is what its buffer shows. */
  end(memory: ArrayBuffer): void;
  /**
   * The rest of the release.
   * @throws ERR_SUPERSLAB_OVERFLOW when bytes behind the buffer were overwritten; it is released all the same
   */
  afterRelease(): void;
  /** What errors say of it. */
  misuse(): MisusedBuffer;
}

/** Has an ArrayBuffer that one lease after the other uses alone. */
export interface MemoryHolder {
  /** The present lease, or the last. */
  readonly lease: WatchedLease | undefined;
}

const holders = new WeakMap<ArrayBuffer, MemoryHolder>();

export function noteMemory(memory: ArrayBuffer, holder: MemoryHolder): void {
  holders.set(memory, holder);
}

/** The lease whose ArrayBuffer this is, or was last: to tell whose slice somebody tries to release. */
export function leaseOfMemory(memory: ArrayBuffer): WatchedLease | undefined {
  return holders.get(memory)?.lease;
}
