// A fresh process that takes buffers until so much memory is live, each page of it touched.
import { BufferPool } from 'superslab';
import { serve } from '../../lib/cli/bench/lane.js';
import { PAGE } from './cases.js';

export interface ColdRequest {
  /** fresh view: of one page, so that what the JavaScript objects alone cost can be seen. */
  readonly variant: 'superslab' | 'Buffer.allocUnsafe' | 'Buffer.alloc' | 'fresh view';
  readonly size: number;
  readonly liveBytes: number;
}

/** For each live MiB. */
export interface ColdReply {
  readonly faults: number;
  readonly microseconds: number;
}

const countFaults = () => {
  const { minorPageFault, majorPageFault } = process.resourceUsage();
  return minorPageFault + majorPageFault;
};

serve<ColdRequest, ColdReply>(({ variant, size, liveBytes }) => {
  const acquire = acquireOf(variant);
  const live: Uint8Array[] = [];
  const faultsBefore = countFaults();
  const start = performance.now();
  for (let bytes = 0; bytes < liveBytes; bytes += size) {
    const buf = acquire(size);
    for (let at = 0; at < size; at += PAGE) buf[at] = 1;
    live.push(buf);
  }
  const milliseconds = performance.now() - start;
  const faults = countFaults() - faultsBefore;
  if (live.length * size < liveBytes) throw new Error('unreachable: keeps the buffers live');
  const mebibytes = liveBytes / 2 ** 20;
  return { faults: faults / mebibytes, microseconds: (milliseconds * 1000) / mebibytes };
});

function acquireOf(variant: ColdRequest['variant']): (size: number) => Uint8Array {
  switch (variant) {
    case 'superslab':
      return new BufferPool({ name: 'cold', populate: 'demand' }).acquire;
    case 'Buffer.allocUnsafe':
      return (size) => Buffer.allocUnsafe(size);
    case 'Buffer.alloc':
      return (size) => Buffer.alloc(size);
    case 'fresh view': {
      const page = new ArrayBuffer(PAGE);
      return (size) => new Uint8Array(page, 0, Math.min(size, PAGE));
    }
  }
}
