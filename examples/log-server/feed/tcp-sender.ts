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
  }

  get passLength(): number {
    return this.#stream.lines.length;
  }

  flood(lines: number): Promise<void> {
    const target = this.sent + lines;
    return new Promise((resolve, reject) => {
      let inFlight = 0;
      const more = () => {
        while (inFlight < WRITES_IN_FLIGHT && this.sent < target) {
          inFlight++;
          this.#socket.write(this.#next(target - this.sent, WRITE_BYTES), (error) => {
            inFlight--;
            if (error) reject(error);
            else more();
          });
        }
        if (inFlight === 0) resolve();
      };
      more();
    });
  }

  send(lines: number): void {
    for (let left = lines; left > 0; ) {
      const before = this.sent;
      this.#socket.write(this.#next(left, Number.POSITIVE_INFINITY));
      left -= this.sent - before;
    }
  }

  async close(): Promise<void> {
    this.#socket.end();
    await once(this.#socket, 'close');
  }

  /** The next frames, up to `lines`, to about `bytes`, and to the end of the pass. */
  #next(lines: number, bytes: number): Buffer {
    const { frameEnds } = this.#stream;
    const first = this.sent % this.passLength;
    const start = first === 0 ? 0 : frameEnds[first - 1]!;
    const last = Math.min(frameEnds.length, first + lines);
    let next = first + 1;
    while (next < last && frameEnds[next - 1]! - start < bytes) next++;
    this.sent += next - first;
    return this.#stream.bytes.subarray(start, frameEnds[next - 1]!);
  }
}
