// Thousands of leaks while one lease of 128 is watched, and fewer when there is little time, as a server in
// production does it: some are found, and stand for all.
//
//   SUPERSLAB_LEAK_DETECTION=sampled node test/violations/leak-sampled.mjs
//
//   > SuperslabLeak: a buffer of 1500 B (pool "requests") was garbage-collected ... without release(); it was acquired
//   >     at leakHere (.../leak-sampled.mjs:...)
//   > (10 of this kind so far)

import { BufferPool } from 'superslab';
import { garbageCollected, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });

function leakHere() {
  const buf = pool.acquire(1500);
  if (ok) buf.release();
}

const found = () => pool.leaks().some(({ count }) => count >= 10);
let requests = 0;
do {
  for (let i = 0; i < 1000; i++) leakHere();
  requests += 1000;
  await garbageCollected(found, 100);
} while (requests < (ok ? 5000 : 100_000) && !found());
console.log(requests, 'requests');
