// check() looks behind all buffers at once: the overflow is found long before the release, which then does not
// throw.
//
//   SUPERSLAB_GUARD=canary node test/misuse/overflow-live.mjs
//
//   > SuperslabGuard: bytes behind a buffer of 1500 B (pool "images", tag "thumbnail") were overwritten: offset 1501 holds 00...
//   >   acquired
//   >     at acquireHere (.../overflow-live.mjs:...)

import { BufferPool } from 'superslab';
import { carelessAddon, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'images' });
const thumbnails = pool.tagged('thumbnail');
const addon = carelessAddon();

function acquireHere() {
  return thumbnails.acquire(1500);
}

const buf = acquireHere();
addon.keep(buf);
if (!ok) addon.write(1501, 0);
pool.check();
buf.release();
