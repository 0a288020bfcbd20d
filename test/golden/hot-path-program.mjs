// What test/golden/hot-path.mjs has V8 print the bytecode of: both ways to release, with all guards off.
import superslab, { BufferPool } from 'superslab';

const pool = new BufferPool({ name: 'golden', leakDetection: 'off', guard: 'off', zero: 'never' });
for (let round = 0; round < 3; round++) {
  pool.release(pool.acquire(1500));
  superslab.acquire(1500).release();
}
pool.close();
