// A heap in a file, as the native side shows it (native/binding/mapped_methods.cc).

export interface FileOptions {
  readonly path: string;
  /** 0 for the default; as for the next two. */
  readonly size: number;
  readonly maxBytes: number;
  readonly growBy: number;
  /** Permission bits. */
  readonly mode: number;
  /** Only read. */
  readonly reads: boolean;
  /** 0 none, 1 data, 2 full. */
  readonly sync: number;
  readonly recovers: boolean;
  /** 0 as it was made, 1 none, 2 one of each block. */
  readonly checksums: number;
  /** 0 as it was made, 1 without, 2 overwriting what is freed. */
  readonly sensitive: number;
  /** 0 as it was made, 1 plain, 2 sealed by who uses it. */
  readonly encrypted: number;
  /** With others that do. */
  readonly shares: boolean;
  readonly lockTimeoutMs: number;
}

export interface FileFailure {
  /** A FILE_FAULT. */
  readonly fault: number;
  /** A FILE_STATUS. */
  readonly status: number;
  /** 0 for none. */
  readonly errno: number;
  /** Which structure is damaged, or which operation failed. */
  readonly what: string;
  /** Its number, or the value that is wrong. */
  readonly where: number;
}

/** A heap in a file. What its methods return is a FILE_FAULT if nothing else is said, and failure() tells more. */
export interface NativeFile {
  /**
   * Handle, offset in the data and length in out[0], [1] and [2], of four. `isFirst`: nobody has a view of a block. `isHasty`: it does not
   * wait for the writer's lock.
   */
  alloc(bytes: number, out: Float64Array, isFirst: boolean, isHasty: boolean): number;
  /** The same of a block that lives. */
  find(handle: number, out: Float64Array, isFirst: boolean): number;
  free(handle: number): number;
  /** 0 none, 1 data, 2 full. */
  commit(level: number): number;
  /** Commits, and puts the record that then has to become durable into out[0], of four; 0 when it is. */
  commitLater(out: Float64Array): number;
  /**
   * A sync of all that was written before, on another thread: 1 data, 2 full. Resolves when it has ended, however it did. undefined
   * once the file is closed.
   */
  syncLater(level: number): Promise<undefined> | undefined;
  /**
   * The last record that is durable, how many of syncLater() have ended, and a FILE_FAULT if the pool changes nothing any more; into
   * out[0], [1] and [2], of four.
   */
  syncState(out: Float64Array): void;
  /** Begins a copy of the file, which gets its name when it is finished. */
  beginBackup(path: string, mode: number): number;
  /** Copies so many bytes more; done and total into out[0] and [1], of four. A fault ends it. */
  stepBackup(bytes: number, out: Float64Array): number;
  finishBackup(): number;
  /** Gives it up. */
  endBackup(): void;
  /** Whether events are noted from now on. */
  listen(listens: boolean): void;
  /** What has happened since it was called last, by FILE_EVENT. */
  takeEvents(): { readonly kind: number; readonly bytes: number; readonly durationNs: number }[];
  /** The same of the first block at or behind the place out[3], which goes on; whether there is one. Otherwise out[2] is a FILE_FAULT. */
  next(out: Float64Array, isFirst: boolean): boolean;
  /** A handle, 0 for none; a fault below 0. */
  root(name: string): number;
  /** 0 ends it. */
  setRoot(name: string, handle: number): number;
  rootNames(): string[];
  write(handle: number, at: number, bytes: Uint8Array): number;
  /** Fills `bytes` with what the batch writes at that place in the data: what its last write() that covers them has; false without one. */
  writtenAt(offset: number, bytes: Uint8Array): boolean;
  /** Whether it was made with `encrypted`. */
  isEncrypted(): boolean;
  /** Into four numbers: changes, blocks taken, frees, and bytes of writes, of the batch. */
  savepoint(out: Float64Array): void;
  rollBack(place: Float64Array): void;
  /** Bytes that went back to the file system, which then has at most `targetBytes` of the file, if it can be; a fault below 0. */
  trim(targetBytes: number): number;
  check(): FileCheck;
  /** Writes what the native side counts, in places by FILE_COUNT; the last figures once it is closed. */
  publish(counts: Float64Array): void;
  /** Of the last call that failed. */
  failure(): FileFailure;
  hasUncommitted(): boolean;
  /** An ArrayBuffer over a part of the data; undefined where the host forbids it, or outside of the data. */
  window(offset: number, bytes: number): ArrayBuffer | undefined;
  /** 0 normal, 1 sequential, 2 random, 3 will need, 4 do not need. */
  advise(offset: number, bytes: number, pattern: number): void;
  /** Takes the writer's lock for a batch that begins by reading. */
  beginBatch(): number;
  /** Gives it back, if nothing was changed. */
  endBatch(): void;
  /** Events, commits that changed something, and the last record of all, into out[0], [1] and [2], of four; false where the file is not shared. */
  sharedState(out: Float64Array): boolean;
  /** The oldest view knows of the records up to `known`, and is `ageMs` old; -1: there is none. */
  setOldestView(known: number, ageMs: number): void;
  /** Resolves when there are other events than sharedState() has told of, or after the time, or after 100 ms. undefined where it cannot wait. */
  awaitEvent(seen: number, ms: number): Promise<undefined> | undefined;
  /** A NAME_LOCK. Waits so long at most, on this thread, for a lock that another pool has. */
  lockName(name: string, isShared: boolean, waitMs: number): number;
  unlockName(name: string): void;
  /** Overwrites the file and ends its name, an absolute path. It still has to be closed. */
  destroy(path: string): number;
  close(): number;
}

/** What was done to a damaged file, in words. */
export interface FileRepair {
  /** Whether nothing contradicts anything any more. */
  readonly isWhole: boolean;
  readonly mended: readonly string[];
  readonly lost: readonly string[];
}

export interface FileCheck {
  /** How many things contradict each other. */
  readonly wrong: number;
  /** Those of them that are blocks whose bytes do not match their checksums. */
  readonly damagedBlocks: number;
  /** The first of them, in words. */
  readonly messages: readonly string[];
  readonly blocks: number;
  readonly slabs: number;
  readonly freeExtents: number;
}
