// What FixedPool is compared with.
import { BufferPool } from 'superslab';
import { FixedPool } from 'superslab/pools';
import { checkedList } from '../support/checked-list.js';

export const FIXED_VARIANTS = ['superslab', 'bare list', 'checked list', 'pool.acquire'] as const;
export type FixedVariant = (typeof FIXED_VARIANTS)[number];

export interface FixedMemory {
  get(): Uint8Array;
  put(buf: Uint8Array): void;
  getBulk(count: number, into: Uint8Array[]): void;
  putBulk(bufs: Uint8Array[]): void;
}

/** A kind that has no bulk operations of its own. */
function oneByOne(get: () => Uint8Array, put: (buf: Uint8Array) => void): FixedMemory {
  return {
    get,
    put,
    getBulk: (count, into) => {
      for (let i = 0; i < count; i++) into[i] = get();
    },
    putBulk: (bufs) => {
      for (let i = 0; i < bufs.length; i++) put(bufs[i]!);
    },
  };
}

/** The least that hands out the same Buffers again: a second put lends one buffer twice. */
function bareList(size: number): FixedMemory {
  const free: Buffer[] = [];
  return oneByOne(
    () => free.pop() ?? Buffer.allocUnsafeSlow(size),
    (buf) => {
      free.push(buf as Buffer);
    },
  );
}

export function fixedMemory(variant: FixedVariant, size: number): FixedMemory {
  switch (variant) {
    case 'superslab': {
      const pool = new FixedPool({ name: 'fixed', size, initial: 64 });
      return {
        get: pool.get,
        put: pool.put,
        getBulk: (count, into) => void pool.getBulk(count, into as never),
        putBulk: (bufs) => pool.putBulk(bufs),
      };
    }
    case 'bare list':
      return bareList(size);
    case 'checked list': {
      const { acquire, release } = checkedList();
      return oneByOne(() => acquire(size), release);
    }
    case 'pool.acquire': {
      const pool = new BufferPool({ name: 'buffers' });
      return oneByOne(() => pool.acquire(size), pool.release);
    }
  }
}
