// One function acquires for all: a tag tells whose buffer it was that leaked.
//
//   SUPERSLAB_LEAK_DETECTION=full node test/misuse/leak-tagged.mjs
//
//   > SuperslabLeak: a buffer of 1500 B (pool "requests", tag "body") was garbage-collected ... without release(); it was acquired
//   >     at leakHere (.../leak-tagged.mjs:...)

import { BufferPool } from 'superslab';
import { garbageCollected, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });
const bodies = pool.tagged('body');

function leakHere() {
  const buf = bodies.acquire(1500);
  if (ok) buf.release();
}

leakHere();
await garbageCollected(() => pool.leaks().length > 0);
