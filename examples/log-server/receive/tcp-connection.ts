import type { Socket } from 'node:net';
import type { Memory } from '../memory/memory.js';
import { Framer } from '../syslog/framing.js';
import { readInto } from './accepted-socket.js';
import type { MessageSink, Source } from './message-sink.js';
import { ReceiveBuffer } from './receive-buffer.js';
import { ReceiveSize } from './receive-size.js';

/** Less room than this part of a buffer is not worth a system call: take the next one. */
const MIN_ROOM = 1 / 8;

export interface TcpLimits {
  /** The largest receive buffer in bytes. */
  receiveBuffer: number;
  /** Longest message in bytes; longer ones are taken in pieces. */
  maxMessage: number;
}

/**
 * One syslog sender on TCP. Reads follow each other in a receive buffer; messages are found where they lie. When the
 * buffer is full, the unfinished message at its end (half a line, mostly) is copied to the start of the next one,
 * so that every message is in one piece: the only bytes that are copied on their way from the socket to the archive.
 */
export class TcpConnection implements Source {
  readonly name: string;
  readonly socket: Socket;
  archivedBytes = 0;
  archivedMessages = 0;

  readonly #memory: Memory;
  readonly #sink: MessageSink;
  readonly #framer: Framer;
  readonly #size: ReceiveSize;
  #buffer: ReceiveBuffer;
  /** Bytes of the buffer before this one belong to messages that were handed on. */
  #parsed = 0;
  #closed = false;

  constructor(accepted: Socket, memory: Memory, sink: MessageSink, limits: TcpLimits) {
    this.#memory = memory;
    this.#sink = sink;
    this.#framer = new Framer(limits.maxMessage);
    this.#size = new ReceiveSize(limits.receiveBuffer);
    this.#buffer = new ReceiveBuffer(memory, this.#size.next(0));
    this.socket = readInto(accepted, {
      buffer: () => this.#nextRoom(),
      read: (length) => this.#received(length),
    });
    this.name = `tcp:${this.socket.remotePort}`;
    // A sender that is done has nothing to wait for: answer its end with ours.
    this.socket.on('end', () => this.socket.end());
    this.socket.on('close', () => this.#finish());
  }

  #nextRoom(): Uint8Array {
    const { room, bytes } = this.#buffer;
    if (room < bytes.length * MIN_ROOM && !this.#closed) this.#turnOver();
    return this.#buffer.bytes.subarray(this.#buffer.filled);
  }

  /** Takes a fresh buffer and carries the unfinished message over. */
  #turnOver(): void {
    const old = this.#buffer;
    const next = new ReceiveBuffer(this.#memory, this.#size.next(old.filled - this.#parsed));
    next.filled = old.bytes.copy(next.bytes, 0, this.#parsed, old.filled);
    this.#buffer = next;
    this.#parsed = 0;
    old.release();
  }

  #received(length: number): boolean {
    this.#buffer.filled += length;
    this.#size.read();
    this.#sink.received();
    this.#takeMessages();
    return !this.#sink.congested;
  }

  #takeMessages(): void {
    const buffer = this.#buffer;
    const { bytes, filled } = buffer;
    const framer = this.#framer;
    const sink = this.#sink;
    let at = this.#parsed;
    let runStart = at;
    let runMessages = 0;
    while (at < filled) {
      const next = framer.next(bytes, at, filled);
      if (next < 0) break;
      if (framer.piece) {
        if (runMessages > 0) sink.frames(buffer, runStart, at, runMessages, this);
        sink.piece(buffer, framer.start, framer.end, this);
        runStart = next;
        runMessages = 0;
      } else {
        sink.message(buffer, framer.start, framer.end);
        runMessages++;
      }
      at = next;
    }
    if (runMessages > 0) sink.frames(buffer, runStart, at, runMessages, this);
    this.#parsed = at;
  }

  /** The sender is gone: what it did not finish is a message all the same. */
  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    const buffer = this.#buffer;
    if (this.#framer.finish(buffer.bytes, this.#parsed, buffer.filled)) {
      this.#sink.received();
      this.#sink.piece(buffer, this.#framer.start, this.#framer.end, this);
    }
    buffer.release();
  }
}
