// What memory the process has: what it says, and that it goes back.
import { expect, test } from 'vitest';
import { type ChildOptions, childJson } from './support/child.js';
import { watchesAll } from './support/watching.js';

const MiB = 1 << 20;
const withGc: ChildOptions = { nodeArguments: ['--expose-gc'] };

const helpers = `
  import { readFileSync } from 'node:fs';
  import superslab, { BufferPool } from 'superslab';
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const collect = async () => { for (let i = 0; i < 4; i++) { globalThis.gc?.(); await sleep(5); } };
  const external = () => process.memoryUsage().external;
  const rss = () => Number(/VmRSS:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
  const say = (value) => console.log(JSON.stringify(value));
`;

test('external is what is leased at least, what is committed at most, and falls after trim', async () => {
  const seen = await childJson(
    `${helpers}
    await collect();
    const before = external();
    const pool = new BufferPool();
    let bufs = pool.acquireMany(100_000, 400).concat(pool.acquireMany(5_000_000, 4));
    bufs.forEach((buf) => {
buf.fill(1);
});
    await collect();
    const during = external() - before;
    const { committedBytes: committed, inUseBytes: inUse } = pool.stats();
    pool.releaseMany(bufs);
    bufs = undefined;
    pool.trim();
    await collect();
    // The windows that are stale are dropped by the upkeep, which comes by itself.
    for (let i = 0; i < 200 && external() - before > ${2 * MiB}; i++) { await sleep(20); globalThis.gc(); }
    say({ during, committed, inUse, after: external() - before });`,
    withGc,
  );
  expect(seen.committed).toBeGreaterThan(60_000_000 * 0.95);
  expect(seen.during).toBeGreaterThanOrEqual(seen.inUse * 0.99);
  // Watched leases have ArrayBuffers of their own.
  expect(seen.during).toBeLessThanOrEqual(seen.committed * (watchesAll ? 2.1 : 1.1) + 4 * MiB);
  expect(seen.after).toBeLessThanOrEqual(2 * MiB);
});

test('idle memory goes back by itself after purgeDelayMs, and external falls', async () => {
  const seen = await childJson(
    `${helpers}
    const before = external();
    const pool = new BufferPool({ purgeDelayMs: 20 });
    pool.releaseMany(pool.acquireMany(100_000, 400));
    const committed = pool.stats().committedBytes;
    for (let i = 0; i < 400 && pool.stats().committedBytes > 0; i++) await sleep(20);
    for (let i = 0; i < 100 && external() - before > ${2 * MiB}; i++) { globalThis.gc(); await sleep(20); }
    say({ committed, after: pool.stats().committedBytes, external: external() - before });`,
    withGc,
  );
  expect(seen.committed).toBeGreaterThan(40_000_000 * 0.95);
  expect(seen.after).toBe(0);
  expect(seen.external).toBeLessThanOrEqual(2 * MiB);
});

test('the resident set falls after trim', async () => {
  const seen = await childJson(
    `${helpers}
    const pool = new BufferPool();
    const before = rss();
    const bufs = pool.acquireMany(200_000, 500);
    for (const buf of bufs) buf.fill(1);
    const during = rss() - before;
    pool.releaseMany(bufs);
    const given = pool.trim();
    say({ during, given, after: rss() - before });`,
  );
  expect(seen.during).toBeGreaterThan(95 * MiB);
  expect(seen.given).toBeGreaterThan(95 * MiB);
  expect(seen.after).toBeLessThan(16 * MiB);
});

test('what is committed covers what is resident, for untouched buffers too', async () => {
  const seen = await childJson(
    `${helpers}
    const pool = new BufferPool();
    const before = rss();
    const bufs = pool.acquireMany(10_000, 1000);
    say({ resident: rss() - before, committed: pool.stats().committedBytes });
    pool.releaseMany(bufs);`,
  );
  expect(seen.resident).toBeLessThan(seen.committed + 8 * MiB);
});

test('acquire and release over and over take no more memory', async () => {
  const seen = await childJson(
    `${helpers}
    const pool = new BufferPool();
    const turn = () => {
      for (let i = 0; i < 20_000; i++) {
        const bufs = [pool.acquire(1 + (i * 7919) % 70_000), pool.acquire(100), pool.acquire(0)];
        if (i % 100 === 0) pool.adopt(pool.share(bufs[0])).release();
        if (i % 50 === 0) bufs[1].retain().release();
        pool.releaseMany(bufs);
      }
    };
    turn();
    await collect();
    const before = { committed: pool.stats().committedBytes, heap: process.memoryUsage().heapUsed };
    for (let i = 0; i < 5; i++) turn();
    await collect();
    say({
      committed: pool.stats().committedBytes - before.committed,
      heap: process.memoryUsage().heapUsed - before.heap,
    });`,
    withGc,
  );
  expect(seen.committed).toBeLessThanOrEqual(2 * MiB);
  expect(seen.heap).toBeLessThan(3 * MiB);
});

test('pools that are closed leave nothing behind', async () => {
  const seen = await childJson(
    `${helpers}
    const turn = async () => {
      for (let i = 0; i < 500; i++) {
        const pool = new BufferPool();
        const late = pool.acquire(1000);
        pool.acquire(100).release();
        pool.close();
        late.release();
      }
      await sleep(10);
    };
    await turn();
    await collect();
    const before = process.memoryUsage();
    for (let i = 0; i < 4; i++) { await turn(); await collect(); }
    const after = process.memoryUsage();
    say({ external: after.external - before.external, heap: after.heapUsed - before.heapUsed });`,
    withGc,
  );
  expect(seen.external).toBeLessThan(4 * MiB);
  expect(seen.heap).toBeLessThan(4 * MiB);
});

test('buffers of a dropped pool stay valid', async () => {
  const seen = await childJson(
    `${helpers}
    const bufs = (() => new BufferPool().acquireMany(1000, 100))();
    bufs.forEach((buf, i) => {
buf.fill(i);
});
    await collect();
    const others = superslab.acquireMany(1000, 500);
    for (const other of others) other.fill(0xff);
    const right = bufs.every((buf, i) => buf.every((byte) => byte === i));
    for (const buf of bufs) buf.release();
    say({ right });`,
    withGc,
  );
  expect(seen).toEqual({ right: true });
});

test('views alone keep their bytes readable when everything else is gone', async () => {
  const seen = await childJson(
    `${helpers}
    const view = (() => {
      const pool = new BufferPool();
      const buf = pool.acquire(5_000_000).fill(7);
      const view = buf.subarray(0);
      buf.release();
      pool.close();
      return view;
    })();
    await collect();
    superslab.releaseMany(superslab.acquireMany(5_000_000, 3));
    const read = new Set();
    const written = new Set();
    for (let at = 0; at < view.length; at += 4096) { read.add(view[at]); view[at] = 9; written.add(view[at]); }
    say({ length: view.length, read: [...read], written: [...written] });`,
    withGc,
  );
  // What it was, or nothing where the memory has gone back.
  expect(seen).toEqual({
    length: 5_000_000,
    read: [expect.toSatisfy((byte) => byte === 7 || byte === 0)],
    written: [9],
  });
});
