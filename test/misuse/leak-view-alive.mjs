// The buffer is gone, but a view of it lives: as long as it does, nobody else may get the memory. Then it is a
// leak.
//
//   SUPERSLAB_LEAK_DETECTION=full node test/misuse/leak-view-alive.mjs
//
//   > SuperslabLeak: a buffer of 1000 B (pool "requests") was garbage-collected ... without release(); it was acquired
//   >     at readHeader (.../leak-view-alive.mjs:...)

import assert from 'node:assert/strict';
import { BufferPool } from 'superslab';
import { garbageCollected, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });

function readHeader() {
  const buf = pool.acquire(1000).fill(7);
  if (!ok) return buf.subarray(0, 20);
  const header = Buffer.from(buf.subarray(0, 20));
  buf.release();
  return header;
}

let header = readHeader();
await garbageCollected(() => false, 300);
assert.deepEqual(pool.leaks(), []);
pool.acquire(1000).fill(1).release();
assert.deepEqual(header, Buffer.alloc(20, 7));
header = undefined;
await garbageCollected(() => pool.leaks().length > 0);
