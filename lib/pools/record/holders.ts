// What entries, chunks, shelves and watchers of records know of each other.
import type { BlockNumber, SliceTag } from '../../addon/binding.js';
import { builtins } from '../../base/builtins.js';
import type { Magazines } from '../../pool/magazines.js';
import type { ChunkMemory } from './chunk-memory.js';
import type { ChunkPlan } from './chunk-plan.js';

/** The words of a chunk that is no more, or of a lease that has ended: no record of it is lent. */
export const NO_WORDS = new builtins.Uint32Array(0);

/** Where entries wait. */
export interface EntryShelf<Entry> {
  readonly name: string;
  readonly plan: ChunkPlan;
  readonly tag: SliceTag;
  readonly magazines: Magazines;
  readonly core: { acquireSlow(size: number): Entry };
  stack: (Entry | undefined)[];
  /** What put() does off the fast path. `entry` is out. */
  takeBack(entry: Entry, holder: Holder<Entry>, slot: number): void;
  /** The record is free. Stores alone: they happen together. */
  putHome(holder: Holder<Entry>, slot: number): void;
  /** What follows it. If this is cut off, upkeep does it. */
  afterPut(): void;
  /** Fills a record, its columns included. */
  fill(chunk: EntryChunk<Entry>, slot: number, byte: number): void;
}

/** What an entry belongs to: its chunk; or, when it is watched, its lease. */
export interface Holder<Entry> {
  /** The shelf whose fast put takes the entry back; undefined where none does. */
  readonly quickShelf: EntryShelf<Entry> | undefined;
  readonly chunk: EntryChunk<Entry>;
  /** A generation for each slot, from 1 on: odd while its record is lent. That is the only truth about it. */
  words: Uint32Array;
}

/** A block of memory that is divided into records. */
export interface EntryChunk<Entry> extends Holder<Entry> {
  readonly shelf: EntryShelf<Entry>;
  /** Among the pool's chunks. */
  readonly index: number;
  readonly block: BlockNumber;
  readonly memory: ChunkMemory;
  /** How many it has. The last chunk of a pool with a limit may have less than there is room for. */
  readonly records: number;
  /** Of slot i + 1 at i: the entry that is lent again and again. */
  readonly entries: readonly Entry[];
}
