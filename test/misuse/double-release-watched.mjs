// A second release, with leak detection on: the error tells where the buffer was acquired, and where it was
// released the first time.
//
//   SUPERSLAB_LEAK_DETECTION=full node test/misuse/double-release-watched.mjs
//
//   > ERR_SUPERSLAB_RELEASED: cannot release a buffer (1500 B, pool "requests") that was already released; ...
//   >   acquired
//   >     at acquireHere (.../double-release-watched.mjs:...)
//   >   released
//   >     at releaseHere (.../double-release-watched.mjs:...)
//   >   now
//   >     at releaseAgainHere (.../double-release-watched.mjs:...)

import { BufferPool } from 'superslab';
import { ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });

function acquireHere() {
  return pool.acquire(1500);
}

function releaseHere(buf) {
  buf.release();
}

function releaseAgainHere(buf) {
  buf.release();
}

const buf = acquireHere();
releaseHere(buf);
if (!ok) releaseAgainHere(buf);
