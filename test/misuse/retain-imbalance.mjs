// One retain, three releases: the last is one too many.
//
//   SUPERSLAB_LEAK_DETECTION=full node test/misuse/retain-imbalance.mjs
//
//   > ERR_SUPERSLAB_RELEASED: cannot release a buffer (1500 B, pool "requests") that was already released; ...
//   >   acquired
//   >     at acquireHere (.../retain-imbalance.mjs:...)
//   >   released
//   >     at releaseHere (.../retain-imbalance.mjs:...)

import { BufferPool } from 'superslab';
import { ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });

function acquireHere() {
  return pool.acquire(1500);
}

function releaseHere(buf) {
  buf.release();
}

const buf = acquireHere().retain();
buf.release();
releaseHere(buf);
if (!ok) buf.release();
