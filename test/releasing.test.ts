// When a buffer may be released that was handed to Node.js or to a library: the rules of docs/RELEASING.md, each under
// clients that reset their connections at any moment.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { type EventEmitter, once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import http2 from 'node:http2';
import net, { type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { BufferPool, type PooledBuffer } from 'superslab';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';

const CLIENTS = 40;
/** More than sockets buffer: what is written still waits in Node.js when a client goes away. */
const REPLY_BYTES = 6 << 20;

let pool: BufferPool;
/** How many buffers were acquired: a test that served nobody would prove nothing. */
let served: number;
beforeEach(() => {
  pool = new BufferPool({ name: 'replies' });
  served = 0;
});
afterEach(() => pool.close());

function reply(bytes = REPLY_BYTES): PooledBuffer {
  served++;
  return pool.acquire(bytes).fill('x') as PooledBuffer;
}

/** What was released too early would reach a client as other bytes. */
function release(buf: PooledBuffer): void {
  buf.fill(0);
  buf.release();
}

/** Not once(): that rejects when there is an error first. */
const closed = (emitter: EventEmitter, event = 'close') =>
  new Promise<void>((resolve) => emitter.once(event, () => resolve()));

async function expectAllHome(min = 1): Promise<void> {
  await vi.waitFor(() => expect(pool.stats().inUseBytes).toBe(0), 10_000);
  expect(served).toBeGreaterThanOrEqual(min);
}

async function listening<Any extends Server>(server: Any): Promise<Any> {
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

async function ended(server: Server): Promise<void> {
  server.close();
  await closed(server);
}

/**
 * Clients that send `request` and go away: at once, when the first bytes come, or in the midst of the reply; some of
 * them in order, most by a reset. Every fifth reads everything.
 */
async function rudeClients(port: number, request: string): Promise<void> {
  let wrong = false;
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, client) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(request);
      let seen = 0;
      const leave = () => (client % 2 === 0 ? socket.resetAndDestroy() : socket.destroy());
      if (client % 5 === 1) leave();
      socket.on('data', (chunk) => {
        seen += chunk.length;
        wrong ||= chunk.includes('\0');
        if (client % 5 === 2 || (client % 5 === 3 && seen > REPLY_BYTES / 2)) leave();
        if (seen >= REPLY_BYTES) socket.end();
      });
      // Of the rest every second never reads.
      if (client % 10 === 4) {
        socket.pause();
        setTimeout(leave, 50);
      }
      await closed(socket);
    }),
  );
  expect(wrong).toBe(false);
}

describe('sockets', () => {
  test('net: the callback of write() comes, whatever happens to the connection', async () => {
    const server = await listening(
      net.createServer((socket) => {
        socket.on('error', () => {});
        socket.on('data', () => {
          const buf = reply();
          socket.write(buf, () => release(buf));
        });
      }),
    );
    await rudeClients(portOf(server), 'x');
    await ended(server);
    await expectAllHome(CLIENTS / 2);
  });

  test('net: the callback of write() comes when the socket was destroyed before', async () => {
    const server = await listening(net.createServer((socket) => socket.on('error', () => {})));
    const socket = net.connect(portOf(server), '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.destroy();
    const buf = reply();
    socket.write(buf, () => release(buf));
    await expectAllHome();
    await ended(server);
  });

  test('dgram: the callback of send() comes, also when nobody listens', async () => {
    const socket = createSocket('udp4');
    socket.on('error', () => {});
    for (let i = 0; i < 20; i++) {
      const buf = reply(1200);
      socket.send(buf, 9, '127.0.0.1', () => release(buf));
    }
    await expectAllHome(20);
    socket.close();
  });

  test('a child process that ends without reading: the callback of stdin.write() comes', async () => {
    const child = spawn(process.execPath, ['-e', ''], { stdio: ['pipe', 'ignore', 'ignore'] });
    child.stdin.on('error', () => {});
    const buf = reply();
    child.stdin.write(buf, () => release(buf));
    await once(child, 'exit');
    await expectAllHome();
  });
});

describe('http', () => {
  const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

  /** When the reply is ready, some clients are gone: its events have come and will not come again. */
  const LATER_MS = 10;

  test.each([0, LATER_MS])(
    'a response, %i ms after the request: finished() always calls back',
    async (ms) => {
      const server = await listening(
        http.createServer(async (_, response) => {
          response.on('error', () => {});
          if (ms > 0) await sleep(ms);
          const buf = reply();
          finished(response, () => release(buf));
          response.end(buf);
        }),
      );
      await rudeClients(portOf(server), REQUEST);
      await ended(server);
      await expectAllHome(CLIENTS / 2);
    },
  );

  test('a response in pieces: finished() releases all of them', async () => {
    const server = await listening(
      http.createServer(async (_, response) => {
        response.on('error', () => {});
        const bufs: PooledBuffer[] = [];
        finished(response, () => bufs.forEach(release));
        for (let i = 0; i < 8 && !response.destroyed; i++) {
          const buf = reply(REPLY_BYTES / 8);
          bufs.push(buf);
          response.write(buf);
        }
        response.end();
      }),
    );
    await rudeClients(portOf(server), REQUEST);
    await ended(server);
    await expectAllHome(CLIENTS * 4);
  });

  test("a request's body: finished() of the request, also when the server goes away", async () => {
    const server = await listening(
      net.createServer((socket) => socket.once('data', () => socket.resetAndDestroy())),
    );
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const request = http.request({
          port: portOf(server),
          host: '127.0.0.1',
          method: 'POST',
          agent: false,
        });
        request.on('error', () => {});
        const buf = reply();
        finished(request, () => release(buf));
        request.end(buf);
        await closed(request);
      }),
    );
    await ended(server);
    await expectAllHome(20);
  });

  test.each([0, LATER_MS])(
    'http2, %i ms after the request: finished() of the stream always calls back',
    async (ms) => {
      const server = http2.createServer();
      server.on('sessionError', () => {});
      server.on('stream', async (stream) => {
        stream.on('error', () => {});
        if (ms > 0) await sleep(ms);
        const buf = reply();
        finished(stream, () => release(buf));
        if (stream.destroyed) return;
        stream.respond();
        stream.end(buf);
      });
      await listening(server);
      await Promise.all(
        Array.from({ length: 20 }, async (_, client) => {
          const session = http2.connect(`http://127.0.0.1:${portOf(server)}`);
          session.on('error', () => {});
          const stream = session.request({ ':path': '/' });
          stream.on('error', () => {});
          if (client % 4 === 3) setTimeout(() => stream.close(http2.constants.NGHTTP2_CANCEL), LATER_MS / 5);
          stream.once('data', () => {
            if (client % 3 === 0) session.destroy();
            if (client % 3 === 1) stream.close(http2.constants.NGHTTP2_CANCEL);
          });
          await closed(stream);
          session.destroy();
        }),
      );
      await ended(server);
      await expectAllHome(20);
    },
  );

  test('ws: the callback of send() comes', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
    await once(server, 'listening');
    server.on('connection', (socket) => {
      socket.on('error', () => {});
      for (let i = 0; i < 4; i++) {
        const buf = reply(REPLY_BYTES / 4);
        socket.send(buf, () => release(buf));
      }
    });
    await Promise.all(
      Array.from({ length: 20 }, async (_, client) => {
        const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
        socket.on('error', () => {});
        if (client % 2 === 0) socket.once('open', () => socket.terminate());
        else socket.once('message', () => (client % 3 === 0 ? socket.close() : socket.terminate()));
        await closed(socket);
      }),
    );
    server.close();
    await expectAllHome(40);
  });
});

describe('files and threads', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'superslab-releasing-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('fs: when the promise settles, whichever way', async () => {
    const path = join(folder, 'file');
    const buf = reply(1000);
    buf.fill('x');
    await writeFile(path, buf).finally(() => release(buf));
    expect((await readFile(path)).length).toBe(1000);
    const other = reply(1000);
    await expect(writeFile(join(folder, 'no', 'file'), other).finally(() => release(other))).rejects.toThrow(
      'ENOENT',
    );
    const file = await open(path, 'r');
    const third = reply(1000);
    await file.read(third).finally(() => release(third));
    await file.close();
    await expectAllHome(3);
  });

  test('fs.createWriteStream: the callback of write(), also of a stream that failed or was destroyed', async () => {
    for (const [path, destroy] of [
      [join(folder, 'good'), false],
      [join(folder, 'no', 'file'), false],
      [join(folder, 'destroyed'), true],
    ] as const) {
      const stream = createWriteStream(path);
      stream.on('error', () => {});
      for (let i = 0; i < 5; i++) {
        const buf = reply(100_000);
        stream.write(buf, () => release(buf));
      }
      if (destroy) stream.destroy();
      else stream.end();
      await closed(stream);
    }
    await expectAllHome(15);
  });

  test('zlib: in the callback of the one-shot functions', async () => {
    const buf = reply(300_000);
    await promisify(deflate)(buf).finally(() => release(buf));
    await expectAllHome();
  });
});
