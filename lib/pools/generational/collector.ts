import { now } from '../../addon/clock.js';
import { isSuperslabError } from '../../base/errors.js';
import { NotWithinItself } from '../../base/not-within-itself.js';
import { type Chunk, copyValue, footprint, LEAVING, NO_CHUNK, OLD, PERMANENT, YOUNG } from './chunk.js';
import type { ChunkStore } from './chunk-store.js';
import type { GenerationalSettings } from './options.js';
import type { SlotTable } from './slot-table.js';

/** The values that it moves. */
interface Collected {
  readonly store: ChunkStore;
  readonly slots: SlotTable;
  readonly settings: GenerationalSettings;
  readonly wiping: number;
  readonly maxShared: number;
}

/** Is told now and then, and at the end, how many of the places that a collection looks at it has seen. */
export type CollectProgress = (done: number, count: number) => void;

/** Places that are looked at between two looks at the clock; of large values fewer. */
const BATCH_PLACES = 64;
const BATCH_BYTES = 2 ** 16;
/** Places between two calls of a callback. */
const PROGRESS_PLACES = 4096;
/** Old and permanent chunks are compacted while more is free in them than this part of what lives. */
const MOST_FREE = 1 / 6;
/** Those of which more than this part is alive are left alone. */
const FULL_ENOUGH = 15 / 16;

type Target = typeof YOUNG | typeof OLD | typeof PERMANENT;

/**
 * Moves values that live out of chunks in which others have ended, so that whole chunks come back. It looks at the places that values
 * were put at, not at their bytes, and may be left after any of them.
 */
export class Collector {
  readonly #values: Collected;
  /** Entered by whoever moves values: subscribers are called in its midst. */
  readonly running = new NotWithinItself();
  /** The chunks of the collection that is under way; empty without one. */
  #from: readonly Chunk[] = [];
  /** Whether that is a compaction, which moves only what nobody has a view of. */
  #isCompacting = false;
  /** How far it is: a chunk of #from, and a place of its log. */
  #at = 0;
  #place = 0;
  #done = 0;
  #count = 0;
  #told = 0;
  /** Collections that are complete. */
  collections = 0;
  movedValues = 0;
  promotedBytes = 0;
  /** Of the last collection: bytes that were put in the young chunks, and those that had survived. */
  #youngBytes = 0;
  #youngSurvived = 0;
  /** The share of young bytes that survived the last collection. */
  survival = 0;

  constructor(values: Collected) {
    this.#values = values;
  }

  get isUnderWay(): boolean {
    return this.#from.length > 0;
  }

  /**
   * Goes on with the collection, or begins one, until `end` of now() or until it is complete.
   * @returns whether it is complete
   */
  step(end: number, onProgress: CollectProgress | undefined): boolean {
    if (this.#isCompacting) this.stop(); // it was cut off
    if (!this.isUnderWay) this.#begin();
    while (this.#at < this.#from.length) {
      this.#batch(this.#from[this.#at]!);
      if (onProgress !== undefined && this.#done - this.#told >= PROGRESS_PLACES) {
        this.#told = this.#done;
        onProgress(Math.min(this.#done, this.#count), this.#count);
      }
      if (now() >= end && this.#at < this.#from.length) return false;
    }
    this.#complete();
    onProgress?.(this.#count, this.#count);
    return true;
  }

  /** Forgets the collection that is under way: its values stay where they are. */
  stop(): void {
    this.#from = [];
    this.#isCompacting = false;
  }

  /**
   * Moves values together, until `end` of now(), out of chunks in which much has ended, so that those come back. It may be called at any
   * time: it leaves values alone that the program may have a view of. No value grows older by it.
   */
  compact(end: number): void {
    // Between the steps of a collection the program knows that values move.
    if ((this.isUnderWay && !this.#isCompacting) || !this.running.enter()) return;
    try {
      this.#isCompacting = true;
      const from: Chunk[] = [];
      for (const generation of [YOUNG, OLD, PERMANENT] as const) this.#addVictims(from, generation);
      this.#goTo(from);
      while (this.#at < this.#from.length && now() < end) this.#batch(this.#from[this.#at]!);
      this.stop();
      this.#values.store.sweep(false);
    } finally {
      this.running.leave();
    }
  }

  #goTo(from: readonly Chunk[]): void {
    this.#at = 0;
    this.#place = 0;
    this.#done = 0;
    this.#told = 0;
    this.#from = from;
  }

  #begin(): void {
    const { store } = this.#values;
    const from: Chunk[] = [];
    let count = 0;
    let youngBytes = 0;
    // What is put from now on is not part of it.
    store.current[YOUNG] = NO_CHUNK;
    for (const chunk of store.chunks) {
      // Views are valid until a collection begins.
      if (chunk !== undefined) chunk.isViewed = false;
      // Those that leave already are of a collection that was cut off here.
      if (chunk?.generation === YOUNG) store.turn(chunk, LEAVING);
      else if (chunk?.generation !== LEAVING) continue;
      from[from.length] = chunk;
      youngBytes += chunk.used;
    }
    this.#addVictims(from, OLD);
    this.#addVictims(from, PERMANENT);
    for (const chunk of from) count += chunk.logged;
    this.#count = count;
    this.#youngBytes = youngBytes;
    this.#youngSurvived = 0;
    this.#goTo(from);
  }

  /** The emptiest chunks of a generation, until enough would be free. */
  #addVictims(from: Chunk[], generation: Target): void {
    const { store, maxShared } = this.#values;
    const chunks = store.chunks.filter(
      (one): one is Chunk =>
        one?.generation === generation && one.capacity > maxShared && !store.isCurrent(one),
    );
    let live = 0;
    for (const chunk of chunks) live += chunk.liveBytes;
    let free = store.held[generation] - store.current[generation].capacity - live;
    chunks.sort((one, other) => one.liveBytes / one.capacity - other.liveBytes / other.capacity);
    for (const chunk of chunks) {
      if (free <= live * MOST_FREE || chunk.liveBytes > chunk.capacity * FULL_ENOUGH) return;
      if (chunk.pinned > 0 || chunk.log.length === 1 || this.#mustStay(chunk)) continue;
      from[from.length] = chunk;
      free -= chunk.capacity - chunk.liveBytes;
    }
  }

  #mustStay(chunk: Chunk): boolean {
    return this.#isCompacting && chunk.isViewed;
  }

  /** Looks at some places of a chunk. When it has seen all of them, the chunk goes back, or becomes old where it is. */
  #batch(chunk: Chunk): void {
    const { slots, store } = this.#values;
    const last = Math.min(chunk.logged, this.#place + BATCH_PLACES);
    let bytes = 0;
    while (this.#place < last && bytes < BATCH_BYTES && chunk.liveValues > 0) {
      const slot = chunk.log[this.#place]!;
      if (slots.chunks[slot] === chunk.index && slots.handles[slot]! > 0 && slots.pins[slot] === 0) {
        // A place where nothing can be moved to leaves the rest of the chunk as it is.
        if (!this.#move(slot, chunk)) {
          this.#leave(chunk);
          return;
        }
        bytes += slots.lengths[slot]!;
      }
      this.#place++;
      this.#done++;
    }
    if (this.#place < chunk.logged && chunk.liveValues > 0) return;
    if (chunk.liveValues > 0) this.#leave(chunk);
    else {
      // It may have gone when its last value was freed.
      if (chunk.index >= 0) store.retire(chunk);
      this.#next(chunk);
    }
  }

  #next(chunk: Chunk): void {
    this.#done += chunk.logged - this.#place;
    this.#place = 0;
    this.#at++;
  }

  /** What cannot be moved becomes old where it is. */
  #leave(chunk: Chunk): void {
    const { store } = this.#values;
    if (chunk.generation === LEAVING) store.turn(chunk, OLD);
    this.#next(chunk);
  }

  /** Whether the value is somewhere else now; when subscribers were called, it may have ended. */
  #move(slot: number, chunk: Chunk): boolean {
    const { slots, wiping } = this.#values;
    const length = slots.lengths[slot]!;
    const size = footprint(length);
    const age = Math.min(slots.ages[slot]! + (this.#isCompacting ? 0 : 1), 255);
    const target = this.#targetFor(chunk, age, size);
    if (target === undefined || this.#mustStay(chunk)) return false;
    if (slots.chunks[slot] !== chunk.index || slots.handles[slot]! <= 0 || slots.pins[slot] !== 0)
      return true;
    const offset = slots.offsets[slot]!;
    const to = target.used;
    copyValue(chunk, offset, target, to, length);
    if (wiping >= 0) chunk.wipe(offset, offset + size, wiping);
    // Nothing is called any more: it happens, or it does not.
    target.log[target.logged] = slot;
    target.logged++;
    target.used = to + size;
    target.liveBytes += size;
    target.liveValues++;
    chunk.liveBytes -= size;
    chunk.liveValues--;
    slots.chunks[slot] = target.index;
    slots.offsets[slot] = to;
    slots.ages[slot] = age;
    this.movedValues++;
    if (chunk.generation === LEAVING) {
      this.#youngSurvived += size;
      if (target.generation !== YOUNG) this.promotedBytes += size;
    }
    return true;
  }

  /** A chunk with room for a value; undefined when the pool can have no more. Calls subscribers. */
  #targetFor(chunk: Chunk, age: number, size: number): Chunk | undefined {
    const { store, settings } = this.#values;
    let generation: Target = chunk.generation === LEAVING ? YOUNG : (chunk.generation as Target);
    if (generation === YOUNG && age >= settings.promotion.youngToOld && this.#hasRoom(OLD, size))
      generation = OLD;
    let target = store.current[generation];
    try {
      if (target.capacity - target.used < size) {
        if (this.#isCompacting && !this.#hasRoom(generation, size)) return undefined;
        target = store.add(generation);
      }
      // A subscriber may have taken its ArrayBuffer away, or used it.
      if (target.bytes.length === 0) target.refresh();
      if (chunk.bytes.length === 0) chunk.refresh();
      if (target.index < 0 || target.capacity - target.used < size) return undefined;
      if (target.logged === target.log.length) target.growLog();
    } catch (error) {
      if (isSuperslabError(error)) return undefined;
      throw error;
    }
    return target;
  }

  #hasRoom(generation: Target, size: number): boolean {
    const { store, settings } = this.#values;
    const current = store.current[generation];
    if (current.capacity - current.used >= size) return true;
    return store.held[generation] + store.chunkBytes <= settings.limits[generation];
  }

  /** Full old chunks of which enough has survived long enough become permanent where they are. */
  #complete(): void {
    const { store, settings } = this.#values;
    const { oldToPermanent, survival } = settings.promotion;
    for (const chunk of store.chunks) {
      if (chunk?.generation !== OLD || store.isCurrent(chunk)) continue;
      chunk.age++;
      if (chunk.age < oldToPermanent || chunk.liveBytes < survival * chunk.capacity) continue;
      if (store.held[PERMANENT] + chunk.capacity <= settings.limits[PERMANENT]) store.turn(chunk, PERMANENT);
    }
    store.sweep(false);
    this.survival = this.#youngBytes === 0 ? 0 : this.#youngSurvived / this.#youngBytes;
    this.collections++;
    this.#from = [];
  }
}
