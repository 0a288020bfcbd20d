// Native code writes one byte too many: the release throws, and the memory comes back all the same.
//
//   SUPERSLAB_GUARD=canary node test/misuse/overflow-by-one.mjs
//
//   > ERR_SUPERSLAB_OVERFLOW: bytes behind a buffer of 1500 B (pool "images") were overwritten: offset 1500 holds 00...
//   >   acquired
//   >     at acquireHere (.../overflow-by-one.mjs:...)
//   >   released
//   >     at releaseHere (.../overflow-by-one.mjs:...)

import assert from 'node:assert/strict';
import { BufferPool } from 'superslab';
import { carelessAddon, caught, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'images' });
const addon = carelessAddon();

function acquireHere() {
  return pool.acquire(1500);
}

function releaseHere(buf) {
  buf.release();
}

const buf = acquireHere();
addon.keep(buf);
addon.write(ok ? 1499 : 1500, 0);
caught(() => releaseHere(buf));
assert.equal(buf.released, true);
assert.equal(pool.stats().inUseBytes, 0);
