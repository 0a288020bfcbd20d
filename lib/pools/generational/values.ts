import type { NativePool } from '../../addon/binding.js';
import { now } from '../../addon/clock.js';
import { GUARD, ZERO } from '../../addon/generated/choices.js';
import { RELIEF_STEP } from '../../addon/generated/codes.js';
import { builtins, copyInAt, lengthOf } from '../../base/builtins.js';
import { show } from '../../base/errors.js';
import { POISON_BYTE } from '../../guard/settings.js';
import type { PooledBuffer } from '../../pool/pooled-buffer.js';
import { within } from '../../pool/unfinished.js';
import type { Held } from '../../pool/waiters.js';
import { type Chunk, copyValue, footprint, NO_CHUNK, OLD, YOUNG } from './chunk.js';
import { ChunkStore } from './chunk-store.js';
import { Collector } from './collector.js';
import { argumentError, foreignHandleError, staleError } from './errors.js';
import { isHandle, nextHandle, SCOPED, SLOT_COUNT, SLOT_MASK, wasHandleOf } from './handles.js';
import { HeldValue } from './held-value.js';
import { checkLength, notBytesError } from './input.js';
import { oldIsFullError } from './limits.js';
import type { GenerationalSettings } from './options.js';
import { type ScopeMark, ScopeStack } from './scope-stack.js';
import { SlotTable } from './slot-table.js';
import { ValueView } from './value-view.js';
import { type ValueWatch, watchOf } from './value-watch.js';

/** Larger values have a chunk of their own, so that a chunk's end wastes at most as large a part. */
const VALUES_PER_CHUNK = 8;
/** The longest time that values are moved at once, while memory is scarce. */
const COMPACT_MS = 20;
const MAX_PINS = 2 ** 16 - 1;

/** A chunk for many values, or one of its own for a large one. */
interface MissingChunk {
  readonly bytes: number;
  readonly isOwn: boolean;
}

/** A pool as its values see it. */
export interface ValuesOwner {
  readonly closed: boolean;
  checkOpen(): void;
}

/**
 * The values of one pool that live until they are freed, and the scopes in which others live.
 *
 * A value is written first. Then stores alone make it one that is there: the handle of its slot is the last of them, so that a
 * call that is cut off has put nothing.
 */
export class Values {
  readonly pool: string;
  readonly store: ChunkStore;
  readonly slots: SlotTable;
  readonly scopes: ScopeStack;
  readonly collector: Collector;
  readonly settings: GenerationalSettings;
  readonly watch: ValueWatch | undefined;
  /** What values that have ended, or moved, are overwritten with; -1 for nothing. */
  readonly wiping: number;
  /** The largest value that lies in a chunk with others. */
  readonly maxShared: number;
  /** Values that went to old at once, since young was full or they were too large for it. */
  pretenured = 0;
  /** Set when the core has been made: they know each other. */
  owner!: ValuesOwner;

  constructor(pool: string, native: NativePool, settings: GenerationalSettings) {
    this.pool = pool;
    this.settings = settings;
    this.store = new ChunkStore(settings.chunkBytes);
    const firstGeneration = 1 + Math.floor(builtins.random() * 2 ** 27);
    this.slots = new SlotTable(firstGeneration, 0);
    this.watch = watchOf(pool, native);
    const poison = native.guard === GUARD.off ? -1 : POISON_BYTE;
    this.wiping = native.zero === ZERO.release ? 0 : poison;
    this.maxShared = settings.chunkBytes / VALUES_PER_CHUNK;
    this.collector = new Collector(this);
    this.scopes = new ScopeStack(this, new SlotTable(firstGeneration, SCOPED));
  }

  // Putting --------------------------------------------------------------------------------------

  put(bytes: Uint8Array): number {
    if (!builtins.isUint8Array(bytes)) throw notBytesError('put', bytes);
    const length = lengthOf(bytes);
    const chunk = this.store.current[YOUNG];
    if (this.#fits(chunk, length)) return this.#write(chunk, bytes, length);
    return this.#putSlow(bytes);
  }

  /** Whether a value can be put in a chunk at once, and nobody has to be told. */
  #fits(chunk: Chunk, length: number): boolean {
    const { slots } = this;
    return (
      length <= this.maxShared &&
      footprint(length) <= chunk.capacity - chunk.used &&
      chunk.logged < chunk.log.length &&
      (slots.free >= 0 || slots.made < slots.length) &&
      length !== 0 &&
      this.watch === undefined &&
      chunk.bytes.length !== 0
    );
  }

  #putSlow(bytes: Uint8Array): number {
    const { watch } = this;
    if (watch === undefined) return this.#putInChunk(bytes);
    const stack = watch.stack(this.#putSlow);
    return within(new HeldValue(this), (held) => {
      held.handle = this.#putInChunk(bytes);
      watch.began(held.handle, lengthOf(bytes), stack);
      return held.handle;
    });
  }

  #putInChunk(bytes: Uint8Array): number {
    // What a subscriber does is looked at again: it may take the room, or the bytes.
    for (;;) {
      this.owner.checkOpen();
      const length = lengthOf(bytes);
      checkLength(bytes, length);
      const { slots } = this;
      if (slots.free < 0 && slots.made === slots.length) slots.grow(this.pool);
      const chunk = this.#roomFor(footprint(length));
      if (chunk === undefined) continue;
      const handle = this.#write(chunk, bytes, length);
      if (chunk.generation === OLD) this.pretenured++;
      return handle;
    }
  }

  /** A chunk with room for so many bytes; undefined when something was called and all is to be looked at again. */
  #roomFor(bytes: number): Chunk | undefined {
    const { store } = this;
    if (bytes > this.maxShared) {
      this.#checkOld(bytes);
      return this.#checked(store.add(OLD, bytes, true), bytes);
    }
    const young = store.current[YOUNG];
    const chunk = this.#checked(young, bytes);
    if (chunk !== undefined) return chunk;
    if (young !== NO_CHUNK && young.liveValues === 0) store.emptied(young);
    else if (!this.#isYoungFull) store.add(YOUNG);
    else {
      const old = this.#checked(store.current[OLD], bytes);
      if (old !== undefined) return old;
      this.#checkOld(store.chunkBytes);
      store.add(OLD);
    }
    return undefined;
  }

  /** The chunk, if a value of so many bytes can be written to it now. */
  #checked(chunk: Chunk, bytes: number): Chunk | undefined {
    if (chunk.index < 0 || bytes > chunk.capacity - chunk.used) return undefined;
    if (chunk.logged === chunk.log.length) chunk.growLog();
    if (chunk.bytes.length !== 0) return chunk;
    // Who is told of the memory that was taken away may do anything.
    chunk.refresh();
    return undefined;
  }

  #checkOld(bytes: number): void {
    const limit = this.settings.limits[OLD];
    if (this.store.held[OLD] + bytes > limit) throw oldIsFullError(this.pool, bytes, limit);
  }

  /** Writes a value for which there is a slot and room. */
  #write(chunk: Chunk, bytes: Uint8Array, length: number): number {
    copyInAt(chunk.bytes, bytes, chunk.used);
    return this.#enter(chunk, length, 0);
  }

  /** Makes what was written behind the used part of a chunk a value. */
  #enter(chunk: Chunk, length: number, age: number): number {
    const { slots } = this;
    const offset = chunk.used;
    const size = footprint(length);
    const { free } = slots;
    const slot = free < 0 ? slots.made : free;
    const handle = nextHandle(-slots.handles[slot]!);
    // Nothing is called any more: it happens, or it does not.
    if (free < 0) slots.made = slot + 1;
    else slots.free = (slots.offsets[slot]! | 0) as number;
    chunk.log[chunk.logged] = slot;
    chunk.logged++;
    chunk.used = offset + size;
    chunk.liveBytes += size;
    chunk.liveValues++;
    slots.chunks[slot] = chunk.index;
    slots.offsets[slot] = offset;
    slots.lengths[slot] = length;
    slots.ages[slot] = age;
    slots.handles[slot] = handle;
    return handle;
  }

  /** The chunk that `bytes` have to wait for; undefined when there is room for them. */
  missingFor(bytes: Uint8Array): MissingChunk | undefined {
    if (!builtins.isUint8Array(bytes)) throw notBytesError('put', bytes);
    const length = lengthOf(bytes);
    checkLength(bytes, length);
    const size = footprint(length);
    if (size > this.maxShared) return { bytes: size, isOwn: true };
    const [young, old] = this.store.current;
    if (size <= young.capacity - young.used) return undefined;
    if (this.#isYoungFull && size <= old.capacity - old.used) return undefined;
    return { bytes: this.store.chunkBytes, isOwn: false };
  }

  /** The promise of a value for which there is room. */
  putAtOnce(bytes: Uint8Array): Promise<number> {
    return within(new HeldValue(this), (held) => {
      held.handle = this.put(bytes);
      return builtins.promiseResolve(held.handle);
    });
  }

  /** Puts a value in a chunk that was waited for: `waiting` has it until who waits has its handle. */
  putInto(
    buf: PooledBuffer,
    waiting: Held,
    { bytes: capacity, isOwn }: MissingChunk,
    bytes: Uint8Array,
  ): number {
    const held = new HeldValue(this);
    held.buf = buf;
    waiting.buf = held;
    const length = lengthOf(bytes);
    // The program may have changed it while it waited.
    if (footprint(length) > capacity || footprint(length) > this.maxShared !== isOwn)
      throw argumentError('putAsync() found the bytes changed: their length is another one now');
    const chunk = this.store.adopt(buf, capacity, isOwn || this.#isYoungFull ? OLD : YOUNG, isOwn);
    held.handle = isOwn ? this.#writeOwn(chunk, bytes, length) : this.put(bytes);
    // The stack is the event loop's, or of whoever made room.
    if (isOwn) this.watch?.began(held.handle, length, '');
    return held.handle;
  }

  /** The only value of a chunk that was made for it. */
  #writeOwn(chunk: Chunk, bytes: Uint8Array, length: number): number {
    const { slots } = this;
    if (slots.free < 0 && slots.made === slots.length) slots.grow(this.pool);
    const handle = this.#write(chunk, bytes, length);
    this.pretenured++;
    return handle;
  }

  get #isYoungFull(): boolean {
    return this.store.held[YOUNG] + this.store.chunkBytes > this.settings.limits[YOUNG];
  }

  // Upkeep ---------------------------------------------------------------------------------------

  /** Gives back chunks without values. */
  drop(): void {
    if (this.owner.closed) {
      this.collector.stop();
      this.store.end();
    }
    this.scopes.drop();
    this.store.sweep(true);
    this.#shrinkTable();
  }

  /** After a burst of values their slots go back. */
  #shrinkTable(): void {
    const { slots, store } = this;
    let live = 0;
    for (const chunk of store.chunks) live += chunk?.liveValues ?? 0;
    if (live <= slots.length / 4) slots.shrink(slots.used);
  }

  /** From the event loop: the same of what was not used since the last time. */
  tick(): void {
    this.scopes.tick();
    this.store.sweep(true);
    this.#shrinkTable();
  }

  /** While memory is scarce: gives back chunks without values, and then moves values together that nobody has a view of. */
  relieve(step: number): void {
    if (step === RELIEF_STEP.caches) this.drop();
    if (step === RELIEF_STEP.cold && !this.scopes.isOpen) this.collector.compact(now() + COMPACT_MS);
  }

  // Looking --------------------------------------------------------------------------------------

  /** Whether it names a value that is there. */
  has(handle: unknown): handle is number {
    // Tables have negative ones for what has ended.
    if (typeof handle !== 'number' || handle <= 0) return false;
    const slot = handle & SLOT_MASK;
    return slot < SLOT_COUNT ? this.slots.handles[slot] === handle : this.scopes.has(handle);
  }

  /** The table that has the handle, which names a value that is there. */
  tableOf(handle: number): SlotTable {
    return (handle & SLOT_MASK) < SLOT_COUNT ? this.slots : this.scopes.slots;
  }

  chunkOf(handle: number): Chunk {
    const chunk = this.store.chunks[this.tableOf(handle).chunks[handle & (SLOT_COUNT - 1)]!]!;
    if (chunk.bytes.length === 0) chunk.refresh();
    return chunk;
  }

  get(handle: number): Buffer {
    if (!this.has(handle)) throw this.refusal(handle, 'get');
    const slots = this.tableOf(handle);
    const slot = handle & (SLOT_COUNT - 1);
    const chunk = this.chunkOf(handle);
    const { bytes } = chunk;
    chunk.isViewed = true;
    return new ValueView(
      bytes.buffer as ArrayBuffer,
      bytes.byteOffset + slots.offsets[slot]!,
      slots.lengths[slot]!,
    );
  }

  length(handle: number): number {
    if (!this.has(handle)) throw this.refusal(handle, 'tell the length of');
    return this.tableOf(handle).lengths[handle & (SLOT_COUNT - 1)]!;
  }

  copyTo(handle: number, target: Uint8Array, offset: number): number {
    if (!this.has(handle)) throw this.refusal(handle, 'copy');
    if (!builtins.isUint8Array(target)) throw notBytesError('copyTo', target);
    const { offsets, lengths } = this.tableOf(handle);
    const slot = handle & (SLOT_COUNT - 1);
    const length = lengths[slot]!;
    const room = lengthOf(target) - offset;
    if (!Number.isInteger(offset) || offset < 0 || room < length) {
      throw argumentError(
        `copyTo() needs ${length} B from offset ${show(offset)} on, the target has ${lengthOf(target)} B`,
        RangeError,
      );
    }
    const { bytes } = this.chunkOf(handle);
    const start = offsets[slot]!;
    copyInAt(target, bytes.subarray(start, start + length), offset);
    return length;
  }

  /**
   * A copy in young of a value of a scope, which has survived as much as a collection; the handle itself of any other.
   */
  promote(handle: number): number {
    if (!this.has(handle)) throw this.refusal(handle, 'promote');
    if ((handle & SLOT_MASK) < SLOT_COUNT) return handle;
    const { chunks, offsets, lengths } = this.scopes.slots;
    const slot = handle & (SLOT_COUNT - 1);
    const length = lengths[slot]!;
    const from = this.store.chunks[chunks[slot]!]!;
    const chunk = this.store.current[YOUNG];
    if (this.#fits(chunk, length) && from.bytes.length !== 0) {
      copyValue(from, offsets[slot]!, chunk, chunk.used, length);
      return this.#enter(chunk, length, 1);
    }
    const promoted = this.put(this.get(handle));
    this.slots.ages[promoted & SLOT_MASK] = 1;
    return promoted;
  }

  endScope(mark: ScopeMark): void {
    const { scopes } = this;
    if (this.watch !== undefined || this.wiping >= 0) scopes.beforeEnd(mark);
    scopes.end(mark);
    if (this.owner.closed) scopes.drop();
  }

  // Ending ---------------------------------------------------------------------------------------

  free(handle: number): void {
    if (!this.has(handle)) throw this.refusal(handle, 'free');
    if ((handle & SLOT_MASK) >= SLOT_COUNT) {
      this.scopes.free(handle);
      return;
    }
    const { slots } = this;
    const slot = handle & SLOT_MASK;
    if (slots.pins[slot] !== 0) {
      throw argumentError(
        `cannot free the value of handle ${handle} of pool "${this.pool}": it is pinned ${slots.pins[slot]} times; unpin() it first`,
      );
    }
    if (this.wiping >= 0) {
      const offset = slots.offsets[slot]!;
      this.chunkOf(handle).wipe(offset, offset + footprint(slots.lengths[slot]!), this.wiping);
    }
    this.watch?.ended(handle, this.watch.stack(this.free));
    // What was called may have freed or moved it.
    if (slots.handles[slot] !== handle) throw this.refusal(handle, 'free');
    const chunk = this.store.chunks[slots.chunks[slot]!]!;
    const size = footprint(slots.lengths[slot]!);
    slots.handles[slot] = -handle;
    slots.offsets[slot] = slots.free;
    slots.free = slot;
    chunk.liveBytes -= size;
    chunk.liveValues--;
    if (chunk.liveValues === 0) this.store.emptied(chunk);
  }

  pin(handle: number): Buffer {
    if (!this.has(handle)) throw this.refusal(handle, 'pin');
    if ((handle & SLOT_MASK) >= SLOT_COUNT) {
      throw argumentError(
        `cannot pin the value of handle ${handle} of pool "${this.pool}", which ends with its scope: promote() it there first`,
      );
    }
    const view = this.get(handle);
    const { slots } = this;
    const slot = handle & SLOT_MASK;
    if (slots.handles[slot] !== handle) throw this.refusal(handle, 'pin');
    if (slots.pins[slot] === MAX_PINS)
      throw argumentError(`a value is pinned at most ${MAX_PINS} times`, RangeError);
    const chunk = this.store.chunks[slots.chunks[slot]!]!;
    if (slots.pins[slot] === 0) chunk.pinned++;
    slots.pins[slot]!++;
    return view;
  }

  unpin(handle: number): void {
    if (!this.has(handle)) throw this.refusal(handle, 'unpin');
    const { slots } = this;
    const slot = handle & SLOT_MASK;
    if (slot >= SLOT_COUNT || slots.pins[slot] === 0) {
      throw argumentError(
        `cannot unpin the value of handle ${handle} of pool "${this.pool}": it is not pinned; each pin is paired with one unpin`,
      );
    }
    const chunk = this.store.chunks[slots.chunks[slot]!]!;
    slots.pins[slot]!--;
    if (slots.pins[slot] === 0) chunk.pinned--;
  }

  /** Why nothing can be done with a handle. */
  refusal(handle: unknown, what: string): Error {
    if (!isHandle(handle)) return foreignHandleError(handle, what, this.pool);
    const slot = handle & (SLOT_COUNT - 1);
    const slots = this.tableOf(handle);
    const isScoped = slots !== this.slots;
    const last = slots.lastHandle(slot);
    if (last === 0 || !wasHandleOf(handle, last, slots.firstGeneration)) {
      return foreignHandleError(handle, what, this.pool);
    }
    return staleError(handle, what, { pool: this.pool, isScoped, misuse: this.watch?.misuse(handle) });
  }
}
