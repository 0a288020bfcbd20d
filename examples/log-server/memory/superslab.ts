import { BufferPool, type PooledBuffer } from 'superslab';
import type { Memory } from './memory.js';

const pool = BufferPool.default;

/** Every buffer from superslab's default pool, given back when its last holder is done. */
export const superslabMemory: Memory = {
  kind: 'superslab',
  acquire: pool.acquire,
  retain(buffer) {
    (buffer as PooledBuffer).retain();
  },
  release(buffer) {
    (buffer as PooledBuffer).release();
  },
};
