import { Buffer } from 'node:buffer';
import { type InspectOptions, inspect } from 'node:util';
import { lengthOf } from '../../base/builtins.js';
import { makeError, show } from '../../base/errors.js';
import type { ShownPlaintext } from './encryption/plaintext.js';
import { endedError } from './errors.js';
import type { ViewInterval } from './shared-views.js';
import type { ViewLease } from './view-watch.js';

/** A block of a {@link MappedPool}: a Buffer whose bytes are in the file. */
export interface MappedBuffer extends Buffer {
  /** Names the block, in this process and in those to come, until it is freed. A whole number below 2^53. */
  readonly handle: number;
  /** Whether release() or free() was called. */
  readonly released: boolean;
  /**
   * The program needs this view no more. The block stays.
   * @throws ERR_SUPERSLAB_RELEASED when that was done before
   */
  release(): void;
  /**
   * Frees the block, at the next commit for good, and ends this view.
   * @throws ERR_SUPERSLAB_RELEASED when this view was ended before
   * @throws ERR_SUPERSLAB_STALE when the block is gone already
   */
  free(): void;
  /** For `using buf = pool.at(handle)`: ends the view, unless that was done. */
  [Symbol.dispose](): void;
}

/** What a buffer asks of its pool. */
export interface MappedHome {
  /** Of the pool. */
  readonly name: string;
  freeBlock(handle: number): void;
  /** A view has ended, which `lease` watched, and which was made in `interval`. */
  ended(lease: ViewLease | undefined, interval: ViewInterval | undefined): void;
}

interface MappedBuffers {
  make(home: MappedHome, handle: number, window: ArrayBuffer, offset: number, length: number): MappedBuffer;
  /** Other processes heed that view, as one of that interval. */
  count(buf: MappedBuffer, interval: ViewInterval | undefined): void;
  /** The view shows plain bytes of a sealed block, until it ends. */
  show(buf: MappedBuffer, shown: ShownPlaintext): void;
  /** The lease watches that view, until it ends. */
  watch(buf: MappedBuffer, lease: ViewLease): void;
  /** The handle of a buffer of that pool; undefined for anything else. */
  handleOf(home: MappedHome, value: unknown): number | undefined;
}

const inspectBuffer = (
  Buffer.prototype as unknown as Record<symbol, (depth: number, options: InspectOptions) => string>
)[inspect.custom]!;

type BufferConstructor = new (memory: ArrayBuffer, byteOffset: number, length: number) => Buffer;
const ByteArray = Uint8Array as unknown as BufferConstructor;

let ofClass: MappedBuffers;

class FileBuffer extends ByteArray implements MappedBuffer {
  #home!: MappedHome;
  #handle = 0;
  #released = true;
  #lease: ViewLease | undefined = undefined;
  #interval: ViewInterval | undefined = undefined;
  #shown: ShownPlaintext | undefined = undefined;

  static {
    ofClass = {
      make(home, handle, window, offset, length) {
        const buf = new FileBuffer(window, offset, length);
        buf.#home = home;
        buf.#handle = handle;
        buf.#released = false;
        return buf;
      },
      count(buf, interval) {
        (buf as FileBuffer).#interval = interval;
      },
      show(buf, shown) {
        (buf as FileBuffer).#shown = shown;
      },
      watch(buf, lease) {
        (buf as FileBuffer).#lease = lease;
      },
      handleOf: (home, value) =>
        typeof value === 'object' && value !== null && #home in value && value.#home === home
          ? value.#handle
          : undefined,
    };
  }

  get handle(): number {
    return FileBuffer.#checked(this).#handle;
  }

  get released(): boolean {
    return FileBuffer.#checked(this).#released;
  }

  release(): void {
    FileBuffer.#end(FileBuffer.#live(this, 'release'));
  }

  free(): void {
    const buf = FileBuffer.#live(this, 'free');
    buf.#home.freeBlock(buf.#handle);
    FileBuffer.#end(buf);
  }

  [Symbol.dispose](): void {
    const buf = FileBuffer.#checked(this);
    if (!buf.#released) FileBuffer.#end(buf);
  }

  /** `<MappedBuffer 68 69>` */
  [inspect.custom](depth: number, options: InspectOptions): string {
    return inspectBuffer.call(this, depth, options).replace(/^<\w+/, '<MappedBuffer');
  }

  static #end(buf: FileBuffer): void {
    const lease = buf.#lease;
    buf.#released = true;
    if (lease !== undefined) lease.isEnded = true;
    buf.#home.ended(lease, buf.#interval);
    buf.#shown?.end();
  }

  static #checked(value: unknown): FileBuffer {
    if (typeof value === 'object' && value !== null && #home in value) return value;
    throw makeError('ERR_SUPERSLAB_FOREIGN', `no buffer of a MappedPool: ${show(value)}`, TypeError);
  }

  static #live(value: unknown, verb: 'release' | 'free'): FileBuffer {
    const buf = FileBuffer.#checked(value);
    if (!buf.#released) return buf;
    const about = { handle: buf.#handle, size: lengthOf(buf), acquired: buf.#lease?.stack ?? '' };
    throw endedError(buf.#home.name, about, verb, FileBuffer.prototype[verb]);
  }
}

// As for PooledBuffer: the methods of Buffer come before those of Uint8Array, and libraries see a Buffer.
Object.setPrototypeOf(FileBuffer.prototype, Buffer.prototype);
Object.defineProperty(FileBuffer.prototype, 'constructor', { value: Buffer });
Object.freeze(FileBuffer);

export const mappedBuffers: MappedBuffers = ofClass;
