// 4,096 bytes would fill a block exactly: with a canary it gets a larger one, so that this is no blind spot.
//
//   SUPERSLAB_GUARD=canary node test/misuse/overflow-class-size.mjs
//
//   > ERR_SUPERSLAB_OVERFLOW: bytes behind a buffer of 4096 B (pool "pages") were overwritten: offset 4096 holds 00...
//   >   acquired
//   >     at acquireHere (.../overflow-class-size.mjs:...)
//   >   released
//   >     at releaseHere (.../overflow-class-size.mjs:...)

import { BufferPool } from 'superslab';
import { carelessAddon, caught, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'pages' });
const addon = carelessAddon();

function acquireHere() {
  return pool.acquire(4096);
}

function releaseHere(buf) {
  buf.release();
}

const buf = acquireHere();
addon.keep(buf);
addon.write(ok ? 4095 : 4096, 0);
caught(() => releaseHere(buf));
