import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { Memory } from '../memory/memory.js';
import type { MessageSink } from './message-sink.js';
import { TcpConnection, type TcpLimits } from './tcp-connection.js';

/** How long a closing server waits for senders to hang up before it hangs up itself. */
const CLOSE_GRACE_MS = 1000;

/** Listens for syslog over TCP (RFC 6587). */
export class TcpReceiver {
  readonly #server: Server;
  readonly #connections = new Set<TcpConnection>();
  accepted = 0;

  constructor(memory: Memory, sink: MessageSink, limits: TcpLimits) {
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
      const connection = new TcpConnection(socket, memory, sink, limits);
      this.accepted++;
      this.#connections.add(connection);
      connection.socket.on('close', () => this.#connections.delete(connection));
      // A reset is no more than an unfinished end; 'close' follows.
      connection.socket.on('error', () => {});
      if (sink.congested) connection.socket.pause();
    });
  }

  async listen(host: string, port: number): Promise<number> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  get open(): number {
    return this.#connections.size;
  }

  /** Goes on reading after congestion. */
  resume(): void {
    for (const { socket } of this.#connections) socket.resume();
  }

  /** Stops listening, tells the senders, and resolves when every connection is gone. */
  async close(): Promise<void> {
    const closed = [...this.#connections].map(({ socket }) => once(socket, 'close'));
    this.#server.close();
    for (const { socket } of this.#connections) socket.resume().end();
    const timer = setTimeout(() => {
      for (const { socket } of this.#connections) socket.destroy();
    }, CLOSE_GRACE_MS);
    await Promise.all(closed);
    clearTimeout(timer);
  }
}
