import { bindAcquireAligned } from '../../pool/aligned-acquire.js';
import type { Acquirer } from '../../pool/leases.js';
import { leases, type PooledBuffer } from '../../pool/pooled-buffer.js';
import type { ObservedCore } from '../observed-core.js';

/**
 * The hot path of a pool's acquire, for who watches its leases. `by`: what it calls when its magazine is empty. `tags`: see
 * Lending.
 */
export function bindAcquire(
  { watcher }: ObservedCore,
  by: Acquirer<PooledBuffer>,
  tags?: Uint8Array,
): (size: number) => PooledBuffer {
  if (watcher?.watchesAll) return leases.bindAcquireWatched(by);
  if (tags !== undefined) return bindAcquireAligned(by, tags);
  return watcher === undefined ? leases.bindAcquire(by) : leases.bindAcquireSampled(by);
}
