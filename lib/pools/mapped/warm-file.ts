import { touchPages, type WarmProgress, warm } from '../warm.js';
import { Allocation } from './allocation.js';
import type { MappedFile } from './mapped-file.js';

/** Undoes what was allocated. */
const warmed = new Error('never seen');

/** See lib/pools/warm.ts. Nothing of it is committed, and the file stays as long as it became until it is closed. */
export function warmFile(
  file: MappedFile,
  count: number,
  size: number,
  onProgress: WarmProgress | undefined,
): void {
  file.checkSize(size);
  const take = () => {
    const allocation = new Allocation();
    allocation.buf = file.isSealed ? file.allocSealed(size, warmFile) : file.alloc(size, warmFile);
    return allocation;
  };
  try {
    file.transaction(() => {
      warm(take, ({ buf }) => touchPages(buf), count, onProgress);
      throw warmed;
    }, -1);
  } catch (error) {
    if (error !== warmed) throw error;
  }
}
