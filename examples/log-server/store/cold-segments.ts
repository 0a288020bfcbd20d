import { CompressedPool } from 'superslab/pools';
import type { Entry } from './entry.js';
import { type EntryFilter, findIn } from './find-entries.js';
import { Segment } from './segment.js';

/** Segments that are older than those of the file, compressed: for as long as there is room and the process lives. */
export class ColdSegments {
  readonly #pool: CompressedPool;
  /** The oldest first. */
  readonly #handles: number[] = [];

  /** `hotBytes`: of those that wait to be compressed, or are read. */
  constructor(hotBytes: number, coldBytes: number) {
    this.#pool = new CompressedPool({
      name: 'cold entries',
      hotBytes,
      coldBytes,
      watermark: 0.25,
      onEvict: (handle) => {
        const place = this.#handles.indexOf(handle);
        if (place >= 0) this.#handles.splice(place, 1);
      },
    });
  }

  get heldBytes(): number {
    const { inUseBytes } = this.#pool.stats();
    return inUseBytes + this.#pool.tiers().cold.chunkBytes;
  }

  add(segment: Buffer): void {
    this.#handles.push(this.#pool.put(segment));
  }

  find(filter: EntryFilter, found: Entry[]): void {
    for (const handle of [...this.#handles].reverse()) {
      // Reading one makes it hot, for which another may have to end.
      if (!this.#pool.owns(handle)) continue;
      const isMoreWanted = findIn(new Segment(this.#pool.access(handle)), filter, found);
      this.#pool.release(handle);
      if (!isMoreWanted) return;
    }
  }

  close(): void {
    for (const handle of this.#handles.splice(0)) this.#pool.free(handle);
    this.#pool.close();
  }
}
