import { now } from '../../addon/clock.js';
import { FILE_FAULT } from '../../addon/generated/codes.js';
import { CACHE_PINS } from '../../addon/generated/memory.js';
import { builtins, copyInAt, copyInto, lengthOf, memoryOf } from '../../base/builtins.js';
import { makeError, type SuperslabError, show } from '../../base/errors.js';
import { isStronglyOrdered } from '../../base/memory-order.js';
import { revoke } from '../../guard/revoke.js';
import type { PinWatch } from '../pin-watch.js';
import { Copies } from './copies.js';
import type { CacheCore } from './core.js';
import { type Entry, isCurrent } from './entry.js';
import { bytesError, tooManyPins } from './errors.js';
import { LateEntries } from './late-entries.js';
import { HITS, MISSES } from './memory.js';
import { CachePage, type PageEntry, type PageState } from './page.js';

const { isUint8Array } = builtins;
const { store } = builtins.Atomics;

/** The pin under which values are copied. */
const COPYING = 0;
/** What getInto() returns for a key without a value. */
const NONE = -1;
/** Of the values that are copied after a search one in so many is remembered, so that a walk over all costs little. */
const REMEMBERED = 4;
/** Others look at so many more pins each time. */
const MARK_STEP = 16;

/**
 * Reads values. One that this thread has found before is read without a native call: its pin is set, then the index is asked whether it
 * still names the value, and then nobody writes there until the pin is gone. JavaScript may be cut off anywhere in here: what is stored
 * last counts, and a pin of a place that is free, or of COPYING, is stored anew by the next one who uses it.
 */
export class Reader {
  readonly #core: CacheCore;
  readonly #copies = new Copies();
  #late = new LateEntries<PageEntry>();
  readonly #pins: Int32Array;
  readonly #counters: Float64Array;
  readonly #lost: Int32Array;
  /** Places for pins that are free: the first #depth. */
  readonly #free: number[] = [];
  #depth = 0;
  /** Others look at places below. */
  #marked = 1;
  /** What is pinned, by place. */
  readonly #pages: (PageState | undefined)[] = [];
  #turn = 0;
  #watch: PinWatch | undefined;
  #revokes = false;
  #hidden: (...args: never[]) => unknown = Reader.prototype.pin;
  /** Pages whose pins are watched, by their notes. */
  readonly #watched = new Map<number, PageState>();
  #lastHandle = 0;
  #whenRefused: () => void = () => {};
  /** Pages that were ever pinned, and how often there was no place. */
  pinned = 0;
  refused = 0;
  /** The lowest #depth there ever was. */
  #lowest = CACHE_PINS - 1;

  constructor(core: CacheCore) {
    this.#core = core;
    const { pins, counters, lost } = core.memory;
    this.#pins = pins;
    this.#counters = counters;
    this.#lost = lost;
    for (let place = CACHE_PINS - 1; place > COPYING; place--) this.#free[this.#depth++] = place;
  }

  // How a value is had -----------------------------------------------------------------------------

  /** Whether the value is to be had, by a pin at `place`, which stays set if it is. */
  #pin(entry: Entry, place: number): boolean {
    const pins = this.#pins;
    // An atomic store, since the index has to be looked at after others can see it; the length before the start: first_pinned() in native/pools/shared_cache/members.cc tells why.
    pins[2 * place + 1] = entry.granules;
    store(pins, 2 * place, entry.start);
    if (isCurrent(entry) && (!entry.mayExpire || entry.expiresMs > now())) return true;
    this.#unpin(place);
    return false;
  }

  /** After all that was read of the value. */
  #unpin(place: number): void {
    if (isStronglyOrdered) this.#pins[2 * place] = 0;
    else store(this.#pins, 2 * place, 0);
  }

  #noteHit(entry: Entry): void {
    this.#counters[HITS]!++;
    // A store that nothing waits for; not each time, since other processors have the line as well.
    if (entry.bytes[entry.usedAt] === 0) entry.bytes[entry.usedAt] = 1;
  }

  /** After bytes were read: whether they were there. */
  #checkWhole(): void {
    // The lower half of a number that is odd once a page was missing.
    if (this.#lost[0] !== 0) throw this.#core.error(-FILE_FAULT.lost);
  }

  #remember(key: string, entry: PageEntry): void {
    if (!entry.hasTags && entry.codec === 0) this.#late.set(key, entry);
  }

  /** The value of a key, which is pinned at COPYING. */
  #search(key: string): PageEntry | undefined {
    const entry = this.#core.find(key, COPYING);
    if (entry === undefined) {
      this.#counters[MISSES]!++;
    } else {
      this.#noteHit(entry);
      if (++this.#turn % REMEMBERED === 0) this.#remember(key, entry);
    }
    return entry;
  }

  // Copies -----------------------------------------------------------------------------------------

  /**
   * Copies a value that was found before; false when it is not there any more: then the target has any bytes. Where loads happen in their
   * order a copy needs no pin: nobody writes to a value before it is out of the index, and an index that names it after the copy has named it
   * all the time, since a position is used once.
   */
  #tryCopy(entry: Entry, target: Uint8Array, offset: number): boolean {
    if (!isStronglyOrdered) {
      if (!this.#pin(entry, COPYING)) return false;
      copyInAt(target, entry.view, offset);
      this.#unpin(COPYING);
      return true;
    }
    if (!isCurrent(entry) || (entry.mayExpire && entry.expiresMs <= now())) return false;
    copyInAt(target, entry.view, offset);
    return isCurrent(entry);
  }

  get(key: string): Buffer | undefined {
    const late = this.#late.get(key);
    if (late !== undefined && isCurrent(late)) {
      const copy = this.#copies.make(late.length);
      if (this.#tryCopy(late, copy, 0)) {
        this.#checkWhole();
        this.#noteHit(late);
        return copy;
      }
    }
    const entry = this.#search(key);
    if (entry === undefined) return undefined;
    const copy = this.#copyOf(entry);
    return entry.codec === 0 ? copy : this.#plain(copy, entry);
  }

  #copyOf(entry: Entry): Buffer {
    const copy = this.#copies.make(entry.length);
    copyInto(copy, entry.view);
    this.#unpin(COPYING);
    this.#checkWhole();
    return copy;
  }

  #plain(bytes: Uint8Array, { plainBytes, codec }: Entry): Buffer {
    const plain = this.#core.compression.decompress(bytes, plainBytes, codec);
    return builtins.bufferOf(plain.buffer, plain.byteOffset, plain.byteLength);
  }

  /** Bytes that were written; NONE for a key without a value. */
  getInto(key: string, target: Uint8Array, offset: number): number {
    const late = this.#late.get(key);
    if (late !== undefined && fitsWell(target, offset, late.length) && this.#tryCopy(late, target, offset)) {
      this.#checkWhole();
      this.#noteHit(late);
      return late.length;
    }
    return this.#getIntoSlow(key, target, offset);
  }

  #getIntoSlow(key: string, target: Uint8Array, offset: number): number {
    if (!isUint8Array(target)) throw bytesError('the target of getInto()', target);
    const entry = this.#search(key);
    if (entry === undefined) return NONE;
    if (entry.codec !== 0) {
      const plain = this.#plain(this.#copyOf(entry), entry);
      if (!fits(target, offset, plain.length)) throw tooSmall(key, target, offset, plain.length);
      copyInAt(target, plain, offset);
      return plain.length;
    }
    const isRoomy = fits(target, offset, entry.length);
    if (isRoomy) copyInAt(target, entry.view, offset);
    this.#unpin(COPYING);
    this.#checkWhole();
    if (!isRoomy) throw tooSmall(key, target, offset, entry.length);
    return entry.length;
  }

  has(key: string): boolean {
    const entry = this.#core.find(key, COPYING);
    if (entry !== undefined) this.#unpin(COPYING);
    return entry !== undefined;
  }

  // Pages ------------------------------------------------------------------------------------------

  pin(key: string): CachePage | undefined {
    const entry = this.#late.get(key);
    if (entry !== undefined) {
      const page = this.#pinLate(entry);
      if (page !== undefined) return page;
    }
    return this.#pinSlow(key);
  }

  /** A page that there was before. */
  #pinLate(entry: PageEntry): CachePage | undefined {
    const { pageState: state } = entry;
    if (state === undefined) return undefined;
    if (state.pins > 0) {
      if (!isCurrent(entry) || (entry.mayExpire && entry.expiresMs <= now())) return undefined;
      this.#noteHit(entry);
      state.pins++;
      return entry.page;
    }
    if (this.#depth === 0) return undefined;
    const place = this.#free[this.#depth - 1]!;
    if (place >= this.#marked || !this.#pin(entry, place)) return undefined;
    this.#noteHit(entry);
    this.#give(state, place);
    return entry.page;
  }

  /** From here on the place is in use. Nothing is called, so that it is so as a whole. */
  #give(state: PageState, place: number): void {
    this.#pages[place] = state;
    this.pinned++;
    this.#depth--;
    if (this.#depth < this.#lowest) this.#lowest = this.#depth;
    state.place = place;
    state.pins = 1;
  }

  #pinSlow(key: string): CachePage | undefined {
    if (this.#depth === 0) {
      this.#whenRefused();
      // Who was told of it may have released some, which the next pin() gets.
      if (this.#core.closed) this.#core.checkWhole();
      this.refused++;
      throw tooManyPins(this.name, CACHE_PINS - 1, this.pinnedKeys().slice(0, 3));
    }
    const place = this.#free[this.#depth - 1]!;
    if (place >= this.#marked) {
      const marked = Math.min(place + MARK_STEP, CACHE_PINS);
      this.#core.native.markPins(marked);
      this.#marked = marked;
    }
    const entry = this.#core.find(key, place);
    if (entry === undefined) {
      this.#counters[MISSES]!++;
      return undefined;
    }
    this.#checkWhole();
    this.#noteHit(entry);
    const state: PageState = { home: this, key, entry, place: COPYING, pins: 0, late: 0, handle: 0 };
    if (entry.codec !== 0) return this.#copiedPage(state, place);
    if (this.#watch !== undefined && entry.length > 0) return this.#watchedPage(state, place, this.#watch);
    entry.page = new CachePage(entry.view, state);
    entry.pageState = state;
    this.#remember(key, entry);
    this.#give(state, place);
    return entry.page;
  }

  /** Of a compressed value, whose bytes are of use to nobody where they lie. */
  #copiedPage(state: PageState, place: number): CachePage {
    const { entry } = state;
    const plain = this.#plain(entry.view, entry);
    this.#unpin(place);
    const page = new CachePage(plain, state);
    state.pins = 1;
    return page;
  }

  /** Each pin has a page of its own then, over memory of its own, so that the collector tells when nobody has it. */
  #watchedPage(state: PageState, place: number, watch: PinWatch): CachePage {
    const stack = watch.capture(this.#hidden);
    const { entry } = state;
    const memory = this.#core.ownWindow();
    const handle = ++this.#lastHandle;
    this.#watched.set(handle, state);
    state.handle = handle;
    const page = new CachePage(
      watch.pinnedIn(memory, handle, entry.length, stack, { pin: undefined }),
      state,
    );
    this.#give(state, place);
    return page;
  }

  /** Of the cache. */
  get name(): string {
    return this.#core.settings.name;
  }

  /** Calls `told` before it throws for want of places. */
  tellRefusals(told: () => void): void {
    this.#whenRefused = told;
  }

  /**
   * From now on pins are watched, if leak detection or a guard wants it. Reports of `watch` begin with who called `hidden`. With `revokes` a
   * page that is released shows nothing any more.
   */
  watchPins(watch: PinWatch | undefined, revokes: boolean, hidden: (...args: never[]) => unknown): void {
    this.#watch = watch;
    this.#revokes = revokes;
    this.#hidden = hidden;
  }

  /** Nobody has the page of that note any more. */
  unpinLost(handle: number): void {
    const state = this.#watched.get(handle);
    this.#watched.delete(handle);
    if (state !== undefined && state.pins > 0) this.#takeBack(state);
  }

  unpin(state: PageState, buffer: Buffer): void {
    if (state.handle !== 0) this.#endWatch(state.handle, buffer);
    this.#takeBack(state);
  }

  #endWatch(handle: number, buffer: Buffer): void {
    const end = this.#watch?.ending(handle, CachePage.prototype.release);
    if (this.#revokes) revoke(memoryOf(buffer));
    this.#watched.delete(handle);
    if (end === undefined) return;
    end.pin.isOver = true;
    this.#watch!.ended(end);
  }

  #takeBack(state: PageState): void {
    const { place } = state;
    if (place !== COPYING) {
      // Once the cache is closed this is memory that nobody looks at.
      this.#unpin(place);
      this.#pages[place] = undefined;
      this.#free[this.#depth] = place;
      this.#depth++;
    }
    state.place = COPYING;
    state.pins = 0;
  }

  isCurrent(entry: Entry): boolean {
    return !this.#core.closed && isCurrent(entry);
  }

  /** How many pages are out. */
  get lent(): number {
    return CACHE_PINS - 1 - this.#depth;
  }

  /** Most pages that were out at once. */
  get peak(): number {
    return CACHE_PINS - 1 - this.#lowest;
  }

  /** The cache was closed: nothing is found or pinned any more. */
  giveUp(): void {
    this.#late = new LateEntries();
    for (const state of this.#pages) {
      if (state === undefined || state.pins === 0) continue;
      state.late = state.pins;
      this.#takeBack(state);
    }
    // What ends with the cache is no leak.
    for (const handle of this.#watched.keys()) {
      const end = this.#watch?.ending(handle, Reader.prototype.giveUp);
      if (end === undefined) continue;
      end.pin.isOver = true;
      this.#watch!.forget(end.pin);
    }
    this.#watched.clear();
  }

  pinnedKeys(): string[] {
    return this.#pages.flatMap((state) => (state === undefined ? [] : [state.key]));
  }
}

/** False for what has no bytes, too, and for an offset of 4 GiB or more. */
function fitsWell(target: Uint8Array, offset: number, length: number): boolean {
  return isUint8Array(target) && offset >>> 0 === offset && offset + length <= lengthOf(target);
}

/** False for what has no bytes, too. */
function fits(target: Uint8Array, offset: number, length: number): boolean {
  return (
    isUint8Array(target) && offset >= 0 && Number.isInteger(offset) && offset + length <= lengthOf(target)
  );
}

function tooSmall(key: string, target: Uint8Array, offset: number, length: number): SuperslabError {
  if (typeof offset !== 'number' || !Number.isInteger(offset) || offset < 0) {
    return makeError(
      'ERR_SUPERSLAB_ARGUMENT',
      `offset of getInto() must be a whole number from 0 on, got ${show(offset)}`,
      RangeError,
    );
  }
  return makeError(
    'ERR_SUPERSLAB_SIZE',
    `the value of ${show(key)} has ${length} bytes, the target from offset ${offset} on has room for ${lengthOf(target) - offset}; ` +
      'give a longer one, or use get()',
    RangeError,
  );
}
