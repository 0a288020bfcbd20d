// Bytes whose memory is gone, given to whatever keeps a copy of bytes: JavaScript shows them as empty, and no pool takes
// them for that. Empty bytes that are just empty are taken.
import { mkdtempSync, rmSync } from 'node:fs';
import { Readable } from 'node:stream';
import { BufferPool } from 'superslab';
import { MappedPool, SharedCache } from 'superslab/files';
import { CompressedPool, GenerationalPool, PacketPool } from 'superslab/pools';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rejectedBy } from '../support/expect-error.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync('/dev/shm/superslab-test-');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const detached = (): Uint8Array => {
  const memory = new ArrayBuffer(8);
  const bytes = new Uint8Array(memory);
  structuredClone(memory, { transfer: [memory] });
  return bytes;
};

const Resizable = ArrayBuffer as unknown as new (
  length: number,
  options: { maxByteLength: number },
) => ArrayBuffer & { resize(length: number): void };

const shrunk = (): Uint8Array => {
  const memory = new Resizable(16, { maxByteLength: 16 });
  const bytes = new Uint8Array(memory, 8, 8);
  memory.resize(4);
  return bytes;
};

/** Gives `bytes` to somebody who copies them. */
type Keep = (bytes: Uint8Array) => unknown;

const keepers: Record<string, Keep> = {
  'BufferPool.from': (bytes) => {
    using pool = new BufferPool();
    pool.from(bytes).release();
    expect(pool.stats().inUseBytes).toBe(0);
  },
  'CompressedPool.put': (bytes) => {
    using pool = new CompressedPool();
    pool.put(bytes);
  },
  'CompressedPool.putAsync': async (bytes) => {
    using pool = new CompressedPool();
    await pool.putAsync(bytes);
  },
  'GenerationalPool.put': (bytes) => {
    using pool = new GenerationalPool();
    pool.put(bytes);
  },
  'PacketPool.from': (bytes) => {
    using pool = new PacketPool();
    pool.from(bytes).release();
  },
  'PacketPool.attach': (bytes) => {
    using pool = new PacketPool();
    pool.attach(bytes).release();
  },
  'PacketWriter.bytes': (bytes) => {
    using pool = new PacketPool();
    const writer = pool.writer();
    try {
      writer.bytes(bytes);
    } finally {
      writer.release();
    }
  },
  'MappedPool.write': (bytes) => {
    using pool = MappedPool.open(`${folder}/heap`, { maxBytes: 1 << 20 });
    using scratch = pool.alloc(8);
    pool.setRoot('scratch', scratch);
    pool.commit();
    pool.write(scratch, 0, bytes);
  },
  'SharedCache.set': (bytes) => {
    using cache = SharedCache.open({ path: `${folder}/cache`, maxBytes: 2 << 20 });
    cache.set('key', bytes);
  },
  'SharedCache.getOrCompute': async (bytes) => {
    using cache = SharedCache.open({ path: `${folder}/computed`, maxBytes: 2 << 20 });
    cache.delete('key');
    await cache.getOrCompute('key', () => bytes);
  },
};

describe.each(Object.entries(keepers))('%s', (_, keep) => {
  test.each([
    ['detached', detached],
    ['shrunk', shrunk],
  ])('%s bytes', async (_, lost) => {
    const error = await rejectedBy((async () => keep(lost()))(), 'ERR_SUPERSLAB_ARGUMENT');
    expect(error.message).toMatch(
      /cannot read an instance of Uint8Array: its memory was detached or resized/,
    );
  });

  test('empty bytes', async () => {
    await keep(new Uint8Array(0));
    await keep(new Uint8Array(new SharedArrayBuffer(0)));
  });
});

test('readFrom() of a stream that gives them', async () => {
  using pool = new PacketPool();
  const stream = new Readable({ objectMode: true, read() {} });
  stream.push(detached());
  await rejectedBy(
    (async () => {
      for await (const packet of pool.readFrom(stream)) packet.release();
    })(),
    'ERR_SUPERSLAB_ARGUMENT',
  );
});
