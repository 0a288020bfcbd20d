// The second release comes when the memory belongs to another already: it is the first lease's misuse, and
// the other is not harmed.
//
//   SUPERSLAB_LEAK_DETECTION=full node test/misuse/double-release-after-reuse.mjs
//
//   > ERR_SUPERSLAB_RELEASED: cannot release a buffer (1000000 B, pool "requests") that was already released; ...
//   >   acquired
//   >     at acquireHere (.../double-release-after-reuse.mjs:...)
//   >   released
//   >     at releaseHere (.../double-release-after-reuse.mjs:...)

import assert from 'node:assert/strict';
import { BufferPool } from 'superslab';
import { caught, ok } from './support/program.mjs';

// One block of 1 MiB is all there is.
const pool = new BufferPool({ name: 'requests', maxBytes: 1 << 20 });

function acquireHere() {
  return pool.acquire(1_000_000);
}

function releaseHere(buf) {
  buf.release();
}

const first = acquireHere();
releaseHere(first);
const second = pool.acquire(1 << 20).fill(7);
if (!ok) caught(() => first.release());
assert.equal(second.released, false);
assert(second.every((byte) => byte === 7));
second.release();
