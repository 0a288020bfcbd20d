// A write to the first byte of a released block of 3 MiB.
//
//   SUPERSLAB_GUARD=poison SUPERSLAB_QUARANTINE_BYTES=8m node test/misuse/write-after-release-huge.mjs
//
//   > SuperslabGuard: a buffer of 3145728 B (pool "images") was written after its release: offset 0 holds 01db...
//   >   acquired
//   >     at acquireHere (.../write-after-release-huge.mjs:...)
//   >   released
//   >     at releaseHere (.../write-after-release-huge.mjs:...)

import { BufferPool } from 'superslab';
import { ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'images' });

function acquireHere() {
  return pool.acquire(3 << 20);
}

function releaseHere(buf) {
  buf.release();
}

const buf = acquireHere();
releaseHere(buf);
if (!ok) buf[0] = 1;
pool.trim(); // gives back what is held back, too
