// The program takes the memory away from under the buffer, as a transfer list or a byte stream's reader does,
// and releases it then.
//
//   SUPERSLAB_GUARD=detach node test/misuse/detached-by-program.mjs
//
//   > SuperslabGuard: a buffer of 1500 B (pool "requests") was released after the program had detached its ArrayBuffer; ...
//   >   acquired
//   >     at acquireHere (.../detached-by-program.mjs:...)
//   >   released
//   >     at releaseHere (.../detached-by-program.mjs:...)

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
if (!ok) {
  const reader = new ReadableStream({ type: 'bytes' }).getReader({ mode: 'byob' });
  reader.read(new Uint8Array(buf.buffer));
}
releaseHere(buf);
pool.acquire(1500).fill(1).release();
