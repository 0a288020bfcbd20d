import { binding } from '../addon/binding.js';
import type { Slot } from '../guard/slot.js';
import type { LeaseCache } from './lease-cache.js';
import { leases, type PooledBuffer } from './pooled-buffer.js';
import {
  ensureWindow,
  GRANULE_MASK,
  GRANULE_SHIFT,
  largeWindow,
  SUPERSLAB_SHIFT,
  windows,
} from './windows.js';

const SUPERSLAB_BYTES = 1 << (SUPERSLAB_SHIFT + GRANULE_SHIFT);

/** A buffer over a block that the lease table has just given to this environment. */
export function adoptBlock(cache: LeaseCache, block: number, length: number): PooledBuffer {
  const { guard } = cache;
  let slot: Slot;
  try {
    if (guard?.watchesAdopted()) slot = guard.hold(block, length);
    else return adoptUnwatched(cache, block, length);
  } catch (error) {
    binding.releaseShared(block); // the reference must not be lost
    throw error;
  }
  return guard.adopt(slot);
}

function adoptUnwatched(cache: LeaseCache, block: number, length: number): PooledBuffer {
  if (length > SUPERSLAB_BYTES) {
    return leases.makeShared(cache, largeWindow(block), 0, length, block);
  }
  const superslab = block >>> SUPERSLAB_SHIFT;
  ensureWindow(superslab);
  const offset = (block & GRANULE_MASK) << GRANULE_SHIFT;
  return leases.makeShared(cache, windows[superslab]!, offset, length, block);
}
