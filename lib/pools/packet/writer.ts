import { Buffer } from 'node:buffer';
import {
  builtins,
  copyBytes,
  lengthOf,
  memoryOf,
  offsetOf,
  uncurried,
  writeText,
} from '../../base/builtins.js';
import { makeError, show } from '../../base/errors.js';
import { areLost, lostError } from '../../base/lost-bytes.js';
import { begin, finish, giveUp, HeldBuffers, Unfinished } from '../../pool/unfinished.js';
import { append, cutBehind } from './chain.js';
import { argumentError } from './errors.js';
import type { Packet } from './packet.js';
import type { PacketShelf, Segment } from './segment.js';

type WriteNumber = (buf: Buffer, value: number, offset: number) => number;
type WriteBigInt = (buf: Buffer, value: bigint, offset: number) => number;
type WriteBytes = (buf: Buffer, value: number, offset: number, byteLength: number) => number;

// Buffer's methods, as they were at load.
const { prototype } = Buffer;
const writeUInt8: WriteNumber = uncurried(prototype.writeUInt8);
const writeUInt16LE: WriteNumber = uncurried(prototype.writeUInt16LE);
const writeUInt16BE: WriteNumber = uncurried(prototype.writeUInt16BE);
const writeUInt32LE: WriteNumber = uncurried(prototype.writeUInt32LE);
const writeUInt32BE: WriteNumber = uncurried(prototype.writeUInt32BE);
const writeInt8: WriteNumber = uncurried(prototype.writeInt8);
const writeInt16LE: WriteNumber = uncurried(prototype.writeInt16LE);
const writeInt16BE: WriteNumber = uncurried(prototype.writeInt16BE);
const writeInt32LE: WriteNumber = uncurried(prototype.writeInt32LE);
const writeInt32BE: WriteNumber = uncurried(prototype.writeInt32BE);
const writeBigUInt64LE: WriteBigInt = uncurried(prototype.writeBigUInt64LE);
const writeBigUInt64BE: WriteBigInt = uncurried(prototype.writeBigUInt64BE);
const writeBigInt64LE: WriteBigInt = uncurried(prototype.writeBigInt64LE);
const writeBigInt64BE: WriteBigInt = uncurried(prototype.writeBigInt64BE);
const writeFloatLE: WriteNumber = uncurried(prototype.writeFloatLE);
const writeFloatBE: WriteNumber = uncurried(prototype.writeFloatBE);
const writeDoubleLE: WriteNumber = uncurried(prototype.writeDoubleLE);
const writeDoubleBE: WriteNumber = uncurried(prototype.writeDoubleBE);
const writeUIntLE: WriteBytes = uncurried(prototype.writeUIntLE);
const writeUIntBE: WriteBytes = uncurried(prototype.writeUIntBE);
const writeIntLE: WriteBytes = uncurried(prototype.writeIntLE);
const writeIntBE: WriteBytes = uncurried(prototype.writeIntBE);

/** What is written for somebody who does not have it yet. */
class HeldWriter extends Unfinished {
  readonly #writer: { release(): void };

  constructor(writer: { release(): void }) {
    super();
    this.#writer = writer;
  }

  undo(): void {
    this.#writer.release();
  }
}

/**
 * Writes values one behind the other into packets of a pool, and adds a segment whenever the last is full. Made by
 * `pool.writer()`. A value never lies across two segments, text and bytes may. Each method but `finish` and `release` returns the
 * writer, and throws what `pool.get()` throws, ERR_SUPERSLAB_ARGUMENT for what is no number or bigint, and what Buffer's method
 * of the same name throws for a value out of its range. What throws writes nothing.
 */
export class PacketWriter {
  readonly #shelf: PacketShelf;
  #first: Segment | undefined = undefined;

  /** @internal */
  constructor(shelf: PacketShelf) {
    this.#shelf = shelf;
  }

  /** Bytes written since the last finish(). */
  get length(): number {
    return this.#first?.length ?? 0;
  }

  writeUInt8(value: number): this {
    return this.#number(writeUInt8, value, 1);
  }

  writeUInt16LE(value: number): this {
    return this.#number(writeUInt16LE, value, 2);
  }

  writeUInt16BE(value: number): this {
    return this.#number(writeUInt16BE, value, 2);
  }

  writeUInt32LE(value: number): this {
    return this.#number(writeUInt32LE, value, 4);
  }

  writeUInt32BE(value: number): this {
    return this.#number(writeUInt32BE, value, 4);
  }

  writeInt8(value: number): this {
    return this.#number(writeInt8, value, 1);
  }

  writeInt16LE(value: number): this {
    return this.#number(writeInt16LE, value, 2);
  }

  writeInt16BE(value: number): this {
    return this.#number(writeInt16BE, value, 2);
  }

  writeInt32LE(value: number): this {
    return this.#number(writeInt32LE, value, 4);
  }

  writeInt32BE(value: number): this {
    return this.#number(writeInt32BE, value, 4);
  }

  writeFloatLE(value: number): this {
    return this.#number(writeFloatLE, value, 4);
  }

  writeFloatBE(value: number): this {
    return this.#number(writeFloatBE, value, 4);
  }

  writeDoubleLE(value: number): this {
    return this.#number(writeDoubleLE, value, 8);
  }

  writeDoubleBE(value: number): this {
    return this.#number(writeDoubleBE, value, 8);
  }

  writeBigUInt64LE(value: bigint): this {
    return this.#bigInt(writeBigUInt64LE, value);
  }

  writeBigUInt64BE(value: bigint): this {
    return this.#bigInt(writeBigUInt64BE, value);
  }

  writeBigInt64LE(value: bigint): this {
    return this.#bigInt(writeBigInt64LE, value);
  }

  writeBigInt64BE(value: bigint): this {
    return this.#bigInt(writeBigInt64BE, value);
  }

  /** A whole number of 1 to 6 bytes, as the next three. */
  writeUIntLE(value: number, byteLength: number): this {
    return this.#bytes(writeUIntLE, value, byteLength);
  }

  writeUIntBE(value: number, byteLength: number): this {
    return this.#bytes(writeUIntBE, value, byteLength);
  }

  writeIntLE(value: number, byteLength: number): this {
    return this.#bytes(writeIntLE, value, byteLength);
  }

  writeIntBE(value: number, byteLength: number): this {
    return this.#bytes(writeIntBE, value, byteLength);
  }

  /**
   * Text in `encoding`, 'utf8' by default.
   * @throws ERR_SUPERSLAB_ARGUMENT for what is no string or no encoding
   */
  write(text: string, encoding: BufferEncoding = 'utf8'): this {
    if (typeof text !== 'string')
      throw argumentError(`write() takes a string, got ${show(text)}; use bytes()`);
    if (!builtins.isEncoding(encoding)) throw argumentError(`unknown encoding ${show(encoding)}`);
    const bytes = builtins.byteLength(text, encoding);
    const last = this.#last();
    if (bytes > this.#roomIn(last)) return this.bytes(builtins.bufferOfText(text, encoding));
    this.#advance(last, writeText(last.room.bytes, text, last.tail, bytes, encoding));
    return this;
  }

  /**
   * A copy of `data`.
   * @throws ERR_SUPERSLAB_ARGUMENT for what is no Uint8Array, or has lost its memory
   */
  bytes(data: Uint8Array): this {
    if (!builtins.isUint8Array(data)) throw argumentError(`bytes() takes a Uint8Array, got ${show(data)}`);
    const length = lengthOf(data);
    if (length === 0) {
      if (areLost(data)) throw lostError('bytes()', data);
      return this;
    }
    this.#copy(builtins.bufferOf(memoryOf(data), offsetOf(data), length), 0, length);
    return this;
  }

  /** The packet of all that was written since the last finish(), an empty one if nothing was. The writer begins anew. */
  finish(): Packet {
    const first = this.#first ?? this.#shelf.get();
    this.#first = undefined;
    return first.packet;
  }

  /** Gives up what was written since the last finish(). */
  release(): void {
    const first = this.#first;
    if (first === undefined) return;
    first[Symbol.dispose]();
    this.#first = undefined;
  }

  /** For `using writer = pool.writer()`: the same as release(). */
  [Symbol.dispose](): void {
    this.release();
  }

  /**
   * A packet of what `fill` writes. If that throws or is cut off, nothing is taken.
   * @internal
   */
  static filled(shelf: PacketShelf, fill: (writer: PacketWriter) => void): Segment {
    const writer = new PacketWriter(shelf);
    const held = begin(new HeldWriter(writer));
    try {
      fill(writer);
      writer.#last();
    } catch (error) {
      giveUp(held);
      throw error;
    }
    const first = writer.#first!;
    finish(held);
    return first;
  }

  /** Copies bytes into as many segments as it takes, or none. */
  #copy(source: Buffer, from: number, to: number): void {
    const first = this.#first;
    const before = this.length;
    try {
      for (let at = from; at < to; ) {
        const last = this.#lastWith(1);
        const end = Math.min(to, at + this.#roomIn(last));
        this.#advance(last, copyBytes(source, last.room.bytes, last.tail, at, end));
        at = end;
      }
    } catch (error) {
      // Unless a subscriber has finished what was written.
      if (first === undefined) this.release();
      else if (this.#first === first) cutBehind(first, before);
      throw error;
    }
  }

  // What is no number is refused here: Buffer would call code of the program to make one of it.

  #number(write: WriteNumber, value: number, bytes: number): this {
    if (typeof value !== 'number') throw argumentError(`the value must be a number, got ${show(value)}`);
    const last = this.#lastWith(bytes);
    write(last.room.bytes, value, last.tail);
    this.#advance(last, bytes);
    return this;
  }

  #bigInt(write: WriteBigInt, value: bigint): this {
    if (typeof value !== 'bigint') throw argumentError(`the value must be a bigint, got ${show(value)}`);
    const last = this.#lastWith(8);
    write(last.room.bytes, value, last.tail);
    this.#advance(last, 8);
    return this;
  }

  #bytes(write: WriteBytes, value: number, bytes: number): this {
    if (typeof value !== 'number') throw argumentError(`the value must be a number, got ${show(value)}`);
    if (!(Number.isInteger(bytes) && bytes >= 1 && bytes <= 6)) {
      throw argumentError(`byteLength must be a whole number from 1 to 6, got ${show(bytes)}`, RangeError);
    }
    const last = this.#lastWith(bytes);
    write(last.room.bytes, value, last.tail, bytes);
    this.#advance(last, bytes);
    return this;
  }

  /** Bytes that may be written to a segment: what the pool keeps as tailroom stays free. */
  #roomIn({ room, tail }: Segment): number {
    return Math.max(room.bytes.length - this.#shelf.tailroom - tail, 0);
  }

  #lastWith(bytes: number): Segment {
    const last = this.#last();
    return this.#roomIn(last) >= bytes ? last : this.#add(bytes);
  }

  #last(): Segment {
    return this.#first?.last ?? this.#grow();
  }

  /** Another segment behind the last. */
  #add(bytes: number): Segment {
    const { size, tailroom } = this.#shelf;
    if (size - tailroom < bytes) {
      throw makeError(
        'ERR_SUPERSLAB_SIZE',
        `a value of ${bytes} B does not fit into a segment of ${size} B of which ${tailroom} are tailroom`,
        RangeError,
      );
    }
    return this.#grow();
  }

  #grow(): Segment {
    const first = this.#first;
    const held = begin(new HeldBuffers<Segment>());
    try {
      const segment = this.#shelf.get();
      held.buf = segment;
      // A subscriber that the pool called may have used this writer.
      if (this.#first !== first)
        throw argumentError('the writer was finished while it wrote: use another one');
      if (first === undefined) {
        this.#first = segment;
      } else {
        // Without headroom: nothing will be pushed there.
        segment.head = 0;
        segment.tail = 0;
        append(first, segment);
      }
      held.buf = undefined;
      return segment;
    } finally {
      giveUp(held);
    }
  }

  /** Stores alone. */
  #advance(last: Segment, bytes: number): void {
    last.tail += bytes;
    const first = this.#first!;
    if (last !== first) first.rest += bytes;
  }
}
