import type { NativePool } from '../addon/binding.js';
import { makeGuard, type PoolGuard } from '../guard/pool-guard.js';
import '../guard/detached-windows.js';
import { leaseMeter } from '../measure/lease-meter.js';
import { poolTeller } from '../measure/pool-teller.js';
import type { Magazines } from '../pool/magazines.js';
import type { Observers } from '../pool/observers.js';
import { PoolCore } from '../pool/pool-core.js';

/** A pool with all that observe pools. */
export type ObservedCore = PoolCore<PoolGuard>;

const observers: Observers<PoolGuard> = { teller: poolTeller, meter: leaseMeter, watch: makeGuard };

export function observe(name: string, native: NativePool, magazines: Magazines): ObservedCore {
  return new PoolCore(name, native, magazines, observers);
}
