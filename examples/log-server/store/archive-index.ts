import { close, fsync, open, write } from 'node:fs';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Memory } from '../memory/memory.js';
import type { BlockStats } from './block-stats.js';
import { INDEX_MAGIC, INDEX_RECORD_BYTES, writeIndexRecord } from './index-record.js';

const PAGE_BYTES = 32 * INDEX_RECORD_BYTES;

/** What is known of the blocks of an archive: a record for each. */
export interface ArchiveIndex {
  append(stats: BlockStats): void;
  /** Sees to it that what was appended can be read by others. */
  flush(): void;
  /** Nothing is appended from now on. */
  close(): Promise<void>;
  /** Once it is closed: the archive is removed, and so is its index. */
  remove(): Promise<void>;
}

/** The index file beside an archive, gathered in pooled pages. */
export class FileIndex implements ArchiveIndex {
  readonly path: string;
  readonly #memory: Memory;
  readonly #fd: number;
  readonly #onError: (error: Error) => void;
  #page: Buffer | undefined;
  #used = 0;
  #position = INDEX_MAGIC.length;
  #writing = 0;
  #whenIdle: (() => void) | undefined;

  static async open(path: string, memory: Memory, onError: (error: Error) => void): Promise<FileIndex> {
    const fd = await promisify(open)(path, 'wx');
    await promisify(write)(fd, INDEX_MAGIC, 0, INDEX_MAGIC.length, 0);
    return new FileIndex(path, fd, memory, onError);
  }

  private constructor(path: string, fd: number, memory: Memory, onError: (error: Error) => void) {
    this.path = path;
    this.#fd = fd;
    this.#memory = memory;
    this.#onError = onError;
  }

  append(stats: BlockStats): void {
    this.#page ??= this.#memory.acquire(PAGE_BYTES);
    writeIndexRecord(this.#page, this.#used, stats);
    this.#used += INDEX_RECORD_BYTES;
    if (this.#used === PAGE_BYTES) this.flush();
  }

  /** Writes the page begun, however full. */
  flush(): void {
    const page = this.#page;
    if (page === undefined) return;
    const length = this.#used;
    const position = this.#position;
    this.#page = undefined;
    this.#used = 0;
    this.#position += length;
    this.#writing++;
    write(this.#fd, page, 0, length, position, (error, written) => {
      this.#memory.release(page);
      this.#writing--;
      if (error) this.#onError(error);
      else if (written < length)
        this.#onError(new Error(`archive index: wrote ${written} of ${length} bytes`));
      if (this.#writing === 0) this.#whenIdle?.();
    });
  }

  async close(): Promise<void> {
    this.flush();
    if (this.#writing > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    await promisify(fsync)(this.#fd);
    await promisify(close)(this.#fd);
  }

  async remove(): Promise<void> {
    await rm(this.path);
  }
}
