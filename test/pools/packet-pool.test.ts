// PacketPool keeps the contract of every pool, and what it does beyond that.
import { BufferPool } from 'superslab';
import { type Packet, PacketPool, type PacketPoolOptions } from 'superslab/pools';
import { describe, expect, test } from 'vitest';
import { overlap } from '../support/bytes.js';
import { rejectedBy, thrownBy } from '../support/expect-error.js';
import { internal } from '../support/internal.js';
import { watchesAll } from '../support/watching.js';
import { conformance } from './conformance.js';

const SIZE = 256;
const HEADROOM = 32;
/** Bytes of data that a new packet has room for. */
const ROOM = SIZE - HEADROOM;

/** What the figures of a pool say when one packet is out: guards make blocks larger. */
const blockBytes = (() => {
  using pool = new PacketPool({ size: SIZE });
  using _ = pool.get();
  return pool.stats().inUseBytes;
})();

conformance<PacketPool, Packet>({
  name: 'PacketPool',
  open: (options) => new PacketPool({ size: SIZE, ...options }),
  limitedTo: (count) => ({ max: count }),
  take: (pool) => pool.get(),
  give: (pool, packet) => pool.free(packet as Packet),
  wait: (pool, signal) => pool.getAsync(signal === undefined ? {} : { signal }),
  warm: (pool, count, onProgress) => pool.warm(count, onProgress),
  isLent: (packet) => !packet.released,
  overlap: (one, other) => overlap(one.base, other.base),
  lendsAgain: !watchesAll,
  strangers: (packet) => [packet.base, packet.view(), Object.create(packet), { ...packet }],
  lent: ({ inUseBytes }) => inUseBytes / blockBytes,
  wrongOptions: [
    [{ size: 0 }, 'size', '1 to 2097152', 'got 0'],
    [{ size: 100 }, 'headroom', '100', '128'],
    [{ size: 100, headroom: 60, tailroom: 40 }, 'leave room', '60 and 40'],
    [{ headroom: -1 }, 'headroom', '-1'],
    [{ tailroom: '1' }, 'tailroom', '"1"'],
    [{ headrom: 1 }, '"headrom"', 'did you mean "headroom"?'],
    [{ max: 2, initial: 3 }, 'initial of PacketPool()', 'at most max, 2', 'got 3'],
    [{ maxBytes: 1 }, '"maxBytes"'],
    [{ zero: 'nevr' }, '"zero"', '"nevr"', 'did you mean "never"?'],
    [{ name: '' }, 'name', '""'],
  ],
  source: {
    open: "new (await import('superslab/pools')).PacketPool({ size: 1 << 20, ...OPTIONS })",
    take: 'pool.get()',
    give: 'pool.free(thing)',
  },
});

const unwatched: Partial<PacketPoolOptions> = { leakDetection: 'off', guard: 'off' };
const open = (options: PacketPoolOptions = {}) =>
  new PacketPool({ name: 'packets', size: SIZE, headroom: HEADROOM, ...options });

/** Nothing is out, and the books are right. */
function expectWhole(pool: PacketPool): void {
  expect(pool.check()).toEqual([]);
  expect(pool.stats().inUseBytes).toBe(0);
}

const letters = (count: number) => Buffer.from(Array.from({ length: count }, (_, i) => 97 + (i % 26)));

describe('offsets', () => {
  test('of a new packet are those of its pool', () => {
    using pool = new PacketPool();
    using packet = pool.get();
    expect(packet).toMatchObject({ length: 0, segments: 1, headroom: 128, tailroom: 1920, shared: false });
    expect(pool).toMatchObject({ size: 2048, headroom: 128, tailroom: 0, max: 0 });
    expect(packet.base).toHaveLength(2048);
    expect(packet.offset).toBe(128);
  });

  test('move in front and behind', () => {
    using pool = open();
    using packet = pool.get();
    expect(packet.put(10)).toBe(packet);
    expect(packet).toMatchObject({ length: 10, headroom: HEADROOM, tailroom: ROOM - 10 });
    packet.push(HEADROOM);
    expect(packet).toMatchObject({ length: 10 + HEADROOM, headroom: 0, offset: 0 });
    packet.pull(40).trim(1);
    expect(packet).toMatchObject({ length: 1, headroom: 40, tailroom: ROOM - 9 });
    packet.put(0).push(0).pull(1).trim(0);
    expect(packet.length).toBe(0);
  });

  test('reserve makes headroom of an empty packet', () => {
    using pool = open();
    using packet = pool.get().reserve(64);
    expect(packet).toMatchObject({ length: 0, headroom: HEADROOM + 64, tailroom: ROOM - 64 });
    thrownBy(() => packet.reserve(ROOM), 'ERR_SUPERSLAB_SIZE');
    packet.put(1);
    expect(thrownBy(() => packet.reserve(1), 'ERR_SUPERSLAB_ARGUMENT').message).toContain('1 B');
  });

  test('stay where they are when there is no room, or for what is no count', () => {
    using pool = open();
    using packet = pool.get().put(20);
    for (const [act, said] of [
      [() => packet.push(HEADROOM + 1), `0 to ${HEADROOM}, the headroom, got ${HEADROOM + 1}`],
      [() => packet.pull(21), '0 to 20, the length of the packet, got 21'],
      [() => packet.put(ROOM - 19), `0 to ${ROOM - 20}, the tailroom`],
      [() => packet.trim(21), '0 to 20'],
    ] as const) {
      expect(thrownBy(act, 'ERR_SUPERSLAB_SIZE').message).toContain(said);
    }
    for (const wrong of [-1, 1.5, Number.NaN, '1', null, { valueOf: () => 1 }, 2 ** 32]) {
      for (const name of ['push', 'pull', 'put', 'trim'] as const) {
        const error = thrownBy(() => packet[name](wrong as number), 'ERR_SUPERSLAB_SIZE');
        expect(error).toBeInstanceOf(typeof wrong === 'number' ? RangeError : TypeError);
      }
    }
    expect(packet).toMatchObject({ length: 20, headroom: HEADROOM });
  });

  test('base and offset write a header without a view', () => {
    using pool = open();
    using packet = pool.from('data');
    packet.push(2).base.writeUInt16BE(0x4142, packet.offset);
    expect(String(packet)).toBe('ABdata');
  });
});

describe('shared memory', () => {
  test('a clone has offsets of its own, and nobody grows into the other', () => {
    using pool = open();
    const packet = pool.from('abcdef');
    const clone = packet.clone();
    clone.pull(2);
    packet.trim(3);
    expect([String(packet), String(clone)]).toEqual(['abc', 'cdef']);
    expect(pool.stats().inUseBytes).toBe(blockBytes);
    for (const one of [packet, clone]) {
      expect(one).toMatchObject({ shared: true, headroom: 0, tailroom: 0 });
      expect(thrownBy(() => one.push(1), 'ERR_SUPERSLAB_SIZE').message).toMatch(/shared by 2.*copy\(\)/);
      expect(thrownBy(() => one.put(1), 'ERR_SUPERSLAB_SIZE').message).toMatch(/shared by 2.*copy\(\)/);
    }
    packet.release();
    expect(clone).toMatchObject({ shared: false, headroom: HEADROOM + 2 });
    clone.push(2);
    expect(String(clone)).toBe('abcdef');
    clone.release();
    expectWhole(pool);
  });

  test('a copy is a packet of its own with the headroom of the pool', () => {
    using pool = open();
    using packet = pool.from('abc');
    packet.push(5).pull(5);
    using copy = packet.copy();
    expect(copy).toMatchObject({ length: 3, headroom: HEADROOM, shared: false });
    copy.base[copy.offset] = 120;
    expect([String(packet), String(copy)]).toEqual(['abc', 'xbc']);
  });

  test('a slice keeps the memory of what it shows, and only that', () => {
    using pool = open();
    const packet = pool.from(letters(3 * SIZE));
    expect(packet.segments).toBe(4);
    const slice = packet.slice(ROOM - 1, ROOM + 1);
    const empty = packet.slice(5, 5);
    expect([String(slice), slice.segments, empty.length]).toEqual([
      letters(SIZE).toString('latin1', ROOM - 1, ROOM + 1),
      2,
      0,
    ]);
    packet.release();
    expect(pool.stats().inUseBytes).toBe(2 * blockBytes);
    const copied = pool.from(slice.peek(0, 2));
    slice.release();
    empty.release();
    expect(pool.stats().inUseBytes).toBe(blockBytes);
    copied.release();
    expectWhole(pool);
  });

  test.for([
    [0, 4],
    [2, 1],
    [-1, 2],
    ['0', 1],
    [0, 1.5],
  ] as const)('a slice of %j is refused', ([start, end]) => {
    using pool = open();
    using packet = pool.from('abc');
    thrownBy(() => packet.slice(start as number, end), 'ERR_SUPERSLAB_SIZE');
    thrownBy(() => packet.view(start as number, end), 'ERR_SUPERSLAB_SIZE');
  });
});

describe('chains', () => {
  test('have the segments of both', () => {
    using pool = open();
    const packet = pool.from('head');
    const other = pool.from('tail');
    packet.append(other);
    expect(packet).toMatchObject({ length: 8, segments: 2, tailroom: ROOM - 4 });
    expect(String(packet)).toBe('headtail');
    expect(packet.put(1).trim(1).iovec().map(String)).toEqual(['head', 'tail']);
    packet.release();
    expectWhole(pool);
  });

  test('take over what is appended', () => {
    using pool = open();
    const [packet, other, third] = [pool.from('a'), pool.from('b'), pool.from('c')];
    packet.append(other);
    for (const act of [
      () => other.release(),
      () => pool.free(other),
      () => other.push(1),
      () => other.length,
      () => third.append(other),
      () => packet.append(other),
      () => pool.freeBulk([third, other]),
    ]) {
      expect(thrownBy(act, 'ERR_SUPERSLAB_RELEASED').message).toContain('appended to another one');
    }
    expect(other.released).toBe(true);
    expect(third.released).toBe(false);
    expect(thrownBy(() => packet.append(packet), 'ERR_SUPERSLAB_ARGUMENT').message).toContain('clone()');
    thrownBy(() => packet.append({} as Packet), 'ERR_SUPERSLAB_FOREIGN');
    packet.append(packet.clone());
    expect(String(packet)).toBe('abab');
    pool.freeBulk([packet, third]);
    expectWhole(pool);
  });

  test('are cut where one wants', () => {
    using pool = open();
    const packet = pool.from('abc').append(pool.from('def')).append(pool.from('ghi'));
    const second = packet.split(3);
    expect([String(packet), String(second), packet.segments, second.segments]).toEqual([
      'abc',
      'defghi',
      1,
      2,
    ]);
    expect(packet.shared || second.shared).toBe(false);
    const third = second.split(4);
    expect([String(second), String(third)]).toEqual(['defg', 'hi']);
    expect(second.shared && third.shared).toBe(true);
    const [none, all] = [third.split(2), third.split(0)];
    expect([String(third), String(all), String(none)]).toEqual(['', 'hi', '']);
    thrownBy(() => packet.split(4), 'ERR_SUPERSLAB_SIZE');
    pool.freeBulk([packet, second, third, none, all]);
    expectWhole(pool);
  });

  test('lose segments that are pulled or trimmed away', () => {
    using pool = open();
    using packet = pool.from('abc').append(pool.from('def')).append(pool.from('ghi'));
    packet.pull(4);
    expect([String(packet), packet.segments]).toEqual(['efghi', 2]);
    expect(pool.stats().inUseBytes).toBe(2 * blockBytes);
    packet.trim(3);
    expect([String(packet), packet.segments]).toEqual(['ef', 1]);
    expect(pool.stats().inUseBytes).toBe(blockBytes);
    expect(packet.push(1).put(1)).toHaveLength(4);
  });

  test('become one segment', () => {
    using pool = open();
    const packet = pool.from('abc').append(pool.from('def'));
    expect(packet.linearize()).toMatchObject({ segments: 1, headroom: HEADROOM });
    expect(String(packet)).toBe('abcdef');
    expect(pool.stats().inUseBytes).toBe(blockBytes);
    // What is shared has no tailroom.
    const clone = packet.clone();
    packet.append(pool.from('ghi')).linearize();
    expect([String(packet), String(clone), packet.segments, packet.shared]).toEqual([
      'abcdefghi',
      'abcdef',
      1,
      false,
    ]);
    packet.append(pool.from(letters(SIZE)));
    const { message } = thrownBy(() => packet.linearize(), 'ERR_SUPERSLAB_SIZE');
    for (const part of ['"packets"', `${SIZE + 9} B`, 'iovec()']) expect(message).toContain(part);
    expect(packet).toHaveLength(SIZE + 9);
    pool.freeBulk([packet, clone]);
    expectWhole(pool);
  });

  test('that cannot become one for want of room are as they were', () => {
    using pool = open({ max: 3 });
    const packet = pool.from('abc').append(pool.from(letters(200)));
    // What is shared has no tailroom.
    const clone = packet.slice(0, 1);
    const other = pool.get();
    thrownBy(() => packet.linearize(), 'ERR_SUPERSLAB_EXHAUSTED');
    expect(packet).toMatchObject({ length: 203, segments: 2 });
    other.release();
    expect(packet.linearize()).toMatchObject({ length: 203, segments: 1 });
    expect(String(packet)).toBe(`abc${letters(200)}`);
    pool.freeBulk([packet, clone]);
    expectWhole(pool);
  });

  test('are looked into across segments', () => {
    using pool = open();
    using packet = pool.from('abc').append(pool.from('def'));
    expect(packet.peek(1, 2).toString()).toBe('bc');
    expect(packet.peek(3, 3).toString()).toBe('def');
    expect(packet.peek(1, 4).toString()).toBe('bcde');
    expect(packet.peek(6, 0)).toHaveLength(0);
    packet.peek(3, 1)[0] = 120; // a view
    packet.peek(1, 4)[3] = 121; // a copy
    expect(String(packet)).toBe('abcxef');
    expect(packet.view(3, 6).toString()).toBe('xef');
    expect(thrownBy(() => packet.view(), 'ERR_SUPERSLAB_ARGUMENT').message).toMatch(/2 segments; use peek/);
    for (const [offset, n] of [
      [7, 0],
      [0, 7],
      [-1, 1],
      [0, -1],
    ] as const) {
      thrownBy(() => packet.peek(offset, n), 'ERR_SUPERSLAB_SIZE');
    }
  });

  test('may be of several pools, and each segment goes home', () => {
    using one = open();
    using other = open({ name: 'others' });
    one.from('a').append(other.from('b')).append(one.from('c')).release();
    expectWhole(one);
    expectWhole(other);
    const packet = one.from('a').append(other.from('b'));
    other.free(packet);
    expectWhole(other);
  });
});

describe('memory of the program', () => {
  test('is given back when nothing shows it any more', () => {
    using pool = open();
    const memory = Buffer.from('external');
    const freed: unknown[] = [];
    const packet = pool.attach(memory, (one) => freed.push(one));
    expect(packet).toMatchObject({ length: 8, headroom: 0, tailroom: 0 });
    expect(packet.base.buffer).toBe(memory.buffer);
    const slice = packet.slice(2, 5);
    packet.release();
    expect([String(slice), freed]).toEqual(['ter', []]);
    const chain = pool.from('a').append(slice);
    chain.release();
    expect(freed).toEqual([memory]);
    pool.attach(new Uint8Array(3)).release();
    expectWhole(pool);
  });

  test('may be a pooled buffer', () => {
    using pool = open();
    using buffers = new BufferPool({ name: 'buffers' });
    const packet = pool.attach(buffers.from('pooled'), (buf) => buf.release());
    expect(String(packet)).toBe('pooled');
    packet.release();
    expect(buffers.stats().inUseBytes).toBe(0);
  });

  test('whose callback throws is released all the same, with all the others', () => {
    using pool = open();
    const calls: string[] = [];
    const failing = (name: string) =>
      pool.attach(Buffer.from(name), () => {
        calls.push(name);
        throw new Error(`free of ${name}`);
      });
    const packet = failing('a').append(pool.from('b')).append(failing('c'));
    expect(() => packet.release()).toThrow('free of c');
    expect([calls.sort(), packet.released]).toEqual([['a', 'c'], true]);
    thrownBy(() => packet.release(), 'ERR_SUPERSLAB_RELEASED');
    expect(() => pool.freeBulk([failing('d'), pool.get()])).toThrow('free of d');
    expectWhole(pool);
  });

  test('has a callback that may do anything', () => {
    using pool = open({ max: 3 });
    const kept: Packet[] = [];
    const attached = pool.attach(Buffer.from('a'), () => {
      thrownBy(() => packet.release(), 'ERR_SUPERSLAB_RELEASED');
      kept.push(pool.get());
      // The two others come back after this.
      thrownBy(() => pool.get(), 'ERR_SUPERSLAB_EXHAUSTED');
      pool.trim();
    });
    const packet = pool.from('x').append(attached).append(pool.from('y'));
    packet.release();
    pool.freeBulk([...kept, ...pool.getBulk(2)]);
    expectWhole(pool);
  });

  test('is none without bytes, or with a callback that is none', () => {
    using pool = open();
    thrownBy(() => pool.attach('text' as never), 'ERR_SUPERSLAB_ARGUMENT');
    thrownBy(() => pool.attach(Buffer.alloc(1), 1 as never), 'ERR_SUPERSLAB_ARGUMENT');
    expect(pool.attach(Buffer.alloc(0)).release()).toBeUndefined();
  });
});

describe('packets again', () => {
  test.skipIf(watchesAll)('are the same objects', () => {
    using pool = open();
    const packets = [pool.get(), pool.get()];
    packets[0]!.context = 'mine';
    pool.freeBulk(packets);
    const again = [pool.get(), pool.get()];
    expect(new Set(again)).toEqual(new Set(packets));
    for (const packet of again) expect(packet.context).toBeUndefined();
    const clone = again[0]!.clone();
    clone.release();
    expect(again[1]!.clone()).toBe(clone);
    clone.release();
    pool.freeBulk(again);
    expectWhole(pool);
  });

  test('cannot be used once they are released', () => {
    using pool = open();
    const packet = pool.from('abc');
    const other = pool.from('def');
    packet.release();
    for (const act of [
      () => packet.push(1),
      () => packet.pull(1),
      () => packet.put(1),
      () => packet.trim(1),
      () => packet.reserve(1),
      () => packet.length,
      () => packet.headroom,
      () => packet.tailroom,
      () => packet.segments,
      () => packet.shared,
      () => packet.base,
      () => packet.offset,
      () => packet.context,
      () => packet.view(),
      () => packet.peek(0, 0),
      () => packet.iovec(),
      () => packet.clone(),
      () => packet.copy(),
      () => packet.slice(),
      () => packet.split(0),
      () => packet.append(other),
      () => other.append(packet),
      () => packet.linearize(),
      () => packet.writeTo(process.stdout),
    ]) {
      expect(thrownBy(act, 'ERR_SUPERSLAB_RELEASED').message).toContain('"packets"');
    }
    packet[Symbol.dispose]();
    expect([packet.released, other.released, String(packet)]).toEqual([true, false, '[a released packet]']);
    other.release();
    expectWhole(pool);
  });

  test('show themselves', async () => {
    const { inspect } = await import('node:util');
    using pool = open();
    const packet = pool.from('abc').append(pool.from('d'));
    expect(inspect(packet)).toBe('<Packet 4 B in 2 segments>');
    packet.release();
    expect(inspect(packet)).toBe('<Packet (released)>');
  });

  test('are made by a pool alone', () => {
    using pool = open();
    using packet = pool.get();
    const { constructor: Handle } = Object.getPrototypeOf(packet) as {
      constructor: new (part: unknown) => Packet;
    };
    thrownBy(() => new Handle({}), 'ERR_SUPERSLAB_ARGUMENT');
  });

  test('are fresh objects under a guard, so that late use is always found', () => {
    using pool = open({ guard: 'poison' });
    const packet = pool.get();
    const clone = packet.clone();
    packet.release();
    clone.release();
    using _ = pool.get().append(pool.get());
    for (const late of [packet, clone]) thrownBy(() => late.put(1), 'ERR_SUPERSLAB_RELEASED');
  });

  test('report what was written behind them', () => {
    using pool = open({ size: 100, guard: 'canary' });
    const packet = pool.get();
    new Uint8Array(packet.base.buffer)[packet.base.byteOffset + 101] = 1;
    const clone = packet.clone();
    packet.release();
    thrownBy(() => clone.release(), 'ERR_SUPERSLAB_OVERFLOW');
    expect(clone.released).toBe(true);
    expectWhole(pool);
  });

  test('with a guard that detaches have no bytes once the last is released', () => {
    using pool = open({ guard: 'detach' });
    const packet = pool.from('abc');
    const clone = packet.clone();
    const view = packet.view();
    packet.release();
    expect(view).toHaveLength(3);
    clone.release();
    expect(view).toHaveLength(0);
  });

  test.for(['acquire', 'release'] as const)('zero: %s clears them', (zero) => {
    using pool = open({ zero });
    for (let i = 0; i < 3; i++) {
      const packet = pool.get();
      expect(packet.base.every((byte) => byte === 0)).toBe(true);
      packet.base.fill(7);
      const clone = packet.clone();
      packet.release();
      clone.release();
    }
    expectWhole(pool);
  });
});

describe('many at once', () => {
  test('come and go', () => {
    using pool = open({ initial: 64 });
    const into: Packet[] = [];
    const before = pool.stats().acquires;
    expect(pool.getBulk(64, into)).toBe(into);
    expect(new Set(into).size).toBe(64);
    for (const packet of into) expect(packet).toMatchObject({ length: 0, headroom: HEADROOM });
    expect(pool.stats()).toMatchObject({ acquires: before + 64, inUseBytes: 64 * blockBytes });
    pool.freeBulk(into);
    for (const packet of into) expect(packet.released).toBe(true);
    expectWhole(pool);
  });

  test('are all given or none, all taken or none', () => {
    using pool = open({ max: 6 });
    using other = open({ name: 'others' });
    const gone = pool.get();
    const packets = pool.getBulk(4);
    thrownBy(() => pool.getBulk(2, []), 'ERR_SUPERSLAB_EXHAUSTED');
    gone.release();
    for (const [wrong, code] of [
      [[...packets, gone], 'ERR_SUPERSLAB_RELEASED'],
      [[...packets, packets[2]!], 'ERR_SUPERSLAB_RELEASED'],
      [[...packets, {}], 'ERR_SUPERSLAB_FOREIGN'],
      [[packets[0]!, undefined], 'ERR_SUPERSLAB_FOREIGN'],
    ] as const) {
      thrownBy(() => pool.freeBulk(wrong as unknown as Packet[]), code);
      for (const packet of packets) expect(pool.owns(packet)).toBe(true);
      expect(pool.check()).toEqual([]);
    }
    pool.freeBulk([
      ...packets.splice(0),
      other.get(),
      other.get().append(other.get()),
      other.attach(Buffer.alloc(1)),
    ]);
    expectWhole(pool);
    expectWhole(other);
    for (const count of [-1, 1.5, '1'])
      thrownBy(() => pool.getBulk(count as number), 'ERR_SUPERSLAB_ARGUMENT');
    thrownBy(() => pool.getBulk(1, {} as never), 'ERR_SUPERSLAB_ARGUMENT');
    thrownBy(() => pool.freeBulk(new Set() as never), 'ERR_SUPERSLAB_ARGUMENT');
  });

  test('see no code of the program in the midst of it', () => {
    using pool = open({ ...unwatched, initial: 8 });
    const [spare, ...packets] = pool.getBulk(5) as [Packet, ...Packet[]];
    const taken: Packet[] = [];
    const array = new Proxy(packets, {
      get(target, key, receiver) {
        if (key === '2' && taken.length === 0) {
          taken.push(pool.get());
          spare.release();
          taken.push(packets[0]!.clone());
        }
        return Reflect.get(target, key, receiver);
      },
    });
    pool.freeBulk(array);
    for (const packet of taken) expect(pool.owns(packet)).toBe(true);
    taken.pop()!.release();
    const again = pool.getBulk(7);
    expect(new Set([...again, ...taken]).size).toBe(8);
    pool.freeBulk([...again, ...taken]);
    expectWhole(pool);
  });
});

describe('a writer', () => {
  test('writes all that a Buffer can write', () => {
    using pool = open();
    const writer = pool.writer();
    writer.writeUInt8(1).writeInt8(-1).writeUInt16LE(2).writeUInt16BE(2).writeInt16LE(-2).writeInt16BE(-2);
    writer.writeUInt32LE(3).writeUInt32BE(3).writeInt32LE(-3).writeInt32BE(-3);
    writer.writeFloatLE(0.5).writeFloatBE(0.5).writeDoubleLE(0.25).writeDoubleBE(0.25);
    writer.writeBigUInt64LE(4n).writeBigUInt64BE(4n).writeBigInt64LE(-4n).writeBigInt64BE(-4n);
    writer.writeUIntLE(5, 3).writeUIntBE(5, 6).writeIntLE(-5, 5).writeIntBE(-5, 3);
    writer.write('text').write('ff00', 'hex').bytes(Uint8Array.of(9, 8));
    const { length } = writer;
    const model = Buffer.alloc(length);
    let at = 0;
    at = model.writeUInt8(1, at);
    at = model.writeInt8(-1, at);
    at = model.writeUInt16LE(2, at);
    at = model.writeUInt16BE(2, at);
    at = model.writeInt16LE(-2, at);
    at = model.writeInt16BE(-2, at);
    at = model.writeUInt32LE(3, at);
    at = model.writeUInt32BE(3, at);
    at = model.writeInt32LE(-3, at);
    at = model.writeInt32BE(-3, at);
    at = model.writeFloatLE(0.5, at);
    at = model.writeFloatBE(0.5, at);
    at = model.writeDoubleLE(0.25, at);
    at = model.writeDoubleBE(0.25, at);
    at = model.writeBigUInt64LE(4n, at);
    at = model.writeBigUInt64BE(4n, at);
    at = model.writeBigInt64LE(-4n, at);
    at = model.writeBigInt64BE(-4n, at);
    at = model.writeUIntLE(5, at, 3);
    at = model.writeUIntBE(5, at, 6);
    at = model.writeIntLE(-5, at, 5);
    at = model.writeIntBE(-5, at, 3);
    at += model.write('text', at);
    at += model.write('ff00', at, 'hex');
    model.set([9, 8], at);
    expect(at + 2).toBe(length);
    using packet = writer.finish();
    expect(Buffer.concat(packet.iovec())).toEqual(model);
  });

  test('adds segments, leaves the tailroom, and begins anew', () => {
    using pool = open({ tailroom: 16 });
    const writer = pool.writer();
    const text = letters(3 * SIZE).toString();
    writer
      .write(text.slice(0, ROOM - 18))
      .writeUInt32BE(0x61626364)
      .write('é')
      .bytes(letters(600));
    const packet = writer.finish();
    expect(String(packet)).toBe(`${text.slice(0, ROOM - 18)}abcdé${letters(600)}`);
    expect(packet.segments).toBe(4);
    expect(packet.tailroom).toBeGreaterThanOrEqual(16);
    expect(writer.length).toBe(0);
    const empty = writer.finish();
    expect(empty).toMatchObject({ length: 0, segments: 1 });
    pool.freeBulk([packet, empty]);
    writer.write('given up');
    writer.release();
    writer.release();
    {
      using other = pool.writer();
      other.write('given up');
    }
    expectWhole(pool);
  });

  test('writes nothing of what it cannot write', () => {
    using pool = open({ max: 2 });
    using writer = pool.writer();
    writer.write('ab');
    expect(() => writer.writeUInt8(256)).toThrow(RangeError);
    for (const wrong of [
      () => writer.writeUInt8({ valueOf: () => writer.write('c') } as never),
      () => writer.writeBigInt64LE(1 as never),
      () => writer.writeIntLE('1' as never, 2),
      () => writer.write(1 as never),
      () => writer.write('a', 'utf-9' as never),
      () => writer.bytes('text' as never),
      () => writer.writeIntLE(1, 7),
      () => writer.writeUIntBE(1, 1.5),
    ]) {
      thrownBy(wrong, 'ERR_SUPERSLAB_ARGUMENT');
    }
    thrownBy(() => writer.bytes(letters(1000)), 'ERR_SUPERSLAB_EXHAUSTED');
    thrownBy(() => writer.write('é'.repeat(400)), 'ERR_SUPERSLAB_EXHAUSTED');
    expect(pool.stats().inUseBytes).toBe(blockBytes);
    using packet = writer.finish();
    expect(String(packet)).toBe('ab');
  });

  test('of segments that are too small says so', () => {
    using pool = open({ size: 10, headroom: 4 });
    const writer = pool.writer().writeDoubleLE(1);
    const small = open({ size: 6, headroom: 4 });
    expect(thrownBy(() => small.writer().writeDoubleLE(1), 'ERR_SUPERSLAB_SIZE').message).toContain('8 B');
    small.close();
    writer.release();
  });
});

describe('from()', () => {
  test('copies text, bytes and ArrayBuffers', () => {
    using pool = open();
    for (const data of ['aé', Buffer.from('aé'), new Uint8Array(Buffer.from('aé')).buffer]) {
      using packet = pool.from(data);
      expect(String(packet)).toBe('aé');
    }
    using hex = pool.from('ff', 'hex');
    expect(hex.view()).toEqual(Buffer.of(255));
    thrownBy(() => pool.from(1 as never), 'ERR_SUPERSLAB_ARGUMENT');
    thrownBy(() => pool.from('a', 'utf-9' as never), 'ERR_SUPERSLAB_ARGUMENT');
  });

  test('takes all segments or none', () => {
    using pool = open({ max: 2 });
    thrownBy(() => pool.from(letters(3 * SIZE)), 'ERR_SUPERSLAB_EXHAUSTED');
    expectWhole(pool);
    using packet = pool.from(letters(ROOM + SIZE));
    expect(packet.segments).toBe(2);
    thrownBy(() => packet.copy(), 'ERR_SUPERSLAB_EXHAUSTED');
  });
});

test('who waits is served by the release of the last clone', async () => {
  using pool = open({ max: 1 });
  const packet = pool.get();
  const clone = packet.clone();
  const waiting = pool.getAsync();
  packet.release();
  await new Promise(setImmediate);
  expect(pool.stats().waiting).toBe(1);
  clone.release();
  pool.free(await waiting);
  await rejectedBy(pool.getAsync({ timeout: 1 } as never), 'ERR_SUPERSLAB_OPTION');
  await expect(pool.getAsync({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  expectWhole(pool);
});

test('a pool that is closed gets everything back, clones and chains too', () => {
  const pool = open();
  const packet = pool.from(letters(600));
  const clone = packet.clone();
  const writer = pool.writer().write('a');
  pool.close();
  thrownBy(() => packet.copy(), 'ERR_SUPERSLAB_CLOSED');
  thrownBy(() => pool.attach(Buffer.alloc(1)), 'ERR_SUPERSLAB_CLOSED');
  packet.release();
  expect(String(clone)).toBe(letters(600).toString());
  clone.release();
  writer.release();
  expectWhole(pool);
  expect(pool.stats().committedBytes).toBe(0);
});

test.skipIf(watchesAll)('idle packets go after a rest, but for those that the pool began with', () => {
  using pool = open({ initial: 3, purgeDelayMs: 60_000 });
  const { openCores } = internal<{ openCores: Map<number, { heapId: number; tick(): boolean }> }>(
    'pool/cores',
  );
  const core = [...openCores.values()].find(({ heapId }) => heapId === pool.stats().heapId)!;
  pool.freeBulk(pool.getBulk(10));
  core.tick();
  expect(pool.stats().cachedBytes).toBeGreaterThanOrEqual(10 * blockBytes);
  core.tick();
  expect(pool.stats().cachedBytes).toBe(3 * blockBytes);
  const packet = pool.get();
  packet.release();
  pool.trim();
  expect(pool.stats()).toMatchObject({ cachedBytes: 0, committedBytes: 0 });
  thrownBy(() => packet.release(), 'ERR_SUPERSLAB_RELEASED');
  expectWhole(pool);
});

test('check() finds an idle packet that is none', () => {
  using pool = open({ ...unwatched, initial: 4, name: 'books' });
  const { openCores } = internal<{
    openCores: Map<number, { heapId: number; magazines: { idle: Uint32Array } }>;
  }>('pool/cores');
  const { idle } = [...openCores.values()].find(({ heapId }) => heapId === pool.stats().heapId)!.magazines;
  const tag = idle.findIndex((depth) => depth > 0);
  idle[tag]! += 1;
  expect(thrownBy(() => pool.check(), 'ERR_SUPERSLAB_CORRUPT').message).toContain('"books"');
  idle[tag]! -= 1;
  expect(pool.check()).toEqual([]);
});
