// Three places that leak: each is told of once, with a count.
//
//   SUPERSLAB_LEAK_DETECTION=full node test/misuse/leak-three-places.mjs
//
//   > SuperslabLeak: a buffer of 100 B (pool "requests") was garbage-collected ... without release(); it was acquired
//   >     at once (.../leak-three-places.mjs:...)
//   > SuperslabLeak: a buffer of 200 B (pool "requests") was garbage-collected ... without release(); it was acquired
//   >     at twice (.../leak-three-places.mjs:...)
//   > SuperslabLeak: a buffer of 300 B (pool "requests") was garbage-collected ... without release(); it was acquired
//   >     at thrice (.../leak-three-places.mjs:...)

import { BufferPool } from 'superslab';
import { garbageCollected, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });

function once() {
  const buf = pool.acquire(100);
  if (ok) buf.release();
}

function twice() {
  const buf = pool.acquire(200);
  if (ok) buf.release();
}

function thrice() {
  const buf = pool.acquire(300);
  if (ok) buf.release();
}

for (const [count, place] of [once, twice, thrice].entries()) {
  const before = pool.stats().collectedBlocks;
  for (let i = 0; i <= count; i++) place();
  await garbageCollected(() => pool.stats().collectedBlocks === before + count + 1);
}
