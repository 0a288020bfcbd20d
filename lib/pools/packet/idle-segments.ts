// The segments that wait in a PacketPool with their rooms: how they are lent, given up and checked. `Shelf` tells which are idle.
import type { BlockNumber } from '../../addon/binding.js';
import { environment } from '../../addon/environment.js';
import { RELIEF_STEP } from '../../addon/generated/codes.js';
import { builtins, lengthOf, memoryOf } from '../../base/builtins.js';
import type { IdleBuffers } from '../../pool/lending.js';
import type { PooledBuffer } from '../../pool/pooled-buffer.js';
import type { Packet } from './packet.js';
import { DataRoom, type PacketShelf, ROOM, Segment, STATE } from './segment.js';

/** The hot path of get: one closure a pool. */
export function bindGet(shelf: PacketShelf): () => Segment {
  const { stack, tag, size, headroom, core } = shelf;
  const { idle, acquired } = shelf.magazines;
  return () => {
    const top = idle[tag]!;
    if (top !== 0) {
      const segment = stack[top - 1]!;
      // 0 when user code detached its window.
      if (segment.room.bytes.length !== 0) {
        segment.head = headroom;
        segment.tail = headroom;
        segment.state = STATE.live;
        idle[tag] = top - 1;
        acquired[tag]!++;
        return segment;
      }
    }
    return core.acquireSlow(size);
  };
}

/** The same where samples are watched: SAMPLE_MASK (lib/guard/sample-budget.ts) sends some down the slow path. */
export function bindGetSampled(shelf: PacketShelf): () => Segment {
  const { stack, tag, size, headroom, core } = shelf;
  const { idle, acquired } = shelf.magazines;
  return () => {
    const top = idle[tag]!;
    const count = (acquired[tag]! + 1) | 0;
    if (top !== 0 && (count & 4095) !== 0) {
      const segment = stack[top - 1]!;
      if (segment.room.bytes.length !== 0) {
        segment.head = headroom;
        segment.tail = headroom;
        segment.state = STATE.live;
        idle[tag] = top - 1;
        acquired[tag] = count;
        return segment;
      }
    }
    return core.acquireSlow(size);
  };
}

function lent(room: DataRoom): Segment {
  const segment = new Segment(room);
  segment.head = room.shelf.headroom;
  segment.tail = segment.head;
  segment.state = STATE.live;
  return segment;
}

/** A segment of a block that is still in its magazine: it is out as soon as that has left. */
export function makeSegment(
  shelf: PacketShelf,
  window: ArrayBuffer,
  byteOffset: number,
  block: BlockNumber,
): Segment {
  const bytes = builtins.bufferOf(window, byteOffset, shelf.size);
  const segment = lent(new DataRoom(shelf, ROOM.reused, bytes, block));
  // There is a place for each, so that a release never makes the stack longer.
  shelf.made++;
  while (shelf.stack.length < shelf.made) shelf.stack[shelf.stack.length] = undefined;
  return segment;
}

/** A segment of a buffer that leak detection or a guard watches. The program gets another view, by which it cannot release it. */
export function watchedSegment(shelf: PacketShelf, lease: PooledBuffer): Segment {
  const room = new DataRoom(shelf, ROOM.watched, builtins.bufferOf(memoryOf(lease), 0, shelf.size));
  room.lease = lease;
  return lent(room);
}

function take(shelf: PacketShelf): Segment | undefined {
  const { stack, tag, headroom } = shelf;
  const { idle, acquired } = shelf.magazines;
  for (let top = idle[tag]!; top !== 0; top = idle[tag]!) {
    const segment = stack[top - 1]!;
    if (lengthOf(segment.room.bytes) === 0) {
      drop(shelf, top - 1);
      continue;
    }
    segment.head = headroom;
    segment.tail = headroom;
    segment.state = STATE.live;
    idle[tag] = top - 1;
    acquired[tag]!++;
    return segment;
  }
  return undefined;
}

function drop(shelf: PacketShelf, keep: number): void {
  const { stack, tag, native } = shelf;
  const { idle } = shelf.magazines;
  if (idle[tag]! <= Math.max(keep, 0)) return;
  shelf.turn++;
  while (idle[tag]! > keep) {
    const top = idle[tag]! - 1;
    const segment = stack[top]!;
    native.give(segment.room.block);
    // Nothing comes between: the block is free, and the room is nobody's.
    idle[tag] = top;
    segment.state = STATE.released;
    segment.room.kind = ROOM.none;
    shelf.made--;
  }
  // What lies above the depth would be kept from the collector.
  stack.length = Math.min(stack.length, Math.max(shelf.made, idle[tag]!));
  for (let i = idle[tag]!; i < stack.length; i++) stack[i] = undefined;
}

function dropSpare(shelf: PacketShelf): void {
  shelf.spareCount = 0;
  shelf.spare.length = 0;
}

/** Under pressure those without a room go first, and then those that the pool did not begin with. */
function relieve(shelf: PacketShelf, step: number): void {
  if (step === RELIEF_STEP.caches) dropSpare(shelf);
  if (step === RELIEF_STEP.idle) drop(shelf, shelf.keep);
}

/** After a rest the segments that the pool did not begin with are given up, and all that have no room. */
function tick(shelf: PacketShelf): void {
  const acquired = shelf.magazines.acquired[shelf.tag]!;
  if (acquired === shelf.acquiredBefore) {
    drop(shelf, shelf.keep);
    dropSpare(shelf);
  }
  shelf.acquiredBefore = acquired;
}

export const idleOf = (shelf: PacketShelf): IdleBuffers<Segment> => ({
  take: () => take(shelf),
  drop: (keep) => drop(shelf, keep),
  tick: () => tick(shelf),
  relieve: (step) => relieve(shelf, step),
});

/** Whether `count` segments were idle: their packets are in `into` then, from its start. */
export function tryGetBulk(shelf: PacketShelf, count: number, into: Packet[]): boolean {
  const { stack, tag, turn, headroom } = shelf;
  const { idle, acquired } = shelf.magazines;
  const top = idle[tag]!;
  if (count > top) return false;
  const before = acquired[tag]!;
  // They are still idle, so that this may be cut off. That they are live then, checkLive() does not believe.
  for (let i = 0; i < count; i++) {
    const segment = stack[top - 1 - i]!;
    if (segment.room.bytes.length === 0) return false;
    segment.head = headroom;
    segment.tail = headroom;
    segment.state = STATE.live;
    into[i] = segment.packet;
  }
  // An array of the program may have called code of the program.
  if (idle[tag] !== top || acquired[tag] !== before || shelf.turn !== turn) return false;
  idle[tag] = top - count;
  acquired[tag] = before + count;
  return true;
}

/** Whether a segment that is lent is a packet by itself, with a room that nobody else has and that the pool keeps. */
const isSingle = (segment: Segment, shelf: PacketShelf): boolean =>
  segment.state === STATE.live &&
  segment.next === undefined &&
  segment.room.shelf === shelf &&
  segment.room.kind === ROOM.reused &&
  segment.room.refs === 1;

/** Whether all of `packets` were lent and {@link isSingle}, and nothing else was to be done: they are idle then. */
export function tryFreeBulk(
  shelf: PacketShelf,
  packets: readonly unknown[],
  segmentOf: (packet: unknown) => Segment | undefined,
): boolean {
  const { stack, tag } = shelf;
  const { idle, limit, acquired } = shelf.magazines;
  shelf.turn++;
  const { turn } = shelf;
  const top = idle[tag]!;
  const before = acquired[tag]!;
  const end = top + packets.length;
  // Above the depth, where nothing means anything until it is raised. An array of the program may call code of the program.
  for (let i = top; i < end; i++) {
    const segment = segmentOf(packets[i - top]);
    if (segment === undefined || segment.room.shelf !== shelf) return false;
    if (shelf.turn !== turn || i >= stack.length) return false;
    const { place } = segment;
    // Below `i` it is idle, or it is in the array twice.
    if (place < i && stack[place] === segment) return false;
    stack[i] = segment;
    segment.place = i;
  }
  for (let i = top; i < end; i++) if (!isSingle(stack[i]!, shelf)) return false;
  const isSame = idle[tag] === top && acquired[tag] === before && shelf.turn === turn;
  if (!isSame || limit[tag] === 0) return false;
  idle[tag] = end;
  for (let i = top; i < end; i++) {
    const segment = stack[i]!;
    segment.state = STATE.released;
    segment.context = undefined;
  }
  return true;
}

/** What contradicts itself among the idle segments, in words; undefined when all is right. */
export function contradiction(shelf: PacketShelf, blockBytes: number): string | undefined {
  const { stack, tag, magazines, size } = shelf;
  const depth = magazines.idle[tag]!;
  if (depth > stack.length) return `${depth} idle packets in ${stack.length} places`;
  const seen = new Set<BlockNumber>();
  for (let i = 0; i < depth; i++) {
    const segment = stack[i];
    if (segment === undefined || segment.room.kind !== ROOM.reused || segment.place !== i)
      return `no idle packet at place ${i}`;
    const { block, bytes, refs } = segment.room;
    if (refs !== 1 || segment.next !== undefined) return `an idle packet has ${refs} references`;
    if (seen.has(block)) return `block ${block} has two idle packets`;
    seen.add(block);
    const capacity = environment.capacity(block);
    if (capacity !== blockBytes) return `block ${block} of an idle packet has ${capacity} B`;
    // 0: the program took its memory away, and the next get finds that.
    if (lengthOf(bytes) !== size && lengthOf(bytes) !== 0) return `an idle packet has ${lengthOf(bytes)} B`;
  }
  return undefined;
}
