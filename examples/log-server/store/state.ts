import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { MappedPool } from 'superslab/files';
import { KeptEntries } from './kept-entries.js';
import { MappedIndex, readArchives } from './mapped-index.js';
import type { Store } from './store.js';

/** The file beside the archives. */
export const STATE_FILE = 'state.slab';

/**
 * What a server has in a file: its newest entries, and the index of its archives. A server that was killed has them again when it is started;
 * after a power failure the last of them may be missing.
 */
export function openState(directory: string, keepBytes: number, maxMessage: number): Store {
  mkdirSync(directory, { recursive: true });
  const pool = MappedPool.open(join(directory, STATE_FILE), { name: 'log-server', sync: 'none' });
  const entries = new KeptEntries(pool, keepBytes, maxMessage);
  return {
    entries,
    index: async (path, onError) => new MappedIndex(pool, path, onError),
    archives: () => readArchives(pool),
    close() {
      entries.release();
      pool.close();
    },
  };
}
