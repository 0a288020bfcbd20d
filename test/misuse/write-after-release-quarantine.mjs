// Released blocks are held back for a while, so that a late write hits none that somebody else has. It is seen
// when the block leaves the quarantine.
//
//   SUPERSLAB_GUARD=poison SUPERSLAB_QUARANTINE_BYTES=64k node test/misuse/write-after-release-quarantine.mjs
//
//   > SuperslabGuard: a buffer of 4000 B (pool "requests") was written after its release: offset 0 holds 01db...
//   >   acquired
//   >     at acquireHere (.../write-after-release-quarantine.mjs:...)
//   >   released
//   >     at releaseHere (.../write-after-release-quarantine.mjs:...)

import assert from 'node:assert/strict';
import { BufferPool } from 'superslab';
import { ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });

function acquireHere() {
  return pool.acquire(4000);
}

function releaseHere(buf) {
  buf.release();
}

const releaseOthers = (count) => {
  for (let i = 0; i < count; i++) pool.acquire(4000).release();
};

const buf = acquireHere();
releaseHere(buf);
releaseOthers(10); // 44 KiB of the 64 are held back
if (!ok) buf[0] = 1;
releaseOthers(5);
assert.equal(pool.stats().guardReports, 0);
releaseOthers(1);
assert.equal(pool.stats().guardReports, ok ? 0 : 1);
