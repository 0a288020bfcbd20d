// What test/golden/hot-path.mjs has V8 print the bytecode of: both ways to release, and get and put of a FixedPool, with all guards off.
import superslab, { BufferPool } from 'superslab';
import { FixedPool } from 'superslab/pools';

const pool = new BufferPool({ name: 'golden', leakDetection: 'off', guard: 'off', zero: 'never' });
const fixed = new FixedPool({
  name: 'golden',
  size: 1500,
  leakDetection: 'off',
  guard: 'off',
  zero: 'never',
});
for (let round = 0; round < 3; round++) {
  pool.release(pool.acquire(1500));
  superslab.acquire(1500).release();
  fixed.put(fixed.get());
}
pool.close();
fixed.close();
