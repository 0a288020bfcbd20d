// A slice is released, with leak detection on: the error tells which buffer it is of.
//
//   SUPERSLAB_LEAK_DETECTION=full node test/misuse/release-slice-watched.mjs
//
//   > ERR_SUPERSLAB_FOREIGN: cannot release a view (1400 B, pool "requests") of a pooled buffer; use the buffer that acquire() returned
//   >   acquired
//   >     at acquireHere (.../release-slice-watched.mjs:...)

import { BufferPool } from 'superslab';
import { ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });

function acquireHere() {
  return pool.acquire(1500);
}

const buf = acquireHere();
const body = buf.subarray(100);
pool.release(ok ? buf : body);
