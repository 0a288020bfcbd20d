// The package is evaluated again and again in one process, as by Jest for each file of tests: what an evaluation had is
// given back when nothing can reach it any more.
import { expect, test } from 'vitest';
import { childJson } from './support/child.js';

const ROUNDS = 200;
const FEW_ROUNDS = 30;
const KEPT = 10;

/** Evaluates the package anew again and again; `how` makes the exports of one evaluation, `use` uses them. */
const program = (how: string, use: string, rounds: number) => `
  import { createRequire } from 'node:module';
  import fs from 'node:fs';
  import path from 'node:path';
  import vm from 'node:vm';
  const require = createRequire(process.cwd() + '/x.js');
  const own = path.join(process.cwd(), 'dist') + path.sep;
  const cleared = () => {
    for (const file of Object.keys(require.cache)) if (file.startsWith(own)) delete require.cache[file];
    // By another parent each time: a module holds those that it required first.
    return createRequire(process.cwd() + '/x.js')('./dist/cjs/index.js');
  };
  const inContext = () => {
    const context = vm.createContext({ process, Buffer, setTimeout() {}, queueMicrotask() {}, performance: { now: () => 0 } });
    for (const name of ['Uint8Array', 'ArrayBuffer', 'Uint32Array', 'Float64Array', 'DOMException'])
      context[name] = globalThis[name];
    const modules = new Map();
    const load = (file) => {
      if (!modules.has(file)) {
        const module = { exports: {} };
        modules.set(file, module);
        const wrapper = vm.runInContext(
          '(function (exports, require, module, __filename, __dirname) {' + fs.readFileSync(file, 'utf8') + '\\n})', context);
        const from = createRequire(file);
        const requireIn = (name) => {
          const found = from.resolve(name);
          return found.startsWith(own) ? load(found) : require(found);
        };
        wrapper(module.exports, requireIn, module, file, path.dirname(file));
      }
      return modules.get(file).exports;
    };
    return load(path.join(own, 'cjs/index.js'));
  };
  const use = (superslab) => { ${use} };
  const collect = async () => {
    for (let i = 0; i < 12; i++) {
      gc();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const seen = [];
  const round = () => {
    const superslab = (${how})();
    use(superslab);
    seen.push(new WeakRef(superslab.BufferPool));
  };
  const look = async () => {
    await collect();
    const { stats } = cleared();
    const { pools } = stats();
    return {
      heap: process.memoryUsage().heapUsed,
      pools: pools.length,
      threads: pools[0].threads,
      exit: process.listenerCount('exit'),
      warning: process.listenerCount('warning'),
      alive: seen.filter((one) => one.deref() !== undefined).length,
    };
  };
  for (let i = 0; i < 5; i++) round();
  const before = await look();
  for (let i = 0; i < ${rounds}; i++) {
    round();
    // Its alarms ring meanwhile.
    if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 60));
  }
  const after = await look();
  console.log(JSON.stringify({ before, after }));
`;

const everything = `
  const { BufferPool, acquire, release, watchHistograms } = superslab;
  for (const size of [64, 5000, 1 << 20, 3 << 20]) release(acquire(size));
  const forgotten = new BufferPool({ name: 'forgotten', purgeDelayMs: 20 });
  forgotten.release(forgotten.acquire(5000));
  const pool = new BufferPool({ name: 'own', guard: 'poison', leakDetection: 'full', purgeDelayMs: 20 });
  pool.on('leak', () => {});
  const buf = pool.acquire(100);
  buf.release();
  const shared = pool.acquire(100);
  pool.adopt(pool.share(shared)).release();
  shared.release();
  pool.close();
  watchHistograms();
`;

test.each([
  ['with an empty require.cache', 'cleared', FEW_ROUNDS],
  ['in contexts of their own', 'inContext', ROUNDS],
])(
  '%s',
  async (_, how, rounds) => {
    const { before, after } = await childJson(program(how, everything, rounds), {
      nodeArguments: ['--expose-gc'],
      env: { SUPERSLAB_STATS: '0', SUPERSLAB_LEAK_DETECTION: 'off', SUPERSLAB_GUARD: 'off' },
      timeoutMs: 120_000,
    });
    expect(after.alive).toBeLessThanOrEqual(KEPT);
    expect(after.pools - before.pools).toBeLessThanOrEqual(KEPT);
    expect(after.threads).toBeLessThanOrEqual(KEPT);
    expect([after.exit, after.warning]).toEqual([before.exit, before.warning]);
    expect(after.heap - before.heap).toBeLessThan(8 << 20);
  },
  150_000,
);

test('the report at exit is of what is there, once', async () => {
  const { before, after } = await childJson(
    program('cleared', 'superslab.release(superslab.acquire(64));', FEW_ROUNDS),
    {
      nodeArguments: ['--expose-gc'],
      env: { SUPERSLAB_STATS: '1' },
      timeoutMs: 120_000,
    },
  );
  expect(after.exit).toBe(before.exit);
  expect(after.alive).toBeLessThanOrEqual(KEPT);
}, 150_000);
