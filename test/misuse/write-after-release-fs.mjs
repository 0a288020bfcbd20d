// A buffer is released while a read into it is under way: a thread of libuv writes to it later.
//
//   SUPERSLAB_GUARD=poison SUPERSLAB_QUARANTINE_BYTES=0 node test/misuse/write-after-release-fs.mjs
//
//   > SuperslabGuard: a buffer of 1500 B (pool "files") was written after its release: offset 0 holds 6c617465db...
//   >   acquired
//   >     at acquireHere (.../write-after-release-fs.mjs:...)
//   >   released
//   >     at releaseHere (.../write-after-release-fs.mjs:...)

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { BufferPool } from 'superslab';
import { ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'files' });
const read = promisify(fs.read);

function acquireHere() {
  return pool.acquire(1500);
}

function releaseHere(buf) {
  buf.release();
}

// Reading a pipe waits until somebody writes to it.
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'superslab-'));
const pipe = path.join(folder, 'pipe');
execFileSync('mkfifo', [pipe]);
const fd = fs.openSync(pipe, 'r+');

const buf = acquireHere();
const reading = read(fd, buf, 0, 1500, null);
if (!ok) releaseHere(buf);
fs.writeSync(fd, 'late');
await reading;
if (ok) releaseHere(buf);
pool.acquire(1500).release();
fs.rmSync(folder, { recursive: true });
