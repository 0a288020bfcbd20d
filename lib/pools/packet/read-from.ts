import type { Socket as DatagramSocket, RemoteInfo } from 'node:dgram';
import type { Readable } from 'node:stream';
import { builtins, copyBytes, lengthOf, memoryOf, offsetOf } from '../../base/builtins.js';
import { isSuperslabError, show } from '../../base/errors.js';
import { areLost } from '../../base/lost-bytes.js';
import { HeldBuffers, type Lent, within } from '../../pool/unfinished.js';
import type { Held } from '../../pool/waiters.js';
import { argumentError } from './errors.js';
import type { Packet } from './packet.js';
import { END, listen, type PacketReader, Reader } from './packet-reader.js';

/** What packets can be read from. */
export type PacketSource = Readable | DatagramSocket;

/** What is asked of the pool. */
interface ReadingPool {
  readonly size: number;
  readonly headroom: number;
  readonly tailroom: number;
  from(data: Uint8Array): Packet;
}

/**
 * Calls `ready` with a packet of the pool as soon as one is free, in turn. What is stored in `held` gives it back from then on; if it
 * throws, the packet goes back.
 */
export type PacketInTurn = (
  ready: (packet: Packet, held: Held) => void,
  failed: (reason: unknown) => void,
  signal: AbortSignal | undefined,
) => void;

class StreamReader extends Reader {
  readonly #pool: ReadingPool;
  readonly #packetInTurn: PacketInTurn;
  readonly #stream: Readable;
  /** What was read last, and where in it the next packet begins. */
  #bytes: Buffer = builtins.allocUnsafeSlow(0);
  #at = 0;
  /** The next packet, with nothing in it. */
  #empty: Packet | undefined = undefined;
  #isAsking = false;
  #failure: { readonly error: unknown } | undefined = undefined;

  constructor(
    pool: ReadingPool,
    packetInTurn: PacketInTurn,
    stream: Readable,
    signal: AbortSignal | undefined,
  ) {
    super(signal);
    this.#pool = pool;
    this.#packetInTurn = packetInTurn;
    this.#stream = stream;
  }

  protected override begin(): () => void {
    const { wake } = this;
    return listen(this.#stream, { readable: wake, end: wake, close: wake, error: wake });
  }

  protected override take(): Lent | undefined {
    while (this.#at === this.#bytes.length) {
      const chunk: unknown = this.#stream.read();
      if (chunk === null) return this.#atRest();
      if (!builtins.isUint8Array(chunk) || areLost(chunk)) {
        throw argumentError(`readFrom() reads bytes, and the stream gave ${show(chunk)}`);
      }
      this.#bytes = builtins.bufferOf(memoryOf(chunk), offsetOf(chunk), lengthOf(chunk));
      this.#at = 0;
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#empty === undefined) this.#ask();
    if (this.#empty === undefined) return undefined;
    const room = this.#pool.size - this.#pool.headroom - this.#pool.tailroom;
    const end = Math.min(this.#at + room, this.#bytes.length);
    const packet = within(new HeldBuffers<Packet>(), (held) => {
      held.buf = this.#empty!;
      this.#empty = undefined;
      return this.#filled(held.buf, end);
    });
    this.#at = end;
    return packet;
  }

  /** There is nothing to read now. */
  #atRest(): Lent | undefined {
    const stream = this.#stream;
    if (stream.errored) throw stream.errored;
    return stream.readableEnded || stream.destroyed ? END : undefined;
  }

  /** Has #empty set, at once or later. */
  #ask(): void {
    if (this.#isAsking) return;
    const ready = (packet: Packet, held: Held) => {
      if (this.isEnded) throw argumentError('the reader of this packet has ended');
      this.#empty = packet;
      held.buf = END;
      this.#isAsking = false;
      this.wake();
    };
    const failed = (error: unknown) => {
      this.#failure = { error };
      this.wake();
    };
    this.#packetInTurn(ready, failed, this.signal);
    this.#isAsking = this.#empty === undefined;
  }

  /** The packet with bytes of the chunk up to `end`, which fit into it. */
  #filled(packet: Packet, end: number): Packet {
    packet.put(end - this.#at);
    copyBytes(this.#bytes, packet.base, packet.offset, this.#at, end);
    return packet;
  }

  protected override drop(): void {
    const stream = this.#stream;
    const rest = this.#bytes.subarray(this.#at);
    // The rest is the next reader's.
    if (rest.length > 0 && !stream.destroyed && !stream.readableEnded) stream.unshift(rest);
    this.#at = this.#bytes.length;
    const empty = this.#empty;
    if (empty !== undefined && !empty.released) empty.release();
    this.#empty = undefined;
  }
}

class DatagramReader extends Reader {
  readonly #pool: ReadingPool;
  readonly #socket: DatagramSocket;
  /** Received and not read yet. */
  readonly #packets: Packet[] = [];
  #isClosed = false;
  #failure: { readonly error: unknown } | undefined = undefined;

  constructor(pool: ReadingPool, socket: DatagramSocket, signal: AbortSignal | undefined) {
    super(signal);
    this.#pool = pool;
    this.#socket = socket;
  }

  protected override begin(): () => void {
    const fail = (error: unknown) => {
      this.#failure ??= { error };
      this.wake();
    };
    return listen(this.#socket, {
      message: (data: Uint8Array, sender: RemoteInfo) => {
        try {
          this.#receive(data, sender);
        } catch (error) {
          fail(error);
        }
        this.wake();
      },
      error: fail,
      close: () => {
        this.#isClosed = true;
        this.wake();
      },
    });
  }

  #receive(data: Uint8Array, sender: RemoteInfo): void {
    const packet = within(new HeldBuffers<Packet>(), (held) => {
      try {
        held.buf = this.#pool.from(data);
      } catch (error) {
        if (isSuperslabError(error) && error.code === 'ERR_SUPERSLAB_EXHAUSTED') return undefined;
        throw error;
      }
      held.buf.context = sender;
      return held.buf;
    });
    if (packet === undefined) this.dropped++;
    else this.#packets[this.#packets.length] = packet;
  }

  protected override take(): Lent | undefined {
    if (this.#packets.length > 0) return this.#packets.shift();
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#isClosed ? END : undefined;
  }

  protected override drop(): void {
    const packets = this.#packets;
    while (packets.length > 0) {
      const last = packets[packets.length - 1]!;
      if (!last.released) last.release();
      packets.length--;
    }
  }
}

const isDatagramSocket = (socket: Partial<DatagramSocket>): boolean =>
  typeof socket.bind === 'function' && typeof socket.send === 'function' && typeof socket.on === 'function';

const isStream = (stream: Partial<Readable>): boolean =>
  typeof stream.read === 'function' && typeof stream.on === 'function';

/** See PacketPool.readFrom. */
export function readFrom(
  pool: ReadingPool,
  packetInTurn: PacketInTurn,
  source: PacketSource,
  signal: AbortSignal | undefined,
): PacketReader {
  if (typeof source === 'object' && source !== null) {
    if (isDatagramSocket(source as Partial<DatagramSocket>))
      return new DatagramReader(pool, source as DatagramSocket, signal);
    if (isStream(source as Partial<Readable>))
      return new StreamReader(pool, packetInTurn, source as Readable, signal);
  }
  throw argumentError(`readFrom() takes a socket or a readable stream, got ${show(source)}`);
}
