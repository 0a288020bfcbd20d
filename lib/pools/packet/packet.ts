import type { Buffer } from 'node:buffer';
import type { Writable } from 'node:stream';
import type { Lent } from '../../pool/unfinished.js';

/**
 * A packet of a {@link PacketPool}: a range of bytes with room in front of it and behind it, in one segment or in a chain of
 * them. It moves offsets and counts references; a view of its bytes is made only when one is asked for.
 *
 * A packet belongs to the thread of its pool. Every method but `released`, `toString` and dispose throws
 * ERR_SUPERSLAB_RELEASED once the packet was released, or was appended to another one.
 *
 * Segments of several packets may show the same memory (`clone`, `slice`, `split`). Who writes to it writes for all of them; such a
 * segment has neither headroom nor tailroom, so that no packet grows into another's bytes.
 */
export interface Packet extends Lent {
  /** Bytes of all segments. */
  readonly length: number;
  /** How many segments it has: 1 unless it is a chain. */
  readonly segments: number;
  /** Bytes that `push` can take: those in front of the first segment's. */
  readonly headroom: number;
  /** Bytes that `put` can take: those behind the last segment's. */
  readonly tailroom: number;
  /** Whether the memory of a segment is another packet's, too. */
  readonly shared: boolean;
  /** Whether it was released, or is part of a chain, which releases it. */
  readonly released: boolean;
  /** The program's own, for as long as the packet is lent. Of what `readFrom` of a UDP socket gives: who sent it. */
  context: unknown;

  /**
   * The whole memory of the first segment, and where in it the packet begins: for code that reads and writes
   * without making a view, as in `packet.push(2).base.writeUInt16BE(type, packet.offset)`. Any other operation with the packet
   * may give it another base.
   */
  readonly base: Buffer;
  readonly offset: number;

  /**
   * Makes the packet `n` bytes longer in front. Their contents are undefined.
   * @throws ERR_SUPERSLAB_SIZE beyond the headroom, or for what is no whole number
   */
  push(n: number): this;
  /**
   * Makes it `n` bytes shorter in front. Segments that have nothing left are released, but for the last.
   * @throws ERR_SUPERSLAB_SIZE beyond the length
   */
  pull(n: number): this;
  /**
   * Makes the packet `n` bytes longer behind. Their contents are undefined.
   * @throws ERR_SUPERSLAB_SIZE beyond the tailroom
   */
  put(n: number): this;
  /**
   * Makes it `n` bytes shorter behind. Segments that have nothing left are released, but for the first.
   * @throws ERR_SUPERSLAB_SIZE beyond the length
   */
  trim(n: number): this;
  /**
   * Makes the headroom of an empty packet `n` bytes larger, out of the tailroom.
   * @throws ERR_SUPERSLAB_SIZE beyond the tailroom
   * @throws ERR_SUPERSLAB_ARGUMENT when the packet has bytes
   */
  reserve(n: number): this;

  /**
   * A Buffer that shows bytes `start` to `end`, which must lie in one segment. It is valid until the packet is released.
   * @throws ERR_SUPERSLAB_SIZE for a range that the packet does not have
   * @throws ERR_SUPERSLAB_ARGUMENT when they lie in several segments: use `peek`, `iovec` or `linearize`
   */
  view(start?: number, end?: number): Buffer;
  /**
   * `n` bytes from `offset` on: a view when they lie in one segment, otherwise a copy in ordinary memory. To be read only.
   * @throws ERR_SUPERSLAB_SIZE for a range that the packet does not have
   */
  peek(offset: number, n: number): Buffer;
  /** A view for each segment that has bytes: for `fs.writev` and its like. Valid until the packet is released. */
  iovec(): Buffer[];
  /**
   * Writes all segments to a stream, corked, and releases the packet when the last is written or has failed: it is the
   * stream's from now on. Then `callback` is called.
   * @returns what the last `stream.write()` returned
   * @throws ERR_SUPERSLAB_ARGUMENT for what is no stream, and what `stream.write()` throws; the packet is still lent then
   */
  writeTo(stream: Writable, callback?: (error?: Error | null) => void): boolean;

  /**
   * Another packet over the same bytes, with its own offsets. Costs a reference for each segment, whatever the length.
   */
  clone(): Packet;
  /**
   * A packet of its own with the same bytes, out of the pool of the first segment, with that pool's headroom.
   * @throws what `pool.get()` throws
   */
  copy(): Packet;
  /**
   * A packet over bytes `start` to `end` that keeps their memory, whatever becomes of this one: it is a clone of that range.
   * However short it is, it keeps the whole memory of each segment that it touches; `pool.from(slice.view())` copies out.
   * @throws ERR_SUPERSLAB_SIZE for a range that the packet does not have
   */
  slice(start?: number, end?: number): Packet;
  /**
   * Cuts the packet in two: it keeps the bytes before `at`, and what follows is the packet that is returned.
   * A segment that is cut through is shared by both.
   * @throws ERR_SUPERSLAB_SIZE beyond the length
   */
  split(at: number): Packet;
  /**
   * Adds the segments of `packet` behind its own, without a copy. They are this packet's from now on: `packet` is released
   * with it, and must not be used any more.
   * @throws ERR_SUPERSLAB_ARGUMENT for itself
   * @throws ERR_SUPERSLAB_RELEASED, ERR_SUPERSLAB_FOREIGN for what is no packet that is lent
   */
  append(packet: Packet): this;
  /**
   * Moves the bytes of a chain into one segment: into the tailroom of the first, or into one of its pool.
   * @throws ERR_SUPERSLAB_SIZE when they do not fit into one; what `pool.get()` throws; the packet is as it was then
   */
  linearize(): this;

  /** The text of all its bytes, `encoding` 'utf8' by default. Of a released packet a note that says so. */
  toString(encoding?: BufferEncoding): string;

  /**
   * Gives the packet back with all of its segments. Each goes to its own pool when no other packet has its memory.
   * @throws ERR_SUPERSLAB_RELEASED
   * @throws what the free callback of an attached buffer throws; the packet is released all the same
   */
  release(): void;
  /** For `using packet = pool.get()`: releases it, unless that was done. */
  [Symbol.dispose](): void;
}
