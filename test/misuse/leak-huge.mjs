// A leak of 3 MiB, a block of its own: it goes back to the operating system.
//
//   SUPERSLAB_LEAK_DETECTION=full node test/misuse/leak-huge.mjs
//
//   > SuperslabLeak: a buffer of 3145728 B (pool "images") was garbage-collected ... without release(); it was acquired
//   >     at leakHere (.../leak-huge.mjs:...)

import assert from 'node:assert/strict';
import { BufferPool } from 'superslab';
import { garbageCollected, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'images' });

function leakHere() {
  const buf = pool.acquire(3 << 20);
  if (ok) buf.release();
}

leakHere();
await garbageCollected(() => pool.leaks().length > 0);
pool.trim();
assert.equal(pool.stats().committedBytes, 0);
