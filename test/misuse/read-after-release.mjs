// A released buffer has no bytes any more, nor has any view of it: reads are undefined, or throw. Secrets of
// the next owner stay secret.
//
//   SUPERSLAB_GUARD=detach node test/misuse/read-after-release.mjs
//
//   > [ 0, undefined, undefined ]
//   > TypeError: ... detached ...ArrayBuffer

import { BufferPool } from 'superslab';
import { caught, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });

function readHere(buf, body) {
  console.log([buf.length, buf[0], buf[1499]]);
  caught(() => body.getUint8(0));
}

const buf = pool.acquire(1500).fill(1);
const body = new DataView(buf.buffer, buf.byteOffset, 1500);
if (ok) readHere(buf, body);
buf.release();
if (!ok) readHere(buf, body);
