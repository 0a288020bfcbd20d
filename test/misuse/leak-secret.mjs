// A forgotten buffer of a pool of secrets: when its memory comes back, it is cleared.
//
//   SUPERSLAB_LEAK_DETECTION=full node test/misuse/leak-secret.mjs
//
//   > SuperslabLeak: a buffer of 1048576 B (pool "keys") was garbage-collected ... without release(); it was acquired
//   >     at leakHere (.../leak-secret.mjs:...)

import assert from 'node:assert/strict';
import { BufferPool } from 'superslab';
import { garbageCollected, ok } from './support/program.mjs';

// One block of 1 MiB is all there is, so the next buffer has the memory of the one before.
const pool = new BufferPool({ name: 'keys', sensitive: true, maxBytes: 1 << 20 });

function leakHere() {
  const buf = pool.acquire(1 << 20).fill('secret');
  if (ok) buf.release();
}

leakHere();
await garbageCollected(() => pool.leaks().length > 0);
const next = pool.acquire(1 << 20);
assert(next.every((byte) => byte === 0));
next.release();
