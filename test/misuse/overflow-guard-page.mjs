// Native code runs over the end of a large buffer into the guard page: the process dies at the instruction
// that is wrong. JavaScript cannot get there.
//
//   SUPERSLAB_GUARD_PAGES=1 node test/misuse/overflow-guard-page.mjs
//
//   > (killed by SIGSEGV)

import { BufferPool } from 'superslab';
import { carelessAddon, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'images' });
const addon = carelessAddon();
const buf = pool.acquire(3 << 20);
buf[buf.capacity] = 1; // no such element: nothing happens
addon.keep(buf);
addon.write(ok ? buf.length - 1 : buf.capacity, 0);
buf.release();
console.log('alive');
