// A write to a released buffer. The block is full of 0xdb then, so the next acquire sees what was changed.
//
//   SUPERSLAB_GUARD=poison SUPERSLAB_QUARANTINE_BYTES=0 node test/misuse/write-after-release.mjs
//
//   > SuperslabGuard: a buffer of 1500 B (pool "requests") was written after its release: offset 700 holds 6c617465db...
//   >   acquired
//   >     at acquireHere (.../write-after-release.mjs:...)
//   >   released
//   >     at releaseHere (.../write-after-release.mjs:...)

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
if (ok) buf.write('late', 700);
releaseHere(buf);
if (!ok) buf.write('late', 700);
pool.acquire(1500).release();
