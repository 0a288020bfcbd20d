import type { BlockNumber } from '../../addon/binding.js';
import { builtins } from '../../base/builtins.js';
import type { ChunkMemory } from './chunk-memory.js';
import type { OwnedEntry } from './owned-entry.js';
import type { RecordShelf } from './record-shelf.js';

/**
 * Whether a thread's stores are seen by others in their order, and loads happen in theirs. Elsewhere generations are written and
 * read by atomic operations that keep it.
 */
export const isStronglyOrdered = process.arch === 'x64';

/** The words of a chunk that is no more, or of a lease that has ended: no record of it is lent. */
export const NO_WORDS = new builtins.Uint32Array(0);

/** What an entry belongs to: its chunk; or, when it is watched, its lease. */
export interface Holder {
  /** The shelf whose fast put takes the entry back; undefined where none does. */
  readonly quickShelf: RecordShelf | undefined;
  readonly chunk: RecordChunk;
  /** A generation for each slot, from 1 on: odd while its record is lent. That is the only truth about it. */
  words: Uint32Array;
}

/** A block of memory that is divided into records. */
export class RecordChunk implements Holder {
  readonly quickShelf: RecordShelf;
  readonly shelf: RecordShelf;
  /** Among the pool's chunks. */
  readonly index: number;
  readonly block: BlockNumber;
  readonly memory: ChunkMemory;
  /** How many it has. The last chunk of a pool with a limit may have less than there is room for. */
  readonly records: number;
  words: Uint32Array;
  /** Of slot i + 1 at i: the entry that is lent again and again. */
  readonly entries: OwnedEntry[] = [];

  constructor(
    shelf: RecordShelf,
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

  get chunk(): RecordChunk {
    return this;
  }

  /** Whether no record of it is lent. */
  get isFree(): boolean {
    const { words, records } = this;
    for (let slot = 1; slot <= records; slot++) if ((words[slot]! & 1) !== 0) return false;
    return true;
  }
}
