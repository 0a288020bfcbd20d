import { isSuperslabError } from '../../base/errors.js';
import { begin, finish, Unfinished } from '../../pool/unfinished.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import { releasedPacketError, segmentError } from './errors.js';
import { type DataRoom, isIdle, type PacketShelf, ROOM, type Segment, STATE } from './segment.js';

/** What an error says of a packet that is not lent. */
function lostError(segment: Segment, what: string): Error {
  const { shelf } = segment.room;
  const lost = { pool: shelf.core.name, size: shelf.size };
  return segment.state === STATE.linked ? segmentError(lost, what) : releasedPacketError(lost, what);
}

/** Throws unless the packet of `segment` is lent. */
export function checkLive(segment: Segment, what: string): void {
  if (segment.state !== STATE.live || isIdle(segment)) throw lostError(segment, what);
}

/** Stores alone: they happen together. The segment must not be in a stack, and its room must be the pool's. */
function pushIdle(shelf: PacketShelf, segment: Segment): void {
  const { idle } = shelf.magazines;
  const top = idle[shelf.tag]!;
  shelf.stack[top] = segment;
  segment.place = top;
  idle[shelf.tag] = top + 1;
}

/** Segments whose rooms nothing shows any more, and that are not back in their pools yet. */
class DroppedSegments extends Unfinished {
  readonly #segments: (Segment | undefined)[] = [];

  /** Stores alone: takes the segment's reference off its room. */
  drop(segment: Segment): void {
    const { room } = segment;
    const { shelf } = room;
    segment.state = STATE.released;
    segment.context = undefined;
    segment.next = undefined;
    segment.last = segment;
    segment.rest = 0;
    segment.count = 1;
    if (room.refs === 1) {
      this.#segments[this.#segments.length] = segment;
      return;
    }
    room.refs--;
    segment.room = shelf.noRoom;
    const count = shelf.spareCount;
    if (count >= shelf.maxSpare) return;
    shelf.spare[count] = segment;
    shelf.spareCount = count + 1;
  }

  undo(): void {
    const error = this.settle();
    if (!this.isEmpty) throw error;
  }

  /** False when the stack was too full for one of them: settle() may be called again. */
  get isEmpty(): boolean {
    for (let i = 0; i < this.#segments.length; i++) if (this.#segments[i] !== undefined) return false;
    return true;
  }

  /**
   * Gives the rooms back, each whatever becomes of another.
   * @returns the first error, undefined without one
   */
  settle(): unknown {
    let first: unknown;
    for (let i = 0; i < this.#segments.length; i++) {
      const segment = this.#segments[i];
      if (segment === undefined) continue;
      try {
        if (segment.room.kind === ROOM.watched) this.#settleWatched(segment, i);
        else if (segment.room.kind === ROOM.external) this.#settleExternal(segment, i);
        else this.#settleReused(segment, i);
      } catch (error) {
        first ??= error;
      }
    }
    return first;
  }

  #settleReused(segment: Segment, i: number): void {
    const { room } = segment;
    const { shelf } = room;
    const { core, tag } = shelf;
    if (core.closed) {
      const start = core.prepareRelease(room.block, tag);
      core.putHome(room.block, tag);
      room.kind = ROOM.none;
      this.#segments[i] = undefined;
      core.afterRelease(start);
      return;
    }
    if (core.zeroAtRelease) core.clear(room.block);
    scheduleUpkeep();
    pushIdle(shelf, segment);
    this.#segments[i] = undefined;
    if (core.hasWaiters()) core.serveWaiters();
  }

  // A handle that the program keeps must not keep the memory of these two.

  #settleWatched(segment: Segment, i: number): void {
    const { lease, shelf } = segment.room;
    try {
      lease![Symbol.dispose]();
    } catch (error) {
      // A guard found bytes behind it overwritten: it was released all the same.
      if (!isSuperslabError(error)) throw error;
      segment.room = shelf.noRoom;
      this.#segments[i] = undefined;
      throw error;
    }
    segment.room = shelf.noRoom;
    this.#segments[i] = undefined;
  }

  /** The program is called once, whatever it does. */
  #settleExternal(segment: Segment, i: number): void {
    const { free, memory, shelf } = segment.room;
    segment.room = shelf.noRoom;
    this.#segments[i] = undefined;
    free?.(memory as never);
  }
}

function releaseSlow(segment: Segment): void {
  checkLive(segment, 'release');
  const dropped = begin(new DroppedSegments());
  // The first one goes last, so that a release that is cut off can be done again. Nothing here calls the program.
  for (let { next } = segment; next !== undefined; next = segment.next) {
    const after = next.next;
    const bytes = next.tail - next.head;
    dropped.drop(next);
    segment.next = after;
    segment.rest -= bytes;
    segment.count--;
    if (after === undefined) segment.last = segment;
  }
  dropped.drop(segment);
  const error = dropped.settle();
  // What the stack was too full for is left to upkeep.
  if (dropped.isEmpty) finish(dropped);
  if (error !== undefined) throw error;
}

/** Gives a packet back: see Packet.release. */
export function release(segment: Segment): void {
  const { room } = segment;
  if (segment.state !== STATE.live || segment.next !== undefined) {
    releaseSlow(segment);
  } else if (room.refs !== 1) {
    // Idle rooms have one reference.
    releaseShared(segment, room);
  } else {
    releaseRoom(segment, room);
  }
}

/** Stores alone: other segments keep the room. */
function releaseShared(segment: Segment, room: DataRoom): void {
  const { shelf } = room;
  room.refs--;
  segment.state = STATE.released;
  segment.context = undefined;
  segment.room = shelf.noRoom;
  const count = shelf.spareCount;
  if (count >= shelf.maxSpare) return;
  shelf.spare[count] = segment;
  shelf.spareCount = count + 1;
}

function releaseRoom(segment: Segment, room: DataRoom): void {
  const { stack, tag, magazines } = room.shelf;
  const { idle, limit } = magazines;
  const top = idle[tag]!;
  const { place } = segment;
  // Without a limit the pool is closed, somebody waits for room, or the memory is to be cleared.
  if (room.kind !== ROOM.reused || limit[tag] === 0 || (place < top && stack[place] === segment)) {
    releaseSlow(segment);
    return;
  }
  segment.state = STATE.released;
  segment.context = undefined;
  stack[top] = segment;
  segment.place = top;
  idle[tag] = top + 1;
}
