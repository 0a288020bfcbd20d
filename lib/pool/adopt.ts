import type { LeaseCache } from './lease-cache.js';
import { leases, type PooledBuffer } from './pooled-buffer.js';
import type { HeldReference } from './unfinished.js';
import {
  ensureWindow,
  GRANULE_MASK,
  GRANULE_SHIFT,
  largeWindow,
  SUPERSLAB_SHIFT,
  windows,
} from './windows.js';

const SUPERSLAB_BYTES = 1 << (SUPERSLAB_SHIFT + GRANULE_SHIFT);

/** A buffer over a block of which the lease table has just given a reference to this environment. */
export function adoptBlock(cache: LeaseCache, held: HeldReference, length: number): PooledBuffer {
  const { block } = held;
  const { guard } = cache;
  if (guard?.watchesAdopted()) {
    const slot = guard.hold(block, length);
    held.block = 0; // the slot has the reference now
    return guard.adopt(slot);
  }
  if (length > SUPERSLAB_BYTES) {
    return leases.makeShared(cache, largeWindow(block), 0, length, block);
  }
  const superslab = block >>> SUPERSLAB_SHIFT;
  ensureWindow(superslab);
  const offset = (block & GRANULE_MASK) << GRANULE_SHIFT;
  return leases.makeShared(cache, windows[superslab]!, offset, length, block);
}
