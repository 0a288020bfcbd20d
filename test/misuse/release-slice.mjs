// subarray() and slice() make plain views: it is the buffer itself that is released.
//
//   node test/misuse/release-slice.mjs
//
//   > ERR_SUPERSLAB_FOREIGN: cannot release a view (1400 B, pool "requests") of a pooled buffer; use the buffer that acquire() returned; ...

import { BufferPool } from 'superslab';
import { ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });
const buf = pool.acquire(1500);
const body = buf.subarray(100);
pool.release(ok ? buf : body);
