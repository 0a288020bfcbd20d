// NumaPool where there are several memory nodes, in a program of its own whose threads are bound to processors of one node
// and then of another. `npm run test:numa` runs it on a machine with two.
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { childJson } from '../support/child.js';

const FOLDER = '/sys/devices/system/node';
const nodes = (() => {
  try {
    return readdirSync(FOLDER).filter((name) => /^node\d+$/.test(name));
  } catch {
    return [];
  }
})();

/** What each of these programs begins with. */
const PROLOGUE = `
  const { execFileSync } = await import('node:child_process');
  const { readFileSync } = await import('node:fs');
  const superslab = await import('superslab');
  const { NumaPool } = await import('superslab/pools');
  const processorsOf = (node) => readFileSync('${FOLDER}/node' + node + '/cpulist', 'utf8').trim();
  /** All threads of this program run on that node from now on. */
  const runOn = (node) => execFileSync('taskset', ['-a', '-p', '-c', processorsOf(node), String(process.pid)]);
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const until = async (done, ms = 60_000) => {
    for (const end = Date.now() + ms; !done() && Date.now() < end;) await sleep(50);
    return done();
  };
  /** Bytes of pools that lie on each node. */
  const bytesByNode = async () => Object.fromEntries((await superslab.memoryFacts()).nodes.map(({ node, bytes }) => [node, bytes]));
  const MIB = 1 << 20;
  const options = { hugePages: 'off', purgeDelayMs: 200 };
`;
const settings = { env: { SUPERSLAB_NUMA_INTERVAL_MS: '200' }, timeoutMs: 100_000 };

describe.skipIf(nodes.length < 2)('on several nodes', { timeout: 120_000 }, () => {
  test('the node of the thread serves it, and buffers go home to theirs', async () => {
    const found = await childJson(
      `${PROLOGUE}
        const [a, b] = new NumaPool().nodes;
        runOn(a);
        const pool = new NumaPool({ ...options, name: 'followed', numaMoveBytes: 0 });
        const onA = Array.from({ length: 10 }, () => pool.get(MIB).fill(1));
        const first = pool.node;
        const before = await bytesByNode();
        runOn(b);
        await until(() => pool.node === b);
        const second = pool.node;
        const onB = Array.from({ length: 10 }, () => pool.get(MIB).fill(2));
        const after = await bytesByNode();
        for (const buf of [...onA, ...onB]) pool.put(buf);
        pool.check();
        runOn(a);
        await until(() => pool.node === a);
        const { length } = superslab.stats().pools.filter(({ name }) => name === 'followed');
        const { inUseBytes } = pool.stats();
        pool.close();
        console.log(JSON.stringify({ a, b, first, second, before, after, inUseBytes, length }));
      `,
      settings,
    );
    const { a, b, before, after } = found;
    expect(found).toMatchObject({ first: a, second: b, inUseBytes: 0, length: 1 });
    expect(before[a]).toBeGreaterThanOrEqual(10 << 20);
    expect(after[b] - (before[b] ?? 0)).toBeGreaterThanOrEqual(10 << 20);
    // What lies on the first node stays there: nothing may move.
    expect(after[a]).toBeGreaterThanOrEqual(before[a]);
  });

  test('memory moves after its thread, with all that is in it', async () => {
    const found = await childJson(
      `${PROLOGUE}
        const [a, b] = new NumaPool().nodes;
        runOn(a);
        const pool = new NumaPool({ ...options, name: 'moved' });
        const bufs = Array.from({ length: 40 }, (_, i) => pool.get(i % 2 ? MIB : 100_000).fill(i));
        bufs.push(pool.get(5 * MIB).fill(99));
        const before = await bytesByNode();
        runOn(b);
        // Under load: what is lent changes meanwhile, and what stays keeps its bytes.
        const moved = await until(() => {
          for (let i = 0; i < 200; i++) {
            const at = Math.floor(Math.random() * 40);
            if (!bufs[at].every((byte) => byte === at)) throw new Error('bytes of ' + at + ' were lost');
            if (at % 4 !== 0) continue;
            const size = bufs[at].length;
            pool.put(bufs[at]);
            bufs[at] = pool.get(size).fill(at);
          }
          return pool.stats().numaMovedRegions >= 10;
        });
        const after = await bytesByNode();
        const whole = bufs.every((buf, i) => buf.every((byte) => byte === (i === 40 ? 99 : i)));
        pool.check();
        for (const buf of bufs) buf.release();
        const { numaMovedPages, numaUnmovedPages, inUseBytes } = pool.stats();
        console.log(JSON.stringify({ a, b, before, after, moved, whole, numaMovedPages, numaUnmovedPages, inUseBytes }));
      `,
      settings,
    );
    const { a, b, before, after } = found;
    expect(found).toMatchObject({ moved: true, whole: true, inUseBytes: 0 });
    expect(found.numaMovedPages).toBeGreaterThan(2000);
    expect(before[a]).toBeGreaterThan(20 << 20);
    expect(after[b]).toBeGreaterThan(20 << 20);
    expect(after[a] ?? 0).toBeLessThan(before[a] / 2);
  });

  test('transparent huge pages move as a whole', async () => {
    const found = await childJson(
      `${PROLOGUE}
        const [a, b] = new NumaPool().nodes;
        runOn(a);
        const pool = new NumaPool({ name: 'huge', hugePages: 'thp', populate: 'superslab' });
        const bufs = Array.from({ length: 16 }, (_, i) => pool.get(MIB).fill(i));
        runOn(b);
        await until(() => pool.stats().numaMovedRegions >= 8);
        const { numaMovedPages, numaUnmovedPages } = pool.stats();
        const whole = bufs.every((buf, i) => buf.every((byte) => byte === i));
        console.log(JSON.stringify({ numaMovedPages, numaUnmovedPages, whole }));
      `,
      settings,
    );
    expect(found).toMatchObject({ whole: true, numaUnmovedPages: 0 });
    expect(found.numaMovedPages).toBeGreaterThanOrEqual(4096);
  });

  test('no more moves in a second than the policy allows', async () => {
    const found = await childJson(
      `${PROLOGUE}
        const [a, b] = new NumaPool().nodes;
        runOn(a);
        const pool = new NumaPool({ ...options, name: 'slow', numaMoveBytes: 4 * MIB });
        const bufs = Array.from({ length: 60 }, () => pool.get(MIB).fill(1));
        runOn(b);
        await until(() => pool.stats().numaMovedPages > 0);
        const before = pool.stats().numaMovedPages;
        const start = Date.now();
        await sleep(4000);
        const moved = (pool.stats().numaMovedPages - before) * 4096;
        const seconds = (Date.now() - start) / 1000;
        for (const buf of bufs) buf.release();
        console.log(JSON.stringify({ aSecond: moved / seconds / MIB }));
      `,
      settings,
    );
    expect(found.aSecond).toBeGreaterThan(1);
    // A batch of 4 MiB is moved whole.
    expect(found.aSecond).toBeLessThan(6);
  });

  test('a limit holds for all nodes together, and those who wait are served in turn', async () => {
    const found = await childJson(
      `${PROLOGUE}
        const [a, b] = new NumaPool().nodes;
        runOn(a);
        const pool = new NumaPool({ ...options, name: 'limited', maxBytes: 8 * MIB });
        const held = Array.from({ length: 4 }, () => pool.get(MIB));
        // Cached on the first node, which counts against the limit.
        for (const buf of Array.from({ length: 4 }, () => pool.get(MIB))) pool.put(buf);
        runOn(b);
        await until(() => pool.node === b);
        for (let i = 0; i < 4; i++) held.push(pool.get(MIB));
        let code;
        try { pool.get(MIB); } catch (error) { code = error.code; }
        const served = [];
        const waiting = [0, 1].map(async (i) => { const buf = await pool.getAsync(MIB); served.push(i); return buf; });
        const { waiting: count } = pool.stats();
        const inProcess = superslab.stats().pools.find(({ name }) => name === 'limited').waiting;
        pool.put(held.shift());
        await sleep(0);
        pool.put(held.pop());
        for (const buf of [...held, ...(await Promise.all(waiting))]) pool.put(buf);
        pool.check();
        pool.close();
        console.log(JSON.stringify({ code, count, inProcess, served, inUse: pool.stats().inUseBytes }));
      `,
      settings,
    );
    expect(found).toEqual({
      code: 'ERR_SUPERSLAB_EXHAUSTED',
      count: 2,
      inProcess: 2,
      served: [0, 1],
      inUse: 0,
    });
  });

  test('what a worker had on both nodes comes back when it dies', async () => {
    const found = await childJson(
      `${PROLOGUE}
        const { Worker } = await import('node:worker_threads');
        const [a, b] = new NumaPool().nodes;
        runOn(a);
        const worker = new Worker(\`
          const { NumaPool } = await import('superslab/pools');
          const { parentPort } = await import('node:worker_threads');
          const pool = new NumaPool({ name: 'of a worker' });
          const kept = [pool.get(1000)];
          parentPort.on('message', () => { kept.push(pool.get(2000), pool.get(3 << 20)); parentPort.postMessage(pool.node); });
          parentPort.postMessage(pool.node);
        \`, { eval: true });
        const next = () => new Promise((resolve) => worker.once('message', resolve));
        const nodes = [await next()];
        runOn(b);
        await sleep(1500);
        worker.postMessage(0);
        nodes.push(await next());
        await worker.terminate();
        const gone = await until(() => !superslab.stats().pools.some(({ name }) => name === 'of a worker'));
        console.log(JSON.stringify({ isFirst: nodes[0] === a, isSecond: nodes[1] === b, gone }));
      `,
      settings,
    );
    expect(found).toEqual({ isFirst: true, isSecond: true, gone: true });
  });
});
