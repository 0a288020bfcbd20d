// A released buffer is given to fs.write: nothing is written, without an error. The trap is that nobody says
// so; what must not be is that another's bytes get out.
//
//   SUPERSLAB_GUARD=detach node test/misuse/send-after-release.mjs

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { BufferPool } from 'superslab';
import { ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'files' });
const write = promisify(fs.write);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'superslab-'));
const fd = fs.openSync(path.join(folder, 'file'), 'w');

const buf = pool.acquire(1500).fill(1);
if (!ok) buf.release();
const { bytesWritten } = await write(fd, buf);
if (ok) buf.release();
assert.equal(bytesWritten, ok ? 1500 : 0);
fs.rmSync(folder, { recursive: true });
