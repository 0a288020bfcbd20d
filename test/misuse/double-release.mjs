// A second release throws, always: without it the memory would have two owners soon.
//
//   node test/misuse/double-release.mjs
//
//   > ERR_SUPERSLAB_RELEASED: cannot release a buffer (1500 B, pool "requests") that was already released; ...; SUPERSLAB_LEAK_DETECTION=full tells where it was acquired
//   >     at releaseAgainHere (.../double-release.mjs:...)

import { BufferPool } from 'superslab';
import { ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });

function releaseAgainHere(buf) {
  buf.release();
}

const buf = pool.acquire(1500);
buf.release();
if (!ok) releaseAgainHere(buf);
