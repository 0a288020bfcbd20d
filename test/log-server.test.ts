import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { verifyIndex } from '../examples/log-server/compare/verify.ts';
import { Feeder } from '../examples/log-server/feed/feeder.ts';
import { LogLines } from '../examples/log-server/feed/log-lines.ts';
import { dealOut } from '../examples/log-server/feed/workload.ts';
import type { Memory } from '../examples/log-server/memory/memory.ts';
import { plainMemory } from '../examples/log-server/memory/plain.ts';
import { pooledMemory } from '../examples/log-server/memory/pooled.ts';
import { readInto } from '../examples/log-server/receive/accepted-socket.ts';
import { Admin } from '../examples/log-server/server/admin.ts';
import {
  DEFAULT_OPTIONS,
  LogServer,
  type LogServerOptions,
} from '../examples/log-server/server/log-server.ts';
import { readArchive } from '../examples/log-server/store/archive-reader.ts';
import { CheckedMemory } from './log-server-checked-memory.ts';

/** superslab as it is shipped, so through the build; a name that Vite and TypeScript do not follow. */
async function superslab(): Promise<Memory> {
  const built = new URL('../dist-dev/examples/log-server/memory/superslab.js', import.meta.url).href;
  return ((await import(/* @vite-ignore */ built)) as { superslabMemory: Memory }).superslabMemory;
}

const MEMORIES: [string, () => Promise<Memory>][] = [
  ['plain buffers', async () => plainMemory],
  ['a pool written by hand', async () => pooledMemory],
  ['superslab', superslab],
  ['memory that checks', async () => new CheckedMemory()],
];

/** Waits for something to come true, however busy the machine. */
function until<T>(check: () => T): Promise<Awaited<T>> {
  return vi.waitFor(check, 10_000) as Promise<Awaited<T>>;
}

let directory: string;
let server: LogServer | undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'log-server-test-'));
});
afterEach(async () => {
  server = undefined;
  await rm(directory, { recursive: true });
});

async function start(memory: Memory, options: Partial<LogServerOptions> = {}): Promise<LogServer> {
  server = await LogServer.start(memory, { ...DEFAULT_OPTIONS, archive: directory, ...options });
  return server;
}

async function archived(log: LogServer): Promise<string[]> {
  const messages: string[] = [];
  const count = await readArchive(log.archivePath, (bytes, start, end) =>
    messages.push(bytes.toString('latin1', start, end)),
  );
  await verifyIndex(log.archivePath, count);
  return messages;
}

async function sender(log: LogServer): Promise<Socket> {
  const socket = connect({ port: log.tcpPort, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return socket;
}

/** Sends a stream, in these parts, and hangs up. */
async function send(log: LogServer, ...parts: (string | Buffer)[]): Promise<void> {
  const socket = await sender(log);
  for (const part of parts) {
    await new Promise((resolve) => socket.write(part, resolve));
    if (parts.length > 1) await sleep(2);
  }
  socket.end();
  await once(socket.resume(), 'close');
}

function expectNothingHeld(memory: Memory): void {
  if (memory instanceof CheckedMemory) {
    expect(memory.acquired).toBeGreaterThan(0);
    expect(memory.live).toBe(0);
  }
}

describe.each(MEMORIES)('log server on %s', (_, open) => {
  it('archives every byte of a real log that comes in all the ways there are', async () => {
    const memory = await open();
    // Small limits, so that buffers turn over, writers wait and entries are forgotten all the time.
    const log = await start(memory, {
      receiveBuffer: 32 * 1024,
      maxPending: 256 * 1024,
      keepBytes: 1024 * 1024,
    });
    const admin = new Admin(log);
    const httpPort = await admin.listen('127.0.0.1', 0);
    const lines = LogLines.read(['examples/log-server/data/server-log.log.gz'], DEFAULT_OPTIONS.maxMessage);
    const workload = dealOut(lines, { connections: 5, udpEvery: 50 });
    const target = { tcpPort: log.tcpPort, udpPort: log.udpPort, httpPort };
    const feeder = await Feeder.connect(target, lines, workload);
    const { lines: sent } = await feeder.flood(2);
    expect(log.status()).toMatchObject({ messages: sent, unparsed: 0, pieces: 0, datagrams: 1600 });
    expect(log.status().recentBytes).toBeLessThan(2 * 1024 * 1024);
    await feeder.close();
    admin.close();
    await log.close();

    const expected = Array.from({ length: lines.length }, (_, line) => lines.line(line).toString('latin1'));
    expect((await archived(log)).sort()).toEqual([...expected, ...expected].sort());
    expectNothingHeld(memory);
  });

  it('takes messages however they are split and framed', async () => {
    const memory = await open();
    const log = await start(memory, { receiveBuffer: 16 * 1024, maxMessage: 12 * 1024 });
    const long = (n: number) => `<13>a: ${n} ${'x'.repeat(10_000 + n)}`;
    const messages = Array.from({ length: 60 }, (_, n) => (n % 3 === 0 ? long(n) : `<14>1 - h a p i - ${n}`));
    const stream = Buffer.from(
      messages.map((text, n) => (n % 2 === 0 ? `${text}\n` : `${text.length} ${text}`)).join(''),
    );
    const parts: Buffer[] = [];
    for (let at = 0, size = 1; at < stream.length; at += size, size = (size * 7919) % 9973) {
      parts.push(stream.subarray(at, at + size));
    }
    await send(log, ...parts);
    await until(() => expect(log.status().messages).toBe(messages.length));
    const newest = log.recent({ count: 2, severity: 7 });
    expect(newest.map(({ text }) => text)).toEqual(['59', '58']);
    expect(log.recent({ count: 60, severity: 5 }).at(-1)).toMatchObject({
      app: 'a',
      text: long(0).slice('<13>a: '.length),
    });
    await log.close();
    expect(await archived(log)).toEqual(messages);
    expectNothingHeld(memory);
  });

  it('archives what is not syslog as it is, and counts it', async () => {
    const memory = await open();
    const log = await start(memory);
    const binary = Buffer.from([0, 1, 2, 0xff, 0xfe, 0x80]);
    await send(
      log,
      Buffer.concat([Buffer.from('hello\n\n<999>x\n<1>1 broken\n'), binary, Buffer.from('\r\n')]),
    );
    await until(() => expect(log.status().messages).toBe(5));
    expect(log.status()).toMatchObject({ unparsed: 5, rfc5424: 0, rfc3164: 0, pieces: 0 });
    await log.close();
    expect(await archived(log)).toEqual([
      'hello',
      '',
      '<999>x',
      '<1>1 broken',
      `${binary.toString('latin1')}\r`,
    ]);
    expectNothingHeld(memory);
  });

  it('cuts messages that are too long, and keeps what a sender did not finish', async () => {
    const memory = await open();
    const log = await start(memory, { maxMessage: 1000 });
    await send(log, `<1>${'a'.repeat(2500)}\n<2>next\n`);
    await send(log, `1500 <3>${'b'.repeat(1497)}<4>after\n`);
    await send(log, '<5>whole\n<6>half');
    await send(log, '100 <7>half, counted');
    await until(() => expect(log.status().messages).toBe(10));
    expect(log.status().pieces).toBe(7);
    await log.close();
    expect((await archived(log)).sort()).toEqual(
      [
        `<1>${'a'.repeat(997)}`,
        'a'.repeat(1000),
        'a'.repeat(503),
        '<2>next',
        `<3>${'b'.repeat(997)}`,
        'b'.repeat(500),
        '<4>after',
        '<5>whole',
        '<6>half',
        '<7>half, counted',
      ].sort(),
    );
    expectNothingHeld(memory);
  });

  it('takes datagrams, empty ones and ones with line feeds too', async () => {
    const memory = await open();
    const log = await start(memory);
    const socket = createSocket('udp4');
    const datagrams = ['<1>one', '', '<2>two\nlines\n', '12 <3>like a count', 'x'.repeat(60_000)];
    for (const datagram of datagrams) {
      await new Promise((resolve) => socket.send(datagram, log.udpPort, '127.0.0.1', resolve));
    }
    await until(() => expect(log.status().datagrams).toBe(5));
    socket.close();
    await log.close();
    expect(await archived(log)).toEqual(datagrams);
    expectNothingHeld(memory);
  });

  it('survives senders that reset, and gives their memory back', async () => {
    const memory = await open();
    const log = await start(memory);
    for (let round = 0; round < 10; round++) {
      const socket = await sender(log);
      socket.on('error', () => {});
      await new Promise((resolve) => socket.write(`<1>whole ${round}\n<1>cut`, resolve));
      socket.resetAndDestroy();
    }
    await until(() => expect(log.status().connections).toBe(0));
    await send(log, '<1>still here\n');
    await until(() => expect(log.status().connections).toBe(0));
    await log.close();
    expect((await archived(log)).at(-1)).toBe('<1>still here');
    expectNothingHeld(memory);
  });

  it('closes in order while senders are connected', async () => {
    const memory = await open();
    const log = await start(memory);
    const sockets = await Promise.all([sender(log), sender(log)]);
    for (const socket of sockets) {
      socket.on('error', () => {});
      socket.write('<1>before the end\n<1>unfinished');
    }
    await until(() => expect(log.status().messages).toBe(2));
    // One hangs up when it is told to, the other never does.
    sockets[0]!.on('end', () => sockets[0]!.end()).resume();
    await log.close();
    expect((await archived(log)).sort()).toEqual([
      '<1>before the end',
      '<1>before the end',
      '<1>unfinished',
      '<1>unfinished',
    ]);
    expectNothingHeld(memory);
    for (const socket of sockets) socket.destroy();
  });
});

it('keeps memory bounded while the archive cannot keep up', async () => {
  const memory = new CheckedMemory();
  const maxPending = 512 * 1024;
  const log = await start(memory, { maxPending, keepBytes: 0 });
  const line = `<1>a: ${'x'.repeat(500)}\n`;
  const stream = Buffer.from(line.repeat(40_000));
  const sending = Promise.all([send(log, stream), send(log, stream)]);
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, memory.liveBytes)), 1);
  await sending;
  clearInterval(watch);
  await log.close();
  expect((await archived(log)).length).toBe(80_000);
  // What waits, a receive buffer and a read for each connection, and the entries' block with what it refers to.
  expect(most).toBeLessThan(maxPending + 8 * DEFAULT_OPTIONS.receiveBuffer);
  expectNothingHeld(memory);
});

it('reports that it cannot listen, and leaves nothing behind', async () => {
  const log = await start(plainMemory);
  const memory = new CheckedMemory();
  const options = { ...DEFAULT_OPTIONS, archive: join(directory, 'other'), tcpPort: log.tcpPort };
  await expect(LogServer.start(memory, options)).rejects.toThrow('EADDRINUSE');
  expectNothingHeld(memory);
  await log.close();
});

it('copies where a socket cannot read into our memory', async () => {
  const fake = new PassThrough();
  const target = Buffer.alloc(10);
  let filled = 0;
  const read: string[] = [];
  const socket = readInto(fake as unknown as Socket, {
    buffer: () => target.subarray(filled % 10),
    read: (length) => {
      read.push(target.toString('latin1', filled % 10, (filled % 10) + length));
      filled += length;
      return filled < 20;
    },
  });
  expect(socket).toBe(fake);
  fake.write('abcdefghijklmno');
  fake.write('pqrstuvw');
  await sleep(10);
  expect(read.join('')).toBe('abcdefghijklmnopqrstuvw');
  expect(fake.isPaused()).toBe(true);
});

describe('HTTP door', () => {
  let admin: Admin;
  let url: string;
  let log: LogServer;
  beforeEach(async () => {
    log = await start(plainMemory);
    admin = new Admin(log);
    url = `http://127.0.0.1:${await admin.listen('127.0.0.1', 0)}`;
    await send(
      log,
      '<11>1 2026-01-02T03:04:05.678Z h1 a1 p i [x y="\\"z\\""] \ufeffgrüße\n<14>Jan  2 03:04:05 h2 a2[7]: hello\nnonsense\n',
    );
    await until(() => expect(log.status().archivedBytes).toBe(log.status().receivedBytes));
  });
  afterEach(async () => {
    admin.close();
    await log.close();
  });

  const get = async (path: string) => {
    const response = await fetch(url + path);
    return [response.status, await response.json()];
  };

  it('tells the status', async () => {
    expect(await get('/status')).toEqual([
      200,
      expect.objectContaining({ messages: 3, rfc5424: 1, rfc3164: 1, unparsed: 1, recentEntries: 3 }),
    ]);
  });

  it('shows recent entries', async () => {
    expect(await get('/tail?host=h1')).toEqual([
      200,
      [
        {
          time: '2026-01-02T03:04:05.678Z',
          received: expect.any(String),
          format: 'rfc5424',
          facility: 1,
          severity: 'err',
          host: 'h1',
          app: 'a1',
          proc: 'p',
          id: 'i',
          data: { x: { y: '"z"' } },
          text: 'grüße',
        },
      ],
    ]);
    expect((await get('/tail?count=1'))[1]).toMatchObject([
      { format: 'unparsed', text: 'nonsense', time: null },
    ]);
    expect((await get('/tail?severity=err'))[1]).toHaveLength(1);
    expect((await get('/tail?app=a2'))[1]).toMatchObject([{ proc: '7', data: null, id: null }]);
  });

  it('says what is wrong with a request', async () => {
    expect(await get('/tail?count=0')).toEqual([400, { error: 'count must be 1 to 10000' }]);
    expect(await get('/tail?severity=bad')).toMatchObject([
      400,
      { error: expect.stringMatching(/^severity must be one of emerg/) },
    ]);
    expect(await get('/nothing')).toMatchObject([
      404,
      { error: expect.stringMatching(/^no \/nothing here/) },
    ]);
  });
});

it('archives whatever bytes come, in whatever parts', async () => {
  const memory = new CheckedMemory();
  const piece = fc.oneof(
    fc.stringMatching(/^[<>a-c0-9 ]{0,30}$/).map((text) => `${text}\n`),
    fc.stringMatching(/^[<>a-c0-9 \n]{1,30}$/).map((text) => `${text.length} ${text}`),
    fc.constant('x'.repeat(700)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 15 }), async (pieces) => {
      const log = await start(memory, { maxMessage: 480, receiveBuffer: 16 * 1024 });
      await send(log, ...pieces);
      await until(() => expect(log.status().connections).toBe(0));
      const { messages } = log.status();
      await log.close();
      if (messages === 0) return;
      const letters = (text: string) => text.replace(/[^<>a-cx]/g, '');
      expect(letters((await archived(log)).join(''))).toBe(letters(pieces.join('')));
    }),
    { numRuns: 30 },
  );
  expectNothingHeld(memory);
});
