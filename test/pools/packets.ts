// What the tests of packets have in common.
import { PacketPool, type PacketPoolOptions } from 'superslab/pools';
import { expect } from 'vitest';

export const SIZE = 256;
export const HEADROOM = 32;
/** Bytes of data that a new packet has room for. */
export const ROOM = SIZE - HEADROOM;

/** What the figures of a pool say when one packet is out: guards make blocks larger. */
export const blockBytes = (() => {
  using pool = new PacketPool({ size: SIZE });
  using _ = pool.get();
  return pool.stats().inUseBytes;
})();

export const unwatched: Partial<PacketPoolOptions> = { leakDetection: 'off', guard: 'off' };

export const open = (options: PacketPoolOptions = {}) =>
  new PacketPool({ name: 'packets', size: SIZE, headroom: HEADROOM, ...options });

/** Nothing is out, and the books are right. */
export function expectWhole(pool: PacketPool): void {
  expect(pool.check()).toEqual([]);
  expect(pool.stats().inUseBytes).toBe(0);
}

export const letters = (count: number) => Buffer.from(Array.from({ length: count }, (_, i) => 97 + (i % 26)));
