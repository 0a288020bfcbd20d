// What is done with packets of several segments, or makes them. In each function all that can be cut off or can fail comes
// before the stores that make the change, which stand together.
import type { Buffer } from 'node:buffer';
import { copyBytes, viewBytes } from '../../base/builtins.js';
import { makeError } from '../../base/errors.js';
import { begin, finish, giveUp, HeldBuffers } from '../../pool/unfinished.js';
import { argumentError } from './errors.js';
import { checkLive } from './release.js';
import { type PacketShelf, type Segment, STATE, takeSpare } from './segment.js';

/** A place in a packet: byte `offset` of `segment`, before which the packet has `index` segments and `start` bytes. */
interface Place {
  readonly segment: Segment;
  readonly offset: number;
  readonly index: number;
  readonly start: number;
}

/** Where byte `at` is, which is at most the length. Between two segments: the end of the first one. */
function placeOf(first: Segment, at: number): Place {
  let segment = first;
  let index = 0;
  let start = 0;
  let bytes = segment.tail - segment.head;
  while (at - start > bytes) {
    start += bytes;
    segment = segment.next!;
    bytes = segment.tail - segment.head;
    index++;
  }
  return { segment, offset: at - start, index, start };
}

/** The same, but between two segments the beginning of the second. */
function placeAfter(first: Segment, at: number): Place {
  let { segment, offset, index, start } = placeOf(first, at);
  while (segment.head + offset === segment.tail && segment.next !== undefined) {
    start += offset;
    segment = segment.next;
    offset = 0;
    index++;
  }
  return { segment, offset, index, start };
}

/** Releases what an operation took off a packet, whose change is done. */
export function releaseHeld(held: HeldBuffers<Segment>): void {
  const segment = held.buf;
  if (segment !== undefined) {
    try {
      segment.release();
    } catch (error) {
      // Only what was released may be forgotten.
      if (segment.released) finish(held);
      throw error;
    }
  }
  finish(held);
}

export function append(first: Segment, other: Segment): void {
  if (first === other) throw argumentError('a packet cannot be appended to itself; append a clone() of it');
  first.last.next = other;
  first.last = other.last;
  first.rest += other.tail - other.head + other.rest;
  first.count += other.count;
  other.state = STATE.linked;
  other.last = other;
  other.rest = 0;
  other.count = 1;
}

/** Takes `n` bytes off the front: all of the first segment, which is not the only one, or more. At most the length. */
export function pullAcross(first: Segment, n: number): void {
  const held = begin(new HeldBuffers<Segment>());
  const { segment, offset, index, start } = placeAfter(first, n);
  const rest = first.length - start - (segment.tail - segment.head);
  const front = first.next!;
  const { room, head, tail } = first;
  // The first one stays the packet's: it changes places with the one that the packet begins in from now on.
  first.room = segment.room;
  first.head = segment.head + offset;
  first.tail = segment.tail;
  first.next = segment.next;
  if (first.last === segment) first.last = first;
  first.rest = rest;
  first.count -= index;
  segment.room = room;
  segment.head = head;
  segment.tail = tail;
  segment.next = undefined;
  front.state = STATE.live;
  front.last = segment;
  front.rest = start - (front.tail - front.head);
  front.count = index;
  held.buf = front;
  releaseHeld(held);
}

/** Takes what follows byte `at` off the packet: whole segments, and the rest of one. */
export function cutBehind(first: Segment, at: number): void {
  const held = begin(new HeldBuffers<Segment>());
  const { segment, offset, index, start } = placeOf(first, at);
  const { next } = segment;
  const behind = first.length - start - (segment.tail - segment.head);
  segment.tail = segment.head + offset;
  if (next !== undefined) {
    next.state = STATE.live;
    next.last = first.last;
    next.rest = behind - (next.tail - next.head);
    next.count = first.count - index - 1;
    segment.next = undefined;
    held.buf = next;
  }
  first.last = segment;
  first.count = index + 1;
  first.rest = at - (first.tail - first.head);
  releaseHeld(held);
}

/** The packet keeps the bytes before `at`; what follows is the packet that is returned. */
export function split(first: Segment, at: number): Segment {
  const { segment, offset, index, start } = placeOf(first, at);
  const bytes = segment.tail - segment.head;
  const behind = first.length - start - bytes;
  const { next } = segment;
  const isBetween = offset === bytes && next !== undefined;
  const other = isBetween ? next : takeSpare(segment.room.shelf);
  if (isBetween) {
    other.rest = behind - (other.tail - other.head);
    other.count = first.count - index - 1;
    other.last = first.last;
  } else {
    other.room = segment.room;
    other.room.refs++;
    other.head = segment.head + offset;
    other.tail = segment.tail;
    other.next = next;
    other.rest = behind;
    other.count = first.count - index;
    other.last = next === undefined ? other : first.last;
    segment.tail = other.head;
  }
  other.state = STATE.live;
  segment.next = undefined;
  first.last = segment;
  first.count = index + 1;
  first.rest = at - (first.tail - first.head);
  return other;
}

/** A packet over a part of one segment. */
function sliceOf({ room }: Segment, head: number, tail: number): Segment {
  const other = takeSpare(room.shelf);
  other.room = room;
  other.head = head;
  other.tail = tail;
  other.state = STATE.live;
  room.refs++;
  return other;
}

/** A packet over bytes `from` to `to` of another. */
export function slice(first: Segment, from: number, to: number): Segment {
  if (to <= first.tail - first.head) return sliceOf(first, first.head + from, first.head + to);
  const held = begin(new HeldBuffers<Segment>());
  let { segment, offset } = placeOf(first, from);
  let left = to - from;
  try {
    do {
      const head = segment.head + offset;
      const bytes = Math.min(segment.tail - head, left);
      const part = begin(new HeldBuffers<Segment>());
      // What shows no byte keeps no memory.
      if (bytes > 0 || left === 0) {
        part.buf = sliceOf(segment, head, head + bytes);
        if (held.buf === undefined) held.buf = part.buf;
        else append(held.buf, part.buf);
      }
      part.buf = undefined;
      finish(part);
      left -= bytes;
      offset = 0;
      segment = segment.next!;
    } while (left > 0);
  } catch (error) {
    giveUp(held);
    throw error;
  }
  const other = held.buf!;
  finish(held);
  return other;
}

/** Copies the bytes of `from` and of all segments behind it to byte `at` of some memory, which has room for them. */
export function copyAll(from: Segment | undefined, target: Buffer, at: number): void {
  let end = at;
  for (let segment = from; segment !== undefined; segment = segment.next) {
    copyBytes(segment.room.bytes, target, end, segment.head, segment.tail);
    end += segment.tail - segment.head;
  }
}

/** Bytes that a segment may grow by behind. */
export const tailroomOf = ({ room, tail }: Segment): number =>
  room.refs === 1 ? Math.max(room.bytes.length - tail, 0) : 0;

export function linearize(first: Segment): void {
  const { rest, length } = first;
  if (first.count === 1) return;
  if (rest <= tailroomOf(first)) {
    copyAll(first.next, first.room.bytes, first.tail);
    const held = begin(new HeldBuffers<Segment>());
    const behind = first.next!;
    behind.state = STATE.live;
    behind.last = first.last;
    behind.rest = rest - (behind.tail - behind.head);
    behind.count = first.count - 1;
    held.buf = behind;
    first.tail += rest;
    first.next = undefined;
    first.last = first;
    first.rest = 0;
    first.count = 1;
    releaseHeld(held);
    return;
  }
  const { shelf } = first.room;
  if (length > shelf.size) throw tooLongError(shelf, length, first.count);
  const held = begin(new HeldBuffers<Segment>());
  try {
    held.buf = shelf.get();
    // Subscribers may have done anything with the packet.
    checkLive(first, 'linearize');
    if (first.length > shelf.size) throw tooLongError(shelf, first.length, first.count);
    moveTo(first, held.buf);
  } catch (error) {
    giveUp(held);
    throw error;
  }
  releaseHeld(held);
}

function tooLongError({ core, size }: PacketShelf, length: number, count: number): Error {
  return makeError(
    'ERR_SUPERSLAB_SIZE',
    `a packet of ${length} B in ${count} segments cannot be linearized: those of pool "${core.name}" have ${size} B; ` +
      'use iovec() or peek()',
    RangeError,
  );
}

/** Moves all bytes of a chain into the room of `fresh`, which then has the rooms that they were in. */
function moveTo(first: Segment, fresh: Segment): void {
  const { length, room, head, tail, next, last, count } = first;
  const { headroom, size } = room.shelf;
  const at = Math.min(headroom, size - length);
  copyAll(first, fresh.room.bytes, at);
  first.room = fresh.room;
  first.head = at;
  first.tail = at + length;
  first.next = undefined;
  first.last = first;
  first.rest = 0;
  first.count = 1;
  fresh.room = room;
  fresh.head = head;
  fresh.tail = tail;
  fresh.next = next;
  fresh.last = last === first ? fresh : last;
  fresh.rest = length - (tail - head);
  fresh.count = count;
}

/** Whether the memory of one of the segments is another packet's, too. */
export function isShared(first: Segment): boolean {
  for (let segment: Segment | undefined = first; segment !== undefined; segment = segment.next) {
    if (segment.room.refs !== 1) return true;
  }
  return false;
}

/** A view of bytes `from` to `to` of a packet; undefined when they lie in several segments. */
export function viewOf(first: Segment, from: number, to: number): Buffer | undefined {
  const { segment, offset } = placeAfter(first, from);
  const head = segment.head + offset;
  const tail = head + to - from;
  return tail <= segment.tail ? viewBytes(segment.room.bytes, head, tail) : undefined;
}

/** Calls `take` for each part of a segment that bytes `from` to `to` of a packet are in. */
export function eachPart(
  first: Segment,
  from: number,
  to: number,
  take: (bytes: Buffer, head: number, tail: number) => void,
): void {
  let { segment, offset } = placeOf(first, from);
  for (let left = to - from; left > 0; segment = segment.next!) {
    const head = segment.head + offset;
    const bytes = Math.min(segment.tail - head, left);
    if (bytes > 0) take(segment.room.bytes, head, head + bytes);
    left -= bytes;
    offset = 0;
  }
}
