import type { BlockNumber } from '../addon/binding.js';

/** Is told when a lease has ended. */
export interface MeasuredLease {
  ended(): void;
}

/** Should leases that are never released pile up. */
const MAX_OPEN = 10_000;

/** Those that are out. */
const open = new Map<BlockNumber, MeasuredLease>();

/** `lease` learns of the end of the lease that has the block now, whose buffer must have details. */
export function measureUntilEnd(block: BlockNumber, lease: MeasuredLease): void {
  if (open.size >= MAX_OPEN) open.clear();
  open.set(block, lease);
}

/** A lease with details has ended. Nothing happens unless it is measured. */
export function endMeasured(block: BlockNumber): void {
  if (open.size === 0) return;
  const lease = open.get(block);
  if (lease === undefined) return;
  open.delete(block);
  lease.ended();
}
