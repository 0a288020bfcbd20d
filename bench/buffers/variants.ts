import { acquire as acquireOf, BufferPool, type PooledBuffer, release as releaseOf } from 'superslab';
import { checkedList } from '../support/checked-list.js';
import { freeList } from '../support/free-list.js';
import { type LoopCase, SLOTS } from './cases.js';

export const VARIANTS = [
  'superslab release(buf)',
  'superslab buf.release()',
  'superslab own pool',
  'free list',
  'checked list',
  'Buffer.allocUnsafe',
  'Buffer.alloc',
  'fresh view',
] as const;
export type Variant = (typeof VARIANTS)[number];

/** How a variant gets and gives back a buffer. Loops call these, whichever variant it is. */
export interface Memory {
  readonly acquire: (size: number) => Uint8Array;
  readonly release: (buf: Uint8Array) => void;
}

const releaseItself = (buf: Uint8Array): void => (buf as PooledBuffer).release();
const leaveToCollector = (_: Uint8Array): void => {};

/** What a view of memory costs, with nobody keeping account of who has which. */
class View extends Uint8Array {}

/**
 * Fresh views take their offsets from a table, as an allocator does: always the same one where one buffer is
 * taken and given back, as a stack of free blocks would hand it out, else as many as there are slots.
 */
function freshViews({ kind, max }: LoopCase): Memory {
  const blocks = kind === 'single' ? 1 : SLOTS;
  const memory = new ArrayBuffer(blocks * max);
  const offsets = Uint32Array.from({ length: 512 }, (_, i) => (i % blocks) * max);
  let next = 0;
  return {
    acquire: (size) => {
      next = (next + 1) & 511;
      return new View(memory, offsets[next]!, size);
    },
    release: leaveToCollector,
  };
}

export function memoryOf(variant: Variant, work: LoopCase): Memory {
  switch (variant) {
    case 'superslab release(buf)':
      return { acquire: acquireOf, release: releaseOf };
    case 'superslab buf.release()':
      return { acquire: acquireOf, release: releaseItself };
    case 'superslab own pool':
      return { acquire: new BufferPool({ name: 'own' }).acquire, release: releaseItself };
    case 'Buffer.allocUnsafe':
      return { acquire: (size) => Buffer.allocUnsafe(size), release: leaveToCollector };
    case 'Buffer.alloc':
      return { acquire: (size) => Buffer.alloc(size), release: leaveToCollector };
    case 'free list':
      return freeList();
    case 'checked list':
      return checkedList();
    case 'fresh view':
      return freshViews(work);
  }
}
