// What writes values into packets.
import { describe, expect, test } from 'vitest';
import { thrownBy } from '../support/expect-error.js';
import { blockBytes, expectWhole, letters, open, ROOM, SIZE } from './packets.js';

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
