// A fresh process that takes buffers until so much memory is live, and counts page faults.
import { BufferPool } from 'superslab';
import { serve } from '../support/lane.js';
import { PAGE } from './cases.js';

export interface ColdRequest {
  readonly variant: 'superslab' | 'Buffer.allocUnsafe' | 'Buffer.alloc';
  readonly size: number;
  readonly liveBytes: number;
}

const faults = () => {
  const { minorPageFault, majorPageFault } = process.resourceUsage();
  return minorPageFault + majorPageFault;
};

/** Page faults for each MiB, those of the JavaScript objects included. */
serve<ColdRequest, number>(({ variant, size, liveBytes }) => {
  const pool = new BufferPool({ name: 'cold', populate: 'demand' });
  const acquire: (size: number) => Uint8Array = variant === 'superslab' ? pool.acquire : peer(variant);
  const live: Uint8Array[] = [];
  const before = faults();
  for (let bytes = 0; bytes < liveBytes; bytes += size) {
    const buf = acquire(size);
    for (let at = 0; at < size; at += PAGE) buf[at] = 1;
    live.push(buf);
  }
  const after = faults();
  if (live.length * size < liveBytes) throw new Error('unreachable: keeps the buffers live');
  return (after - before) / (liveBytes / 2 ** 20);
});

function peer(variant: 'Buffer.allocUnsafe' | 'Buffer.alloc') {
  return variant === 'Buffer.alloc'
    ? (size: number) => Buffer.alloc(size)
    : (size: number) => Buffer.allocUnsafe(size);
}
