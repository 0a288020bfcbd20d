import { facts } from '../addon/environment.js';
import { GRANULE_MASK, GRANULE_SHIFT } from '../addon/generated/memory.js';
import { hugeWindow } from './huge-windows.js';
import type { PoolCore } from './pool-core.js';
import { leases, type PooledBuffer } from './pooled-buffer.js';
import type { HeldReference } from './unfinished.js';
import { currentWindow } from './windows.js';

const MAX_CLASS_BYTES = (facts.tagOfGranules.length - 1) << GRANULE_SHIFT;

/** A buffer over a block of which the lease table has just given a reference to this environment. */
export function adoptBlock(core: PoolCore, held: HeldReference, length: number): PooledBuffer {
  const { block } = held;
  if (core.watcher?.watchesAdopted()) return core.watcher.adopt(held, length);
  if (length > MAX_CLASS_BYTES) {
    return leases.makeShared(core, hugeWindow(block), 0, length, block);
  }
  const offset = (block & GRANULE_MASK) << GRANULE_SHIFT;
  return leases.makeShared(core, currentWindow(block), offset, length, block);
}
