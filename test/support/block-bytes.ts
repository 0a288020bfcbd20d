// Sizes of blocks as they are in this run: guards want room behind each buffer, or whole pages.
import { BufferPool } from 'superslab';

/** Bytes of the block that a lease of `size` bytes takes, of a pool without options of its own. */
export function blockBytes(size: number): number {
  const pool = new BufferPool({ name: 'block bytes' });
  const buf = pool.acquire(size);
  const { capacity } = buf;
  buf.release();
  pool.close();
  return capacity;
}

/** The largest size, of 64 bytes at least and a multiple of 64, whose block has at most `bytes`. */
export function largestIn(bytes: number): number {
  let size = Math.floor(bytes / 64) * 64;
  while (size > 64 && blockBytes(size) > bytes) size -= 64;
  return size;
}
