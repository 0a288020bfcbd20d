// A buffer is released while an asynchronous operation of Node.js is at work on it, under `guard: 'detach'`: the
// operation gets all bytes, and the buffer is detached when it has ended.
import { pbkdf2, randomFill, scrypt, webcrypto } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, createWriteStream, openSync, readFileSync, write, writeFile, writev } from 'node:fs';
import { mkdtemp, open, rm, stat, writeFile as writeFileAsync } from 'node:fs/promises';
import { createServer as createHttpServer, request } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { BufferPool, type PooledBuffer } from 'superslab';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { thrownBy } from './support/expect-error.js';

let pool: BufferPool;
let folder: string;
let reports: unknown[];
/** All that was released too early. */
let released: PooledBuffer[];
let uncaught: unknown[];

beforeEach(async () => {
  reports = [];
  released = [];
  uncaught = [];
  process.setUncaughtExceptionCaptureCallback((error) => uncaught.push(error));
  folder = await mkdtemp(path.join(tmpdir(), 'superslab-in-flight-'));
  pool = new BufferPool({ name: 'in flight', guard: 'detach' });
  pool.on('guard', (report) => reports.push(report));
});
afterEach(async () => {
  process.setUncaughtExceptionCaptureCallback(null);
  await rm(folder, { recursive: true });
});

/** Bytes that no two buffers share, and that hardly get smaller. */
function filled(size: number): PooledBuffer {
  const buf = pool.acquire(size);
  let state = size + released.length;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1103515245) + 12345) | 0;
    buf[i] = state >>> 16;
  }
  return buf;
}

/** Several buffers, each given to `start` and released at once; all bytes of them together. */
async function releasedAtOnce(sizes: number[], start: (buf: PooledBuffer) => unknown): Promise<Buffer> {
  const copies: Buffer[] = [];
  for (const size of sizes) {
    const buf = filled(size);
    copies.push(Buffer.from(buf));
    start(buf);
    buf.release();
    released.push(buf);
    // Others want memory meanwhile.
    pool.acquire(size).fill(0).release();
  }
  return Buffer.concat(copies);
}

/** Once all has ended. */
async function settle(): Promise<void> {
  for (let i = 0; i < 100 && released.some(({ length }) => length > 0); i++) await sleep(20);
  expect(released.map(({ length }) => length)).toEqual(released.map(() => 0));
  expect(uncaught).toEqual([]);
  expect(reports).toEqual([]);
  pool.close();
  expect(pool.stats()).toMatchObject({ chargedBytes: 0, inUseBytes: 0, watchedBlocks: 0 });
}

const MIB = 1 << 20;

describe('zlib', () => {
  const fast = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } };
  const ways: { [name: string]: [(buf: Buffer) => Promise<Buffer>, (bytes: Buffer) => Buffer] } = {
    gzip: [promisify(zlib.gzip), zlib.gunzipSync],
    deflateRaw: [promisify(zlib.deflateRaw), zlib.inflateRawSync],
    brotliCompress: [(buf) => promisify(zlib.brotliCompress)(buf, fast), zlib.brotliDecompressSync],
  };

  test.each(Object.keys(ways))('%s of a buffer', async (way) => {
    const [compress, expand] = ways[way]!;
    let result: Promise<Buffer> | undefined;
    const bytes = await releasedAtOnce([4 * MIB], (buf) => {
      result = compress(buf);
    });
    expect(expand(await result!).equals(bytes)).toBe(true);
    await settle();
  });

  test('that is released a while later', async () => {
    const buf = filled(4 * MIB);
    const bytes = Buffer.from(buf);
    const result = promisify(zlib.gzip)(buf);
    await sleep(1);
    buf.release();
    released.push(buf);
    expect(zlib.gunzipSync(await result).equals(bytes)).toBe(true);
    await settle();
  });

  test('that is at work: its memory is not given up for room', async () => {
    const small = new BufferPool({ guard: 'detach', maxBytes: 4 * MIB });
    const buf = small.acquire(3_000_000).fill(7);
    const result = promisify(zlib.gzip)(buf);
    buf.release();
    thrownBy(() => small.acquire(3_000_000), 'ERR_SUPERSLAB_EXHAUSTED');
    expect(zlib.gunzipSync(await result).equals(Buffer.alloc(3_000_000, 7))).toBe(true);
    await expect.poll(() => buf.length).toBe(0);
    small.acquire(3_000_000).release();
    small.close();
    pool.close();
  });

  test('a stream that has several in its queue', async () => {
    const stream = zlib.createGzip();
    const result = buffer(stream);
    const bytes = await releasedAtOnce([MIB, 300_000, MIB, 5000], (buf) => stream.write(buf));
    stream.end();
    expect(zlib.gunzipSync(await result).equals(bytes)).toBe(true);
    await settle();
  });
});

describe('fs', () => {
  const file = () => path.join(folder, 'file');
  const ways: { [name: string]: (buf: PooledBuffer) => Promise<unknown> } = {
    writeFile: (buf) => promisify(writeFile)(file(), buf),
    'promises.writeFile': (buf) => writeFileAsync(file(), buf),
    async write(buf) {
      const fd = openSync(file(), 'w');
      await promisify(write)(fd, buf);
      closeSync(fd);
    },
    async writev(buf) {
      const fd = openSync(file(), 'w');
      await promisify(writev)(fd, [buf]);
      closeSync(fd);
    },
  };

  test.each(Object.keys(ways))('%s', async (way) => {
    let result: Promise<unknown> | undefined;
    const bytes = await releasedAtOnce([5 * MIB], (buf) => {
      result = ways[way]!(buf);
    });
    await result;
    expect(readFileSync(file()).equals(bytes)).toBe(true);
    await settle();
  });

  test('writes of a file handle, one behind the other', async () => {
    const handle = await open(file(), 'w');
    const results: Promise<unknown>[] = [];
    let at = 0;
    const bytes = await releasedAtOnce([MIB, 100_000, MIB], (buf) => {
      results.push(handle.write(buf, 0, buf.length, at));
      at += buf.length;
    });
    await Promise.all(results);
    await handle.close();
    expect(readFileSync(file()).equals(bytes)).toBe(true);
    await settle();
  });

  test('createWriteStream(), with several in its queue', async () => {
    const stream = createWriteStream(file());
    const bytes = await releasedAtOnce([MIB, 1000, MIB, 70_000], (buf) => stream.write(buf));
    stream.end();
    await once(stream, 'close');
    expect(readFileSync(file()).equals(bytes)).toBe(true);
    await settle();
  });

  test('createWriteStream(), in its queue behind a write that began before the acquire', async () => {
    const stream = createWriteStream(file());
    stream.write(Buffer.alloc(4 * MIB));
    await once(stream, 'open');
    const bytes = await releasedAtOnce([70_000], (buf) => stream.write(buf));
    stream.end();
    await once(stream, 'close');
    expect(
      readFileSync(file())
        .subarray(4 * MIB)
        .equals(bytes),
    ).toBe(true);
    await settle();
  });

  test('of a shared buffer: who adopted it has it still, and nobody else gets it', async () => {
    const other = new BufferPool({ guard: 'detach', name: 'adopter' });
    let adopted: PooledBuffer | undefined;
    let result: Promise<unknown> | undefined;
    const bytes = await releasedAtOnce([100_000], (buf) => {
      result = writeFileAsync(file(), buf);
      adopted = other.adopt(pool.share(buf));
    });
    await result;
    await expect.poll(() => released[0]!.length).toBe(0);
    pool.acquire(100_000).fill(0).release();
    expect(adopted!.equals(bytes)).toBe(true);
    adopted!.release();
    other.close();
    await settle();
  });
});

describe('sockets', () => {
  /** What a server hears that begins to read late. */
  async function heardLate(
    send: (port: number) => Promise<Buffer> | Buffer,
  ): Promise<{ heard: Buffer; bytes: Buffer }> {
    const server = createServer({ pauseOnConnect: true });
    const heard = once(server, 'connection').then(async ([socket]) => {
      await sleep(50);
      socket.resume();
      return buffer(socket);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const bytes = await send((server.address() as AddressInfo).port);
    const result = { heard: await heard, bytes };
    server.close();
    return result;
  }

  test('several in the queue behind a slow reader', async () => {
    const { heard, bytes } = await heardLate(async (port) => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      const sent = await releasedAtOnce([6 * MIB, MIB, 100, MIB], (buf) => socket.write(buf));
      socket.end();
      return sent;
    });
    expect(heard.equals(bytes)).toBe(true);
    await settle();
  });

  test('before it is connected', async () => {
    const { heard, bytes } = await heardLate(async (port) => {
      const socket = connect(port, '127.0.0.1');
      const sent = await releasedAtOnce([MIB, 100_000], (buf) => socket.write(buf));
      socket.end();
      return sent;
    });
    expect(heard.equals(bytes)).toBe(true);
    await settle();
  });

  test('bodies of an HTTP request and its response', async () => {
    let answered: Buffer | undefined;
    const server = createHttpServer(async (incoming, response) => {
      await buffer(incoming).then((body) => response.setHeader('length', body.length));
      const first = await releasedAtOnce([3 * MIB], (buf) => response.write(buf));
      answered = Buffer.concat([first, await releasedAtOnce([MIB], (buf) => response.end(buf))]);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const outgoing = request({ port, host: '127.0.0.1', method: 'POST', agent: false });
    const asked = await releasedAtOnce([2 * MIB], (buf) => outgoing.end(buf));
    const [response] = await once(outgoing, 'response');
    await sleep(50);
    const body = await buffer(response);
    server.close();
    expect(response.headers.length).toBe(String(asked.length));
    expect(body.equals(answered!)).toBe(true);
    await settle();
  });

  test('a datagram', async () => {
    const [from, to] = [createSocket('udp4'), createSocket('udp4')];
    to.bind(0, '127.0.0.1');
    await once(to, 'listening');
    const heard = once(to, 'message');
    const bytes = await releasedAtOnce([1000], (buf) => from.send(buf, to.address().port, '127.0.0.1'));
    expect((await heard)[0].equals(bytes)).toBe(true);
    from.close();
    to.close();
    await settle();
  });
});

describe('crypto', () => {
  test('keys from a buffer', async () => {
    const results: Promise<Buffer>[] = [];
    const bytes = await releasedAtOnce([100_000], (buf) => {
      results.push(promisify(pbkdf2)(buf, 'salt', 100, 16, 'sha256'));
      results.push(promisify(scrypt)(buf, 'salt', 16) as Promise<Buffer>);
      results.push(webcrypto.subtle.digest('SHA-256', buf).then((hash) => Buffer.from(hash)));
    });
    expect(await Promise.all(results)).toEqual([
      await promisify(pbkdf2)(bytes, 'salt', 100, 16, 'sha256'),
      await promisify(scrypt)(bytes, 'salt', 16),
      Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes)),
    ]);
    await settle();
  });

  test('random bytes into a buffer: nobody else gets them', async () => {
    let done: Promise<unknown> | undefined;
    await releasedAtOnce([MIB], (buf) => {
      done = promisify(randomFill)(buf);
    });
    await done;
    await settle();
  });
});

describe('what is right', () => {
  test('with nothing in flight a buffer is detached at its release', () => {
    const buf = filled(1000);
    buf.release();
    expect(buf.length).toBe(0);
    pool.close();
  });

  test('a stream that is at work on other memory does not matter', async () => {
    const stream = zlib.createGzip();
    const result = buffer(stream);
    for (let i = 0; i < 3; i++) stream.write(Buffer.alloc(MIB, i));
    stream.end();
    const buf = filled(1000);
    buf.release();
    expect(buf.length).toBe(0);
    expect(zlib.gunzipSync(await result)).toHaveLength(3 * MIB);
    pool.close();
  });

  test('a program that goes on and on does not have a block held back as long', async () => {
    const buf = filled(1000);
    const first = stat(folder);
    buf.release();
    expect(buf.length).toBe(1000);
    await first;
    let more = 0;
    for (; more < 300 && buf.length > 0; more++) await stat(folder);
    expect(more).toBeLessThan(300);
    pool.close();
  });

  test('writes one after the other, released where each ends, need one block', async () => {
    const small = new BufferPool({ guard: 'detach', maxBytes: 2 * MIB });
    const fd = openSync(path.join(folder, 'file'), 'w');
    for (let i = 0; i < 50; i++) {
      const buf = small.acquire(MIB).fill(i);
      await promisify(write)(fd, buf);
      buf.release();
    }
    closeSync(fd);
    small.close();
    pool.close();
  });

  test('room that is wanted is not kept for what has nothing to do with it', async () => {
    const small = new BufferPool({ guard: 'detach', maxBytes: 2 * MIB });
    const bufs = [small.acquire(900_000), small.acquire(900_000)];
    const copy = Buffer.alloc(4 * MIB, 1);
    const other = writeFileAsync(path.join(folder, 'file'), copy);
    for (const buf of bufs) buf.release();
    for (const buf of [small.acquire(900_000), small.acquire(900_000)]) buf.release();
    await other;
    small.close();
    pool.close();
  });
});
