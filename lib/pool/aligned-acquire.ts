import { GRANULE_MASK, GRANULE_SHIFT, MAGAZINE_SHIFT, SLICE_SHIFT } from '../addon/generated/memory.js';
import { hotTagOfGranules } from './hot-tags.js';
import type { Acquirer } from './leases.js';
import { leases, type PooledBuffer } from './pooled-buffer.js';
import { probes as allProbes, windows as allWindows } from './windows.js';

// Constants of this module, as in pooled-buffer.ts.
const { make } = leases;
const windows = allWindows;
const probes = allProbes;
const hotTags = hotTagOfGranules;

const MAX_CLASS_BYTES = (hotTags.length - 1) << GRANULE_SHIFT;

/**
 * The hot path of acquire of a pool whose blocks are aligned: `tags` has the class of each size (aligned-tags.ts). It is a
 * function of its own so that no other pool looks into a second table. SAMPLE_MASK (lib/guard/sample-budget.ts) sends
 * some acquires down the slow path, where they are sampled if that was asked for.
 */
export function bindAcquireAligned(
  lender: Acquirer<PooledBuffer>,
  tags: Uint8Array,
): (size: number) => PooledBuffer {
  const { depth, acquired, blocks } = lender.magazines;
  return (size: number): PooledBuffer => {
    if (typeof size === 'number' && size >>> 0 === size && (size - 1) >>> 0 < MAX_CLASS_BYTES) {
      const granules = (size + 63) >>> GRANULE_SHIFT;
      // That table is all zeros while a lease is to be measured: then this is the class without a magazine, too.
      const tag = hotTags[granules] === 0 ? 0 : tags[granules]!;
      const top = depth[tag]!;
      const count = (acquired[tag]! + 1) | 0;
      if (top !== 0 && (count & 4095) !== 0) {
        const block = blocks[(tag << MAGAZINE_SHIFT) + top - 1]!;
        const slice = block >>> SLICE_SHIFT;
        if (probes[slice]!.length !== 0) {
          const buf = make(windows[slice]!, (block & GRANULE_MASK) << GRANULE_SHIFT, size, block);
          depth[tag] = top - 1;
          acquired[tag] = count;
          return buf;
        }
      }
    }
    return lender.acquireSlow(size);
  };
}
