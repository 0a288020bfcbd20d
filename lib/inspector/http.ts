// What the inspector's port and its socket have in common: a server that never keeps the process alive, and
// never ends it either.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { ListenOptions, Socket } from 'node:net';
import { refuse } from './responses.js';

/** Of each kind: those that were let in, and those that have yet to show that they may. */
const MAX_CONNECTIONS = 64;

/** Responds to a request, and says whether it was one that may be made. */
export type Listener = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Keeps room for who may look: whoever can connect can also connect often, and then say nothing. */
class Connections {
  /** From oldest to youngest. */
  readonly #strangers = new Set<Socket>();
  readonly #guests = new Set<Socket>();

  add(socket: Socket): void {
    socket.on('close', () => {
      this.#strangers.delete(socket);
      this.#guests.delete(socket);
    });
    this.#strangers.add(socket);
    if (this.#strangers.size <= MAX_CONNECTIONS) return;
    const [oldest] = this.#strangers;
    oldest!.destroy();
    this.#strangers.delete(oldest!);
  }

  /** There are enough of those who were let in, and this is none of them. */
  isFullFor(socket: Socket): boolean {
    return this.#guests.size >= MAX_CONNECTIONS && !this.#guests.has(socket);
  }

  letIn(socket: Socket): void {
    if (this.#strangers.delete(socket)) this.#guests.add(socket);
  }
}

export function makeServer(listener: Listener): Server {
  const connections = new Connections();
  const server = createServer(
    {
      // Requests are a line and a few headers; nobody who knows the way needs longer.
      maxHeaderSize: 8 << 10,
      headersTimeout: 3_000,
      requestTimeout: 10_000,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: 5_000,
    },
    (request, response) => {
      if (connections.isFullFor(request.socket)) {
        refuse(response, 503);
        return;
      }
      try {
        if (listener(request, response)) connections.letIn(request.socket);
      } catch {
        // Whoever asked may be anybody: no word of what went wrong.
        if (response.headersSent) response.destroy();
        else refuse(response, 500);
      }
    },
  );
  server.on('connection', (socket: Socket) => {
    socket.unref();
    connections.add(socket);
  });
  server.unref();
  return server;
}

/** Rejects with the system's error. */
export function listen(server: Server, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      // A connection that could not be accepted (EMFILE) is not worth the process.
      server.on('error', () => {});
      resolve();
    });
    server.unref();
  });
}

/** Ends what is going on, too: an event stream would otherwise last as long as its reader likes. */
export function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
