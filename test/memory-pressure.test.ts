// Memory is scarce: what follows from the kernel's files, and what pools do then. The files are a test's own, but for the last one.
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { childJson, packageRoot, runChild } from './support/child.js';
import { FakeMachine } from './support/fake-machine.js';

const machines: FakeMachine[] = [];
afterEach(() => {
  for (const machine of machines.splice(0)) machine[Symbol.dispose]();
});
function fakeMachine(): FakeMachine {
  const machine = new FakeMachine();
  machines.push(machine);
  return machine;
}

const MiB = 2 ** 20;
const unwatched = "leakDetection: 'off', guard: 'off'";
const quick = { SUPERSLAB_PRESSURE_INTERVAL_MS: '100' };

/** What `body` says of a process in which memory is about to be scarce. */
const inChild = (machine: FakeMachine, body: string, env: Record<string, string> = {}): Promise<any> =>
  childJson(
    `${machine.script}
     import superslab, { BufferPool, stats } from 'superslab';
     import * as pools from 'superslab/pools';
     import { subscribe } from 'node:diagnostics_channel';
     const say = (value) => console.log(JSON.stringify(value));
     const levels = [];
     subscribe('superslab:pressure', (message) => levels.push(message));
     ${body}`,
    { env: { ...quick, ...env } },
  );

/** A pool that has 16 MiB idle, and keeps it for long. */
const IDLE = `
  const idle = new BufferPool({ name: 'idle', purgeDelayMs: 60000, ${unwatched} });
  idle.releaseMany(idle.acquireMany(1 << 20, 16));
`;

describe('a level', () => {
  test('is told by the channel, the figures and the report, with what it follows from', async () => {
    const machine = fakeMachine();
    const seen = await inChild(
      machine,
      `${IDLE}
       await until(() => process.uptime() > 0.5);
       const before = stats().pressure;
       use(92);
       await until(() => levels.length === 1);
       use(98);
       await until(() => levels.length === 2);
       await until(() => stats().pressure.step === 'idle');
       const now = stats();
       say({ before, levels, now: now.pressure, pool: now.pools.find(({ name }) => name === 'idle'), report: idle.report(), advice: idle.advice() });`,
    );
    expect(seen.before).toEqual({
      level: 'none',
      reason: 'none',
      share: 0,
      limitBytes: 0,
      rises: 0,
      changedAtMs: 0,
      step: 'nothing',
    });
    expect(seen.levels).toMatchObject([
      {
        level: 'some',
        before: 'none',
        reason: 'hardLimit',
        limitBytes: 2 ** 30,
        rises: 1,
        text: '92 % of the 1 GiB that a control group may have were in use',
      },
      { level: 'critical', before: 'some', rises: 2, share: 0.98 },
    ]);
    expect(seen.levels[0].changedAtMs).toBeGreaterThan(Date.now() - 60_000);
    expect(seen.now).toMatchObject({ level: 'critical', rises: 2 });
    expect(seen.pool).toMatchObject({ pressureLevel: 2, pressureRises: 2, committedBytes: 0 });
    expect(seen.pool.pressureCacheBytes).toBe(16 * MiB);
    expect(seen.report.replace(/\n +/g, ' ')).toContain(
      '98 % of the 1 GiB that a control group may have were in use; gave back 16.0 MiB of caches',
    );
    expect(seen.advice).toMatchObject([{ id: 'pressure', severity: 'act' }]);
  });

  test('follows from stalls of the group, and of the machine while its memory is short', async () => {
    for (const [file, more, reason] of [
      ['/sys/fs/cgroup/test/memory.pressure', '', 'groupStalls'],
      ['/proc/pressure/memory', 'MemTotal: 1000 kB\nMemAvailable: 100 kB\n', 'machineStalls'],
    ] as const) {
      const machine = fakeMachine();
      machine.write('/proc/meminfo', more);
      if (reason === 'groupStalls') machine.write('/sys/fs/cgroup/test/cgroup.events', 'populated 1\n');
      machine.write(
        file,
        'some avg10=20.00 avg60=0 avg300=0 total=1\nfull avg10=0.00 avg60=0 avg300=0 total=0\n',
      );
      const seen = await inChild(machine, `${IDLE} await until(() => levels.length > 0); say(levels[0]);`);
      expect(seen).toMatchObject({ level: 'some', reason, share: 0.2, limitBytes: 0 });
      expect(seen.text).toContain('waited for memory 20 % of the time');
    }
  });

  test('follows from what all pools have, near SUPERSLAB_TOTAL_BYTES', async () => {
    const seen = await inChild(
      fakeMachine(),
      `${IDLE} await until(() => levels.length > 0); say({ level: levels[0], committed: idle.stats().committedBytes });`,
      { SUPERSLAB_TOTAL_BYTES: '8m' },
    );
    expect(seen.level).toMatchObject({ level: 'critical', reason: 'totalBytes', limitBytes: 8 * MiB });
    expect(seen.level.text).toContain('SUPERSLAB_TOTAL_BYTES, 8 MiB');
    expect(seen.committed).toBe(0);
  });

  test('is not looked for with SUPERSLAB_PRESSURE=0', async () => {
    const seen = await inChild(
      fakeMachine(),
      `${IDLE} use(99); await later(400); say({ levels, pressure: stats().pressure.level, committed: idle.stats().committedBytes });`,
      { SUPERSLAB_PRESSURE: '0' },
    );
    expect(seen).toEqual({ levels: [], pressure: 'none', committed: 16 * MiB });
  });

  test('ends where the pressure does', async () => {
    const machine = fakeMachine();
    const seen = await inChild(
      machine,
      `${IDLE}
       const kept = idle.acquire(1);
       use(99);
       await until(() => levels.length === 1);
       use(10);
       for (let i = 0; i < 4 && levels.length < 2; i++) await until(() => levels.length === 2);
       say({ levels, report: idle.report() });`,
    );
    expect(seen.levels).toMatchObject([
      { level: 'critical' },
      { level: 'none', before: 'critical', rises: 1 },
    ]);
    expect(seen.report).toMatch(/^ {2}pressure none since .*; before, /m);
  }, 60_000);

  test('is a metric', async () => {
    const machine = fakeMachine();
    const seen = await inChild(
      machine,
      `const { Registry } = await import('prom-client');
       const { collectSuperslab } = await import('superslab/prometheus');
       const register = new Registry();
       collectSuperslab({ register });
       ${IDLE}
       use(95);
       await until(() => levels.length > 0);
       say((await register.metrics()).split('\\n').filter((line) => /^superslab_pressure/.test(line)));`,
    );
    expect(seen).toContain('superslab_pressure_level 1');
    expect(seen).toContain('superslab_pressure_rises_total 1');
    expect(seen).toContain(`superslab_pressure_cache_bytes_total{pool="idle"} ${16 * MiB}`);
  });

  test('keeps no process alive', async () => {
    const machine = fakeMachine();
    const { code, stderr } = await runChild(
      `${machine.script}
       const { BufferPool } = (await import('superslab'));
       ${IDLE}
       use(99);
       await later(500);`,
      { env: quick, timeoutMs: 20_000 },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('pools', () => {
  test('also while every event loop with pools is busy', async () => {
    const machine = fakeMachine();
    const seen = await inChild(
      machine,
      `${IDLE}
       // The control loop is there once upkeep has run.
       await until(() => process.uptime() > 1.5);
       const before = idle.stats().committedBytes;
       use(92);
       const end = Date.now() + 10000;
       const few = before / 4; // the thread's magazines are its own
       while (idle.stats().committedBytes > few && Date.now() < end);
       say({ before, isBack: idle.stats().committedBytes <= few, told: levels.length });`,
    );
    expect(seen).toEqual({ before: 16 * MiB, isBack: true, told: 0 });
  });

  test('give caches back under some pressure, and nothing that waits to be lent', async () => {
    const machine = fakeMachine();
    const seen = await inChild(
      machine,
      `${IDLE}
       const fixed = new pools.FixedPool({ name: 'fixed', size: 65536, purgeDelayMs: 60000, ${unwatched} });
       fixed.putBulk(fixed.getBulk(100));
       const objects = new pools.ObjectPool({ create: () => ({}) });
       objects.warm(10);
       const events = [];
       for (const pool of [idle, fixed, objects]) pool.on('pressure', ({ pool, step }) => events.push(pool === 'idle' || pool === 'fixed' ? pool + ' ' + step : step));
       use(93);
       await until(() => events.length >= 3);
       await later(300);
       say({ events, idle: idle.stats().committedBytes, fixed: fixed.stats().cachedBytes, objects: objects.idle });`,
    );
    expect(seen.events.toSorted()).toEqual(['caches', 'fixed caches', 'idle caches']);
    expect(seen).toMatchObject({ idle: 0, fixed: 100 * 65_536, objects: 10 });
  });

  test('keep what they are to keep, however critical it is', async () => {
    const machine = fakeMachine();
    const seen = await inChild(
      machine,
      `const options = { purgeDelayMs: 60000, ${unwatched} };
       const fixed = new pools.FixedPool({ ...options, size: 65536, initial: 10 });
       fixed.putBulk(fixed.getBulk(100));
       const packets = new pools.PacketPool({ ...options, size: 65536, initial: 10 });
       packets.freeBulk(packets.getBulk(100));
       const records = new pools.RecordPool(pools.record({ data: pools.bytes(65536) }), { ...options, initial: 16 });
       for (const entry of Array.from({ length: 100 }, records.get)) records.put(entry);
       const destroyed = [];
       const objects = new pools.ObjectPool({ create: () => ({}), destroy: (one) => destroyed.push(one), min: 3, minIdle: 5 });
       objects.warm(20);
       const lent = objects.get();
       use(99);
       await until(() => objects.idle <= 5);
       const counts = objects.stats().objects;
       say({ fixed: fixed.stats().cachedBytes / 65536, packets: packets.stats().cachedBytes / 65536, records: records.stats().cachedBytes / 65536,
         size: objects.size, idle: objects.idle, destroyed: destroyed.length, relieved: counts.relieved, report: objects.report() });`,
    );
    expect(seen).toMatchObject({ fixed: 10, packets: 10, records: 16 });
    expect(seen).toMatchObject({ size: 6, idle: 5, relieved: seen.destroyed });
    expect(seen.destroyed).toBeGreaterThanOrEqual(14);
    expect(seen.report.replace(/\n +/g, ' ')).toContain(`gave back ${seen.destroyed} idle objects`);
  });

  test('go on when who is told throws, or closes one of them', async () => {
    const machine = fakeMachine();
    const seen = await inChild(
      machine,
      `const errors = [];
       process.on('uncaughtException', (error) => errors.push(error.message));
       const options = { purgeDelayMs: 60000, ${unwatched} };
       const all = [1, 2, 3].map((i) => new BufferPool({ ...options, name: 'pool ' + i }));
       for (const pool of all) pool.releaseMany(pool.acquireMany(1 << 20, 2));
       all[0].on('pressure', () => { throw new Error('of a listener'); });
       subscribe('superslab:pool:trim', () => { if (!all[1].closed) all[1].close(); });
       let told = 0;
       all[2].on('pressure', () => told++);
       use(99);
       await until(() => told >= 3);
       say({ errors, told, committed: all.map((pool) => pool.stats().committedBytes) });`,
    );
    expect(seen).toEqual({ errors: Array(3).fill('of a listener'), told: 3, committed: [0, 0, 0] });
  });

  test('of threads that do not come to it give back what any thread may give back for them', async () => {
    const machine = fakeMachine();
    const seen = await inChild(
      machine,
      `${IDLE}
       const { Worker } = await import('node:worker_threads');
       const worker = new Worker(\`
         const { BufferPool } = require('superslab');
         const pool = new BufferPool({ name: 'busy', purgeDelayMs: 60000, ${unwatched} });
         pool.releaseMany(pool.acquireMany(3 << 20, 4));
         require('node:worker_threads').parentPort.postMessage('ready');
         for (;;);
       \`, { eval: true, execArgv: [] });
       await new Promise((resolve) => worker.once('message', resolve));
       const busy = () => stats().pools.find(({ name }) => name === 'busy');
       const before = busy().committedBytes;
       use(91);
       await until(() => busy().committedBytes === 0);
       const after = busy();
       await worker.terminate();
       say({ before, after: after.committedBytes, counted: after.pressureCacheBytes });`,
    );
    expect(seen.before).toBeGreaterThanOrEqual(12 * MiB);
    expect(seen).toMatchObject({ after: 0, counted: seen.before });
  });

  test('of each thread do their steps, and threads may end meanwhile', async () => {
    const machine = fakeMachine();
    const seen = await inChild(
      machine,
      `const { Worker } = await import('node:worker_threads');
       const start = (ends) => new Promise((resolve) => {
         const worker = new Worker(\`
           const { parentPort, workerData } = require('node:worker_threads');
           const { FixedPool } = require('superslab/pools');
           const pool = new FixedPool({ size: 65536, purgeDelayMs: 60000, ${unwatched} });
           pool.putBulk(pool.getBulk(50));
           pool.on('pressure', ({ step, bytes }) => {
             if (workerData) process.exit();
             parentPort.postMessage([step, bytes]);
           });
           parentPort.postMessage('ready');
           setInterval(() => {}, 1000);
         \`, { eval: true, execArgv: [], workerData: ends });
         worker.once('message', () => resolve(worker));
       });
       const all = await Promise.all([start(false), start(true), start(false), start(true)]);
       const told = all.map(() => []);
       all.forEach((worker, i) => worker.on('message', (message) => told[i].push(message)));
       const ended = Promise.all([all[1], all[3]].map((worker) => new Promise((resolve) => worker.once('exit', resolve))));
       ${IDLE}
       use(99);
       await ended;
       await until(() => told[0].length >= 3 && told[2].length >= 3);
       await Promise.all([all[0].terminate(), all[2].terminate()]);
       await until(() => stats().pools.length === 2);
       say({ told, pools: stats().pools.map(({ name, inUseBytes }) => [name, inUseBytes]) });`,
    );
    for (const i of [0, 2]) {
      expect(seen.told[i].map(([step]: [string]) => step)).toEqual(['caches', 'cold', 'idle']);
      expect(seen.told[i][2][1]).toBeGreaterThanOrEqual(50 * 65_536);
    }
    expect(seen.pools).toEqual([
      ['default', 0],
      ['idle', 0],
    ]);
  });
});

describe('values of a GenerationalPool', () => {
  test('are moved together but for those that the program may have a view of', async () => {
    const machine = fakeMachine();
    const seen = await inChild(
      machine,
      `const pool = new pools.GenerationalPool({ young: 32 << 20, name: 'values', purgeDelayMs: 60000, ${unwatched} });
       const bytesOf = (i) => Buffer.alloc(1000, String(i % 10));
       const handles = Array.from({ length: 16000 }, (_, i) => pool.put(bytesOf(i)));
       const live = handles.filter((_, i) => i % 10 === 0);
       handles.forEach((handle, i) => i % 10 > 0 && pool.free(handle));
       // Of one chunk of eight or so.
       const views = live.slice(0, 100).map((handle) => pool.get(handle));
       const pinned = pool.pin(live[700]);
       const before = pool.generations();
       const steps = [];
       pool.on('pressure', ({ step, bytes }) => steps.push([step, bytes]));
       use(99);
       await until(() => steps.length >= 3);
       const after = pool.generations();
       // Views show what they showed.
       views.forEach((view) => view.write('view'));
       pinned.write('pin');
       const right = live.every((handle, i) => {
         const text = pool.get(handle).toString();
         const begins = i < 100 ? 'view' : i === 700 ? 'pin' : '';
         return text === begins + bytesOf(i * 10).toString().slice(begins.length);
       });
       pool.unpin(live[700]);
       const whole = pool.check();
       while (!pool.collect({ budgetMs: 1 }));
       say({ before, after, steps, right, whole, collected: pool.generations(), stats: pool.stats().pressureColdBytes });`,
    );
    expect(seen.right).toBe(true);
    expect(seen.whole).toEqual([]);
    expect(seen.steps.map(([step]: [string]) => step)).toEqual(['caches', 'cold', 'idle']);
    expect(seen.steps[1][1]).toBeGreaterThan(4 * MiB);
    // The step after it does it again, if there was not the time.
    expect(seen.stats).toBeGreaterThanOrEqual(seen.steps[1][1]);
    expect(seen.after.young.heldBytes).toBeLessThan(seen.before.young.heldBytes - 4 * MiB);
    expect(seen.after.young.values).toBe(1600);
    // It is no collection: nothing has grown older.
    expect(seen.after).toMatchObject({ collections: 0, old: { values: 0 } });
    expect(seen.after.movedValues).toBeGreaterThan(500);
    expect(seen.collected).toMatchObject({ collections: 1, young: { values: 1600 } });
  });

  test('stay in the midst of a collection in steps, and of a scope that was cut off', async () => {
    const machine = fakeMachine();
    const seen = await inChild(
      machine,
      `const pool = new pools.GenerationalPool({ young: 8 << 20, ${unwatched} });
       const handles = Array.from({ length: 4000 }, (_, i) => pool.put(Buffer.alloc(1000, String(i % 10))));
       handles.forEach((handle, i) => i % 5 > 0 && pool.free(handle));
       pool.collect({ budgetMs: 0 });
       const { movedValues } = pool.generations();
       const steps = [];
       pool.on('pressure', ({ step }) => steps.push(step));
       use(99);
       await until(() => steps.length >= 3);
       const moved = pool.generations().movedValues - movedValues;
       while (!pool.collect({ budgetMs: 1 }));
       const right = handles.every((handle, i) => i % 5 > 0 || pool.get(handle)[999] === 48 + (i % 10));
       say({ moved, right, whole: pool.check(), collections: pool.generations().collections });`,
    );
    expect(seen).toEqual({ moved: 0, right: true, whole: [], collections: 1 });
  });
});

// Of version 1, in which a superuser can make a group anywhere.
const group = `/sys/fs/cgroup/memory/superslab-test-${process.pid}`;
function makeGroup(): boolean {
  if (!existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes')) return false;
  try {
    mkdirSync(group);
    writeFileSync(`${group}/memory.limit_in_bytes`, String(400 * MiB));
    return true;
  } catch {
    return false;
  }
}

if (makeGroup()) {
  test('in a real control group what is idle goes back near the limit', async () => {
    try {
      const seen = await childJson(
        `import { writeFileSync } from 'node:fs';
         writeFileSync('${group}/cgroup.procs', String(process.pid));
         const { BufferPool, stats } = await import('superslab');
         const pool = new BufferPool({ name: 'idle', purgeDelayMs: 60000, populate: 'superslab', ${unwatched} });
         const bufs = pool.acquireMany(1 << 20, 300);
         for (const buf of bufs) buf.fill(1);
         let event;
         pool.on('pressure', (message) => { event ??= message; });
         pool.releaseMany(bufs);
         const before = pool.stats().committedBytes;
         const more = Buffer.alloc(80 << 20, 1);
         for (let i = 0; i < 200 && event === undefined; i++) await new Promise((resolve) => setTimeout(resolve, 20));
         console.log(JSON.stringify({ before, event, after: pool.stats().committedBytes, pressure: stats().pressure, more: more.length }));`,
        { env: quick, cwd: packageRoot },
      );
      expect(seen.before).toBeGreaterThan(250 * MiB);
      expect(seen.event).toMatchObject({ pool: 'idle', step: 'caches' });
      expect(seen.event.bytes).toBeGreaterThan(250 * MiB);
      expect(seen.after).toBe(0);
      expect(seen.pressure).toMatchObject({ reason: 'hardLimit', limitBytes: 400 * MiB });
    } finally {
      for (let i = 0; i < 50 && existsSync(group); i++) {
        try {
          rmdirSync(group);
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    }
  });
}
