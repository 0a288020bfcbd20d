// A token is good for one adopt().
//
//   node test/misuse/token-adopted-twice.mjs
//
//   > ERR_SUPERSLAB_TOKEN_USED: the token was adopted or revoked before; ...
//   > ERR_SUPERSLAB_TOKEN_USED: the token was adopted or revoked before; ...

import { BufferPool } from 'superslab';
import { caught, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'producer' });
const buf = pool.acquire(1500);
const token = pool.share(buf);
buf.release();
const adopted = pool.adopt(token);
if (!ok) caught(() => pool.adopt(token));
adopted.release();
if (!ok) caught(() => pool.revoke(token));
