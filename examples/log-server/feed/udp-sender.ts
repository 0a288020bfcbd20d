import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { LogLines } from './log-lines.js';
import type { SourceProgress } from './progress-follower.js';
import type { Sender } from './sender.js';

/**
 * Datagrams on their way during a flood. UDP has no back-pressure: what does not fit the server's socket buffer is
 * lost. A datagram of some hundred bytes takes about 800 of the kernel's 208 KiB (net.core.rmem_default).
 */
const WINDOW = 128;
/** When nothing moves for so long, datagrams were lost, and waiting for them is no use. */
const STALL_MS = 2000;

/** A syslog sender on UDP. */
export class UdpSender implements Sender {
  readonly source = 'udp';
  sent = 0;
  readonly #socket: Socket;
  readonly #port: number;
  readonly #log: LogLines;
  readonly #lines: Uint32Array;
  readonly #progress: SourceProgress;

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
    this.#progress = progress;
  }

  get passLength(): number {
    return this.#lines.length;
  }

  flood(lines: number): Promise<void> {
    const target = this.sent + lines;
    return new Promise((resolve, reject) => {
      let stall: NodeJS.Timeout | undefined;
      const settle = (error?: Error) => {
        clearTimeout(stall);
        this.#progress.onUpdate = undefined;
        if (error) reject(error);
        else resolve();
      };
      const more = () => {
        this.send(Math.min(target, this.#progress.messages + WINDOW) - this.sent);
        if (this.sent >= target) return settle();
        clearTimeout(stall);
        stall = setTimeout(() => settle(new Error('datagrams were lost on loopback')), STALL_MS);
      };
      this.#progress.onUpdate = more;
      more();
    });
  }

  send(lines: number): void {
    for (let left = lines; left > 0; left--) {
      this.#socket.send(this.#log.line(this.#lines[this.sent % this.passLength]!), this.#port, '127.0.0.1');
      this.sent++;
    }
  }

  async close(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}
