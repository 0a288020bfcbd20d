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
  /** Handle, offset in the data and length in out[0], [1] and [2], of four. */
  alloc(bytes: number, out: Float64Array): number;
  /** The same of a block that lives. */
  find(handle: number, out: Float64Array): number;
  free(handle: number): number;
  /** 0 none, 1 data, 2 full. */
  commit(level: number): number;
  /** The same of the first block at or behind the place out[3], which goes on; whether there is one. */
  next(out: Float64Array): boolean;
  /** A handle, 0 for none; a fault below 0. */
  root(name: string): number;
  /** 0 ends it. */
  setRoot(name: string, handle: number): number;
  rootNames(): string[];
  write(handle: number, at: number, bytes: Uint8Array): number;
  /** Into four numbers. */
  savepoint(out: Float64Array): void;
  rollBack(place: Float64Array): void;
  /** Bytes that went back to the file system; a fault below 0. */
  trim(): number;
  check(): FileCheck;
  stats(): FileFigures;
  /** Of the last call that failed. */
  failure(): FileFailure;
  hasUncommitted(): boolean;
  /** An ArrayBuffer over a part of the data; undefined where the host forbids it, or outside of the data. */
  window(offset: number, bytes: number): ArrayBuffer | undefined;
  /** 0 normal, 1 sequential, 2 random, 3 will need, 4 do not need. */
  advise(offset: number, bytes: number, pattern: number): void;
  close(): number;
}

export interface FileCheck {
  /** How many things contradict each other. */
  readonly wrong: number;
  /** The first of them, in words. */
  readonly messages: readonly string[];
  readonly blocks: number;
  readonly slabs: number;
  readonly freeExtents: number;
}

export interface FileFigures {
  /** Bytes of the file for blocks, in use or not. */
  readonly dataBytes: number;
  /** What dataBytes may become. */
  readonly maxBytes: number;
  /** Bytes of all blocks, as long as they are in the file. */
  readonly usedBytes: number;
  /** Bytes of free extents of whole pages. */
  readonly freeBytes: number;
  readonly blocks: number;
  /** The file's length, holes included. */
  readonly fileBytes: number;
  readonly journalBytes: number;
  /** Since the file was opened. */
  readonly commits: number;
  /** How often pages were written home since the file was opened. */
  readonly checkpoints: number;
  /** Records of the journal that were replayed when the file was opened. */
  readonly replayed: number;
}
