// Buffers outlive their pool: each is released once, before or after close(), not both.
//
//   SUPERSLAB_LEAK_DETECTION=full node test/misuse/release-after-close.mjs
//
//   > ERR_SUPERSLAB_RELEASED: cannot release a buffer (1500 B, pool "requests") that was already released; ...
//   >   acquired
//   >     at acquireHere (.../release-after-close.mjs:...)
//   >   released
//   >     at releaseHere (.../release-after-close.mjs:...)

import { BufferPool } from 'superslab';
import { ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });

function acquireHere() {
  return pool.acquire(1500);
}

function releaseHere(buf) {
  buf.release();
}

const early = acquireHere();
const late = acquireHere();
releaseHere(early);
pool.close();
releaseHere(ok ? late : early);
