import type { BlockNumber, NativePool, SliceTag } from '../../addon/binding.js';
import { environment } from '../../addon/environment.js';
import { RELIEF_STEP } from '../../addon/generated/codes.js';
import { GRANULE_MASK, GRANULE_SHIFT, RECORDS, SLICE_SHIFT } from '../../addon/generated/memory.js';
import { builtins, fillPart } from '../../base/builtins.js';
import { isStronglyOrdered } from '../../base/memory-order.js';
import { noMemoryError } from '../../pool/exhaustion.js';
import type { Magazines } from '../../pool/magazines.js';
import { begin, finish, giveUp, HeldBlock } from '../../pool/unfinished.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import { windows } from '../../pool/windows.js';
import { chunkMemory } from './chunk-memory.js';
import type { ChunkPlan } from './chunk-plan.js';
import type { EntryClass } from './compile.js';
import { SCALARS, type ScalarType } from './field-types.js';
import { MAX_RECORDS } from './handles.js';
import { type EntryChunk, type EntryShelf, type Holder, NO_WORDS } from './holders.js';
import { type OwnedEntry, owned } from './owned-entry.js';
import { RecordChunk } from './record-chunk.js';
import { putTwiceError } from './record-errors.js';
import type { RecordWatcher } from './record-watcher.js';

const { idle: IDLE, made: MADE } = RECORDS;

type OwnedChunk = RecordChunk<OwnedEntry>;

/** What a shelf asks of its pool's core, off the hot path. */
export interface ShelfCore {
  readonly closed: boolean;
  readonly zeroAtRelease: boolean;
  acquireSlow(size: number): OwnedEntry;
  takeBlock(tag: SliceTag): BlockNumber | undefined;
  afterRelease(): void;
  hasWaiters(): boolean;
  serveWaiters(): void;
}

/** What a shelf is made of. */
export interface ShelfParts {
  readonly name: string;
  readonly native: NativePool;
  readonly magazines: Magazines;
  readonly plan: ChunkPlan;
  /** Most records, 0 for no limit. */
  readonly max: number;
  /** Records that stay when nobody needs them. */
  readonly keep: number;
  /** The even number that the generation of every slot began with. */
  readonly firstGeneration: number;
  /** The types of number that records have. */
  readonly types: ReadonlySet<ScalarType>;
  readonly Entry: EntryClass<OwnedEntry>;
  readonly cleanup: ((entry: OwnedEntry) => void) | undefined;
}

/**
 * The records of one pool: chunks, and a stack of the entries that wait to be lent again.
 *
 * Whether a record is lent, its generation says. The stack has each entry whose generation is even, of all chunks that are
 * not about to leave; what lies above its depth means nothing. Its depth and the number of records stand in the
 * memory of the thread cache (LeaseMagazines::records_made), so that the native side knows how many are lent at each instant.
 */
export class RecordShelf implements EntryShelf<OwnedEntry> {
  readonly name: string;
  readonly native: NativePool;
  readonly magazines: Magazines;
  readonly plan: ChunkPlan;
  readonly tag: SliceTag;
  readonly firstGeneration: number;
  /** As long as there are records, so that a put never makes it longer. */
  stack: (OwnedEntry | undefined)[] = [];
  /** undefined for one that is no more: its place and its words are used again. */
  readonly chunks: (OwnedChunk | undefined)[] = [];
  /** Set when the core has been made: they know each other. */
  core!: ShelfCore;
  /** Undefined when neither leak detection nor a guard is on. */
  watcher: RecordWatcher | undefined = undefined;
  readonly #parts: ShelfParts;
  readonly #words: Uint32Array[] = [];
  /** Every chunk before this one is there. */
  #firstGap = 0;
  /** Chunks that are out of the stack and about to give their blocks back. */
  #leaving: OwnedChunk[] = [];
  #acquiredBefore = 0;

  constructor(parts: ShelfParts) {
    this.name = parts.name;
    this.native = parts.native;
    this.magazines = parts.magazines;
    this.plan = parts.plan;
    this.tag = parts.plan.tag;
    this.firstGeneration = parts.firstGeneration;
    this.#parts = parts;
  }

  /** Bytes that are not a row: what `poison` and clearing write goes to the columns too. */
  fill(chunk: EntryChunk<OwnedEntry>, slot: number, byte: number): void {
    const { rowBytes, columns } = this.plan;
    const bytes = chunk.memory.views.u8 as Uint8Array;
    const i = slot - 1;
    fillPart(bytes, byte, i * rowBytes, (i + 1) * rowBytes);
    for (let k = 0; k < columns.length; k++) {
      const size = SCALARS[columns[k]!.type].bytes;
      const at = columns[k]!.at + i * size;
      fillPart(bytes, byte, at, at + size);
    }
  }

  /** Whether every record that there is is lent. */
  get isFull(): boolean {
    return this.magazines.records[IDLE] === 0;
  }

  /** The generations of a chunk's slots, from 1 on; undefined for one that never was. */
  wordsOf(index: number): Uint32Array | undefined {
    return this.#words[index];
  }

  // Lending --------------------------------------------------------------------------------------

  /** A free one, counted as lent; undefined when there is none and there can be no more. */
  take(): OwnedEntry | undefined {
    const { magazines, tag } = this;
    const { records, acquired } = magazines;
    for (;;) {
      const top = records[IDLE]!;
      if (top === 0) {
        if (!this.#grow()) return undefined;
        continue;
      }
      const entry = this.stack[top - 1]!;
      const holder = owned.holderOf(entry);
      const slot = owned.slotOf(entry);
      const watched = this.watcher?.watch(holder.chunk, slot);
      if (watched === 'again') continue;
      const lease = watched?.lease;
      // Nothing is called any more, so that nothing can be cut off, until the entry is the caller's.
      if (records[IDLE] !== top || this.stack[top - 1] !== entry) continue;
      if (isStronglyOrdered) holder.words[slot]!++;
      else Atomics.add(holder.words, slot, 1);
      records[IDLE] = top - 1;
      acquired[tag]!++;
      if (lease !== undefined) lease.words = holder.words;
      return watched === undefined ? entry : watched.entry;
    }
  }

  #nextGap(): number {
    const { chunks } = this;
    while (this.#firstGap < chunks.length && chunks[this.#firstGap] !== undefined) this.#firstGap++;
    return this.#firstGap;
  }

  /** One more chunk, whose records are free; false without room. Subscribers are told of memory taken. */
  #grow(): boolean {
    const { native, magazines, tag, plan } = this;
    this.#finishLeaving();
    if (this.#nextGap() * plan.records + plan.records > MAX_RECORDS) return false;
    const held = begin(new HeldBlock(native));
    try {
      const block = this.core.takeBlock(tag);
      if (block !== undefined) {
        held.block = block;
        // It is no acquire of a record.
        magazines.acquired[tag]!--;
      }
      const chunk = block === undefined ? undefined : this.#makeChunk(block);
      if (chunk === undefined) {
        giveUp(held);
        return false;
      }
      this.#publish(chunk, held);
      return true;
    } catch (error) {
      giveUp(held);
      throw error;
    }
  }

  /** Whoever is told of memory taken may have used the pool: what is needed of it is looked up here, and nothing is called after that. */
  #makeChunk(block: BlockNumber): OwnedChunk | undefined {
    const { plan, native } = this;
    const { max, types, Entry } = this.#parts;
    const index = this.#nextGap();
    const left = max === 0 ? plan.records : max - this.magazines.records[MADE]!;
    const records = Math.min(plan.records, left);
    if (records <= 0) return undefined;
    this.#words[index] ??= this.#fetchWords(index);
    const words = this.#words[index]!;
    const start = (block & GRANULE_MASK) << GRANULE_SHIFT;
    const memory = chunkMemory(windows[block >>> SLICE_SHIFT]!, start, plan.chunkBytes, types);
    const chunk = new RecordChunk(this, index, block, memory, records, words);
    for (let i = 0; i < records; i++) {
      chunk.entries[i] = new Entry(chunk, i + 1, undefined, memory, i * plan.rowBytes, i);
    }
    native.placeRecords(index, block);
    return chunk;
  }

  #fetchWords(index: number): Uint32Array {
    const words = this.native.recordWords(index);
    if (words === undefined) throw noMemoryError(this.name, this.plan.records * 4);
    return new builtins.Uint32Array(words);
  }

  #publish(chunk: OwnedChunk, held: HeldBlock): void {
    const { stack, magazines, tag } = this;
    const { entries, records: count } = chunk;
    const { records } = magazines;
    const top = records[IDLE]!;
    const length = records[MADE]! + count;
    // Above the depth, where nothing means anything until it is raised. The first slot comes out first.
    while (stack.length < length) stack[stack.length] = undefined;
    for (let i = 0; i < count; i++) stack[top + i] = entries[count - 1 - i];
    finish(held);
    this.chunks[chunk.index] = chunk;
    magazines.idle[tag]!++;
    records[MADE] = length;
    records[IDLE] = top + count;
  }

  // Taking back ----------------------------------------------------------------------------------

  /** What put() does off the fast path. `entry` is out. */
  takeBack(entry: OwnedEntry, holder: Holder<OwnedEntry>, slot: number): void {
    const failure = this.#cleanUp(entry);
    if (!owned.isOut(entry)) throw failure === undefined ? putTwiceError(holder) : failure.error;
    const { chunk } = holder;
    if (this.core.zeroAtRelease) this.fill(chunk, slot, 0);
    this.watcher?.beforePut(holder, slot);
    scheduleUpkeep();
    this.putHome(holder, slot);
    this.watcher?.afterPut(holder);
    this.afterPut();
    if (failure !== undefined) throw failure.error;
  }

  #cleanUp(entry: OwnedEntry): { error: unknown } | undefined {
    try {
      this.#parts.cleanup?.(entry);
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  /** Stores alone: they happen together. */
  putHome(holder: Holder<OwnedEntry>, slot: number): void {
    const { records } = this.magazines;
    const { words, entries } = holder.chunk;
    const top = records[IDLE]!;
    if (isStronglyOrdered) words[slot]!++;
    else Atomics.add(words, slot, 1);
    if (this.core.closed) {
      records[MADE]!--;
    } else {
      this.stack[top] = entries[slot - 1];
      records[IDLE] = top + 1;
    }
    if (holder.quickShelf === undefined) holder.words = NO_WORDS;
  }

  /** If this is cut off, upkeep does it. */
  afterPut(): void {
    if (this.core.closed) {
      this.drop(0);
      this.core.afterRelease();
    } else if (this.core.hasWaiters()) {
      this.core.serveWaiters();
    }
  }

  // Giving memory back ---------------------------------------------------------------------------

  /** Gives the blocks of chunks back of which no record is lent, as long as `keep` records stay free. */
  drop(keep: number): void {
    this.#finishLeaving();
    const { records } = this.magazines;
    if (this.core.closed) {
      this.#leaveClosed();
      return;
    }
    let free = records[IDLE]!;
    const list: OwnedChunk[] = [];
    for (const chunk of this.chunks) {
      if (chunk === undefined || free - chunk.records < keep || !chunk.isFree) continue;
      list[list.length] = chunk;
      free -= chunk.records;
    }
    if (list.length === 0) return;
    const leaving = new Set<object>(list);
    const stack: (OwnedEntry | undefined)[] = [];
    for (let i = 0; i < records[IDLE]!; i++) {
      const entry = this.stack[i]!;
      if (!leaving.has(owned.holderOf(entry).chunk)) stack[stack.length] = entry;
    }
    const depth = stack.length;
    const made = records[MADE]! - (records[IDLE]! - depth);
    while (stack.length < made) stack[stack.length] = undefined;

    // From here on they are not in the stack, and not counted.
    this.#leaving = list;
    this.stack = stack;
    records[MADE] = made;
    records[IDLE] = depth;
    this.#finishLeaving();
  }

  /** Of a closed pool only those records count that are lent, and nothing waits to be lent. */
  #leaveClosed(): void {
    const { records } = this.magazines;
    records[MADE]! -= records[IDLE]!;
    records[IDLE] = 0;
    this.stack.length = 0;
    this.#leaving = this.chunks.filter((chunk): chunk is OwnedChunk => chunk?.isFree === true);
    this.#finishLeaving();
  }

  #finishLeaving(): void {
    const { magazines, tag, native, chunks } = this;
    while (this.#leaving.length > 0) {
      const chunk = this.#leaving[this.#leaving.length - 1]!;
      native.give(chunk.block);
      // Nothing comes between: the block is free, and its entries are nobody's.
      chunk.words = NO_WORDS;
      chunks[chunk.index] = undefined;
      if (chunk.index < this.#firstGap) this.#firstGap = chunk.index;
      magazines.idle[tag]!--;
      this.#leaving.length--;
    }
  }

  /** After a rest the chunks that nobody needs are given up, but for the records that the pool began with. */
  tick(): void {
    this.#finishLeaving();
    const acquired = this.magazines.acquired[this.tag]!;
    if (acquired === this.#acquiredBefore) this.drop(this.#parts.keep);
    this.#acquiredBefore = acquired;
  }

  /** While memory is scarce: the same at once. */
  relieve(step: number): void {
    if (step === RELIEF_STEP.idle) this.drop(this.#parts.keep);
  }

  noteLeaksAtEnd(): void {
    this.watcher?.noteLeaksAtEnd();
  }

  // Looking --------------------------------------------------------------------------------------

  /** What contradicts itself, in words; undefined when all is right. */
  contradiction(): string | undefined {
    const { plan } = this;
    const { records } = this.magazines;
    const depth = records[IDLE]!;
    if (depth > this.stack.length) return `${depth} free records in ${this.stack.length} places`;
    const seen = new Set<OwnedEntry>();
    for (let i = 0; i < depth; i++) {
      const entry = this.stack[i];
      if (entry === undefined || owned.isOut(entry)) return `no free record at place ${i}`;
      if (seen.has(entry)) return `the record at place ${i} is free twice`;
      seen.add(entry);
    }
    let made = 0;
    let free = 0;
    for (const chunk of this.chunks) {
      if (chunk === undefined || this.#leaving.includes(chunk)) continue;
      const capacity = environment.capacity(chunk.block);
      if (capacity !== plan.chunkBytes) return `block ${chunk.block} of records has ${capacity} B`;
      made += chunk.records;
      for (let slot = 1; slot <= chunk.records; slot++) free += (chunk.words[slot]! & 1) ^ 1;
    }
    if (this.core.closed) {
      const counted = records[MADE]! - depth;
      return made - free === counted
        ? undefined
        : `${made - free} records are lent, and ${counted} are counted`;
    }
    if (made !== records[MADE]) return `${made} records are counted as ${records[MADE]}`;
    if (free !== depth) return `${free} records are free, and ${depth} wait to be lent`;
    return undefined;
  }
}
