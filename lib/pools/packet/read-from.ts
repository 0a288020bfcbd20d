import type { Socket as DatagramSocket, RemoteInfo } from 'node:dgram';
import type { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';
import { abortReason } from '../../addon/option-checks.js';
import { builtins, copyBytes, lengthOf, memoryOf, offsetOf } from '../../base/builtins.js';
import { isSuperslabError, show } from '../../base/errors.js';
import { argumentError } from './errors.js';
import type { Packet } from './packet.js';

/** What packets can be read from. */
export type PacketSource = Readable | DatagramSocket;

/** Packets as they come. Who reads them releases them. */
export interface PacketReader extends AsyncIterableIterator<Packet> {
  /** Datagrams for which there was no packet. */
  readonly dropped: number;
}

/** What is asked of the pool. */
interface ReadingPool {
  readonly size: number;
  readonly headroom: number;
  readonly tailroom: number;
  getAsync(options: { signal?: AbortSignal }): Promise<Packet>;
  from(data: Uint8Array): Packet;
}

/** Where listeners tell a reader that there may be something to do. */
class Bell {
  #isRung = false;
  #wake: (() => void) | undefined = undefined;

  readonly ring = (): void => {
    this.#isRung = true;
    this.#wake?.();
    this.#wake = undefined;
  };

  /** Until it is rung, or at once if it was since the last time. */
  async heard(): Promise<void> {
    if (!this.#isRung) {
      await new builtins.Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#isRung = false;
  }
}

type Listener = (() => void) | ((error: unknown) => void) | ((data: Uint8Array, sender: RemoteInfo) => void);

/** Listens until the function that is returned is called. */
function listen(emitter: EventEmitter, listeners: Readonly<Record<string, Listener>>): () => void {
  for (const [name, listener] of Object.entries(listeners)) emitter.on(name, listener);
  return () => {
    for (const [name, listener] of Object.entries(listeners)) emitter.off(name, listener);
  };
}

function ringAtAbort(signal: AbortSignal | undefined, { ring }: Bell): () => void {
  signal?.addEventListener('abort', ring);
  return () => signal?.removeEventListener('abort', ring);
}

/** A packet with bytes `from` to `to` of a chunk, which fit into one. */
async function filledPacket(
  pool: ReadingPool,
  chunk: Buffer,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
): Promise<Packet> {
  const packet = await pool.getAsync(signal === undefined ? {} : { signal });
  packet.put(to - from);
  copyBytes(chunk, packet.base, packet.offset, from, to);
  return packet;
}

async function* readStream(
  pool: ReadingPool,
  stream: Readable,
  signal: AbortSignal | undefined,
): AsyncGenerator<Packet, undefined> {
  const bell = new Bell();
  const { ring } = bell;
  const leaveStream = listen(stream, { readable: ring, end: ring, close: ring, error: ring });
  const leaveSignal = ringAtAbort(signal, bell);
  const room = pool.size - pool.headroom - pool.tailroom;
  // What was read last, and where in it the next packet begins.
  let bytes: Buffer = builtins.allocUnsafeSlow(0);
  let at = 0;
  try {
    for (;;) {
      if (signal?.aborted) throw abortReason(signal);
      if (at < bytes.length) {
        const end = Math.min(at + room, bytes.length);
        const packet = await filledPacket(pool, bytes, at, end, signal);
        at = end;
        yield packet;
        continue;
      }
      const chunk: unknown = stream.read();
      if (chunk === null) {
        if (stream.errored) throw stream.errored;
        if (stream.readableEnded || stream.destroyed) return;
        await bell.heard();
        continue;
      }
      if (!builtins.isUint8Array(chunk)) {
        throw argumentError(`readFrom() reads bytes, and the stream gave ${show(chunk)}`);
      }
      bytes = builtins.bufferOf(memoryOf(chunk), offsetOf(chunk), lengthOf(chunk));
      at = 0;
    }
  } finally {
    // The rest is the next reader's.
    if (at < bytes.length && !stream.destroyed && !stream.readableEnded) stream.unshift(bytes.subarray(at));
    leaveSignal();
    leaveStream();
  }
}

/** Of a datagram; undefined when there was none for it. */
function packetOf(pool: ReadingPool, data: Uint8Array, sender: RemoteInfo): Packet | undefined {
  try {
    const packet = pool.from(data);
    packet.context = sender;
    return packet;
  } catch (error) {
    if (isSuperslabError(error) && error.code === 'ERR_SUPERSLAB_EXHAUSTED') return undefined;
    throw error;
  }
}

/** Datagrams that were received and not read yet. */
class Inbox {
  readonly packets: Packet[] = [];
  dropped = 0;
  isClosed = false;
  failure: unknown = undefined;

  /** What the socket is listened to by. */
  listeners(pool: ReadingPool, { ring }: Bell): Record<string, Listener> {
    const fail = (error: unknown) => {
      this.failure ??= error;
      ring();
    };
    return {
      message: (data: Uint8Array, sender: RemoteInfo) => {
        try {
          const packet = packetOf(pool, data, sender);
          if (packet === undefined) this.dropped++;
          else this.packets.push(packet);
          ring();
        } catch (error) {
          fail(error);
        }
      },
      error: fail,
      close: () => {
        this.isClosed = true;
        ring();
      },
    };
  }
}

async function* readDatagrams(
  pool: ReadingPool,
  socket: DatagramSocket,
  signal: AbortSignal | undefined,
  inbox: Inbox,
): AsyncGenerator<Packet, undefined> {
  const bell = new Bell();
  const leaveSocket = listen(socket, inbox.listeners(pool, bell));
  const leaveSignal = ringAtAbort(signal, bell);
  try {
    for (;;) {
      if (signal?.aborted) throw abortReason(signal);
      const packet = inbox.packets.shift();
      if (packet !== undefined) {
        yield packet;
        continue;
      }
      if (inbox.failure !== undefined) throw inbox.failure;
      if (inbox.isClosed) return;
      await bell.heard();
    }
  } finally {
    leaveSignal();
    leaveSocket();
    for (const packet of inbox.packets.splice(0)) packet.release();
  }
}

const isDatagramSocket = (socket: Partial<DatagramSocket>): boolean =>
  typeof socket.bind === 'function' && typeof socket.send === 'function' && typeof socket.on === 'function';

const isStream = (stream: Partial<Readable>): boolean =>
  typeof stream.read === 'function' && typeof stream.on === 'function';

/** See PacketPool.readFrom. */
export function readFrom(
  pool: ReadingPool,
  source: PacketSource,
  signal: AbortSignal | undefined,
): PacketReader {
  const inbox = new Inbox();
  let packets: AsyncGenerator<Packet, undefined>;
  if (typeof source !== 'object' || source === null) packets = refuse(source);
  else if (isDatagramSocket(source as Partial<DatagramSocket>)) {
    packets = readDatagrams(pool, source as DatagramSocket, signal, inbox);
  } else if (isStream(source as Partial<Readable>)) packets = readStream(pool, source as Readable, signal);
  else packets = refuse(source);
  return Object.defineProperty(packets, 'dropped', { get: () => inbox.dropped }) as PacketReader &
    typeof packets;
}

function refuse(source: unknown): never {
  throw argumentError(`readFrom() takes a socket or a readable stream, got ${show(source)}`);
}
