// A write that lands behind the buffer by chance, with a gap: all that is left of the block is watched.
//
//   SUPERSLAB_GUARD=canary node test/misuse/overflow-far.mjs
//
//   > ERR_SUPERSLAB_OVERFLOW: bytes behind a buffer of 1100 B (pool "images") were overwritten: offset 1180 holds 00...
//   >   acquired
//   >     at acquireHere (.../overflow-far.mjs:...)
//   >   released
//   >     at releaseHere (.../overflow-far.mjs:...)

import { BufferPool } from 'superslab';
import { carelessAddon, caught, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'images' });
const addon = carelessAddon();

function acquireHere() {
  return pool.acquire(1100);
}

function releaseHere(buf) {
  buf.release();
}

const buf = acquireHere();
addon.keep(buf);
addon.write(ok ? 0 : 1180, 0);
caught(() => releaseHere(buf));
