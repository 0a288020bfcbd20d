// Native code writes by a pointer that it kept. No revoking helps against that, but the block is full of 0xdb.
//
//   SUPERSLAB_GUARD=detach node test/misuse/write-after-release-native.mjs
//
//   > SuperslabGuard: a buffer of 1500 B (pool "requests") was written after its release: offset 700 holds 01db...
//   >   acquired
//   >     at acquireHere (.../write-after-release-native.mjs:...)
//   >   released
//   >     at releaseHere (.../write-after-release-native.mjs:...)

import { BufferPool } from 'superslab';
import { carelessAddon, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });
const addon = carelessAddon();

function acquireHere() {
  return pool.acquire(1500);
}

function releaseHere(buf) {
  buf.release();
}

const buf = acquireHere();
addon.keep(buf);
if (ok) addon.write(700, 1);
releaseHere(buf);
if (!ok) addon.write(700, 1);
pool.check();
