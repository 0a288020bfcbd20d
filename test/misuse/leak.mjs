// A buffer that nobody releases: the collector takes it, and superslab tells where it came from.
//
//   SUPERSLAB_LEAK_DETECTION=full node test/misuse/leak.mjs
//
//   > SuperslabLeak: a buffer of 1500 B (pool "requests") was garbage-collected ... without release(); it was acquired
//   >     at leakHere (.../leak.mjs:...)

import { BufferPool } from 'superslab';
import { garbageCollected, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });

function leakHere() {
  const buf = pool.acquire(1500);
  buf.write('GET / HTTP/1.1');
  if (ok) buf.release();
}

leakHere();
await garbageCollected(() => pool.leaks().length > 0);
