// A token that nobody adopts holds its memory for ever. Nobody can tell whether it will be adopted tomorrow:
// it is counted.
//
//   node test/misuse/token-forgotten.mjs
//
//   > 1 outstanding

import { BufferPool } from 'superslab';
import { ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'producer' });
const buf = pool.acquire(1500);
const token = pool.share(buf);
buf.release();
if (ok) pool.revoke(token);
console.log(pool.stats().outstandingTokens, 'outstanding');
