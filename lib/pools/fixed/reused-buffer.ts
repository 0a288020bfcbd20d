import { Buffer } from 'node:buffer';
import { type InspectOptions, inspect } from 'node:util';
import type { BlockNumber, PoolId } from '../../addon/binding.js';
import { environment } from '../../addon/environment.js';
import { RELIEF_STEP } from '../../addon/generated/codes.js';
import { lengthOf } from '../../base/builtins.js';
import type { IdleBuffers } from '../../pool/lending.js';
import { foreignError } from '../../pool/misuse-errors.js';
import type { Lent } from '../../pool/unfinished.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import { putTwiceError } from './errors.js';
import type { Shelf } from './shelf.js';

/** A buffer of a {@link FixedPool}. It is a Buffer in every respect. */
export interface FixedBuffer extends Buffer, Lent {
  /** Whether it was put back, and not got again since. */
  readonly released: boolean;
  /**
   * The same as {@link FixedPool.put}.
   * @throws ERR_SUPERSLAB_RELEASED
   */
  release(): void;
  /** For `using buf = pool.get()`: puts it, unless that was done. */
  [Symbol.dispose](): void;
}

/** Where buffers of a FixedPool wait. */
export type ReusedShelf = Shelf<FixedBuffer, ReusedBuffer>;

/** What FixedPool does with its buffers. Not on the class, where anybody could forge a put with it. */
interface ReusedBuffers {
  isReused(value: unknown): value is ReusedBuffer;
  make(shelf: ReusedShelf, window: ArrayBuffer, byteOffset: number, block: BlockNumber): ReusedBuffer;
  idleOf(shelf: ReusedShelf): IdleBuffers<ReusedBuffer>;
  bindGet(shelf: ReusedShelf): () => FixedBuffer;
  bindGetSampled(shelf: ReusedShelf): () => FixedBuffer;
  bindPut(shelf: ReusedShelf, putOther: (buf: unknown) => void): (buf: Uint8Array) => void;
  /** Whether `count` buffers were idle: they are in `into` then, from its start. */
  tryGetBulk(shelf: ReusedShelf, count: number, into: FixedBuffer[]): boolean;
  /** Whether all of `bufs` were buffers of this pool that were out, and nothing else was to be done: they are idle then. */
  tryPutBulk(shelf: ReusedShelf, bufs: readonly Uint8Array[]): boolean;
  isOutOf(shelf: ReusedShelf, buf: unknown): boolean;
  /** What contradicts itself in the stack, in words; undefined when all is right. */
  contradiction(shelf: ReusedShelf, blockBytes: number): string | undefined;
}

// What #place of a buffer is that never was idle.
const NOWHERE = 2 ** 30;
// What #home is of a buffer whose block went back to the heap.
const GONE = -1;

let isReused: (value: unknown) => value is ReusedBuffer;
let ofClass: ReusedBuffers;

const inspectBuffer = (
  Buffer.prototype as unknown as Record<symbol, (depth: number, options: InspectOptions) => string>
)[inspect.custom]!;

type BufferConstructor = new (memory: ArrayBuffer, byteOffset: number, length: number) => Buffer;
const ByteArray = Uint8Array as unknown as BufferConstructor;

/** A buffer that keeps its block while it is idle, and is lent again and again. */
export class ReusedBuffer extends ByteArray implements FixedBuffer {
  /** Its pool, for as long as it has its block. */
  #home: PoolId = GONE;
  /** Where it lay in the stack of its shelf last: see {@link Shelf}. */
  #place = NOWHERE;
  #block: BlockNumber = 0;
  #shelf!: ReusedShelf;

  static {
    isReused = (value): value is ReusedBuffer =>
      typeof value === 'object' && value !== null && #place in value;
    ofClass = {
      isReused,
      make: ReusedBuffer.#make,
      idleOf: (shelf) => ({
        take: () => ReusedBuffer.#take(shelf),
        drop: (keep) => ReusedBuffer.#drop(shelf, keep),
        tick: () => ReusedBuffer.#tick(shelf),
        relieve: (step) => ReusedBuffer.#relieve(shelf, step),
      }),
      bindGet: ReusedBuffer.#bindGet,
      bindGetSampled: ReusedBuffer.#bindGetSampled,
      bindPut: ReusedBuffer.#bindPut,
      tryGetBulk: ReusedBuffer.#tryGetBulk,
      tryPutBulk: ReusedBuffer.#tryPutBulk,
      isOutOf: (shelf, buf) => isReused(buf) && buf.#shelf === shelf && ReusedBuffer.#isOut(buf),
      contradiction: ReusedBuffer.#contradiction,
    };
  }

  release(): void {
    ReusedBuffer.#release(this);
  }

  static #release(buf: unknown): void {
    if (!isReused(buf)) throw foreignError(buf, 'put', ReusedBuffer.prototype.release);
    ReusedBuffer.#putSlow(buf);
  }

  get released(): boolean {
    return !isReused(this) || !ReusedBuffer.#isOut(this);
  }

  [Symbol.dispose](): void {
    if (!this.released) this.release();
  }

  /** `<FixedBuffer 68 69>`. One that was put shows no bytes: they are the next user's. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    if (this.released) return '<FixedBuffer (released)>';
    return inspectBuffer.call(this, depth, options).replace(/^<\w+/, '<FixedBuffer');
  }

  /** The hot path of get: one closure a pool. test/golden/hot-path.json counts its instructions. */
  static #bindGet(shelf: ReusedShelf): () => FixedBuffer {
    const { stack, tag, size, core } = shelf;
    const { idle, acquired } = shelf.magazines;
    const get = (): FixedBuffer => {
      const top = idle[tag]!;
      if (top !== 0) {
        const buf = stack[top - 1]!;
        // 0 when user code detached its window.
        if (buf.length !== 0) {
          idle[tag] = top - 1;
          acquired[tag]!++;
          return buf;
        }
      }
      return core.acquireSlow(size);
    };
    return get;
  }

  /** The same where samples are watched: SAMPLE_MASK (lib/guard/sample-budget.ts) sends some down the slow path. */
  static #bindGetSampled(shelf: ReusedShelf): () => FixedBuffer {
    const { stack, tag, size, core } = shelf;
    const { idle, acquired } = shelf.magazines;
    const get = (): FixedBuffer => {
      const top = idle[tag]!;
      const count = (acquired[tag]! + 1) | 0;
      if (top !== 0 && (count & 4095) !== 0) {
        const buf = stack[top - 1]!;
        if (buf.length !== 0) {
          idle[tag] = top - 1;
          acquired[tag] = count;
          return buf;
        }
      }
      return core.acquireSlow(size);
    };
    return get;
  }

  /** The hot path of put. Its buffers are of every FixedPool; `putOther` takes what is none of theirs. */
  static #bindPut(shelf: ReusedShelf, putOther: (buf: unknown) => void): (buf: Uint8Array) => void {
    const { stack, tag, id } = shelf;
    const { idle, limit } = shelf.magazines;
    const put = (buf: Uint8Array): void => {
      if (!isReused(buf)) {
        putOther(buf);
        return;
      }
      const top = idle[tag]!;
      const place = buf.#place;
      // Without a limit the pool is closed, somebody waits for room, or the buffer is to be cleared.
      if (buf.#home === id && (place >= top || stack[place] !== buf) && limit[tag] !== 0) {
        stack[top] = buf;
        buf.#place = top;
        idle[tag] = top + 1;
        return;
      }
      ReusedBuffer.#putSlow(buf);
    };
    return put;
  }

  static #isOut(buf: ReusedBuffer): boolean {
    const shelf = buf.#shelf;
    if (buf.#home !== shelf.id) return false;
    const place = buf.#place;
    return place >= shelf.magazines.idle[shelf.tag]! || shelf.stack[place] !== buf;
  }

  static #checkOut(buf: ReusedBuffer): void {
    if (!ReusedBuffer.#isOut(buf)) throw putTwiceError(buf.#shelf.core.name, buf.#shelf.size);
  }

  static #putSlow(buf: ReusedBuffer): void {
    ReusedBuffer.#checkOut(buf);
    const shelf = buf.#shelf;
    const { core, tag } = shelf;
    if (core.closed) {
      const start = core.prepareRelease(buf.#block, tag);
      core.putHome(buf.#block, tag);
      buf.#home = GONE;
      core.afterRelease(start);
      return;
    }
    if (core.zeroAtRelease) core.clear(buf.#block);
    scheduleUpkeep();
    ReusedBuffer.#push(shelf, buf);
    if (core.hasWaiters()) core.serveWaiters();
  }

  /** Stores alone: they happen together. */
  static #push({ stack, tag, magazines: { idle } }: ReusedShelf, buf: ReusedBuffer): void {
    const top = idle[tag]!;
    stack[top] = buf;
    buf.#place = top;
    idle[tag] = top + 1;
  }

  /** A buffer of a block that is still in its magazine: it is out as soon as that has left. */
  static #make(
    shelf: ReusedShelf,
    window: ArrayBuffer,
    byteOffset: number,
    block: BlockNumber,
  ): ReusedBuffer {
    const buf = new ReusedBuffer(window, byteOffset, shelf.size);
    buf.#home = shelf.id;
    buf.#block = block;
    buf.#shelf = shelf;
    // There is a place for each, so that a put never makes the stack longer.
    shelf.made++;
    while (shelf.stack.length < shelf.made) shelf.stack[shelf.stack.length] = undefined;
    return buf;
  }

  static #take(shelf: ReusedShelf): ReusedBuffer | undefined {
    const { stack, tag } = shelf;
    const { idle, acquired } = shelf.magazines;
    for (let top = idle[tag]!; top !== 0; top = idle[tag]!) {
      const buf = stack[top - 1]!;
      if (lengthOf(buf) === 0) {
        ReusedBuffer.#drop(shelf, top - 1);
        continue;
      }
      idle[tag] = top - 1;
      acquired[tag]!++;
      return buf;
    }
    return undefined;
  }

  static #drop(shelf: ReusedShelf, keep: number): void {
    const { stack, tag, native } = shelf;
    const { idle } = shelf.magazines;
    if (idle[tag]! <= Math.max(keep, 0)) return;
    shelf.turn++;
    while (idle[tag]! > keep) {
      const top = idle[tag]! - 1;
      const buf = stack[top]!;
      native.give(buf.#block);
      // Nothing comes between: the block is free, and the buffer is nobody's.
      idle[tag] = top;
      buf.#home = GONE;
      shelf.made--;
    }
    // What lies above the depth would be kept from the collector.
    stack.length = Math.min(stack.length, Math.max(shelf.made, idle[tag]!));
    for (let i = idle[tag]!; i < stack.length; i++) stack[i] = undefined;
  }

  /** Under pressure those go that the pool did not begin with. */
  static #relieve(shelf: ReusedShelf, step: number): void {
    if (step === RELIEF_STEP.idle) ReusedBuffer.#drop(shelf, shelf.keep);
  }

  /** After a rest the buffers that the pool did not begin with are given up. */
  static #tick(shelf: ReusedShelf): void {
    const acquired = shelf.magazines.acquired[shelf.tag]!;
    if (acquired === shelf.acquiredBefore) ReusedBuffer.#drop(shelf, shelf.keep);
    shelf.acquiredBefore = acquired;
  }

  static #tryGetBulk(shelf: ReusedShelf, count: number, into: FixedBuffer[]): boolean {
    const { stack, tag, turn } = shelf;
    const { idle, acquired } = shelf.magazines;
    const top = idle[tag]!;
    if (count > top) return false;
    const before = acquired[tag]!;
    // They are still idle, so that this may be cut off.
    for (let i = 0; i < count; i++) {
      const buf = stack[top - 1 - i]!;
      if (buf.length === 0) return false;
      into[i] = buf;
    }
    // An array of the program may have called code of the program.
    if (idle[tag] !== top || acquired[tag] !== before || shelf.turn !== turn) return false;
    idle[tag] = top - count;
    acquired[tag] = before + count;
    return true;
  }

  static #tryPutBulk(shelf: ReusedShelf, bufs: readonly Uint8Array[]): boolean {
    const { stack, tag, id } = shelf;
    const { idle, limit, acquired } = shelf.magazines;
    shelf.turn++;
    const { turn } = shelf;
    const top = idle[tag]!;
    const before = acquired[tag]!;
    const count = bufs.length;
    // Above the depth, where nothing means anything until it is raised.
    for (let i = 0; i < count; i++) {
      const buf = bufs[i]!;
      const end = top + i;
      if (!isReused(buf) || buf.#home !== id) return false;
      if (shelf.turn !== turn || end >= stack.length) return false;
      const place = buf.#place;
      // Below `end` it is idle, or it is in the array twice.
      if (place < end && stack[place] === buf) return false;
      stack[end] = buf;
      buf.#place = end;
    }
    const isSame = idle[tag] === top && acquired[tag] === before && shelf.turn === turn;
    if (!isSame || limit[tag] === 0) return false;
    idle[tag] = top + count;
    return true;
  }

  static #contradiction(
    { stack, tag, id, magazines, size }: ReusedShelf,
    blockBytes: number,
  ): string | undefined {
    const depth = magazines.idle[tag]!;
    if (depth > stack.length) return `${depth} idle buffers in ${stack.length} places`;
    const seen = new Set<BlockNumber>();
    for (let i = 0; i < depth; i++) {
      const buf = stack[i];
      if (buf === undefined || buf.#home !== id || buf.#place !== i) return `no idle buffer at place ${i}`;
      if (seen.has(buf.#block)) return `block ${buf.#block} has two idle buffers`;
      seen.add(buf.#block);
      const capacity = environment.capacity(buf.#block);
      if (capacity !== blockBytes) return `block ${buf.#block} of an idle buffer has ${capacity} B`;
      // 0: the program took its memory away, and the next get finds that.
      if (lengthOf(buf) !== size && lengthOf(buf) !== 0) return `an idle buffer has ${lengthOf(buf)} B`;
    }
    return undefined;
  }
}

// As for PooledBuffer: the methods of Buffer come before those of Uint8Array, libraries see a Buffer, and nobody runs code in
// the midst of the constructor.
Object.setPrototypeOf(ReusedBuffer.prototype, Buffer.prototype);
Object.defineProperty(ReusedBuffer.prototype, 'constructor', { value: Buffer });
Object.freeze(ReusedBuffer);

export const reused: ReusedBuffers = ofClass;
