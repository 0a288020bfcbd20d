// Packets against plain Buffers that are copied: whatever is done with them, they have the same bytes.
import fc from 'fast-check';
import { type Packet, PacketPool } from 'superslab/pools';
import { expect, test } from 'vitest';
import { thrownBy } from '../support/expect-error.js';

const SIZE = 64;
const HEADROOM = 16;
const MAX = 40;

/** A packet, and what it must have. */
interface Modelled {
  readonly packet: Packet;
  bytes: Buffer;
}

const actions = [
  'make',
  'get',
  'attach',
  'push',
  'pull',
  'put',
  'trim',
  'append',
  'split',
  'clone',
  'slice',
  'linearize',
  'peek',
  'copy',
  'release',
] as const;

interface Step {
  readonly act: (typeof actions)[number];
  /** Which packet, which other one, and two places or lengths. */
  readonly which: number;
  readonly other: number;
  readonly a: number;
  readonly b: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom(...actions),
  which: fc.nat(100),
  other: fc.nat(100),
  a: fc.nat(200),
  b: fc.nat(200),
});

class Model {
  readonly pool = new PacketPool({ size: SIZE, headroom: HEADROOM, tailroom: 4, max: MAX });
  readonly live: Modelled[] = [];
  attached = 0;
  freed = 0;
  #seed = 0;

  #fresh(length: number): Buffer {
    this.#seed = (this.#seed + 41) & 255;
    return Buffer.alloc(length, 0).map((_, i) => (this.#seed + i) & 255) as Buffer;
  }

  #add(packet: Packet, bytes: Uint8Array): void {
    this.live.push({ packet, bytes: Buffer.from(bytes) });
  }

  /** Whether there are as many segments left as a packet of `length` bytes may take. */
  #hasRoom(length: number): boolean {
    return this.pool.stats().inUseBytes / blockBytes + Math.ceil(length / 40) + 1 <= MAX;
  }

  do({ act, which, other, a, b }: Step): void {
    const { pool, live } = this;
    const one = live[which % Math.max(live.length, 1)];
    if (act === 'make') {
      const bytes = this.#fresh(a);
      if (this.#hasRoom(a)) this.#add(pool.from(bytes), bytes);
      return;
    }
    if (act === 'get') {
      if (this.#hasRoom(0)) this.#add(pool.get(), Buffer.alloc(0));
      return;
    }
    if (act === 'attach') {
      const bytes = this.#fresh(a);
      this.attached++;
      this.#add(
        pool.attach(Buffer.from(bytes), () => this.freed++),
        bytes,
      );
      return;
    }
    if (one === undefined) return;
    this.#change(act, one, live[other % live.length]!, a, b);
  }

  #change(act: Step['act'], one: Modelled, other: Modelled, a: number, b: number): void {
    const { packet, bytes } = one;
    const at = a % (bytes.length + 1);
    const to = at + (b % (bytes.length - at + 1));
    switch (act) {
      case 'push': {
        const n = a % 24;
        if (n > packet.headroom) {
          thrownBy(() => packet.push(n), 'ERR_SUPERSLAB_SIZE');
          return;
        }
        const added = this.#fresh(n);
        added.copy(packet.push(n).base, packet.offset);
        one.bytes = Buffer.concat([added, bytes]);
        return;
      }
      case 'put': {
        const n = a % 24;
        if (n > packet.tailroom) {
          thrownBy(() => packet.put(n), 'ERR_SUPERSLAB_SIZE');
          return;
        }
        const added = this.#fresh(n);
        packet.put(n);
        added.copy(packet.view(bytes.length, bytes.length + n));
        one.bytes = Buffer.concat([bytes, added]);
        return;
      }
      case 'pull':
        packet.pull(at);
        one.bytes = bytes.subarray(at);
        return;
      case 'trim':
        packet.trim(at);
        one.bytes = bytes.subarray(0, bytes.length - at);
        return;
      case 'append':
        if (one === other) {
          thrownBy(() => packet.append(packet), 'ERR_SUPERSLAB_ARGUMENT');
          return;
        }
        packet.append(other.packet);
        one.bytes = Buffer.concat([bytes, other.bytes]);
        this.live.splice(this.live.indexOf(other), 1);
        return;
      case 'split':
        this.#add(packet.split(at), bytes.subarray(at));
        one.bytes = bytes.subarray(0, at);
        return;
      case 'clone':
        this.#add(packet.clone(), bytes);
        return;
      case 'slice':
        this.#add(packet.slice(at, to), bytes.subarray(at, to));
        return;
      case 'linearize':
        if (!this.#hasRoom(0)) return;
        try {
          packet.linearize();
          expect(packet.segments).toBe(1);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_SUPERSLAB_SIZE' });
          expect(bytes.length).toBeGreaterThan(SIZE);
        }
        return;
      case 'peek':
        expect(packet.peek(at, to - at)).toEqual(Buffer.from(bytes.subarray(at, to)));
        return;
      case 'copy':
        if (this.#hasRoom(bytes.length)) this.#add(packet.copy(), bytes);
        return;
      case 'release':
        packet.release();
        this.live.splice(this.live.indexOf(one), 1);
        return;
    }
  }

  check(): void {
    for (const { packet, bytes } of this.live) {
      const parts = packet.iovec();
      expect(Buffer.concat(parts).equals(bytes)).toBe(true);
      expect(packet.length).toBe(bytes.length);
      expect(packet.segments).toBeGreaterThanOrEqual(parts.length);
      expect(packet.tailroom).toBeGreaterThanOrEqual(0);
    }
    expect(this.pool.check()).toEqual([]);
  }

  end(): void {
    for (const { packet } of this.live) packet.release();
    expect(this.freed).toBe(this.attached);
    expect(this.pool.check()).toEqual([]);
    const { acquires, releases, inUseBytes } = this.pool.stats();
    expect([releases, inUseBytes]).toEqual([acquires, 0]);
    this.pool.close();
  }
}

const blockBytes = (() => {
  using pool = new PacketPool({ size: SIZE, headroom: HEADROOM });
  using _ = pool.get();
  return pool.stats().inUseBytes;
})();

test('packets have the bytes that a plain Buffer would have', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const model = new Model();
      for (const one of steps) {
        model.do(one);
        model.check();
      }
      model.end();
    }),
    { numRuns: 300 },
  );
});
