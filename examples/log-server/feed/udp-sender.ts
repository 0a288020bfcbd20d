import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { LogLines } from './log-lines.js';
import type { SourceProgress } from './progress-follower.js';
import type { Sender } from './sender.js';

/**
 * Kernel memory that datagrams on their way may take. UDP has no back-pressure: what does not fit the server's socket
 * buffer is lost, and that is 208 KiB where nobody raised net.core.rmem_max.
 */
const WINDOW_BYTES = 128 * 1024;

/** About what the kernel books for a datagram (its truesize): a power of two that holds it, and the sk_buff. */
function bookedBytes(length: number): number {
  return 2 * length + 1024;
}

/** A syslog sender on UDP. */
export class UdpSender implements Sender {
  readonly source = 'udp';
  /** Lines that were given to `send`. Those beyond the window are still waiting here. */
  sent = 0;
  readonly #socket: Socket;
  readonly #port: number;
  readonly #log: LogLines;
  readonly #lines: Uint32Array;
  readonly #progress: SourceProgress;
  /** What the lines of a pass book, summed up: entry n for the first n lines. */
  readonly #booked: Float64Array;
  #onTheirWay = 0;

  static async open(
    port: number,
    log: LogLines,
    lines: Uint32Array,
    progress: SourceProgress,
  ): Promise<UdpSender> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new UdpSender(socket, port, log, lines, progress);
  }

  private constructor(
    socket: Socket,
    port: number,
    log: LogLines,
    lines: Uint32Array,
    progress: SourceProgress,
  ) {
    this.#socket = socket;
    this.#port = port;
    this.#log = log;
    this.#lines = lines;
    this.#booked = new Float64Array(lines.length + 1);
    lines.forEach((line, index) => {
      this.#booked[index + 1] = this.#booked[index]! + bookedBytes(log.line(line).length);
    });
    this.#progress = progress;
    progress.onUpdate = () => this.#pump();
  }

  get passLength(): number {
    return this.#lines.length;
  }

  send(lines: number): void {
    this.sent += lines;
    this.#pump();
  }

  flood(lines: number): void {
    this.send(lines);
  }

  async close(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  /** Sends what the window has room for: one datagram at least, or a large one would never be sent. */
  #pump(): void {
    const { messages } = this.#progress;
    const limit = this.#bookedUpTo(messages) + WINDOW_BYTES;
    while (
      this.#onTheirWay < this.sent &&
      (this.#onTheirWay === messages || this.#bookedUpTo(this.#onTheirWay + 1) <= limit)
    ) {
      const line = this.#lines[this.#onTheirWay % this.passLength]!;
      this.#socket.send(this.#log.line(line), this.#port, '127.0.0.1');
      this.#onTheirWay++;
    }
  }

  #bookedUpTo(lines: number): number {
    const passes = Math.floor(lines / this.passLength);
    return passes * this.#booked[this.passLength]! + this.#booked[lines % this.passLength]!;
  }
}
