// A second release of a buffer that has no bytes any more: the error knows its size all the same.
//
//   SUPERSLAB_GUARD=detach node test/misuse/double-release-revoked.mjs
//
//   > ERR_SUPERSLAB_RELEASED: cannot release a buffer (1500 B, pool "requests") that was already released; ...
//   >   acquired
//   >     at acquireHere (.../double-release-revoked.mjs:...)
//   >   released
//   >     at releaseHere (.../double-release-revoked.mjs:...)

import { BufferPool } from 'superslab';
import { ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });

function acquireHere() {
  return pool.acquire(1500);
}

function releaseHere(buf) {
  buf.release();
}

const buf = acquireHere();
releaseHere(buf);
if (!ok) buf.release();
