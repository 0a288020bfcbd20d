import type { Memory } from '../memory/memory.js';
import type { MakeIndex } from './archive.js';
import { FileIndex } from './archive-index.js';
import type { EntryAppender } from './find-entries.js';
import type { IndexedArchive } from './mapped-index.js';
import { RecentEntries } from './recent-entries.js';

/** Where a server's entries and indexes are. */
export interface Store {
  readonly entries: EntryAppender;
  /** The index of a new archive. */
  readonly index: MakeIndex;
  /** The archives that it knows, the newest first. */
  archives(): readonly IndexedArchive[];
  /** Gives all memory back. */
  close(): void;
}

/** Entries where they were received, and an index file beside each archive: all of it ends with the process. */
export function memoryStore(memory: Memory, keepBytes: number): Store {
  const entries = new RecentEntries(memory, keepBytes);
  return {
    entries,
    index: (path, onError) => FileIndex.open(path.replace(/\.log$/, '.index'), memory, onError),
    archives: () => [],
    close: () => entries.release(),
  };
}
