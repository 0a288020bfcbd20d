// The same through a view that outlived its buffer.
//
//   SUPERSLAB_GUARD=poison SUPERSLAB_QUARANTINE_BYTES=0 node test/misuse/write-after-release-view.mjs
//
//   > SuperslabGuard: a buffer of 1500 B (pool "requests") was written after its release: offset 100 holds 00000001db...
//   >   acquired
//   >     at acquireHere (.../write-after-release-view.mjs:...)
//   >   released
//   >     at releaseHere (.../write-after-release-view.mjs:...)

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
const body = new DataView(buf.buffer, buf.byteOffset + 100, 1400);
if (ok) body.setUint32(0, 1);
releaseHere(buf);
if (!ok) body.setUint32(0, 1);
pool.acquire(1500).release();
