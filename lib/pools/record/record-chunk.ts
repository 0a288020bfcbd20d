import type { BlockNumber } from '../../addon/binding.js';
import type { ChunkMemory } from './chunk-memory.js';
import type { EntryChunk, EntryShelf } from './holders.js';

/** A chunk of one pool. */
export class RecordChunk<Entry> implements EntryChunk<Entry> {
  readonly quickShelf: EntryShelf<Entry>;
  readonly shelf: EntryShelf<Entry>;
  readonly index: number;
  readonly block: BlockNumber;
  readonly memory: ChunkMemory;
  readonly records: number;
  words: Uint32Array;
  readonly entries: Entry[] = [];

  constructor(
    shelf: EntryShelf<Entry>,
    index: number,
    block: BlockNumber,
    memory: ChunkMemory,
    records: number,
    words: Uint32Array,
  ) {
    this.quickShelf = shelf;
    this.shelf = shelf;
    this.index = index;
    this.block = block;
    this.memory = memory;
    this.records = records;
    this.words = words;
  }

  get chunk(): this {
    return this;
  }

  /** Whether no record of it is lent. */
  get isFree(): boolean {
    const { words, records } = this;
    for (let slot = 1; slot <= records; slot++) if ((words[slot]! & 1) !== 0) return false;
    return true;
  }
}
