import type { MappedBuffer, MappedPool } from 'superslab/files';
import type { ArchiveIndex } from './archive-index.js';
import type { BlockStats } from './block-stats.js';
import { INDEX_RECORD_BYTES, type IndexRecord, readIndexRecord, writeIndexRecord } from './index-record.js';

/** The block of the newest archive, which names that of the archive before. */
const ROOT = 'archives';

/** Handles in an archive's block, and its path. */
const BEFORE_AT = 0;
const LAST_PAGE_AT = 8;
const NAME_AT = 16;

/** A page of records: the handle of the page before, and how many it has, which is stored last. */
const COUNT_AT = 8;
const RECORDS_AT = 64;
const PAGE_RECORDS = 31;
const PAGE_BYTES = RECORDS_AT + PAGE_RECORDS * INDEX_RECORD_BYTES;

/** The index of an archive, in the server's file: what was appended is there after a kill. */
export class MappedIndex implements ArchiveIndex {
  readonly #pool: MappedPool;
  readonly #archive: MappedBuffer;
  readonly #onError: (error: Error) => void;
  #page: MappedBuffer | undefined;

  constructor(pool: MappedPool, name: string, onError: (error: Error) => void) {
    this.#pool = pool;
    this.#onError = onError;
    this.#archive = pool.transaction(() => {
      const before = pool.root(ROOT);
      const archive = pool.alloc(NAME_AT + Buffer.byteLength(name)).fill(0);
      archive.writeDoubleLE(before?.handle ?? 0, BEFORE_AT);
      archive.write(name, NAME_AT);
      pool.setRoot(ROOT, archive);
      before?.release();
      return archive as MappedBuffer;
    });
  }

  append(stats: BlockStats): void {
    try {
      if (this.#page === undefined || this.#page.readUInt32LE(COUNT_AT) === PAGE_RECORDS) this.#turnOver();
    } catch (error) {
      this.#onError(error as Error);
      return;
    }
    const page = this.#page!;
    const count = page.readUInt32LE(COUNT_AT);
    writeIndexRecord(page, RECORDS_AT + count * INDEX_RECORD_BYTES, stats);
    page.writeUInt32LE(count + 1, COUNT_AT);
  }

  #turnOver(): void {
    const page = this.#pool.alloc(PAGE_BYTES).fill(0) as MappedBuffer;
    page.writeDoubleLE(this.#page?.handle ?? 0, BEFORE_AT);
    this.#pool.commit();
    this.#archive.writeDoubleLE(page.handle, LAST_PAGE_AT);
    this.#page?.release();
    this.#page = page;
  }

  flush(): void {}

  async close(): Promise<void> {
    this.#page?.release();
    this.#archive.release();
  }

  /** The archive is none: nothing came for it. It is still the newest. */
  async remove(): Promise<void> {
    this.#pool.transaction(() => {
      const newest = this.#pool.root(ROOT)!;
      const before = newest.readDoubleLE(BEFORE_AT);
      this.#pool.setRoot(ROOT, before === 0 ? null : before);
      this.#pool.free(newest);
    });
  }
}

/** One archive in the index. */
export interface IndexedArchive {
  readonly name: string;
  readonly records: IndexRecord[];
}

/** All archives that the file knows, the newest first. */
export function readArchives(pool: MappedPool): IndexedArchive[] {
  const archives: IndexedArchive[] = [];
  let archive = pool.root(ROOT);
  while (archive !== undefined) {
    archives.push({
      name: archive.toString('utf8', NAME_AT),
      records: readPages(pool, archive.readDoubleLE(LAST_PAGE_AT)),
    });
    const before = archive.readDoubleLE(BEFORE_AT);
    archive.release();
    archive = before === 0 ? undefined : pool.tryAt(before);
  }
  return archives;
}

function readPages(pool: MappedPool, last: number): IndexRecord[] {
  const records: IndexRecord[] = [];
  for (let handle = last; handle !== 0; ) {
    using page = pool.tryAt(handle);
    if (page === undefined) break;
    for (let i = page.readUInt32LE(COUNT_AT) - 1; i >= 0; i--)
      records.push(readIndexRecord(page, RECORDS_AT + i * INDEX_RECORD_BYTES));
    handle = page.readDoubleLE(BEFORE_AT);
  }
  return records.reverse();
}
