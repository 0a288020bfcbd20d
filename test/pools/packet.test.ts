// Packets: offsets, shared memory, chains, memory of the program.
import { BufferPool } from 'superslab';
import { type Packet, PacketPool } from 'superslab/pools';
import { describe, expect, test } from 'vitest';
import { thrownBy } from '../support/expect-error.js';
import { blockBytes, expectWhole, HEADROOM, letters, open, ROOM, SIZE } from './packets.js';

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
