import { facts } from '../addon/environment.js';
import type { LeaseCache } from './lease-cache.js';
import { leases, type PooledBuffer } from './pooled-buffer.js';
import type { HeldReference } from './unfinished.js';
import { currentWindow, GRANULE_MASK, GRANULE_SHIFT, largeWindow } from './windows.js';

const MAX_CLASS_BYTES = (facts.tagOfGranules.length - 1) << GRANULE_SHIFT;

/** A buffer over a block of which the lease table has just given a reference to this environment. */
export function adoptBlock(cache: LeaseCache, held: HeldReference, length: number): PooledBuffer {
  const { block } = held;
  const { guard } = cache;
  if (guard?.watchesAdopted()) {
    const slot = guard.hold(block, length);
    held.block = 0; // the slot has the reference now
    return guard.adopt(slot);
  }
  if (length > MAX_CLASS_BYTES) {
    return leases.makeShared(cache, largeWindow(block), 0, length, block);
  }
  const offset = (block & GRANULE_MASK) << GRANULE_SHIFT;
  return leases.makeShared(cache, currentWindow(block), offset, length, block);
}
