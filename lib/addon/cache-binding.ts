// A cache that processes have in common, as the native side shows it (native/binding/shared_cache_methods.cc).
import type { FileFailure } from './file-binding.js';

export interface CacheFileOptions {
  readonly path: string;
  /** 0 for the default, or what the file has. */
  readonly maxBytes: number;
  /** 0 for the default. */
  readonly maxEntries: number;
  /** Permission bits. */
  readonly mode: number;
}

/** Of all processes that have or had the cache open, since its file was made. */
export interface CacheCounters {
  readonly hits: number;
  readonly misses: number;
  /** Values that were stored. */
  readonly sets: number;
  /** Values that delete() took out. */
  readonly deletes: number;
  /** Values that made room for others. */
  readonly evictions: number;
  /** Values that were found to be out of date when their room was needed. */
  readonly expirations: number;
  /** Values that were used, and so kept when it was their turn to make room. */
  readonly survivals: number;
  /** Values that were not stored. */
  readonly refusals: number;
  /** How often a part of the cache was repaired, because somebody died while writing to it, or it was damaged. */
  readonly repairs: number;
  /** Values that getOrCompute() had computed. */
  readonly computations: number;
}

export interface CacheFigures extends CacheCounters {
  readonly entries: number;
  /** What the values take, with their keys. */
  readonly bytes: number;
  /** What they may take. */
  readonly roomBytes: number;
  /** Bytes of the file. */
  readonly maxBytes: number;
  /** The longest value. Unit: bytes. */
  readonly maxValueBytes: number;
  /** Threads that have the cache open, of all processes. */
  readonly members: number;
}

export interface CacheCheck {
  readonly entries: number;
  /** How many things contradicted each other; they were taken out. */
  readonly wrong: number;
  /** False when a part was not looked at, because somebody has its lock who does not go on. */
  readonly isComplete: boolean;
}

/** What its methods return is a FILE_FAULT below 0 if all of the cache has failed, or an argument was out of its range. */
export interface NativeSharedCache {
  /**
   * 1 for a value, which this member has pinned at place `pin`; 0 for none. Into twelve numbers: shard, place of the slot's word, its
   * lower and upper half, where the value begins in the shard, its bytes, start and granules of its pin, when it expires (0: never),
   * where its use is noted, its bytes before it was compressed, and its codec, with 256 added if it has tags.
   */
  find(key: string, pin: number, out: Float64Array): number;
  /** Some keys of those from place next[0] on, which is raised; an empty array when there are no more. */
  keys(next: Float64Array): string[] | number;
  /** A STORED. `tags` as hashTag() filled it; `claim` as claim() did. */
  store(
    key: string,
    bytes: Uint8Array,
    ttlMs: number,
    tags: Float64Array | undefined,
    claim: Float64Array | undefined,
    codec: number,
    plainBytes: number,
  ): number;
  /** Adds the hash of a tag to `tags`, [0] of which says how many there are; false when there is no room. */
  hashTag(tag: string, tags: Float64Array): boolean;
  /** 1 if there was a value, 0 if not, 2 when its part is busy. */
  remove(key: string): number;
  removeTag(tag: string): number;
  /** The epoch in which the tag was deleted last; without one, that of now. */
  tagVersion(tag: string | undefined): number;
  /** 2 when a part is busy. */
  clear(): number;
  /** A CLAIMED. A ticket in out[0], and the epoch in out[1]. */
  claim(key: string, out: Float64Array): number;
  endClaim(key: string, ticket: number): void;
  /**
   * From now on the thread is signalled when a claim may have ended that another member had when claim() was asked. False where the system
   * cannot tell.
   */
  listen(): boolean;
  deafen(): void;
  /** 0 for none since the last call; 1 when claims have ended; 2 when somebody has left or died, whose claims may stay for a moment. */
  takeNews(): number;
  /** Others look at so many of this member's places for pins. */
  markPins(count: number): void;
  stats(): CacheFigures;
  check(): CacheCheck | number;
  /** A shard; undefined where the host forbids external ArrayBuffers, and once the cache has failed. */
  window(shard: number): ArrayBuffer | undefined;
  /** Part of a shard, which no other ArrayBuffer stands for. */
  pageWindow(shard: number, at: number, bytes: number): ArrayBuffer | undefined;
  /** The page of this member. */
  memberWindow(): ArrayBuffer | undefined;
  /** 64 bits that are not 0 once a page of the file was missing. */
  lostWindow(): ArrayBuffer | undefined;
  /** Bytes of `target` that the compressed ones take; 0 when they have no room there, or without LZ4. */
  lz4Compress(bytes: Uint8Array, target: Uint8Array): number;
  /** Whether they were as many compressed ones as `target` has, which it has then. */
  lz4Decompress(bytes: Uint8Array, target: Uint8Array): boolean;
  failure(): FileFailure;
  close(): void;
}
