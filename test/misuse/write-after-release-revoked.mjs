// Writes to a released buffer throw or go nowhere, through whatever view of it: the next owner's bytes are unharmed.
//
//   SUPERSLAB_GUARD=detach node test/misuse/write-after-release-revoked.mjs
//
//   > TypeError: ... detached ...ArrayBuffer
//   > TypeError: ... detached ...ArrayBuffer

import assert from 'node:assert/strict';
import { BufferPool } from 'superslab';
import { caught, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });
const buf = pool.acquire(1500);
const view = new Uint8Array(buf.buffer);

function writeHere() {
  buf[0] = 2;
  caught(() => buf.fill(2));
  caught(() => view.set([2], 100));
}

if (ok) writeHere();
buf.release();
const others = pool.acquireMany(1500, 1000);
for (const other of others) other.fill(1);
if (!ok) writeHere();
for (const other of others) assert(other.every((byte) => byte === 1));
pool.releaseMany(others);
