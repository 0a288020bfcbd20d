import type { Memory } from './memory.js';

/**
 * What a server does today: Buffer.allocUnsafe, which does not clear the memory and serves small buffers from
 * Node's own 8 KiB (64 KiB in newer versions) slice pool, and the garbage collector to find out when a buffer is done with.
 */
export const plainMemory: Memory = {
  kind: 'plain',
  acquire: Buffer.allocUnsafe,
  retain() {},
  release() {},
};
