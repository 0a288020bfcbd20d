import { Buffer } from 'node:buffer';
import { type InspectOptions, inspect } from 'node:util';
import { environment } from '../addon/environment.js';
import * as memory from '../addon/generated/memory.js';
import { builtins, lengthOf, memoryOf, offsetOf } from '../base/builtins.js';
import { defaultMagazines } from './default-pool.js';
import { hotTagOfGranules } from './hot-tags.js';
import { type Details, detailsOf, NO_BLOCK } from './lease-details.js';
import type { Acquirer, Leases } from './leases.js';
import type { Lender, Magazines } from './magazines.js';
import * as shared from './magazines.js';
import { endMeasured } from './measured-leases.js';
import { checkRange, foreignError, releasedError, sharingError } from './misuse-errors.js';
import type { WatchedLease } from './watched-lease.js';
import * as view from './windows.js';

// The tables of the hot path as constants of this module: a property of an imported module is looked
// up each time.
const { homes, lenderOfHome, HOME_SHIFT } = shared;
const { windows, probes } = view;
const { MAGAZINE_SHIFT, GRANULE_SHIFT, GRANULE_MASK, SLICE_SHIFT } = memory;
const tagOfGranules = hotTagOfGranules;

/** The largest lease that goes through magazines. */
const MAX_CLASS_BYTES = (tagOfGranules.length - 1) << GRANULE_SHIFT;

// What #block holds instead of a block number.
const RELEASED = -1;
/** Everything but "one reference, private to this thread, from a pool": see #details. */
const DETAILED = -2;

// These three are set once, in the static block of the class: nothing else can reach its private parts, and nothing runs
// before it.

/** What {@link leases} is, for as long as the class is being made. */
let ofClass: Leases<PooledBuffer>;

/** See {@link Leases.releaseFirst}. A variable of this module is cheaper than a property for the hot path. */
let releaseFirst: (buf: Uint8Array) => void;

/** Whether a value was made by the constructor of PooledBuffer. */
let isPooled: (value: unknown) => value is PooledBuffer;

const inspectBuffer = (
  Buffer.prototype as unknown as Record<symbol, (depth: number, options: InspectOptions) => string>
)[inspect.custom]!;

type BufferConstructor = new (memory: ArrayBuffer, byteOffset: number, length: number) => Buffer;
const ByteArray = Uint8Array as unknown as BufferConstructor;

/**
 * A Buffer whose memory comes from a pool and goes back to it.
 *
 * Made by {@link BufferPool.acquire} and its relatives, never by `new`. It is a Buffer in every
 * respect: `Buffer.isBuffer`, `fs`, `net`, `crypto` and the like take it. Views made of it (`subarray`,
 * `slice`, `new Uint8Array(buf.buffer, ...)`) are plain ones over the same memory: they hold no
 * reference, and must not be used after the buffer was released; {@link retainedSubarray} makes one that does. Touching it after its release is a
 * misuse that reads or writes bytes of another lease; it never crashes.
 *
 * `postMessage(buf)` and `structuredClone(buf)` copy the whole ArrayBuffer, with the buffer's neighbours. Post a token
 * of {@link BufferPool.share} instead.
 *
 * Belongs to the thread that acquired or adopted it.
 */
export class PooledBuffer extends ByteArray {
  // The block number of a simple lease (one reference, private to this thread), or one of the above. It
  // is in the object, not in a table by block, so that a second release is caught even when the block is
  // already leased to somebody else.
  #block = RELEASED;
  // Defined while #block is DETAILED.
  #details: Details<PooledBuffer> | undefined = undefined;

  static {
    // Not instanceof: an object that only has the prototype has no memory to give back.
    isPooled = (value): value is PooledBuffer =>
      typeof value === 'object' && value !== null && #block in value;
    releaseFirst = PooledBuffer.#bindRelease(defaultMagazines);
    ofClass = {
      releaseFirst,
      bindAcquire: PooledBuffer.#bindAcquire,
      bindAcquireSampled: PooledBuffer.#bindAcquireSampled,
      bindAcquireWatched: PooledBuffer.#bindAcquireWatched,
      bindRelease: PooledBuffer.#bindRelease,
      make: PooledBuffer.#lease,
      makeShared: PooledBuffer.#sharedLease,
      makePlain: PooledBuffer.#plain,
      makeWatched: PooledBuffer.#watched,
      leaseOf: PooledBuffer.#leaseOf,
      share: PooledBuffer.#share,
      blockOf: PooledBuffer.#blockOf,
      lenderOf: PooledBuffer.#lenderOf,
    };
  }

  /**
   * Gives one reference back. The last one returns the memory to its pool.
   * @throws ERR_SUPERSLAB_RELEASED when all references were given back before.
   */
  release(): void {
    releaseFirst(this);
  }

  /**
   * Takes one more reference, so that one more `release()` is needed.
   * @throws ERR_SUPERSLAB_RELEASED
   */
  retain(): this {
    const details = PooledBuffer.#detail(this, 'retain');
    details.references++;
    if (details.lease !== undefined) {
      details.lease.references++;
      details.lease.retains++;
    }
    return this;
  }

  /**
   * Bytes `start` to `end` as a buffer of its own, without a copy: a lease that is released by itself, before or after this one. Until then
   * it keeps the whole memory of this buffer, `capacity` bytes, however short it is; `pool.from(slice)` copies out.
   * @throws ERR_SUPERSLAB_RELEASED
   * @throws ERR_SUPERSLAB_ARGUMENT for a range that the buffer does not have
   */
  retainedSubarray(start = 0, end?: number): PooledBuffer {
    return PooledBuffer.#retainedSubarray(this, start, end);
  }

  /**
   * References that this object holds: 1 after acquire, 0 once released.
   * @throws ERR_SUPERSLAB_FOREIGN when `this` is no pooled buffer, as `PooledBuffer.prototype` is none.
   */
  get refs(): number {
    if (!isPooled(this)) throw foreign(this, 'tell the references of');
    if (this.#block === RELEASED) return 0;
    return this.#block === DETAILED ? this.#details!.references : 1;
  }

  /**
   * Whether all references were given back.
   * @throws ERR_SUPERSLAB_FOREIGN
   */
  get released(): boolean {
    if (!isPooled(this)) throw foreign(this, 'tell the release of');
    return this.#block === RELEASED || (this.#block === DETAILED && PooledBuffer.#isCutOff(this));
  }

  /**
   * Bytes that the memory behind the buffer has; `length` of them are the buffer. 0 once released.
   * @throws ERR_SUPERSLAB_FOREIGN
   */
  get capacity(): number {
    if (!isPooled(this)) throw foreign(this, 'tell the capacity of');
    if (this.#block === RELEASED) return 0;
    const block = this.#block === DETAILED ? this.#details!.block : this.#block;
    return block === NO_BLOCK ? lengthOf(this) : environment.capacity(block);
  }

  /** For `using buf = pool.acquire(n)`: releases it, unless that was done. */
  [Symbol.dispose](): void {
    if (!isPooled(this) || this.#block !== RELEASED) releaseFirst(this);
  }

  /** `<PooledBuffer 68 69>`. A released buffer shows no bytes: they are another lease's. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    if (isPooled(this) && this.#block === RELEASED) return '<PooledBuffer (released)>';
    return inspectBuffer.call(this, depth, options).replace(/^<\w+/, '<PooledBuffer');
  }

  /** The hot path of acquire: one closure a pool. test/golden/hot-path.json counts its instructions. */
  static #bindAcquire(lender: Acquirer<PooledBuffer>): (size: number) => PooledBuffer {
    const { depth, acquired, blocks } = lender.magazines;
    const acquire = (size: number): PooledBuffer => {
      // Not a whole number, negative, zero or large: one of the comparisons fails.
      if (typeof size === 'number' && size >>> 0 === size && (size - 1) >>> 0 < MAX_CLASS_BYTES) {
        const tag = tagOfGranules[(size + 63) >>> GRANULE_SHIFT]!;
        const top = depth[tag]!;
        if (top !== 0) {
          const block = blocks[(tag << MAGAZINE_SHIFT) + top - 1]!;
          const slice = block >>> SLICE_SHIFT;
          // 0 when user code detached the window. A try block around the constructor instead would
          // cost 9 ns.
          if (probes[slice]!.length !== 0) {
            const buf = new PooledBuffer(windows[slice]!, (block & GRANULE_MASK) << GRANULE_SHIFT, size);
            buf.#block = block;
            depth[tag] = top - 1;
            acquired[tag]!++;
            return buf;
          }
        }
      }
      return lender.acquireSlow(size);
    };
    return acquire;
  }

  /**
   * The same for a pool of which only samples are watched: another function, so that each is compiled for
   * what it does, and the other is as fast as if this one did not exist. One more condition (SAMPLE_MASK) sends each
   * so many acquires of a class to the slow path, where PoolCore samples.
   */
  static #bindAcquireSampled(lender: Acquirer<PooledBuffer>): (size: number) => PooledBuffer {
    const { depth, acquired, blocks } = lender.magazines;
    const acquire = (size: number): PooledBuffer => {
      if (typeof size === 'number' && size >>> 0 === size && (size - 1) >>> 0 < MAX_CLASS_BYTES) {
        const tag = tagOfGranules[(size + 63) >>> GRANULE_SHIFT]!;
        const top = depth[tag]!;
        const count = (acquired[tag]! + 1) | 0;
        if (top !== 0 && (count & 4095) !== 0) {
          const block = blocks[(tag << MAGAZINE_SHIFT) + top - 1]!;
          const slice = block >>> SLICE_SHIFT;
          if (probes[slice]!.length !== 0) {
            const buf = new PooledBuffer(windows[slice]!, (block & GRANULE_MASK) << GRANULE_SHIFT, size);
            buf.#block = block;
            depth[tag] = top - 1;
            acquired[tag] = count;
            return buf;
          }
        }
      }
      return lender.acquireSlow(size);
    };
    return acquire;
  }

  /** The same for a pool of which every lease is watched. */
  static #bindAcquireWatched(lender: Acquirer<PooledBuffer>): (size: number) => PooledBuffer {
    const acquire = (size: number): PooledBuffer => lender.acquireSlow(size);
    return acquire;
  }

  /**
   * The hot path of release: one closure a pool, so that its tables are constants in the
   * optimised code (2 ns of 8). It takes buffers of every pool.
   */
  static #bindRelease({ depth, limit, blocks, id }: Magazines): (buf: Uint8Array) => void {
    const home = id << HOME_SHIFT;
    const release = (buf: Uint8Array): void => {
      if (!isPooled(buf)) throw foreign(buf, 'release');
      const block = buf.#block;
      if (block >= 0) {
        const tag = homes.table[block >>> SLICE_SHIFT]! - home;
        if (tag >>> HOME_SHIFT === 0) {
          const top = depth[tag]!;
          if (top < limit[tag]!) {
            buf.#block = RELEASED;
            blocks[(tag << MAGAZINE_SHIFT) + top] = block;
            depth[tag] = top + 1;
            return;
          }
        }
      }
      PooledBuffer.#releaseSlow(buf);
    };
    return release;
  }

  /** Of another pool, or its magazine is full, or a lease with details, or released before. */
  static #releaseSlow(buf: PooledBuffer): void {
    const block = buf.#block;
    if (block < 0) {
      PooledBuffer.#releaseDetailed(buf);
      return;
    }
    const home = homes.table[block >>> SLICE_SHIFT]!;
    const tag = home & 255;
    const lender = lenderOfHome(home)!;
    const { depth, limit, blocks } = lender.magazines;
    const top = depth[tag]!;
    if (top >= limit[tag]!) {
      PooledBuffer.#giveBack(buf, lender, block, tag);
      return;
    }
    buf.#block = RELEASED;
    blocks[(tag << MAGAZINE_SHIFT) + top] = block;
    depth[tag] = top + 1;
  }

  /** The last reference of a private block. The lease lasts until the block is free, and ends with that. */
  static #giveBack(buf: PooledBuffer, lender: Lender, block: number, tag: number): void {
    const lease = buf.#block;
    const start = lender.prepareRelease(block, tag);
    if (buf.#block !== lease) throw releasedError(buf, 'release', undefined);
    lender.putHome(block, tag);
    buf.#block = RELEASED;
    buf.#details = undefined;
    if (start !== undefined) lender.afterRelease(start);
  }

  static #releaseDetailed(buf: PooledBuffer): void {
    const details = PooledBuffer.#detail(buf, 'release');
    const { lease, block, lender } = details;
    if (details.owner !== undefined) {
      PooledBuffer.#releaseRange(buf, details, details.owner);
      return;
    }
    if (lease !== undefined) {
      PooledBuffer.#releaseWatched(buf, details, lease);
      return;
    }
    if (details.references > 1) {
      details.references--;
      return;
    }
    if (block === NO_BLOCK) {
      lender.releasePlain(buf);
      buf.#block = RELEASED;
      buf.#details = undefined;
      return;
    }
    endMeasured(block);
    if (!details.shared) {
      PooledBuffer.#giveBack(buf, lender, block, homes.table[block >>> SLICE_SHIFT]! & 255);
      return;
    }
    environment.releaseShared(block);
    buf.#block = RELEASED;
    buf.#details = undefined;
    lender.afterRelease();
  }

  /** Of a buffer whose lease another one has. */
  static #releaseRange(buf: PooledBuffer, details: Details<PooledBuffer>, owner: PooledBuffer): void {
    if (details.references > 1) {
      details.references--;
      if (details.lease !== undefined) details.lease.references--;
      return;
    }
    try {
      PooledBuffer.#releaseDetailed(owner);
    } catch (error) {
      // A guard found bytes behind it overwritten: it was released all the same.
      if (owner.#block === RELEASED) buf.#block = RELEASED;
      throw error;
    }
    buf.#block = RELEASED;
  }

  /** Whether the last release of a lease with sub-ranges was cut off before its buffer was marked. */
  static #isCutOff(buf: PooledBuffer): boolean {
    const owner = buf.#details!.owner;
    return owner !== undefined && owner.#block === RELEASED;
  }

  static #retainedSubarray(buf: unknown, start: number, to: number | undefined): PooledBuffer {
    const details = PooledBuffer.#detail(buf, 'retain');
    const whole = buf as PooledBuffer;
    const length = lengthOf(whole);
    const { block, lender, shared, lease } = details;
    const end = to === undefined ? length : to;
    checkRange(start, end, length, block === NO_BLOCK);
    const memory = memoryOf(whole);
    const at = offsetOf(whole);
    const owner = details.owner ?? new PooledBuffer(memory, at, length);
    const range = new PooledBuffer(memory, at + start, end - start);
    const ofOwner = owner.#details ?? detailsOf(block, lender, shared, lease);
    const ofWhole = detailsOf(block, lender, shared, lease, owner);
    range.#details = detailsOf(block, lender, shared, lease, owner);
    if (details.owner === undefined) {
      ofWhole.references = details.references;
      owner.#details = ofOwner;
      owner.#block = DETAILED;
      whole.#details = ofWhole;
    }
    ofOwner.references++;
    if (lease !== undefined) {
      lease.references++;
      lease.retains++;
    }
    range.#block = DETAILED;
    return range;
  }

  static #releaseWatched(buf: PooledBuffer, details: Details<PooledBuffer>, lease: WatchedLease): void {
    if (details.references > 1) {
      details.references--;
      lease.references--;
      return;
    }
    const memory = memoryOf(buf);
    lease.beforeRelease(memory);
    // Hooks of the program may have released or retained it.
    if (buf.#block !== DETAILED || details.references !== 1 || buf.#details !== details) {
      PooledBuffer.#releaseDetailed(buf);
      return;
    }
    // Nothing can come between these two: see WatchedLease. #details stay, for the error of a second release.
    lease.end(memory);
    buf.#block = RELEASED;
    lease.afterRelease();
  }

  /** The details of a live lease, made if it has none yet. */
  static #detail(buf: unknown, what: string): Details<PooledBuffer> {
    if (!isPooled(buf)) throw foreign(buf, what);
    const block = buf.#block;
    if (block === DETAILED && !PooledBuffer.#isCutOff(buf)) return buf.#details!;
    if (block < 0) throw releasedError(buf, what, buf.#details?.lease);
    const lender = lenderOfHome(homes.table[block >>> SLICE_SHIFT]!)!;
    const details = detailsOf<PooledBuffer>(block, lender, false);
    buf.#details = details;
    buf.#block = DETAILED;
    return details;
  }

  /** A lease of `block`, whose superslab belongs to this thread's magazines. */
  static #lease(window: ArrayBuffer, byteOffset: number, size: number, block: number): PooledBuffer {
    const buf = new PooledBuffer(window, byteOffset, size);
    buf.#block = block;
    return buf;
  }

  /** A lease that the native lease table knows. */
  static #sharedLease(
    lender: Lender,
    window: ArrayBuffer,
    byteOffset: number,
    size: number,
    block: number,
  ): PooledBuffer {
    const buf = new PooledBuffer(window, byteOffset, size);
    buf.#details = detailsOf(block, lender, true);
    buf.#block = DETAILED;
    return buf;
  }

  /** A lease that leak detection or a guard watches, over an ArrayBuffer of its own. */
  static #watched(lender: Lender, memory: ArrayBuffer, lease: WatchedLease, shared: boolean): PooledBuffer {
    const buf = new PooledBuffer(memory, 0, lease.size);
    buf.#details = detailsOf(lease.block, lender, shared, lease);
    buf.#block = DETAILED;
    return buf;
  }

  /** Of a live lease that is watched. */
  static #leaseOf(buf: unknown): WatchedLease | undefined {
    return isPooled(buf) && buf.#block === DETAILED ? buf.#details!.lease : undefined;
  }

  /** A buffer of memory that is not from a pool: an empty one, or one beyond maxBytes. */
  static #plain(lender: Lender, size: number): PooledBuffer {
    const buf = new PooledBuffer(new builtins.ArrayBuffer(size), 0, size);
    buf.#details = detailsOf(NO_BLOCK, lender, false);
    buf.#block = DETAILED;
    return buf;
  }

  /** A token for a live lease, which the lease table knows from now on; or a LEASE_FAULT. */
  static #share(buf: Uint8Array): string | number {
    const details = PooledBuffer.#detail(buf, 'share');
    const { block, lease, owner } = details;
    const length = lengthOf(buf);
    const isWhole = owner === undefined || offsetOf(owner) === offsetOf(buf);
    if (block === NO_BLOCK || length === 0 || !isWhole)
      throw sharingError(length, block === NO_BLOCK, isWhole);
    // From the watcher's change on nothing is cut off until the marks are right.
    if (lease !== undefined) lease.share();
    const token = environment.share(block, length);
    const ofLease = owner === undefined ? details : owner.#details!;
    if (typeof token !== 'number') ofLease.shared = true;
    else if (lease !== undefined && !ofLease.shared) lease.unshare();
    return token;
  }

  /** The block of a live lease, whose release takes the slow path from now on. */
  static #blockOf(buf: PooledBuffer): number {
    return PooledBuffer.#detail(buf, 'sample').block;
  }

  /** The pool of a live lease; undefined for anything else. */
  static #lenderOf(buf: unknown): Lender | undefined {
    if (!isPooled(buf) || buf.#block === RELEASED) return undefined;
    return buf.#block === DETAILED
      ? buf.#details!.lender
      : lenderOfHome(homes.table[buf.#block >>> SLICE_SHIFT]!)!;
  }
}

// Buffers in every respect: the methods of Buffer, found before Uint8Array's. Libraries tell a Buffer from other
// typed arrays by `value.constructor.isBuffer(value)`, and of those they take the whole ArrayBuffer.
Object.setPrototypeOf(PooledBuffer.prototype, Buffer.prototype);
Object.defineProperty(PooledBuffer.prototype, 'constructor', { value: Buffer });
// The constructor calls whatever its prototype is: a program's own function there would run in the midst of an acquire.
Object.freeze(PooledBuffer);

export const leases: Leases<PooledBuffer> = ofClass;

/** A declaration, which costs the hot path less than an imported function or a constant. */
function foreign(buf: unknown, what: string): Error {
  return foreignError(buf, what, foreign);
}
