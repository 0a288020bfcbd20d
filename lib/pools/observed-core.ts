import type { NativePool } from '../addon/binding.js';
import { makeGuard, type PoolGuard } from '../guard/pool-guard.js';
import '../guard/detached-windows.js';
import { leaseMeter } from '../measure/lease-meter.js';
import { poolTeller } from '../measure/pool-teller.js';
import type { Lending } from '../pool/lending.js';
import type { Magazines } from '../pool/magazines.js';
import type { LeaseMeter, Observers } from '../pool/observers.js';
import { PoolCore } from '../pool/pool-core.js';
import type { PooledBuffer } from '../pool/pooled-buffer.js';
import type { Lent } from '../pool/unfinished.js';

/** A pool with all that observe pools. */
export type ObservedCore<Buf extends Lent = PooledBuffer> = PoolCore<PoolGuard, Buf>;

/** Of buffers that are all of one size, sizes and lifetimes tell little, and a lease has no place for a note. */
const noMeter: LeaseMeter = { isDue: () => false, isWaiting: () => false, begin: () => {} };

/**
 * `isMetered`: whether it lends PooledBuffers, of which some are measured. `hasGuard`: whether it lends buffers, which the guard of
 * all such kinds can watch. `leading`: see PoolCore.
 */
export function observe<Buf extends Lent>(
  name: string,
  native: NativePool,
  magazines: Magazines,
  lending: Lending<Buf>,
  isMetered: boolean,
  hasGuard = true,
  leading?: ObservedCore<Buf>,
): ObservedCore<Buf> {
  const observers: Observers<PoolGuard> = {
    teller: poolTeller,
    meter: isMetered ? leaseMeter : noMeter,
    watch: (pool, own) => (hasGuard ? makeGuard(pool, own) : undefined),
  };
  return new PoolCore(name, native, magazines, observers, lending, leading);
}
