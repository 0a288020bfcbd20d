import { check } from '../../addon/binding.js';
import { environment, facts } from '../../addon/environment.js';
import { ZERO } from '../../addon/generated/choices.js';
import { checkOptions } from '../../addon/option-checks.js';
import { builtins, fill, lengthOf, memoryOf, offsetOf } from '../../base/builtins.js';
import { show } from '../../base/errors.js';
import { areLost, lostError } from '../../base/lost-bytes.js';
import { tagAlignedTo } from '../../pool/aligned-tags.js';
import type { Lending } from '../../pool/lending.js';
import { magazinesOf } from '../../pool/magazines.js';
import { begin, finish, giveUp, HeldBuffers } from '../../pool/unfinished.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import type { Held } from '../../pool/waiters.js';
import { viewOf } from '../buffer/from.js';
import { CorePool } from '../core-pool.js';
import { acquireInTurn, WAIT_CHECKS } from '../in-turn.js';
import { type ObservedCore, observe } from '../observed-core.js';
import { closeWhenDropped, rememberPool } from '../open-pools.js';
import { OpeningPool } from '../opening-pool.js';
import { poolName } from '../pool-options.js';
import { bindPrepared } from '../prepared.js';
import { touchPages, type WarmProgress, warm } from '../warm.js';
import { argumentError, foreignPacketError, releasedPacketError } from './errors.js';
import { PacketHandle, segmentOf } from './handle.js';
import {
  bindGet,
  bindGetSampled,
  contradiction,
  idleOf,
  makeSegment,
  tryFreeBulk,
  tryGetBulk,
  watchedSegment,
} from './idle-segments.js';
import { type PacketPoolOptions, type PacketSettings, packetSettings } from './options.js';
import type { Packet } from './packet.js';
import type { PacketReader } from './packet-reader.js';
import { type PacketInTurn, type PacketSource, readFrom } from './read-from.js';
import { checkLive, release } from './release.js';
import { DataRoom, PacketShelf, ROOM, type Segment, STATE, takeSpare } from './segment.js';
import { PacketWriter } from './writer.js';

/** Whoever has only a bound function or a writer of a pool has the pool. */
const OWNER = Symbol('pool');

const parts = { makePacket: (segment: Segment): Packet => new PacketHandle(segment), release };

function lendingOf(shelf: PacketShelf, { max, size, align }: PacketSettings): Lending<Segment> {
  return {
    make: (window, byteOffset, _, block) => makeSegment(shelf, window, byteOffset, block),
    lend: (lease) => watchedSegment(shelf, lease),
    align,
    tag: shelf.tag,
    tags: undefined,
    idle: idleOf(shelf),
    waitName: 'getAsync()',
    exhaustedText: () =>
      `cannot give another packet of ${size} B beyond its max of ${max}; release packets, raise max or use getAsync()`,
  };
}

function bindTake(core: ObservedCore<Segment>, shelf: PacketShelf): () => Segment {
  if (core.watcher === undefined) return bindGet(shelf);
  if (!core.watcher.watchesAll) return bindGetSampled(shelf);
  return () => core.acquireSlow(shelf.size);
}

function checkCount(what: string, count: number): void {
  if (!Number.isInteger(count) || count < 0) {
    throw argumentError(`${what} must be a whole number, got ${show(count)}`, RangeError);
  }
}

/** Throws what release() of a packet would throw. */
function lentSegment(packet: unknown): Segment {
  const segment = segmentOf(packet);
  if (segment === undefined) throw foreignPacketError(packet, 'release');
  checkLive(segment, 'release');
  return segment;
}

/**
 * A pool of packets: ranges of bytes with headroom and tailroom, which share memory by references and form chains, as mbufs
 * of DPDK and buffers of Linux's sockets do. docs/pools/PACKET.md tells when to use it, and when not to.
 *
 * A pool belongs to the thread that made it, and so do its packets. With a guard or full leak detection each packet is a
 * fresh object, so that the use of one that was released is found.
 *
 * @example
 * const pool = new PacketPool({ size: 2048, headroom: 128, max: 10_000 });
 * const packet = pool.from(payload);
 * packet.push(4).base.writeUInt32BE(payload.length, packet.offset);
 * packet.writeTo(socket);
 */
export class PacketPool extends CorePool<Segment> {
  /** Memory of each segment, headroom and tailroom included. Unit: bytes. */
  readonly size: number;

  /** What a new packet has in front. Unit: bytes. */
  readonly headroom: number;

  /** What `from()`, `copy()`, `writer()` and `readFrom()` leave behind. Unit: bytes. */
  readonly tailroom: number;

  /** Most segments with memory that the pool has; 0 is no limit. Clones, slices and attached buffers have none of their own. */
  readonly max: number;

  /**
   * An empty packet with the pool's headroom; its memory has undefined contents. Bound: it may be passed around.
   * @throws ERR_SUPERSLAB_EXHAUSTED when all `max` segments are out
   * @throws ERR_SUPERSLAB_NO_MEMORY when the operating system gives no more
   * @throws ERR_SUPERSLAB_CLOSED
   */
  readonly get: () => Packet;

  /**
   * The same as `packet.release()`. Bound.
   * @throws ERR_SUPERSLAB_RELEASED when it was released before, or is part of a chain
   * @throws ERR_SUPERSLAB_FOREIGN when it is no packet
   */
  readonly free: (packet: Packet) => void;

  readonly #core: ObservedCore<Segment>;
  readonly #shelf: PacketShelf;
  readonly #getsFast: boolean;

  /** @throws ERR_SUPERSLAB_OPTION for an unknown option or an impossible value */
  constructor(options: PacketPoolOptions = {}) {
    const settings = packetSettings(options);
    const { size, max, initial, align, colour } = settings;
    const name = poolName(options);
    scheduleUpkeep();
    const opening = begin(new OpeningPool());
    opening.opened = environment.openPool(settings.pairs, name, !colour);
    const native = check(opening.opened);
    const magazines = magazinesOf(native, name);
    const tag = tagAlignedTo(size, align);
    const nothing = builtins.allocUnsafeSlow(0);
    const shelf = new PacketShelf(native, magazines, tag, settings, initial, parts, nothing);
    const core = observe(name, native, magazines, lendingOf(shelf, settings), false);
    shelf.core = core;
    super(core);
    this.#core = core;
    this.#shelf = shelf;
    this.size = size;
    this.headroom = settings.headroom;
    this.tailroom = settings.tailroom;
    this.max = max;
    if (core.watcher?.watchesAll) shelf.maxSpare = 0;
    const isCleared = native.zero === ZERO.acquire;
    this.#getsFast = core.watcher === undefined && !isCleared;
    const take = bindTake(core, shelf);
    const cleared = bindPrepared(take, ({ room }) => fill(room.bytes, 0));
    const got = isCleared ? () => cleared(size) : take;
    shelf.get = got;
    this.get = () => got().packet;
    this.free = (packet) => release(segmentOf(packet) ?? lentSegment(packet));
    for (const bound of [this.get, this.free]) Object.defineProperty(bound, OWNER, { value: this });
    try {
      if (initial > 0) this.warm(initial);
    } catch (error) {
      giveUp(opening);
      throw error;
    }
    closeWhenDropped(this, core);
    rememberPool(this);
    finish(opening);
  }

  /**
   * A packet as soon as one is free, first come first served. Rejects with `signal.reason` when aborted, and like
   * {@link get} for what waiting cannot change.
   * @throws ERR_SUPERSLAB_OPTION (rejects) for a wrong option
   */
  getAsync(options: { signal?: AbortSignal } = {}): Promise<Packet> {
    const ready = (segment: Segment) => this.#ready(segment);
    return acquireInTurn(this.#core, 'getAsync()', options, { size: this.size, pool: this, ready });
  }

  #ready({ room, packet }: Segment): Packet {
    if (this.#core.native.zero === ZERO.acquire) fill(room.bytes, 0);
    return packet;
  }

  /**
   * `count` packets, or none: if one cannot be had, the others go back and it throws what {@link get} throws.
   * @param into an array to use again: it has exactly those packets afterwards, and none if this throws
   * @throws ERR_SUPERSLAB_ARGUMENT for anything but a whole number, and for what is no array
   */
  getBulk(count: number, into: Packet[] = []): Packet[] {
    checkCount('count of getBulk()', count);
    if (!Array.isArray(into)) throw argumentError(`into must be an array, got ${show(into)}`);
    if (into.length > count) into.length = count;
    if (this.#getsFast && tryGetBulk(this.#shelf, count, into)) return into;
    into.length = 0;
    const segments: Segment[] = [];
    const held = begin(new HeldBuffers(segments));
    try {
      while (segments.length < count) segments[segments.length] = this.#shelf.get();
      for (let i = 0; i < count; i++) into[i] = segments[i]!.packet;
    } catch (error) {
      giveUp(held);
      into.length = 0;
      throw error;
    }
    finish(held);
    return into;
  }

  /**
   * Releases every packet of an array, or none: if one is no packet that is lent, or is there twice, it throws what
   * {@link free} throws, and all are still lent.
   * @throws ERR_SUPERSLAB_ARGUMENT for what is no array
   */
  freeBulk(packets: readonly Packet[]): void {
    if (!Array.isArray(packets))
      throw argumentError(`freeBulk() takes an array of packets, got ${show(packets)}`);
    if (tryFreeBulk(this.#shelf, packets, segmentOf)) return;
    // A copy, which no code of the program changes meanwhile.
    const segments = new Set<Segment>();
    for (let i = 0; i < packets.length; i++) {
      const segment = lentSegment(packets[i]);
      if (segments.has(segment)) throw releasedPacketError({ pool: this.name, size: this.size }, 'release');
      segments.add(segment);
    }
    let first: unknown;
    for (const segment of segments) {
      try {
        release(segment);
      } catch (error) {
        // A free callback threw, or a guard found bytes overwritten: it was released all the same.
        first ??= error;
      }
    }
    if (first !== undefined) throw first;
  }

  /**
   * A packet, of several segments if need be, with a copy of `data`; strings are encoded as `encoding`, 'utf8' by default.
   * It copies out of a slice that would keep more memory than it is worth: `pool.from(slice.view())`.
   * @throws ERR_SUPERSLAB_ARGUMENT for anything else, and what {@link get} throws; then nothing was taken
   */
  from(data: string | Uint8Array | ArrayBuffer, encoding: BufferEncoding = 'utf8'): Packet {
    const bytes = builtins.isAnyArrayBuffer(data) ? viewOf(data) : data;
    if (typeof bytes !== 'string' && !builtins.isUint8Array(bytes)) {
      throw argumentError(`from() takes a string, a Uint8Array or an ArrayBuffer, got ${show(data)}`);
    }
    return PacketWriter.filled(this.#shelf, (writer) => {
      if (typeof bytes === 'string') writer.write(bytes, encoding);
      else writer.bytes(bytes);
    }).packet;
  }

  /**
   * A packet over memory of the program, all of which are its bytes, without a copy. `free` is called with it, once, when the last
   * packet that shows it is released; what it throws, that release throws. The memory is the packet's until then.
   * It is no part of the pool's figures.
   * @throws ERR_SUPERSLAB_ARGUMENT for what is no Uint8Array, or when `free` is no function
   * @throws ERR_SUPERSLAB_CLOSED
   */
  attach<Memory extends Uint8Array>(memory: Memory, free?: (memory: Memory) => void): Packet {
    this.#core.checkOpen();
    if (!builtins.isUint8Array(memory))
      throw argumentError(`attach() takes a Uint8Array, got ${show(memory)}`);
    if (areLost(memory)) throw lostError('attach()', memory);
    if (free !== undefined && typeof free !== 'function') {
      throw argumentError(`free must be a function, got ${show(free)}`);
    }
    const bytes = builtins.bufferOf(memoryOf(memory), offsetOf(memory), lengthOf(memory));
    const room = new DataRoom(this.#shelf, ROOM.external, bytes);
    room.memory = memory;
    room.free = free;
    const segment = takeSpare(this.#shelf);
    segment.room = room;
    segment.head = 0;
    segment.tail = bytes.length;
    segment.state = STATE.live;
    return segment.packet;
  }

  /** What writes values one behind the other into packets of this pool, as many as it takes. */
  writer(): PacketWriter {
    const writer = new PacketWriter(this.#shelf);
    Object.defineProperty(writer, OWNER, { value: this });
    return writer;
  }

  /**
   * What a socket receives, as packets: of a stream (`net.Socket`, any readable) the chunks as they come, of a `dgram.Socket` a packet
   * a datagram, whose `context` is who sent it. Each is a copy with the pool's headroom; who reads releases it.
   *
   * While the pool is exhausted a stream is not read, so that its sender waits; datagrams that find no packet are
   * dropped, as a network card drops them, and counted in `dropped` of what is returned. The socket stays open when the reader ends.
   * @throws ERR_SUPERSLAB_ARGUMENT for what is no socket and no stream
   * @throws ERR_SUPERSLAB_OPTION for a wrong option
   */
  readFrom(socket: PacketSource, options: { signal?: AbortSignal } = {}): PacketReader {
    checkOptions('readFrom()', options, WAIT_CHECKS);
    const packetInTurn: PacketInTurn = (then, failed, signal) => {
      const ready = (segment: Segment, held: Held) => then(this.#ready(segment), held);
      this.#core.acquireInTurn({ size: this.size, signal, pool: this, ready, failed });
    };
    return readFrom(this, packetInTurn, socket, options.signal);
  }

  /**
   * Sees to it that `count` packets are idle and that their memory has been touched, so that their first use waits for
   * nothing. Calls `onProgress` now and then, and at the end.
   * @throws what {@link get} throws when there cannot be so many; then none was taken
   * @throws ERR_SUPERSLAB_ARGUMENT
   */
  warm(count: number, onProgress?: WarmProgress): void {
    warm(this.#shelf.get, ({ room }) => touchPages(room.bytes), count, onProgress);
  }

  /** Whether `packet` is lent and begins in memory of this pool, or in memory that was attached by it. */
  owns(packet: Packet): boolean {
    const segment = segmentOf(packet);
    return segment !== undefined && !segment.released && segment.room.shelf === this.#shelf;
  }

  protected override contradiction(): string | undefined {
    return contradiction(this.#shelf, facts.bytesOfTag[this.#shelf.tag]!);
  }
}
