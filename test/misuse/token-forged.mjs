// Tokens cannot be guessed, nor taken from another process.
//
//   node test/misuse/token-forged.mjs
//
//   > ERR_SUPERSLAB_TOKEN: "superslab:..." is no token that share() of this process gave out; post the string that it returned
//   > ERR_SUPERSLAB_TOKEN: "forged" is no token that share() of this process gave out; ...

import { BufferPool } from 'superslab';
import { caught, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'producer' });
const buf = pool.acquire(1500);
const token = pool.share(buf);
if (!ok) {
  caught(() => pool.adopt(token.replace(/.$/, (last) => (last === 'x' ? 'y' : 'x'))));
  caught(() => pool.adopt('forged'));
}
pool.revoke(token);
buf.release();
