// What libraries make of a pooled buffer: that of a plain Buffer with the same bytes.
import { deepEqual, deepStrictEqual } from 'node:assert';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import axios from 'axios';
import fastDeepEqual from 'fast-deep-equal';
import isBuffer from 'is-buffer';
import { BufferPool, type PooledBuffer, PooledBuffer as PooledBufferClass } from 'superslab';
import { afterAll, beforeAll, chai, describe, expect, test } from 'vitest';
import { packageRoot } from './support/child.js';

// They come without types.
const require = createRequire(import.meta.url);
const kindOf = require('kind-of') as (value: unknown) => string;
const qs = require('qs') as {
  stringify(value: object, options?: { encoder(value: unknown): string }): string;
};

const major = Number(process.versions.node.split('.')[0]);
const text = 'superslab: taken and given back';
const plain = Buffer.from(text);
const pool = new BufferPool({ name: 'libraries' });
let buf: PooledBuffer;
let neighbour: PooledBuffer;

beforeAll(() => {
  neighbour = pool.from("somebody else's bytes");
  buf = pool.from(text);
});
afterAll(() => {
  pool.releaseMany([neighbour, buf]);
  pool.close();
});

describe('the class', () => {
  test('constructor is Buffer, with all its functions', () => {
    const made = buf.constructor as typeof Buffer;
    expect(made).toBe(Buffer);
    expect(made.isBuffer(buf)).toBe(true);
    expect(made.from('ab').toString()).toBe('ab');
    expect(made.byteLength('ab')).toBe(2);
    expect(Object.getOwnPropertyDescriptor(PooledBufferClass.prototype, 'constructor')).toMatchObject({
      enumerable: false,
    });
  });

  test('instanceof PooledBuffer still tells it from others', () => {
    expect(buf).toBeInstanceOf(PooledBufferClass);
    expect(plain).not.toBeInstanceOf(PooledBufferClass);
  });

  test('inspect tells that it is pooled, shows what inspect shows of a Buffer, and no bytes after release', () => {
    const other = pool.from(Buffer.alloc(60, 7));
    const shown = inspect(Buffer.from(other));
    expect(inspect(other)).toBe(shown.replace('Buffer', 'PooledBuffer'));
    other.release();
    expect(inspect(other)).toBe('<PooledBuffer (released)>');
    expect(inspect({ body: other })).toBe('{ body: <PooledBuffer (released)> }');
    const bare = { customInspect: false };
    expect(inspect(buf, bare)).toBe(inspect(plain, bare));
  });
});

describe('equality with a plain Buffer', () => {
  test('toEqual, toStrictEqual, chai', () => {
    expect(buf).toEqual(plain);
    expect(plain).toEqual(buf);
    expect({ body: buf }).toStrictEqual({ body: plain });
    chai.expect(buf).to.deep.equal(plain);
    chai.expect({ body: plain }).to.deep.equal({ body: buf });
    expect(buf).not.toEqual(Buffer.from('something else'));
  });

  test('fast-deep-equal', () => {
    expect(fastDeepEqual({ body: buf }, { body: plain })).toBe(true);
    expect(fastDeepEqual(buf, Buffer.from('something else'))).toBe(false);
  });

  test('assert.deepEqual; assert.deepStrictEqual from Node 22 on, as the documentation says', () => {
    deepEqual(buf, plain);
    deepEqual({ body: plain }, { body: buf });
    if (major >= 22) deepStrictEqual({ body: buf }, { body: plain });
    else expect(() => deepStrictEqual(buf, plain)).toThrow(/structure/);
  });
});

describe('copies', () => {
  test('v8.serialize gives a Buffer of its bytes, and no others', () => {
    expect(serialize(buf)).toEqual(serialize(plain));
    const copy = deserialize(serialize(buf)) as Buffer;
    expect(copy.constructor).toBe(Buffer);
    expect(copy).toEqual(plain);
  });

  test('advanced IPC gives a Buffer of its bytes, and no others', async () => {
    const script = `process.on('message', (got) => process.send(
      [got.constructor.name, got.toString(), Buffer.from(got.buffer).includes('else')]))`;
    const child = fork('-', [], {
      cwd: packageRoot,
      execArgv: ['-e', script],
      serialization: 'advanced',
    });
    child.send(buf);
    expect((await once(child, 'message'))[0]).toEqual(['Buffer', text, false]);
    child.disconnect();
  });

  test('structuredClone gives a Uint8Array of its bytes, as of a Buffer', () => {
    expect(structuredClone(buf)).toEqual(structuredClone(plain));
  });
});

describe('what libraries take for a Buffer', () => {
  test('is-buffer, kind-of', () => {
    expect(isBuffer(buf)).toBe(true);
    expect(kindOf(buf)).toBe('buffer');
  });

  test('qs', () => {
    expect(qs.stringify({ body: buf })).toBe(qs.stringify({ body: plain }));
    const encoder = (value: unknown) => (Buffer.isBuffer(value) ? value.toString('hex') : String(value));
    expect(qs.stringify({ body: buf }, { encoder })).toBe(qs.stringify({ body: plain }, { encoder }));
  });
});

describe('what arrives at a server', () => {
  let server: Server;
  let url: string;
  let arrived: Promise<Buffer>;

  beforeAll(async () => {
    server = createServer((incoming, response) => {
      arrived = incoming.toArray().then(Buffer.concat);
      arrived.then(() => response.end());
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const headers = { 'content-type': 'application/octet-stream' };
  const method = 'POST';
  const clients: Record<string, (body: Buffer) => Promise<unknown>> = {
    axios: (body) => axios.post(url, body, { headers }),
    'axios without a type': (body) => axios.post(url, body),
    'axios with fetch below it': (body) => axios.post(url, body, { headers, adapter: 'fetch' }),
    'axios with its own transform': (body) =>
      axios.request({ url, method, data: body, responseType: 'stream' }),
    fetch: (body) => fetch(url, { method, headers, body }),
    'a Request': (body) => fetch(new Request(url, { method, headers, body })),
    'fetch of a Blob': (body) => fetch(url, { method, body: new Blob([body]) }),
    'fetch of a File': (body) => fetch(url, { method, body: new File([body], 'name') }),
    'fetch of a stream': (body) =>
      fetch(url, { method, body: Readable.toWeb(Readable.from([body])), duplex: 'half' } as RequestInit),
    'http.request': async (body) => {
      const outgoing = request(url, { method, headers }).end(body);
      const [response] = await once(outgoing, 'response');
      response.resume();
      await once(response, 'end');
    },
  };

  test.for(Object.keys(clients))('by %s: exactly its bytes', async (name) => {
    await clients[name]!(buf);
    const got = await arrived;
    expect(got.toString()).toBe(text);
    await clients[name]!(plain);
    expect(await arrived).toEqual(got);
    expect(buf.toString()).toBe(text);
    expect(neighbour.toString()).toBe("somebody else's bytes");
  });

  test('by a form: as a part with exactly its bytes', async () => {
    for (const body of [buf, plain]) {
      await axios.postForm(url, { part: body });
      const parts = (await arrived).toString('latin1').split('\r\n\r\n');
      expect(parts[1]!.split('\r\n--')[0]).toBe(text);
      const form = new FormData();
      form.set('part', new Blob([body]));
      await fetch(url, { method, body: form });
      expect((await arrived).toString('latin1').split('\r\n\r\n')[1]!.split('\r\n--')[0]).toBe(text);
    }
  });
});
