import type { Acquirer } from '../../pool/leases.js';
import { leases, type PooledBuffer } from '../../pool/pooled-buffer.js';
import type { ObservedCore } from '../observed-core.js';

/** The hot path of a pool's acquire, for who watches its leases. `by`: what it calls when its magazine is empty. */
export function bindAcquire(
  { watcher }: ObservedCore,
  by: Acquirer<PooledBuffer>,
): (size: number) => PooledBuffer {
  if (watcher === undefined) return leases.bindAcquire(by);
  return watcher.watchesAll ? leases.bindAcquireWatched(by) : leases.bindAcquireSampled(by);
}
