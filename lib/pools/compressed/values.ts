import type { NativePool } from '../../addon/binding.js';
import { VALUE_FAULT } from '../../addon/generated/codes.js';
import { MAX_VALUE_BYTES, SLOT_CHUNK_SHIFT } from '../../addon/generated/memory.js';
import { builtins, copyInto, lengthOf } from '../../base/builtins.js';
import { show } from '../../base/errors.js';
import { areLost, lostError } from '../../base/lost-bytes.js';
import { isStronglyOrdered } from '../../base/memory-order.js';
import type { Magazines } from '../../pool/magazines.js';
import { begin, finish, giveUp } from '../../pool/unfinished.js';
import type { Held } from '../../pool/waiters.js';
import { type PinWatch, pinWatchOf } from '../pin-watch.js';
import type { ForeignCodec } from './codec.js';
import {
  argumentError,
  codecError,
  corruptError,
  foreignHandleError,
  notPinnedError,
  pinnedError,
  staleError,
  tooLargeError,
  tooManyPinsError,
  tooManyValuesError,
} from './errors.js';
import { ForeignCooler } from './foreign-cooler.js';
import {
  CHUNK_MASK,
  generationOf,
  isHandle,
  SLOT_MASK,
  slotOf,
  TO_GENERATION,
  wasGenerationOf,
} from './handles.js';
import { HeldHeat, HeldPut } from './held-values.js';
import { bufferOver, type HotBlock } from './hot-block.js';
import type { CompressedSettings } from './options.js';
import { Room } from './room.js';
import { COLD, GENERATIONS, HOT, PINS, PLACE, REFERENCED, Slots } from './slots.js';

const { compareExchange, sub } = Atomics;

/** Values put and heated since the thread that compresses was last asked to look: a part of hotBytes. */
const LOOKS_PER_HOT = 64;
/** Slots that are looked at with each put, and at once by upkeep, for buffers of values that have become cold. */
const FORGOTTEN_PER_PUT = 8;
const FORGOTTEN_PER_TICK = 2 ** 15;

/** What values ask of the core of their pool. */
export interface ValuesCore {
  readonly closed: boolean;
  checkOpen(): void;
  acquireSlow(size: number): HotBlock;
  hasWaiters(): boolean;
  serveWaiters(): void;
  afterRelease(): void;
}

/** The values of one pool. */
export class Values {
  readonly name: string;
  readonly native: NativePool;
  readonly settings: CompressedSettings;
  readonly slots: Slots;
  readonly room: Room;
  readonly foreign: ForeignCooler | undefined;
  readonly watch: PinWatch | undefined;
  /** Of each slot whose value is hot its buffer; of others perhaps an old one, until it is forgotten. */
  readonly hot: (Buffer | undefined)[] = [];
  /** Where generations began. */
  readonly #first: number;
  readonly #maxBytes: number;
  /** Bytes put and heated since the last look. */
  #fresh = 0;
  #forgotten = 0;
  /** Set when the core has been made: they know each other. */
  core!: ValuesCore;

  constructor(
    name: string,
    native: NativePool,
    magazines: Magazines,
    settings: CompressedSettings,
    first: number,
  ) {
    this.name = name;
    this.native = native;
    this.settings = settings;
    this.slots = new Slots(native);
    this.#first = first;
    this.#maxBytes = Math.min(settings.hotBytes, MAX_VALUE_BYTES);
    const { foreign } = settings.codec;
    this.foreign = foreign && new ForeignCooler(foreign, native, this.#cooled(), settings.cpuBudget);
    this.watch = pinWatchOf('value', name, native, {
      unpin: (handle) => native.unpinValue(handle),
      afterUnpin: () => this.#afterUnpin(),
    });
    this.room = new Room(native, magazines, this, settings.onEvict);
  }

  #cooled() {
    const values = this;
    return {
      get closed() {
        return values.core.closed;
      },
      bufferOf: (handle: number) => {
        const slot = slotOf(handle);
        return bufferOver(values.slots.block(slot), values.slots.length(slot));
      },
      noteCold: () => {
        if (values.core.hasWaiters()) values.core.serveWaiters();
      },
    };
  }

  // Putting --------------------------------------------------------------------------------------

  /** Bytes of a value, which it may have. */
  checkedLength(bytes: unknown, what: string): number {
    if (!builtins.isUint8Array(bytes))
      throw argumentError(`${what}() takes a Uint8Array, got ${show(bytes)}`);
    if (areLost(bytes)) throw lostError(`${what}()`, bytes);
    const length = lengthOf(bytes);
    if (length > this.#maxBytes) throw tooLargeError(this.name, length, this.#maxBytes);
    return length;
  }

  put(bytes: Uint8Array): number {
    this.core.checkOpen();
    const length = this.checkedLength(bytes, 'put');
    this.room.make(length);
    const held = begin(new HeldPut(this.native));
    try {
      const hot = this.core.acquireSlow(length === 0 ? 1 : length);
      held.hot = hot;
      const buffer = this.#enter(held, hot, bytes, length);
      const { handle } = held;
      finish(held);
      this.hot[handle & SLOT_MASK] = buffer;
      return handle;
    } catch (error) {
      giveUp(held);
      throw error;
    }
  }

  /** The same with a block that was waited for: `waiting` has the value until who waits has its handle. */
  putInto(hot: HotBlock, waiting: Held, bytes: Uint8Array, length: number): number {
    const held = new HeldPut(this.native);
    held.hot = hot;
    waiting.buf = held;
    const buffer = this.#enter(held, hot, bytes, length);
    this.hot[held.handle & SLOT_MASK] = buffer;
    return held.handle;
  }

  /** Makes a block a value, whose handle `held` has then. Returns its buffer. */
  #enter(held: HeldPut, hot: HotBlock, bytes: Uint8Array, length: number): Buffer {
    // Who was called may have changed the bytes' length, and closed the pool.
    if (lengthOf(bytes) !== length)
      throw argumentError('put() found the bytes changed: their length is another one now');
    this.core.checkOpen();
    const buffer = length === 0 ? bufferOver(hot.block, 0) : hot.buffer;
    copyInto(buffer, bytes);
    held.handle = this.native.putValue(hot.block, length);
    if (held.handle !== 0) hot.block = 0;
    if (held.handle === 0) throw tooManyValuesError(this.name);
    this.slots.cover(held.handle & SLOT_MASK);
    this.#came(length);
    return buffer;
  }

  /** Has the thread that compresses look now and then, and forgets buffers of values that became cold. */
  #came(length: number): void {
    this.#fresh += length + 64;
    this.#forget(FORGOTTEN_PER_PUT);
    if (this.#fresh * LOOKS_PER_HOT < this.settings.hotBytes) return;
    this.#fresh = 0;
    this.native.nudgeCooling();
    this.foreign?.pump();
  }

  /** Looks at so many slots. */
  #forget(count: number): void {
    const { hot, slots } = this;
    const steps = Math.min(count, hot.length);
    for (let i = 0; i < steps; i++) {
      const slot = this.#forgotten < hot.length ? this.#forgotten : 0;
      this.#forgotten = slot + 1;
      if (hot[slot] === undefined) continue;
      const place = slots.state(slot) & PLACE;
      if (place === COLD || place === 0) hot[slot] = undefined;
    }
  }

  forget(slot: number): void {
    this.hot[slot] = undefined;
  }

  tick(): void {
    this.#forget(FORGOTTEN_PER_TICK);
    if (this.core.closed) return;
    this.native.nudgeCooling();
    this.foreign?.pump();
    if (this.core.hasWaiters()) this.room.make(1);
  }

  // Handles --------------------------------------------------------------------------------------

  /** The slot of a value that lives. */
  slotOf(handle: number, what: string): number {
    if (!isHandle(handle)) throw foreignHandleError(handle, what, this.name);
    const slot = slotOf(handle);
    if (!this.slots.has(slot)) throw foreignHandleError(handle, what, this.name);
    const generation = generationOf(handle);
    const last = this.slots.generation(slot);
    if (generation === last && (this.slots.state(slot) & PLACE) !== 0) return slot;
    if (wasGenerationOf(generation, last, this.#first)) throw staleError(handle, what, this.name);
    throw foreignHandleError(handle, what, this.name);
  }

  owns(handle: number): boolean {
    if (!isHandle(handle)) return false;
    const slot = slotOf(handle);
    return (
      this.slots.has(slot) &&
      generationOf(handle) === this.slots.generation(slot) &&
      (this.slots.state(slot) & PLACE) !== 0
    );
  }

  // Pinning --------------------------------------------------------------------------------------

  /** The hot path of access: one closure a pool. */
  bindAccess(): (handle: number) => Buffer {
    const { hot, slots } = this;
    const { chunks } = slots;
    const slow = (handle: number): Buffer => this.#accessSlow(handle);
    if (this.watch !== undefined) return slow;
    return (handle) => {
      if (typeof handle === 'number') {
        const slot = handle & SLOT_MASK;
        const words = chunks[slot >>> SLOT_CHUNK_SHIFT];
        const at = slot & CHUNK_MASK;
        if (words !== undefined && words[GENERATIONS + at] === (handle - slot) * TO_GENERATION) {
          const state = words[at]!;
          const buffer = hot[slot];
          if (
            (state & PLACE) === HOT &&
            (state & PINS) !== PINS &&
            buffer !== undefined &&
            // 0 when user code detached its window.
            buffer.length !== 0 &&
            compareExchange(words, at, state, (state | REFERENCED) + 1) === state
          ) {
            return buffer;
          }
        }
      }
      return slow(handle);
    };
  }

  /** The same of release. */
  bindRelease(): (handle: number) => void {
    const { slots, core } = this;
    const { chunks } = slots;
    const slow = (handle: number): void => this.#releaseSlow(handle);
    if (this.watch !== undefined) return slow;
    return (handle) => {
      if (typeof handle === 'number') {
        const slot = handle & SLOT_MASK;
        const words = chunks[slot >>> SLOT_CHUNK_SHIFT];
        const at = slot & CHUNK_MASK;
        if (words !== undefined && words[GENERATIONS + at] === (handle - slot) * TO_GENERATION) {
          if ((words[at]! & PINS) !== 0) {
            // Nobody else changes the word of a value that is pinned.
            if (isStronglyOrdered) words[at]!--;
            else sub(words, at, 1);
            if (core.hasWaiters()) this.#serve();
            return;
          }
        }
      }
      slow(handle);
    };
  }

  #accessSlow(handle: number): Buffer {
    for (;;) {
      const slot = this.slotOf(handle, 'access');
      const isCold = (this.slots.state(slot) & PLACE) === COLD;
      const buffer = isCold ? this.#heat(handle, slot) : this.#pin(handle, slot);
      if (buffer !== undefined) return buffer;
    }
  }

  /** undefined when all is to be looked at again. */
  #pin(handle: number, slot: number): Buffer | undefined {
    const { native, watch, slots } = this;
    const length = slots.length(slot);
    if (watch !== undefined) return this.#pinWatched(handle, slot);
    let buffer = this.hot[slot];
    if (buffer === undefined || (buffer.length === 0 && length !== 0)) {
      buffer = bufferOver(slots.block(slot), length);
      this.hot[slot] = buffer;
    }
    const fault = native.pinValue(handle);
    if (fault === VALUE_FAULT.none) return buffer;
    if (fault === VALUE_FAULT.tooManyPins) throw tooManyPinsError(handle, this.name);
    return undefined;
  }

  #pinWatched(handle: number, slot: number): Buffer | undefined {
    const held = begin(new HeldHeat(this.native, handle));
    try {
      const fault = this.native.pinValue(handle);
      held.isPinned = fault === VALUE_FAULT.none;
      if (fault === VALUE_FAULT.tooManyPins) throw tooManyPinsError(handle, this.name);
      const buffer = held.isPinned ? this.#watched(held, handle, slot) : undefined;
      finish(held);
      return buffer;
    } catch (error) {
      giveUp(held);
      throw error;
    }
  }

  #watched(held: HeldHeat, handle: number, slot: number): Buffer {
    const { slots } = this;
    const watch = this.watch!;
    const stack = watch.capture(this.#accessSlow);
    return watch.pinned(handle, slots.block(slot), slots.length(slot), stack, held);
  }

  /** Decompresses a cold value into a new block. undefined when all is to be looked at again. */
  #heat(handle: number, slot: number): Buffer | undefined {
    this.core.checkOpen();
    const length = this.slots.length(slot);
    this.room.make(length);
    const held = begin(new HeldHeat(this.native, handle));
    try {
      held.hot = this.core.acquireSlow(length === 0 ? 1 : length);
      // Who was called may have done anything.
      const isSame = this.owns(handle) && (this.slots.state(slot) & PLACE) === COLD;
      const buffer = isSame ? this.#heatInto(held, handle, slot, length) : undefined;
      if (buffer === undefined) giveUp(held);
      else finish(held);
      return buffer;
    } catch (error) {
      giveUp(held);
      throw error;
    }
  }

  #heatInto(held: HeldHeat, handle: number, slot: number, length: number): Buffer | undefined {
    const hot = held.hot!;
    const buffer = length === 0 ? bufferOver(hot.block, 0) : hot.buffer;
    let fault = this.native.heatValue(handle, hot.block, false);
    if (fault === VALUE_FAULT.none) held.isPinned = true;
    if (fault === VALUE_FAULT.foreign) {
      copyInto(buffer, this.#decoded(this.settings.codec.foreign!, handle, length));
      fault = this.native.heatValue(handle, hot.block, true);
      if (fault === VALUE_FAULT.none) held.isPinned = true;
      if (fault === VALUE_FAULT.corrupt) {
        throw codecError(
          this.settings.codec.name,
          handle,
          this.name,
          'what decompress() gave is not what was put',
        );
      }
    }
    if (fault === VALUE_FAULT.corrupt) throw corruptError(handle, this.name);
    if (fault !== VALUE_FAULT.none) return undefined;
    this.hot[slot] = buffer;
    this.#came(length);
    return this.watch === undefined ? buffer : this.#watched(held, handle, slot);
  }

  /** What the program's codec makes of a cold value. */
  #decoded(codec: ForeignCodec, handle: number, length: number): Uint8Array {
    const packed = this.native.readForeign(handle);
    if (packed === VALUE_FAULT.corrupt) throw corruptError(handle, this.name);
    if (typeof packed === 'number') throw staleError(handle, 'access', this.name);
    let bytes: unknown;
    try {
      bytes = codec.decompress(new builtins.Uint8Array(packed), length);
    } catch (error) {
      throw codecError(codec.name, handle, this.name, 'decompress() threw', error);
    }
    if (!builtins.isUint8Array(bytes)) {
      throw codecError(
        codec.name,
        handle,
        this.name,
        `decompress() returned ${show(bytes)}, not a Uint8Array`,
      );
    }
    if (lengthOf(bytes) !== length) {
      const found = `decompress() returned ${lengthOf(bytes)} B, and the value has ${length} B`;
      throw codecError(codec.name, handle, this.name, found);
    }
    return bytes;
  }

  #releaseSlow(handle: number): void {
    const slot = this.slotOf(handle, 'release');
    if ((this.slots.state(slot) & PINS) === 0) {
      throw notPinnedError(handle, this.name, this.slots.length(slot), this.watch?.lastOf(handle));
    }
    const end = this.watch?.ending(handle, this.#releaseSlow);
    this.native.unpinValue(handle);
    if (end !== undefined) {
      end.pin.isOver = true;
      this.watch!.ended(end);
    }
    this.#afterUnpin();
  }

  #afterUnpin(): void {
    if (this.core.hasWaiters()) this.#serve();
  }

  /** A value that is not pinned any more may become cold for those who wait. */
  #serve(): void {
    if (!this.core.closed) this.room.make(1);
    this.core.serveWaiters();
  }

  // Ending ---------------------------------------------------------------------------------------

  free(handle: number): void {
    const slot = this.slotOf(handle, 'free');
    const fault = this.native.freeValue(handle);
    if (fault === VALUE_FAULT.pinned) {
      throw pinnedError(handle, this.name, this.slots.state(slot) & PINS);
    }
    this.hot[slot] = undefined;
    this.core.afterRelease();
  }

  /** Nobody has the pool any more. */
  giveUp(): void {
    this.native.dropValues();
    this.core.afterRelease();
  }

  pinnedAt(handle: number): string {
    const stack = this.watch?.stackOf(handle) ?? '';
    return stack === '' ? '' : `,\n${stack}\n  `;
  }
}
