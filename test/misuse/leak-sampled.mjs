// Thousands of leaks while one lease of 128 is watched, and fewer when there is little time, as a server in
// production does it: some are found, and stand for all.
//
//   SUPERSLAB_LEAK_DETECTION=sampled node test/misuse/leak-sampled.mjs
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

let requests = 0;

/** Samples are few where each of them loses its core for a while, and one stands for many leaks until it is collected, too. */
function found() {
  const sites = pool.leaks();
  const estimated = sites.reduce((sum, site) => sum + site.estimated, 0);
  return sites.some(({ count }) => count >= 10) && estimated > requests / 2;
}

// Until enough time has passed for ten samples that each took all the time that samples may.
const end = performance.now() + (ok ? 1000 : 40_000);
do {
  for (let i = 0; i < 500; i++) leakHere();
  requests += 500;
  await garbageCollected(found, 100);
} while (!found() && performance.now() < end);
await garbageCollected(found);
console.log(requests, 'requests');
