// A pooled buffer is a Buffer: what Node.js and its users do with one works.
import { createHash, randomFillSync, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { deflateSync, inflateSync } from 'node:zlib';
import { BufferPool, type PooledBuffer, PooledBuffer as PooledBufferClass } from 'superslab';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';

const text = 'superslab: taken and given back';
const pool = new BufferPool({ name: 'buffer-interface' });
let buf: PooledBuffer;

beforeEach(() => {
  buf = pool.from(text);
});
afterEach(() => {
  if (!buf.released) buf.release();
  expect(pool.stats().inUseBytes).toBe(0);
});
afterAll(() => pool.close());

describe('kind', () => {
  test('is a Buffer, a Uint8Array and a PooledBuffer', () => {
    expect(Buffer.isBuffer(buf)).toBe(true);
    expect(buf).toBeInstanceOf(Uint8Array);
    expect(buf).toBeInstanceOf(Buffer);
    expect(buf).toBeInstanceOf(PooledBufferClass);
    expect(ArrayBuffer.isView(buf)).toBe(true);
    expect(Object.prototype.toString.call(buf)).toBe('[object Uint8Array]');
  });

  test('has no enumerable properties but its bytes', () => {
    expect(Object.keys(buf)).toEqual(Object.keys(Buffer.from(text)));
  });
});

describe('Buffer methods', () => {
  test('read, write, compare, search', () => {
    expect(buf.toString()).toBe(text);
    expect(buf.toString('hex')).toBe(Buffer.from(text).toString('hex'));
    expect(buf.toString('latin1', 0, 9)).toBe('superslab');
    expect(buf.equals(Buffer.from(text))).toBe(true);
    expect(Buffer.from(text).equals(buf)).toBe(true);
    expect(Buffer.compare(buf, Buffer.from(text))).toBe(0);
    expect(buf.indexOf('taken')).toBe(11);
    expect(buf.includes('given')).toBe(true);
    expect(buf.at(-1)).toBe('k'.charCodeAt(0));
    buf.writeDoubleLE(1.5, 3);
    expect(buf.readDoubleLE(3)).toBe(1.5);
    buf.write('xyz', 1);
    expect(buf.toString('utf8', 0, 4)).toBe('sxyz');
    expect(buf.fill('ab').toString('utf8', 0, 4)).toBe('abab');
    expect(buf.swap16.name).toBe('swap16');
  });

  test('Buffer.concat, Buffer.from and copy take their bytes', () => {
    expect(Buffer.concat([buf, buf]).toString()).toBe(text + text);
    expect(Buffer.from(buf).toString()).toBe(text);
    const target = pool.acquire(9);
    expect(buf.copy(target, 0, 0, 9)).toBe(9);
    expect(target.toString()).toBe('superslab');
    target.release();
  });

  test('JSON is that of a Buffer', () => {
    expect(JSON.stringify(buf)).toBe(JSON.stringify(Buffer.from(text)));
  });

  test('inspect shows the bytes', () => {
    const short = buf.subarray(0, 3);
    expect(inspect(short)).toBe('<Buffer 73 75 70>');
    expect(inspect(buf)).toMatch(/^<PooledBuffer 73 75 70 /);
  });

  test('can be iterated, spread and destructured', () => {
    expect([...buf]).toEqual([...Buffer.from(text)]);
    const [first] = buf;
    expect(first).toBe(0x73);
    expect([...buf.entries()][1]).toEqual([1, 0x75]);
  });
});

describe('views', () => {
  test.for(['subarray', 'slice'] as const)('%s is a plain Buffer over the same memory', (method) => {
    const view = buf[method](0, 9);
    expect(view.constructor).toBe(Buffer);
    expect(Buffer.isBuffer(view)).toBe(true);
    expect(view).not.toBeInstanceOf(PooledBufferClass);
    view[0] = 0x53;
    expect(buf.toString('utf8', 0, 9)).toBe('Superslab');
  });

  test('Uint8Array.prototype.slice copies', () => {
    const copy = Uint8Array.prototype.slice.call(buf, 0, 9);
    copy[0] = 0;
    expect(buf[0]).toBe(0x73);
    expect(copy.buffer).not.toBe(buf.buffer);
  });

  test.for(['map', 'filter'] as const)('%s gives a plain Buffer of memory of its own', (method) => {
    const made = method === 'map' ? buf.map((byte) => byte) : buf.filter(() => true);
    expect(made.toString()).toBe(text);
    expect(made).not.toBeInstanceOf(PooledBufferClass);
    expect(made.buffer).not.toBe(buf.buffer);
  });

  test('other typed arrays over its memory work', () => {
    const words = new Uint32Array(buf.buffer, buf.byteOffset, 2);
    expect(words[0]).toBe(buf.readUInt32LE(0));
    expect(new DataView(buf.buffer, buf.byteOffset, buf.length).getUint16(0)).toBe(buf.readUInt16BE(0));
  });

  test('static methods of Uint8Array that it inherits make inert buffers', () => {
    const made = (PooledBufferClass as unknown as typeof Uint8Array).from([1, 2, 3]);
    expect([...made]).toEqual([1, 2, 3]);
    expect(() => pool.release(made)).toThrow(/ERR_SUPERSLAB_(RELEASED|FOREIGN)/);
  });
});

describe('Node.js modules', () => {
  const folder = mkdtempSync(join(tmpdir(), 'superslab-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('fs reads into it and writes from it', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, buf);
    expect(readFileSync(file, 'utf8')).toBe(text);
    const handle = await open(file, 'r+');
    const target = pool.alloc(100);
    const { bytesRead, buffer } = await handle.read({ buffer: target });
    expect([bytesRead, buffer === target]).toEqual([text.length, true]);
    expect(target.toString('utf8', 0, bytesRead)).toBe(text);
    await handle.readv([target.subarray(0, 5), target.subarray(50)], 0);
    await handle.write(target, 0, 5, 0);
    await handle.writev([buf, target], 0);
    await handle.close();
    expect(readFileSync(file).length).toBe(text.length + 100);
    target.release();
  });

  test('net sends it and receives into it', async () => {
    const received = pool.acquire(64);
    const server = createServer((socket: Socket) => socket.end(buf)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    let total = 0;
    const client = connect({
      port: (server.address() as { port: number }).port,
      host: '127.0.0.1',
      onread: {
        buffer: received,
        callback: (bytes: number) => {
          total += bytes;
          return true;
        },
      },
    });
    await once(client, 'close');
    server.close();
    expect(total).toBe(text.length);
    expect(received.toString('utf8', 0, total)).toBe(text);
    received.release();
  });

  test('crypto hashes and fills it', async () => {
    const wanted = createHash('sha256').update(text).digest('hex');
    expect(createHash('sha256').update(buf).digest('hex')).toBe(wanted);
    const digest = await webcrypto.subtle.digest('SHA-256', buf);
    expect(Buffer.from(digest).toString('hex')).toBe(wanted);
    const filled = pool.alloc(64);
    randomFillSync(filled);
    expect(filled.some((byte) => byte !== 0)).toBe(true);
    webcrypto.getRandomValues(filled);
    filled.release();
  });

  test('zlib compresses it', () => {
    expect(inflateSync(deflateSync(buf)).toString()).toBe(text);
  });

  test('TextDecoder, TextEncoder, Blob and Response take it', async () => {
    expect(new TextDecoder().decode(buf)).toBe(text);
    expect(new TextEncoder().encodeInto('SUPER', buf).written).toBe(5);
    expect(await new Blob([buf]).text()).toBe(`SUPER${text.slice(5)}`);
    expect(await new Response(buf).text()).toBe(`SUPER${text.slice(5)}`);
  });

  test('structuredClone copies its bytes', () => {
    const clone = structuredClone(buf) as Uint8Array;
    expect(Buffer.from(clone).toString()).toBe(text);
    expect(clone.buffer).not.toBe(buf.buffer);
    expect(() => pool.release(clone)).toThrow(/ERR_SUPERSLAB_FOREIGN/);
  });
});
