import type { Buffer } from 'node:buffer';
import type { Writable } from 'node:stream';
import { inspect } from 'node:util';
import { builtins, copyBytes, viewBytes } from '../../base/builtins.js';
import { show } from '../../base/errors.js';
import {
  append,
  copyAll,
  cutBehind,
  eachPart,
  isShared,
  linearize,
  pullAcross,
  slice,
  split,
  tailroomOf,
  viewOf,
} from './chain.js';
import { copyOf } from './copy.js';
import { argumentError, checkBytes, foreignPacketError } from './errors.js';
import type { Packet } from './packet.js';
import { checkLive, release } from './release.js';
import { Segment, STATE } from './segment.js';

/** The segment of a packet; undefined for what is none. Not on the class, where anybody could get it. */
export let segmentOf: (value: unknown) => Segment | undefined;

/** That of a packet that is lent; `what` says what is to be done with it. */
function liveSegment(value: unknown, what: string): Segment {
  const segment = segmentOf(value);
  if (segment === undefined) throw foreignPacketError(value, what);
  checkLive(segment, what);
  return segment;
}

// How far a range may go, for errors.
const ITS_LENGTH = 'the length of the packet';
const sharedText = (refs: number, what: string) =>
  `since its memory is shared by ${refs} segments and so has no ${what}: append() it to a packet of its own, or copy() it`;

/** What the program has of a packet. Each has one segment for ever. */
export class PacketHandle implements Packet {
  readonly #segment: Segment;

  static {
    segmentOf = (value) =>
      typeof value === 'object' && value !== null && #segment in value ? value.#segment : undefined;
  }

  constructor(segment: Segment) {
    if (!(segment instanceof Segment)) throw argumentError('packets are made by a PacketPool: use get()');
    this.#segment = segment;
  }

  get length(): number {
    const segment = this.#segment;
    if (segment.state !== STATE.live) checkLive(segment, 'tell the length of');
    return segment.tail - segment.head + segment.rest;
  }

  get segments(): number {
    return liveSegment(this, 'count the segments of').count;
  }

  get headroom(): number {
    const { head, room } = liveSegment(this, 'tell the headroom of');
    return room.refs === 1 ? head : 0;
  }

  get tailroom(): number {
    return tailroomOf(liveSegment(this, 'tell the tailroom of').last);
  }

  get shared(): boolean {
    return isShared(liveSegment(this, 'look at'));
  }

  get released(): boolean {
    return this.#segment.state !== STATE.live;
  }

  get context(): unknown {
    return liveSegment(this, 'read the context of').context;
  }

  set context(value: unknown) {
    liveSegment(this, 'set the context of').context = value;
  }

  get base(): Buffer {
    const segment = this.#segment;
    if (segment.state !== STATE.live) checkLive(segment, 'give the base of');
    return segment.room.bytes;
  }

  get offset(): number {
    const segment = this.#segment;
    if (segment.state !== STATE.live) checkLive(segment, 'tell the offset of');
    return segment.head;
  }

  // These four move an offset, and call nothing, where the packet has the room in its first and last segment.

  push(n: number): this {
    const segment = this.#segment;
    if (typeof n === 'number' && segment.state === STATE.live && segment.room.refs === 1) {
      if (n >>> 0 === n && n <= segment.head) {
        segment.head -= n;
        return this;
      }
    }
    checkLive(segment, 'push');
    const { refs } = segment.room;
    const isAlone = refs === 1;
    checkBytes(
      'push()',
      n,
      isAlone ? segment.head : 0,
      isAlone ? 'the headroom' : sharedText(refs, 'headroom'),
    );
    return this;
  }

  pull(n: number): this {
    const segment = this.#segment;
    if (typeof n === 'number' && segment.state === STATE.live) {
      const bytes = segment.tail - segment.head;
      if (n >>> 0 === n && (n < bytes || (n === bytes && segment.next === undefined))) {
        segment.head += n;
        return this;
      }
    }
    checkLive(segment, 'pull');
    checkBytes('pull()', n, segment.length, ITS_LENGTH);
    pullAcross(segment, n);
    return this;
  }

  put(n: number): this {
    const segment = this.#segment;
    if (typeof n === 'number' && segment.state === STATE.live) {
      const { last } = segment;
      if (n >>> 0 === n && last.room.refs === 1 && n <= last.room.bytes.length - last.tail) {
        last.tail += n;
        if (last !== segment) segment.rest += n;
        return this;
      }
    }
    checkLive(segment, 'put');
    const { last } = segment;
    const { refs } = last.room;
    checkBytes('put()', n, tailroomOf(last), refs === 1 ? 'the tailroom' : sharedText(refs, 'tailroom'));
    return this;
  }

  trim(n: number): this {
    const segment = this.#segment;
    if (typeof n === 'number' && segment.state === STATE.live) {
      const { last } = segment;
      const bytes = last.tail - last.head;
      if (n >>> 0 === n && (n < bytes || (n === bytes && last === segment))) {
        last.tail -= n;
        if (last !== segment) segment.rest -= n;
        return this;
      }
    }
    checkLive(segment, 'trim');
    const { length } = segment;
    checkBytes('trim()', n, length, ITS_LENGTH);
    cutBehind(segment, length - n);
    return this;
  }

  reserve(n: number): this {
    const segment = liveSegment(this, 'reserve headroom of');
    const { length, count } = segment;
    if (length > 0 || count > 1) {
      throw argumentError(
        `reserve() is for an empty packet, and this one has ${length} B in ${count} segments`,
      );
    }
    checkBytes('reserve()', n, tailroomOf(segment), 'the tailroom');
    segment.head += n;
    segment.tail += n;
    return this;
  }

  view(start = 0, end?: number): Buffer {
    const segment = liveSegment(this, 'view');
    const { length } = segment;
    const to = end ?? length;
    checkBytes('the end of view()', to, length, ITS_LENGTH);
    checkBytes('the start of view()', start, to, 'the end of the range');
    const part = viewOf(segment, start, to);
    if (part === undefined) {
      throw argumentError(
        `bytes ${start} to ${to} of a packet lie in several of its ${segment.count} segments; use peek(), iovec() or linearize()`,
        RangeError,
      );
    }
    return part;
  }

  peek(offset: number, n: number): Buffer {
    const segment = liveSegment(this, 'peek into');
    const { length } = segment;
    checkBytes('the offset of peek()', offset, length, ITS_LENGTH);
    checkBytes('peek()', n, length - offset, 'what follows the offset');
    const part = viewOf(segment, offset, offset + n);
    if (part !== undefined) return part;
    const copy = builtins.allocUnsafeSlow(n);
    let at = 0;
    eachPart(segment, offset, offset + n, (bytes, head, tail) => {
      at += copyBytes(bytes, copy, at, head, tail);
    });
    return copy;
  }

  iovec(): Buffer[] {
    const segment = liveSegment(this, 'give the segments of');
    const views: Buffer[] = [];
    eachPart(segment, 0, segment.length, (bytes, head, tail) => {
      views[views.length] = viewBytes(bytes, head, tail);
    });
    return views;
  }

  writeTo(stream: Writable, callback?: (error?: Error | null) => void): boolean {
    const views = this.iovec();
    if (typeof stream?.write !== 'function') {
      throw argumentError(`writeTo() takes a stream, got ${show(stream)}`);
    }
    if (callback !== undefined && typeof callback !== 'function') {
      throw argumentError(`callback must be a function, got ${show(callback)}`);
    }
    // An empty packet has a callback, too.
    const last = views.pop() ?? this.view();
    stream.cork?.();
    try {
      for (const view of views) stream.write(view);
      return stream.write(last, (error) => {
        try {
          this[Symbol.dispose]();
        } finally {
          callback?.(error);
        }
      });
    } finally {
      stream.uncork?.();
    }
  }

  clone(): Packet {
    const segment = liveSegment(this, 'clone');
    return slice(segment, 0, segment.length).packet;
  }

  copy(): Packet {
    const segment = liveSegment(this, 'copy');
    return copyOf(segment).packet;
  }

  slice(start = 0, end?: number): Packet {
    const segment = liveSegment(this, 'slice');
    const { length } = segment;
    const to = end ?? length;
    checkBytes('the end of slice()', to, length, ITS_LENGTH);
    checkBytes('the start of slice()', start, to, 'the end of the range');
    return slice(segment, start, to).packet;
  }

  split(at: number): Packet {
    const segment = liveSegment(this, 'split');
    checkBytes('split()', at, segment.length, ITS_LENGTH);
    return split(segment, at).packet;
  }

  append(packet: Packet): this {
    const segment = liveSegment(this, 'append to');
    append(segment, liveSegment(packet, 'append'));
    return this;
  }

  linearize(): this {
    linearize(liveSegment(this, 'linearize'));
    return this;
  }

  /** The text of all its bytes. */
  toString(encoding: BufferEncoding = 'utf8'): string {
    const segment = segmentOf(this);
    if (segment === undefined || segment.released) return '[a released packet]';
    if (segment.count === 1) return this.view().toString(encoding);
    const { length } = segment;
    const copy = builtins.allocUnsafeSlow(length);
    copyAll(segment, copy, 0);
    return copy.toString(encoding);
  }

  /** `<Packet 1500 B>`. */
  [inspect.custom](): string {
    const segment = segmentOf(this);
    if (segment === undefined || segment.released) return '<Packet (released)>';
    const { length, count } = segment;
    return `<Packet ${length} B${count === 1 ? '' : ` in ${count} segments`}>`;
  }

  release(): void {
    const segment = segmentOf(this);
    if (segment === undefined) throw foreignPacketError(this, 'release');
    release(segment);
  }

  [Symbol.dispose](): void {
    if (!this.released) this.release();
  }
}
