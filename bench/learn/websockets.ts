// A WebSocket server that compresses, and its clients, in one process: records of a feed go to all clients, and each
// sends some of them back. The argument says how many.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { WebSocket, WebSocketServer } from 'ws';
import { generator } from '../programs/program.js';

const CLIENTS = 8;
/** Of so many records one comes back, and of as many one page is packed. */
const PART = 4;

const records = Number(process.argv[2]);
const random = generator(11);
const pack = promisify(gzip);
const unpack = promisify(gunzip);

function record(number: number): string {
  const fields = Array.from({ length: 1 + random(60) }, (_, i) => ({ field: `f${i}`, value: random(1e6) }));
  return JSON.stringify({ number, fields });
}

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: { threshold: 0 } });
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
let returned = 0;
server.on('connection', (socket) => socket.on('message', () => returned++));

let received = 0;
const clients = Array.from({ length: CLIENTS }, () => new WebSocket(`ws://127.0.0.1:${port}`));
for (const client of clients) {
  client.on('message', (data) => {
    if (received++ % PART === 0) client.send(data);
  });
}
await Promise.all(clients.map((client) => once(client, 'open')));

for (let number = 0; number < records; number++) {
  const text = record(number);
  for (const socket of server.clients) socket.send(text);
  if (number % PART === 0) await unpack(await pack(text.repeat(1 + random(20))));
  while (received < (number + 1) * CLIENTS) await new Promise(setImmediate);
}
while (returned < (records * CLIENTS) / PART) await new Promise(setImmediate);
for (const client of clients) client.close();
server.close();
