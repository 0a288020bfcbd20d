// What packets are made of. A packet is the handle that the program has; its segment has the offsets; the segment's room has
// the memory, and counts the segments that show it. All of it is used again and again.
import type { Buffer } from 'node:buffer';
import type { BlockNumber, NativePool, SliceTag } from '../../addon/binding.js';
import type { Magazines } from '../../pool/magazines.js';
import type { PooledBuffer } from '../../pool/pooled-buffer.js';
import type { Lent } from '../../pool/unfinished.js';
import { Shelf } from '../fixed/shelf.js';
import type { Packet } from './packet.js';

/** What a segment is doing. Its packet can be used only while it is LIVE. */
export const STATE = {
  /** It waits to be lent: with its room on a stack of the pool, or without one. */
  released: 0,
  /** The first segment of a packet that is lent. */
  live: 1,
  /** A later segment of a chain, which has it. */
  linked: 2,
} as const;

/** Where the memory of a room comes from. */
export const ROOM = {
  /** Of nowhere: no packet that is lent has such a room. */
  none: 0,
  /** A block of the pool, which keeps it while it is idle. */
  reused: 1,
  /** A PooledBuffer, because leak detection or a guard watches it. */
  watched: 2,
  /** The program's. */
  external: 3,
} as const;

/** The memory of segments. */
export class DataRoom {
  readonly shelf: PacketShelf;
  kind: (typeof ROOM)[keyof typeof ROOM];
  /** All of the memory. */
  readonly bytes: Buffer;
  readonly block: BlockNumber;
  /** Segments that show it; stays 1 while the room is idle. */
  refs = 1;
  /** Of external memory: what the program gave, and what is to be called with that when nothing shows it any more. */
  memory: Uint8Array | undefined = undefined;
  free: ((memory: never) => void) | undefined = undefined;
  /** Of watched memory: what has it. */
  lease: PooledBuffer | undefined = undefined;

  constructor(
    shelf: PacketShelf,
    kind: (typeof ROOM)[keyof typeof ROOM],
    bytes: Buffer,
    block: BlockNumber = 0,
  ) {
    this.shelf = shelf;
    this.kind = kind;
    this.bytes = bytes;
    this.block = block;
  }
}

// What `place` of a segment is that never was idle.
const NOWHERE = 2 ** 30;

/** Bytes `head` to `tail` of a room; and of the first segment of a packet, the chain that follows. */
export class Segment implements Lent {
  state: (typeof STATE)[keyof typeof STATE] = STATE.released;
  room: DataRoom;
  head = 0;
  tail = 0;
  next: Segment | undefined = undefined;
  // These three are right for the first segment of a packet alone.
  last: Segment = this;
  /** Bytes of the segments that follow. */
  rest = 0;
  /** Segments from this one on. */
  count = 1;
  /** Where it lay last in the stack of its room's shelf: see Shelf. */
  place = NOWHERE;
  /** The program's own. */
  context: unknown = undefined;
  readonly packet: Packet;

  constructor(room: DataRoom) {
    this.room = room;
    this.packet = room.shelf.makePacket(this);
  }

  get length(): number {
    return this.tail - this.head + this.rest;
  }

  get released(): boolean {
    return this.state !== STATE.live;
  }

  release(): void {
    this.room.shelf.release(this);
  }

  [Symbol.dispose](): void {
    if (!this.released) this.release();
  }
}

/** What the parts of a pool do for each other, which cannot import each other. */
export interface PacketParts {
  makePacket(segment: Segment): Packet;
  release(segment: Segment): void;
}

/** How the memory of a pool's packets is laid out. */
export interface PacketLayout {
  /** Bytes of a room. */
  readonly size: number;
  readonly headroom: number;
  readonly tailroom: number;
}

/** Segments without a room that a shelf keeps: as many as there may be clones at a time that cost no garbage. */
const MAX_SPARE = 4096;

/** What waits in one PacketPool to be lent: segments with their rooms, as in any {@link Shelf}, and segments without. */
export class PacketShelf extends Shelf<Segment, Segment> {
  readonly headroom: number;
  readonly tailroom: number;
  readonly makePacket: PacketParts['makePacket'];
  readonly release: PacketParts['release'];
  /** That of segments without one. */
  readonly noRoom: DataRoom;
  readonly spare: (Segment | undefined)[] = [];
  spareCount = 0;
  /** How many of them it keeps: 0 where each packet is an object of its own, so that the use of one that was released is found. */
  maxSpare = MAX_SPARE;
  /** A segment that is lent, with the pool's headroom. Set when the pool is made. */
  get!: () => Segment;

  constructor(
    native: NativePool,
    magazines: Magazines,
    tag: SliceTag,
    layout: PacketLayout,
    keep: number,
    parts: PacketParts,
    nothing: Buffer,
  ) {
    super(native, magazines, tag, layout.size, keep);
    this.headroom = layout.headroom;
    this.tailroom = layout.tailroom;
    this.makePacket = parts.makePacket;
    this.release = parts.release;
    this.noRoom = new DataRoom(this, ROOM.none, nothing);
  }
}

/** Whether a segment waits in the stack of its shelf. Only a bulk operation that was cut off leaves one there that is live. */
export function isIdle(segment: Segment): boolean {
  const { shelf } = segment.room;
  return segment.place < shelf.magazines.idle[shelf.tag]! && shelf.stack[segment.place] === segment;
}

/** A segment without a room: nobody has it. */
export function takeSpare(shelf: PacketShelf): Segment {
  const count = shelf.spareCount;
  if (count === 0) return new Segment(shelf.noRoom);
  const segment = shelf.spare[count - 1]!;
  // What a segment shows must not be kept from the collector.
  shelf.spare[count - 1] = undefined;
  shelf.spareCount = count - 1;
  return segment;
}
