// Sharing does not release: who shares a buffer has one of its own to release, whatever the adopter does.
//
//   SUPERSLAB_LEAK_DETECTION=full node test/misuse/leak-shared.mjs
//
//   > SuperslabLeak: a buffer of 1500 B (pool "producer") was garbage-collected ... without release() (shared, 1 reference left in all threads); it was acquired
//   >     at shareHere (.../leak-shared.mjs:...)

import assert from 'node:assert/strict';
import { BufferPool } from 'superslab';
import { garbageCollected, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'producer' });

function shareHere() {
  const buf = pool.acquire(1500);
  const token = pool.share(buf);
  if (ok) buf.release();
  return token;
}

pool.adopt(shareHere()).release();
await garbageCollected(() => pool.leaks().length > 0);
assert.equal(pool.stats().inUseBytes, 0);
