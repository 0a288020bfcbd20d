// Packets on their way through real sockets and files.
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writev } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { type Packet, PacketPool } from 'superslab/pools';
import { afterEach, describe, expect, test } from 'vitest';
import { rejectedBy, thrownBy } from '../support/expect-error.js';

const open = (options: object = {}) =>
  new PacketPool({ name: 'packets', size: 256, headroom: 32, ...options });

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** Both ends of a TCP connection. */
async function tcpPair(): Promise<[client: Socket, server: Socket]> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  ends.push(() => {
    client.destroy();
    accepted.destroy();
    server.close();
  });
  return [client, accepted];
}

async function udpSocket(): Promise<DatagramSocket> {
  const socket = createSocket('udp4');
  ends.push(() => {
    try {
      socket.close();
    } catch {
      // The test closed it.
    }
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

function expectWhole(pool: PacketPool): void {
  expect(pool.check()).toEqual([]);
  expect(pool.stats().inUseBytes).toBe(0);
}

const text = (length: number) => 'abcdefghijklmnopqrstuvwxyz'.repeat(length / 26 + 1).slice(0, length);

describe('writing', () => {
  test('a chain to a file with one writev', async () => {
    using pool = open();
    const folder = mkdtempSync(path.join(tmpdir(), 'packets-'));
    const fd = openSync(path.join(folder, 'file'), 'w');
    const packet = pool.from(text(1000));
    packet.push(2).base.write('>>', packet.offset);
    const written = await new Promise((resolve, reject) => {
      writev(fd, packet.iovec(), (error, bytes) => {
        packet.release();
        if (error) reject(error);
        else resolve(bytes);
      });
    });
    expect(written).toBe(1002);
    closeSync(fd);
    expect(readFileSync(path.join(folder, 'file'), 'utf8')).toBe(`>>${text(1000)}`);
    rmSync(folder, { recursive: true });
    expectWhole(pool);
  });

  test('a chain to a socket by cork, write and uncork', async () => {
    using pool = open();
    const [client, server] = await tcpPair();
    const received: Buffer[] = [];
    server.on('data', (chunk: Buffer) => received.push(chunk));
    const packet = pool.from(text(2000));
    client.cork();
    const views = packet.iovec();
    views.forEach((view, i) => {
      client.write(view, i === views.length - 1 ? () => packet.release() : undefined);
    });
    client.uncork();
    client.end();
    await once(server, 'end');
    expect(Buffer.concat(received).toString()).toBe(text(2000));
    expect(packet.released).toBe(true);
    expectWhole(pool);
  });

  test('by writeTo(), which releases it', async () => {
    using pool = open();
    const [client, server] = await tcpPair();
    const received: Buffer[] = [];
    server.on('data', (chunk: Buffer) => received.push(chunk));
    const told: unknown[] = [];
    const clone = pool.from('first ');
    clone.clone().writeTo(client);
    clone.append(pool.from(text(1500))).writeTo(client, (error) => told.push(error ?? 'done'));
    pool.get().writeTo(client, () => told.push('empty'));
    client.end();
    await once(server, 'end');
    expect(Buffer.concat(received).toString()).toBe(`first first ${text(1500)}`);
    expect(told).toEqual(['done', 'empty']);
    expectWhole(pool);
  });

  test('to a stream that fails', async () => {
    using pool = open();
    const told: unknown[] = [];
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('full')) });
    stream.on('error', () => {});
    const closed = new Promise((resolve) => stream.on('close', resolve));
    pool.from(text(500)).writeTo(stream, (error) => told.push(error?.message));
    await closed;
    const ended = pool.from('late');
    ended.writeTo(stream, (error) => told.push(error?.message));
    await new Promise(setImmediate);
    expect(told).toHaveLength(2);
    expect(told[0]).toBe('full');
    expectWhole(pool);
    const packet = pool.get();
    for (const wrong of [undefined, null, {}, 'stream'])
      thrownBy(() => packet.writeTo(wrong as never), 'ERR_SUPERSLAB_ARGUMENT');
    thrownBy(() => packet.writeTo(new PassThrough(), 1 as never), 'ERR_SUPERSLAB_ARGUMENT');
    packet.release();
  });
});

describe('reading a stream', () => {
  test('gives its bytes in packets with headroom', async () => {
    using pool = open();
    const [client, server] = await tcpPair();
    client.end(text(5000));
    const packets: Packet[] = [];
    for await (const packet of pool.readFrom(server)) {
      expect(packet).toMatchObject({ headroom: 32, segments: 1 });
      packets.push(packet);
    }
    expect(packets.map(String).join('')).toBe(text(5000));
    pool.freeBulk(packets);
    expectWhole(pool);
  });

  test('waits for packets, and has the sender wait', async () => {
    using pool = open({ max: 2 });
    const [client, server] = await tcpPair();
    client.end(text(3000));
    let received = '';
    for await (const packet of pool.readFrom(server)) {
      received += packet;
      setTimeout(() => packet.release(), 1);
    }
    expect(received).toBe(text(3000));
    await expect.poll(() => pool.stats().inUseBytes).toBe(0);
  });

  test('leaves the socket open when it is left', async () => {
    using pool = open();
    const [client, server] = await tcpPair();
    client.write(text(500));
    for await (const packet of pool.readFrom(server)) {
      expect(String(packet)).toBe(text(224));
      packet.release();
      break;
    }
    expect(server.listenerCount('readable')).toBe(0);
    client.end('the end');
    let rest = '';
    for await (const packet of pool.readFrom(server)) {
      rest += packet;
      packet.release();
    }
    expect(rest).toBe(`${text(500).slice(224)}the end`);
    expectWhole(pool);
  });

  test('leaves it open, and its rest to others, when the reader is aborted while it waits', async () => {
    using pool = open({ max: 1 });
    const [client, server] = await tcpPair();
    client.write(text(500));
    const abort = new AbortController();
    const reader = pool.readFrom(server, { signal: abort.signal });
    const first = (await reader.next()).value as Packet;
    const second = reader.next();
    abort.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    first.release();
    const again = (await pool.readFrom(server).next()).value as Packet;
    expect(String(again)).toBe(text(500).slice(224, 448));
    again.release();
    expect(server.destroyed).toBe(false);
    expectWhole(pool);
  });

  test('ends with the signal, and with the error of the stream', async () => {
    using pool = open();
    const [, server] = await tcpPair();
    const abort = new AbortController();
    const reader = pool.readFrom(server, { signal: abort.signal });
    const next = reader.next();
    abort.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
    const other = pool.readFrom(server).next();
    server.destroy(new Error('broken'));
    await expect(other).rejects.toThrow('broken');
    expect(await pool.readFrom(Readable.from([])).next()).toMatchObject({ done: true });
    await rejectedBy(pool.readFrom(Readable.from(['text'])).next(), 'ERR_SUPERSLAB_ARGUMENT');
    for (const wrong of [undefined, null, 1, {}])
      thrownBy(() => pool.readFrom(wrong as never), 'ERR_SUPERSLAB_ARGUMENT');
    thrownBy(() => pool.readFrom(server, { signall: 1 } as never), 'ERR_SUPERSLAB_OPTION');
  });
});

describe('reading datagrams', () => {
  test('gives each with its sender', async () => {
    using pool = open();
    const [receiver, sender] = [await udpSocket(), await udpSocket()];
    const reader = pool.readFrom(receiver);
    const first = reader.next();
    for (const message of ['one', text(600), '']) sender.send(message, receiver.address().port, '127.0.0.1');
    const packets = [
      (await first).value as Packet,
      (await reader.next()).value as Packet,
      (await reader.next()).value as Packet,
    ];
    expect(packets.map(String)).toEqual(['one', text(600), '']);
    for (const packet of packets) {
      expect(packet.headroom).toBe(32);
      expect(packet.context).toMatchObject({ port: sender.address().port, address: '127.0.0.1' });
    }
    pool.freeBulk(packets);
    const end = reader.next();
    receiver.close();
    expect(await end).toMatchObject({ done: true });
    expectWhole(pool);
  });

  test('drops and counts those for which there is no packet, and gives up what was not read', async () => {
    using pool = open({ max: 2 });
    const [receiver, sender] = [await udpSocket(), await udpSocket()];
    const reader = pool.readFrom(receiver);
    const first = reader.next();
    for (const message of ['one', 'two', 'three', 'four'])
      sender.send(message, receiver.address().port, '127.0.0.1');
    const packet = (await first).value as Packet;
    expect(String(packet)).toBe('one');
    await expect.poll(() => reader.dropped).toBe(2);
    await reader.return!();
    expect(receiver.listenerCount('message')).toBe(0);
    packet.release();
    expectWhole(pool);
  });

  test('ends with the signal, and with the pool', async () => {
    using pool = open();
    const [receiver, sender] = [await udpSocket(), await udpSocket()];
    const aborted = pool.readFrom(receiver, { signal: AbortSignal.abort(new Error('enough')) }).next();
    await expect(aborted).rejects.toThrow('enough');
    const next = pool.readFrom(receiver).next();
    pool.close();
    sender.send('late', receiver.address().port, '127.0.0.1');
    await rejectedBy(next, 'ERR_SUPERSLAB_CLOSED');
    expectWhole(pool);
  });
});
