// BufferPool counts its demand by interval, keeps memory ready for bursts that come back, and tells what it did.
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { BufferPool, type DemandHistory, stats } from 'superslab';
import { describe, expect, test } from 'vitest';
import { childJson, packageRoot, runChild } from '../support/child.js';
import { internal } from '../support/internal.js';

let made = 0;
const uniqueName = () => `adaptive-${++made}`;

const { reportText } = internal<typeof import('../../lib/stats/report.js')>('stats/report');

const context = { knobs: [], uptimeMs: 1, pressure: stats().pressure };

/** The acquires of a size class over all intervals. */
const acquiresOf = ({ intervals }: DemandHistory, blockBytes: number) =>
  intervals
    .flatMap(({ classes }) => classes)
    .filter((one) => one.blockBytes === blockBytes)
    .reduce((sum, { acquires }) => sum + acquires, 0);

/** A child in which an interval takes a second, so that three of them are soon over. */
const QUICK = {
  SUPERSLAB_DEMAND_INTERVAL_MS: '1000',
  SUPERSLAB_LEAK_DETECTION: 'off',
  SUPERSLAB_GUARD: 'off',
};

const BURSTS = `
  import { BufferPool, stats } from 'superslab';
  import { setTimeout as sleep } from 'node:timers/promises';
  const pool = new BufferPool({ name: 'bursts' });
  const burst = () => {
    const bufs = pool.acquireMany(65536, 160);
    for (const buf of bufs) buf.fill(1);
    pool.releaseMany(bufs);
  };
  const minutes = async (count) => {
    for (let i = 0; i < count; i++) {
      burst();
      await sleep(1000);
    }
  };
`;

/** A guard has larger blocks. */
const plain = { guard: 'off', leakDetection: 'off' } as const;

describe('history()', () => {
  test('has the leases of each size class, as new as the question', () => {
    using pool = new BufferPool({ name: uniqueName(), ...plain });
    expect(pool.history()).toEqual({
      intervalMs: 60_000,
      intervals: [{ startedAt: expect.any(Number), hugeAcquires: 0, classes: [] }],
    });
    for (let i = 0; i < 1000; i++) pool.acquire(1000).release();
    pool.acquire(3 << 20).release();
    const { intervals } = pool.history();
    const last = intervals.at(-1)!;
    expect(Math.abs(Date.now() - last.startedAt)).toBeLessThan(70_000);
    expect(last.hugeAcquires).toBe(1);
    expect(acquiresOf(pool.history(), 1024)).toBeGreaterThanOrEqual(1000);
    const [one] = last.classes.filter(({ blockBytes }) => blockBytes === 1024);
    expect(one!.bytes).toBe(one!.acquires * 1024);
    expect(one!.peakBytes).toBeGreaterThanOrEqual(65_536);
  });

  test('is empty for a pool that does not adapt, and for one that is closed and has everything back', () => {
    const nothing = { intervalMs: 0, intervals: [] };
    using off = new BufferPool({ name: uniqueName(), ...plain, adaptive: false });
    off.acquire(100).release();
    expect(off.history()).toEqual(nothing);
    off.tune({ adaptive: true });
    off.acquire(100).release();
    expect(acquiresOf(off.history(), 128)).toBeGreaterThan(0);
    off.tune({ adaptive: false });
    expect(off.history()).toEqual(nothing);
    const closed = new BufferPool({ name: uniqueName(), ...plain });
    closed.acquire(100).release();
    closed.close();
    expect(closed.history()).toEqual(nothing);
  });

  test('of the default pool has the leases of threads that have ended', async () => {
    // Of that size, or with what a guard adds to it.
    const acquires = () => {
      const history = BufferPool.default.history();
      return acquiresOf(history, 49_152) + acquiresOf(history, 57_344);
    };
    const before = acquires();
    const worker = new Worker(
      `const { acquire } = require('superslab');
       for (let i = 0; i < 500; i++) acquire(49152).release();
       acquire(49152);
       setInterval(() => {}, 1000);
       require('node:worker_threads').parentPort.postMessage('leased');`,
      { eval: true },
    );
    await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
    expect(acquires() - before).toBeGreaterThanOrEqual(501);
  });

  test('counts interval by interval while the thread is busy', async () => {
    const busy = `
      const end = Date.now() + 3300;
      while (Date.now() < end) for (let i = 0; i < 1000; i++) pool.acquire(500).release();
      const { intervals } = pool.history();
      console.log(JSON.stringify(intervals.filter(({ classes }) => classes.some((one) => one.acquires > 1000)).length));`;
    const counted = await Promise.all([
      childJson(`${BURSTS} ${busy}`, { env: QUICK }),
      childJson(`${BURSTS} burst(); await sleep(700); ${busy}`, { env: QUICK }),
    ]);
    // The loop of the process begins with the first upkeep; until then nobody counts.
    expect(counted[0]).toBeGreaterThanOrEqual(1);
    expect(counted[1]).toBeGreaterThanOrEqual(3);
  });
});

// What takes seconds waits, mostly.
describe.concurrent('bursts that come back', () => {
  test('are kept ready from the third on, which report() tells; then the memory goes', async () => {
    const { kept, report, metrics, gone, log } = await childJson(
      `${BURSTS}
       await minutes(6);
       const kept = pool.stats();
       const report = pool.report();
       const metrics = stats().pools.find(({ name }) => name === 'bursts').adaptations;
       await sleep(8000);
       const gone = pool.stats();
       console.log(JSON.stringify({ kept, report, metrics, gone, log: gone.adaptations }));`,
      { env: QUICK },
    );
    expect(kept.readyBytes).toBeGreaterThanOrEqual(8 << 20);
    expect(kept.committedBytes).toBeGreaterThanOrEqual(kept.readyBytes);
    expect(kept.inUseBytes).toBe(0);
    expect(metrics).toEqual(kept.adaptations);
    expect(kept.adaptations[0]).toMatchObject({ kind: 'keep', blockBytes: 65_536 });
    expect(report).toMatch(/Keeps 1\d(\.\d)? MiB ready for blocks of 64 KiB: three of the last six/);
    expect(gone).toMatchObject({ readyBytes: 0, committedBytes: 0 });
    expect(gone.shrinks).toBeGreaterThanOrEqual(1);
    expect(log[0]).toMatchObject({ kind: 'shrink', blockBytes: 65_536 });
  }, 30_000);

  test('are not kept by a pool that does not adapt', async () => {
    const env = { ...QUICK, SUPERSLAB_ADAPTIVE: '0' };
    const { last, threads } = await childJson(
      `${BURSTS}
       import { readdirSync, readFileSync } from 'node:fs';
       await minutes(5);
       await sleep(2000);
       const threads = readdirSync('/proc/self/task').map((id) => readFileSync('/proc/self/task/' + id + '/comm', 'utf8'));
       console.log(JSON.stringify({ last: pool.stats(), threads }));`,
      { env },
    );
    expect(last).toMatchObject({ readyBytes: 0, committedBytes: 0, adaptations: [] });
    expect(threads).not.toContain('superslab\n');
  }, 30_000);
});

describe.concurrent('the loop', () => {
  test('neither keeps a process alive nor hinders its end, its children, or the end of its threads', async () => {
    const result = await runChild(
      `${BURSTS}
       import { spawnSync } from 'node:child_process';
       import { Worker } from 'node:worker_threads';
       await minutes(1);
       const until = Date.now() + 3000;
       let turns = 0;
       while (Date.now() < until) {
         burst();
         if (spawnSync('true').status !== 0) throw new Error('no child');
         const worker = new Worker(\`
           const { BufferPool, acquire } = require('superslab');
           const pool = new BufferPool();
           for (let i = 0; i < 200; i++) { pool.acquire(i * 100); acquire(i * 1000); }
           require('node:worker_threads').parentPort.postMessage(0);
           while (true) acquire(1000).release();\`, { eval: true, execArgv: [] });
         await new Promise((resolve) => worker.once('message', resolve));
         await worker.terminate();
         turns++;
       }
       if (stats().pools.some(({ leakedBlocks }) => leakedBlocks > 1e6) || turns === 0) throw new Error('lost');
       console.log('ended');`,
      { env: QUICK },
    );
    expect(result).toMatchObject({ code: 0, stdout: 'ended\n' });
  }, 30_000);

  const library = `${packageRoot}build/Release/libsuperslab.so`;
  // Not where there is none: it is made with glibc only.
  const onLibrary = existsSync(library) ? test : () => {};
  onLibrary(
    'works beside libsuperslab.so, whose forks find all locks free',
    async () => {
      const result = await runChild(
        `${BURSTS}
       import { spawnSync } from 'node:child_process';
       for (let i = 0; i < 60; i++) {
         burst();
         const { status, stdout } = spawnSync('/bin/sh', ['-c', 'echo $(echo $(echo inner))'], { encoding: 'utf8' });
         if (status !== 0 || stdout !== 'inner\\n') throw new Error('child: ' + status + stdout);
         await sleep(20);
       }
       console.log('ended', stats().core);`,
        { env: { ...QUICK, LD_PRELOAD: library } },
      );
      expect(result).toMatchObject({ code: 0, stdout: 'ended libsuperslab.so\n' });
    },
    30_000,
  );
});

test('report() tells why in sentences', () => {
  const [pool] = stats().pools;
  const at = Date.UTC(2026, 0, 2, 3, 4, 5);
  const adaptations = [
    { at, kind: 'move', blockBytes: 65_536, fromBlockBytes: 1024, bytes: 8 << 20, evidenceBytes: 24 << 20 },
    { at, kind: 'expand', blockBytes: 65_536, bytes: 12 << 20, evidenceBytes: 4 << 20 },
    { at, kind: 'pressure', bytes: 6 << 20, evidenceBytes: 0 },
    { at, kind: 'shrink', blockBytes: 128, bytes: 1 << 20, evidenceBytes: 0 },
    { at, kind: 'keep', blockBytes: 65_536, bytes: 24 << 20, evidenceBytes: 24 << 20 },
    { at, kind: 'keep', blockBytes: 64, bytes: 64, evidenceBytes: 64 },
  ] as const;
  const text = reportText({ ...pool!, adaptations }, context).replace(/\s+/g, ' ');
  for (const sentence of [
    '2026-01-02 03:04:05Z Moved 8 MiB from blocks of 1 KiB to blocks of 64 KiB, of which intervals took up to 384 at once',
    'Populated 12 MiB ahead of demand: blocks of 64 KiB grew three times in a row, by 4 MiB or more.',
    'Let go of 6 MiB that was kept ready: the process is close to its limit of memory.',
    'Let go of 1 MiB that was kept for blocks of 128 B: fewer than three of the last six intervals took it.',
    'Keeps 24 MiB ready for blocks of 64 KiB: three of the last six intervals took up to 384 of them at once and gave them back.',
  ]) {
    expect(text).toContain(sentence);
  }
  expect(text).not.toContain('blocks of 64 B');
  expect(reportText({ ...pool!, adaptations: [] }, context)).not.toContain('adapts');
});
