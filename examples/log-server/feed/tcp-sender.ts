import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Sender } from './sender.js';
import type { TcpStream } from './workload.js';

/** Bytes in one write of a flood. */
const WRITE_BYTES = 256 * 1024;
/** Writes in flight during a flood: the next must be ready when the kernel has taken one. */
const WRITES_IN_FLIGHT = 3;

/** A syslog sender on TCP: sends prepared frames straight from the stream's buffer. */
export class TcpSender implements Sender {
  readonly source: string;
  sent = 0;
  #written = 0;
  readonly #socket: Socket;
  readonly #stream: TcpStream;

  static async connect(port: number, stream: TcpStream): Promise<TcpSender> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new TcpSender(socket, stream);
  }

  private constructor(socket: Socket, stream: TcpStream) {
    this.#socket = socket;
    this.#stream = stream;
    this.source = `tcp:${socket.localPort}`;
    socket.resume();
    // The server's end of it: lines will be missed, and that is told there.
    socket.on('error', () => {});
  }

  get passLength(): number {
    return this.#stream.lines.length;
  }

  flood(lines: number): void {
    this.sent += lines;
    for (let writes = 0; writes < WRITES_IN_FLIGHT; writes++) this.#pump();
  }

  send(lines: number): void {
    this.sent += lines;
    while (this.#written < this.sent) this.#socket.write(this.#next(Number.POSITIVE_INFINITY));
  }

  async close(): Promise<void> {
    this.#socket.end();
    await once(this.#socket, 'close');
  }

  /** Keeps one write in flight until all is written. */
  #pump(): void {
    if (this.#written < this.sent) this.#socket.write(this.#next(WRITE_BYTES), () => this.#pump());
  }

  /** The next frames, to about `bytes` and no further than the end of the pass. */
  #next(bytes: number): Buffer {
    const { frameEnds } = this.#stream;
    const first = this.#written % this.passLength;
    const start = first === 0 ? 0 : frameEnds[first - 1]!;
    const last = Math.min(frameEnds.length, first + this.sent - this.#written);
    let next = first + 1;
    while (next < last && frameEnds[next - 1]! - start < bytes) next++;
    this.#written += next - first;
    return this.#stream.bytes.subarray(start, frameEnds[next - 1]!);
  }
}
