// What the inspector's port and its socket have in common: a server that never keeps the process alive.
import { createServer, type RequestListener, type Server } from 'node:http';
import type { ListenOptions } from 'node:net';

/** A page holds one connection for events and a few for its files. */
const MOST_CONNECTIONS = 64;

export function makeServer(listener: RequestListener): Server {
  const server = createServer(
    {
      // Requests are a line and a few headers; nobody who knows the way needs longer.
      maxHeaderSize: 8 << 10,
      headersTimeout: 10_000,
      requestTimeout: 10_000,
      keepAliveTimeout: 5_000,
    },
    listener,
  );
  server.maxConnections = MOST_CONNECTIONS;
  server.on('connection', (socket) => socket.unref());
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
