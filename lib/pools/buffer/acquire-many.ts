import { makeError, show } from '../../base/errors.js';
import type { PooledBuffer } from '../../pool/pooled-buffer.js';
import { begin, finish, giveUp, HeldBuffers } from '../../pool/unfinished.js';

/** `count` buffers of `size` bytes, got by `acquire`, or none: what acquireMany() of a pool does. */
export function acquireMany(
  acquire: (size: number) => PooledBuffer,
  size: number,
  count: number,
): PooledBuffer[] {
  if (!Number.isInteger(count) || count < 0) {
    throw makeError('ERR_SUPERSLAB_ARGUMENT', `count must be a whole number, got ${show(count)}`, RangeError);
  }
  const bufs: PooledBuffer[] = [];
  const held = begin(new HeldBuffers(bufs));
  try {
    while (bufs.length < count) bufs[bufs.length] = acquire(size);
  } catch (error) {
    giveUp(held);
    throw error;
  }
  finish(held);
  return bufs;
}
