// Two references, one release: as much a leak as none.
//
//   SUPERSLAB_LEAK_DETECTION=full node test/misuse/leak-retained.mjs
//
//   > SuperslabLeak: a buffer of 1500 B (pool "requests") was garbage-collected ... without release() (retained once, 1 reference left); it was acquired
//   >     at leakHere (.../leak-retained.mjs:...)

import { BufferPool } from 'superslab';
import { garbageCollected, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });

function leakHere() {
  const buf = pool.acquire(1500);
  buf.retain(); // for the second of two readers,
  buf.release(); // of which only the first
  if (ok) buf.release();
}

leakHere();
await garbageCollected(() => pool.leaks().length > 0);
