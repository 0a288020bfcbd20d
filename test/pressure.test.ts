// The operating system gives no more: a clean error, and a pool that works afterwards.
import { expect, test } from 'vitest';
import { childJson } from './support/child.js';

// V8 aborts the process when it is refused memory itself. So the blocks are large: what is left when no
// more of them fits is enough for V8. Smaller ones are tried with the fake system of the native tests.
const prelude = `
  import superslab, { BufferPool } from 'superslab';
  const say = (value) => console.log(JSON.stringify(value));
  /** Takes buffers until an error comes. */
  const takeAll = (pool, size, most = 300_000) => {
    const bufs = [];
    try {
      while (bufs.length < most) bufs.push(pool.acquire(size));
    } catch (error) {
      return { bufs, error };
    }
    return { bufs };
  };
`;

const limited = {
  shellLimit: 'ulimit -v 2500000',
  // V8's young space at its full size from the beginning: Node 22 ends when it cannot grow.
  nodeArguments: ['--max-old-space-size=100', '--min-semi-space-size=16'],
};

test.for([
  ['blocks of 20 MiB', 20 << 20],
  ['blocks of 50 MiB', 50 << 20],
] as const)('under a limit of addresses: %s', async ([, size]) => {
  const seen = await childJson(
    `${prelude}
    const pool = new BufferPool({ name: 'pressed', purgeDelayMs: 60000 });
    const { bufs, error } = takeAll(pool, ${size});
    const count = bufs.length;
    bufs.forEach((buf, i) => { buf[0] = i & 255; buf[buf.length - 1] = i >> 8; });
    const right = bufs.every((buf, i) => buf[0] === (i & 255) && buf[buf.length - 1] === ((i >> 8) & 255));
    let asyncCode;
    await pool.acquireAsync(${size}).catch((error) => { asyncCode = error.code; });
    // A few releases later it works, without a trim.
    for (const buf of bufs.splice(0, 4)) buf.release();
    const again = [pool.acquire(${size}), pool.acquire(${size})];
    pool.releaseMany(again);
    pool.releaseMany(bufs);
    pool.trim();
    const other = new BufferPool();
    const second = takeAll(other, ${size}, 1000).bufs.length;
    const stats = pool.stats();
    say({ code: error?.code, message: error?.message, asyncCode, count, right, second,
      osFailures: stats.osFailures, inUse: stats.inUseBytes, exhausted: stats.exhausted });`,
    limited,
  );
  expect(seen).toMatchObject({
    code: 'ERR_SUPERSLAB_NO_MEMORY',
    asyncCode: 'ERR_SUPERSLAB_NO_MEMORY',
    right: true,
    inUse: 0,
    exhausted: 0,
  });
  for (const part of ['"pressed"', 'B;', 'RLIMIT_AS', 'vm.overcommit_memory'])
    expect(seen.message).toContain(part);
  expect(seen.count).toBeGreaterThan(5);
  expect(seen.second).toBeGreaterThan(Math.min(seen.count, 1000) / 2);
  expect(seen.osFailures).toBeGreaterThan(0);
});

test('a fallback that V8 has no memory for is ERR_SUPERSLAB_NO_MEMORY too', async () => {
  const seen = await childJson(
    `${prelude}
    const pool = new BufferPool({ maxBytes: 64, onExhausted: 'fallback' });
    let code;
    try { pool.acquire(3_500_000_000); } catch (error) { code = error.code; }
    const buf = pool.acquire(100);
    say({ code, fallbacks: pool.stats().fallbacks, length: buf.length });`,
    limited,
  );
  expect(seen).toEqual({ code: 'ERR_SUPERSLAB_NO_MEMORY', fallbacks: 1, length: 100 });
});

test('buffers larger than the limit are refused, and what is free is given up for one that fits', async () => {
  const seen = await childJson(
    `${prelude}
    const pool = new BufferPool({ purgeDelayMs: 60000 });
    let code;
    try { pool.acquire(3_000_000_000); } catch (error) { code = error.code; }
    const first = takeAll(pool, 50 << 20);
    pool.releaseMany(first.bufs);
    const large = pool.acquire(200 << 20);
    say({ code, count: first.bufs.length, large: large.length });`,
    limited,
  );
  expect(seen).toMatchObject({ code: 'ERR_SUPERSLAB_NO_MEMORY', large: 200 << 20 });
});
