import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Memory } from '../memory/memory.js';
import { MAX_FRAME_HEADER, writeFrameHeader } from '../syslog/frame.js';
import type { MessageSink, Source } from './message-sink.js';
import { ReceiveBuffer } from './receive-buffer.js';

/** Asked of the kernel, which grants what net.core.rmem_max allows. */
const SOCKET_BUFFER = 4 * 1024 * 1024;
const RECEIVE_BUFFER = 64 * 1024;

/**
 * Listens for syslog over UDP (RFC 5426): a datagram is a message.
 *
 * Node's dgram allocates a buffer of its own for each datagram and has no way to give it one, so here the bytes are
 * copied, once, into a receive buffer where datagrams lie side by side. That also makes one write of many of them,
 * and keeps a small datagram from holding a buffer of its own while it is among the recent entries.
 */
export class UdpReceiver implements Source {
  readonly name = 'udp';
  archivedBytes = 0;
  archivedMessages = 0;
  received = 0;
  /** Datagrams thrown away because too much was waiting to be written: UDP cannot be told to wait. */
  dropped = 0;

  readonly #socket: Socket;
  readonly #memory: Memory;
  readonly #sink: MessageSink;
  #buffer: ReceiveBuffer | undefined;

  constructor(memory: Memory, sink: MessageSink) {
    this.#memory = memory;
    this.#sink = sink;
    this.#socket = createSocket('udp4', (datagram) => this.#receive(datagram));
  }

  async listen(host: string, port: number): Promise<number> {
    this.#socket.bind(port, host);
    await once(this.#socket, 'listening');
    this.#socket.setRecvBufferSize(SOCKET_BUFFER);
    return this.#socket.address().port;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(resolve));
    this.#buffer?.release();
    this.#buffer = undefined;
  }

  #receive(datagram: Buffer): void {
    this.received++;
    if (this.#sink.overloaded) {
      this.dropped++;
      return;
    }
    const buffer = this.#roomFor(datagram.length + MAX_FRAME_HEADER);
    // A datagram has no framing. It gets its frame here, so that many of them are one piece of the archive.
    const frame = buffer.filled;
    const start = writeFrameHeader(buffer.bytes, frame, datagram.length);
    const end = start + datagram.copy(buffer.bytes, start);
    buffer.filled = end;
    this.#sink.received();
    this.#sink.message(buffer, start, end);
    this.#sink.frames(buffer, frame, end, 1, this);
  }

  #roomFor(length: number): ReceiveBuffer {
    if (this.#buffer !== undefined && this.#buffer.room >= length) return this.#buffer;
    this.#buffer?.release();
    this.#buffer = new ReceiveBuffer(this.#memory, Math.max(RECEIVE_BUFFER, length));
    return this.#buffer;
  }
}
