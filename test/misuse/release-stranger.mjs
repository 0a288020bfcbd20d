// What is no buffer of superslab is refused, whatever it looks like.
//
//   node test/misuse/release-stranger.mjs
//
//   > ERR_SUPERSLAB_FOREIGN: cannot release an instance of Buffer: it is no buffer of superslab
//   > ERR_SUPERSLAB_FOREIGN: cannot release an instance of Buffer: it is no buffer of superslab
//   > ERR_SUPERSLAB_FOREIGN: cannot release 1500: it is no buffer of superslab
//   > ERR_SUPERSLAB_FOREIGN: cannot release null: it is no buffer of superslab

import { BufferPool } from 'superslab';
import { caught, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });
const buf = pool.acquire(1500);
const strangers = [Buffer.alloc(1500), Object.create(Object.getPrototypeOf(buf)), 1500, null];
if (!ok) for (const stranger of strangers) caught(() => pool.release(stranger));
pool.release(buf);
