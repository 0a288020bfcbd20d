// PacketPool cut off at each place where V8 looks for interruptions: no memory is lost or lent twice, and no reference.
import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import type { Packet, PacketPool, PacketReader, PacketSource, PacketWriter } from 'superslab/pools';
import { describe, expect, test, vi } from 'vitest';
import { CUTS, cutEverywhere, doUpkeep, evaluateWithPoints } from '../support/cut-points.js';

const evaluation = evaluateWithPoints();
const { pools, cores } = evaluation;

const MAX = 12;
const SIZE = 64;
const plain = { leakDetection: 'off', guard: 'off' } as const;

/** What a step works with: an open pool, some of whose packets are out and some idle. */
interface Model {
  readonly pool: PacketPool;
  /** Those that the program has: single ones, and a chain as the last. A step stores what it gets at once. */
  readonly packets: Packet[];
  bulk: Packet[];
  readonly writer: PacketWriter;
  readonly opened: PacketPool[];
  readonly promises: Promise<Packet>[];
  readonly readers: PacketReader[];
  readonly reads: Promise<IteratorResult<Packet, undefined>>[];
  /** Buffers that were attached, and how many of them were freed. */
  attached: number;
  freed: number;
}

function attach(model: Model): void {
  const { pool, packets } = model;
  packets[packets.length] = pool.attach(Buffer.alloc(10), () => {
    model.freed++;
  });
  model.attached++;
}

/** Whatever comes of it. */
const heard = (promise: Promise<unknown>): void => void promise.catch(() => {});

function read({ pool, readers, reads }: Model, source: PacketSource, count: number): void {
  readers[readers.length] = pool.readFrom(source);
  for (let i = 0; i < count; i++) {
    const one = readers[0]!.next();
    heard(one);
    reads[reads.length] = one;
  }
}

const steps: Record<string, (model: Model) => void> = {
  'get of an idle one': ({ pool, packets }) => {
    packets[packets.length] = pool.get();
  },
  'get of a new one': ({ pool, packets }) => {
    pool.trim();
    packets[packets.length] = pool.get();
  },
  release: ({ packets }) => packets[0]!.release(),
  'release of a chain': ({ packets }) => packets.at(-1)!.release(),
  'release of a clone, and of what it shows': ({ packets }) => {
    packets[packets.length] = packets[0]!.clone();
    packets[0]!.release();
    packets.at(-1)!.release();
  },
  'clone of a chain': ({ packets }) => {
    packets[packets.length] = packets.at(-1)!.clone();
  },
  'slice of a chain': ({ packets }) => {
    packets[packets.length] = packets.at(-1)!.slice(10, 70);
  },
  'copy of one segment': ({ packets }) => {
    packets[packets.length] = packets[0]!.copy();
  },
  'copy of a chain': ({ packets }) => {
    packets[packets.length] = packets.at(-1)!.copy();
  },
  'split within a segment': ({ packets }) => {
    packets[packets.length] = packets.at(-1)!.split(50);
  },
  'split between two': ({ packets }) => {
    packets[packets.length] = packets.at(-1)!.split(48);
  },
  append: ({ packets }) => {
    packets[0]!.append(packets.at(-1)!);
  },
  'pull of a segment': ({ packets }) => {
    packets.at(-1)!.pull(60);
  },
  'trim of segments': ({ packets }) => {
    packets.at(-1)!.trim(90);
  },
  'linearize into another': ({ packets }) => {
    packets.at(-1)!.trim(60).linearize();
  },
  'linearize in place': ({ packets }) => {
    packets[0]!.append(packets[1]!).linearize();
  },
  'attach, and its release': (model) => {
    const { packets } = model;
    attach(model);
    packets.at(-1)!.append(packets[0]!).release();
  },
  'getBulk of idle ones': (model) => {
    model.bulk = model.pool.getBulk(2);
  },
  'getBulk of new ones': (model) => {
    model.bulk = model.pool.getBulk(6);
  },
  'freeBulk of single ones': ({ pool, packets }) => pool.freeBulk(packets.slice(0, 3)),
  'freeBulk with a chain': ({ pool, packets }) => pool.freeBulk(packets),
  'freeBulk with one that is released': ({ pool, packets }) => {
    packets[0]!.release();
    pool.freeBulk(packets);
  },
  from: ({ pool, packets }) => {
    packets[packets.length] = pool.from('x'.repeat(100));
  },
  'writing, and finish': ({ writer, packets }) => {
    writer.writeUInt32BE(1).write('x'.repeat(60)).bytes(new Uint8Array(10));
    packets[packets.length] = writer.finish();
  },
  'writing more than there is room for': ({ writer }) => {
    writer.bytes(new Uint8Array(1000));
  },
  warm: ({ pool }) => pool.warm(4, () => {}),
  trim: ({ pool }) => void pool.trim(),
  getAsync: ({ pool, promises }) => {
    promises[promises.length] = pool.getAsync();
  },
  'release for those who wait': ({ pool, packets, promises }) => {
    for (let i = 0; i < 9; i++) promises[promises.length] = pool.getAsync();
    packets.at(-1)!.release();
  },
  'reading a stream': (model) => {
    const stream = new Readable({ read() {} });
    stream.push(new Uint8Array(70));
    // A full reader waits for the release of a packet.
    while (model.pool.stats().inUseBytes < (MAX - 1) * SIZE) model.packets.unshift(model.pool.get());
    read(model, stream, 3);
    model.packets[0]!.release();
    heard(model.readers[0]!.return!());
  },
  'reading datagrams': (model) => {
    // What is asked of a socket, as its events come at once.
    const socket = Object.assign(new EventEmitter(), { bind() {}, send() {} });
    read(model, socket as never, 2);
    for (let i = 0; i < 4; i++) socket.emit('message', new Uint8Array(30), {});
    heard(model.readers[0]!.return!());
  },
  'new PacketPool': ({ opened }) => {
    opened[opened.length] = new pools.PacketPool({ ...plain, size: 100, headroom: 8, initial: 2 });
    opened[0]!.close();
  },
  'close, and releases after it': ({ pool, packets }) => {
    pool.close();
    packets.at(-1)!.release();
    packets[0]!.release();
  },
};

const countPools = () => cores.openCores.size + cores.closingCores.size;

function begin(zero: 'never' | 'release'): Model {
  const pool = new pools.PacketPool({ ...plain, size: SIZE, headroom: 16, max: MAX, initial: 8, zero });
  const packets = pool.getBulk(3);
  for (const packet of packets) packet.put(5);
  // 48 and 64 bytes.
  packets.push(pool.from('x'.repeat(112)));
  const writer = pool.writer();
  return {
    pool,
    packets,
    bulk: [],
    writer,
    opened: [],
    promises: [],
    readers: [],
    reads: [],
    attached: 0,
    freed: 0,
  };
}

async function end(model: Model, count: number): Promise<void> {
  const { pool, packets, bulk, writer, opened, promises, readers, reads } = model;
  expect(pool.check()).toEqual([]);
  await doUpkeep(evaluation);
  expect(pool.check()).toEqual([]);
  writer.release();
  for (const packet of [...packets, ...bulk]) {
    // One that a bulk operation had in hand when it was cut off may be idle and not know it.
    try {
      packet[Symbol.dispose]();
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_SUPERSLAB_RELEASED' });
    }
  }
  for (const promise of promises) {
    promise.then(
      (packet) => packet.released || pool.free(packet),
      () => {},
    );
  }
  for (const reader of readers) await reader.return!();
  for (const one of reads) {
    one.then(
      ({ value }) => value?.released === false && pool.free(value),
      () => {},
    );
  }
  for (let i = 0; i < 40; i++) await null;
  expect(pool.stats().inUseBytes).toBe(0);
  expect(model.freed).toBe(model.attached);
  if (!pool.closed) {
    const all = pool.getBulk(MAX);
    expect(new Set(all).size).toBe(MAX);
    for (const packet of all)
      expect(packet).toMatchObject({ length: 0, segments: 1, headroom: 16, shared: false });
    pool.freeBulk(all);
    expect(pool.check()).toEqual([]);
    pool.close();
  }
  for (const one of opened) one.close();
  await doUpkeep(evaluation);
  await vi.waitUntil(() => countPools() === count, { interval: 1, timeout: 10_000 });
}

describe.each(CUTS)('by %s', (how) => {
  describe.each(['never', 'release'] as const)('zero: %s', (zero) => {
    test.for(Object.keys(steps))('in %s', async (name) => {
      const count = countPools();
      await cutEverywhere(
        how,
        () => begin(zero),
        (model) => steps[name]!(model),
        (model) => end(model, count),
      );
    });
  });
});
