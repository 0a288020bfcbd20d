// Leak detection: a buffer that is collected without a release is reported, with the stack that acquired
// it, and its block comes back.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BufferPool,
  type LeakSite,
  type PooledBuffer,
  type PoolLeakMessage,
  type SuperslabError,
  stats,
} from 'superslab';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PoolGuard } from '../lib/guard/pool-guard.js';
import { blockBytes } from './support/block-bytes.js';
import { childJson } from './support/child.js';
import { collect } from './support/collect.js';
import { thrownBy } from './support/expect-error.js';
import { internal } from './support/internal.js';
import { endWorkers, startWorker } from './support/worker.js';

let pool: BufferPool;
beforeEach(() => {
  pool = new BufferPool({ name: 'leaks', leakDetection: 'full' });
});
afterEach(() => {
  pool.close();
  expect(pool.stats()).toMatchObject({ inUseBytes: 0, doubleFrees: 0, leakedBlocks: 0 });
});

// Buffers are made in functions of their own: a frame that is still there keeps what it touched.
function leakHere(size: number, count = 1): void {
  for (let i = 0; i < count; i++) pool.acquire(size);
}

/** The pool's sites, once there are `count`. */
async function sitesOf(count: number): Promise<readonly LeakSite[]> {
  await collect(() => pool.leaks().length >= count);
  expect(pool.leaks()).toHaveLength(count);
  return pool.leaks();
}

const topFrame = (stack: string) => stack.split('\n')[0];

test('a leak is reported with pool, size, age and stack, once per site with a count; the blocks come back', async () => {
  leakHere(1500, 3);
  expect(pool.stats().watchedBlocks).toBe(3);
  await collect(() => pool.leaks()[0]?.count === 3);
  expect(pool.stats()).toMatchObject({ watchedBlocks: 0, watchedBytes: 0 });
  const [site, ...others] = pool.leaks();
  expect(others).toEqual([]);
  expect(site).toMatchObject({
    pool: 'leaks',
    tag: '',
    reason: 'collected',
    size: 1500,
    count: 3,
    estimated: 3,
  });
  expect(topFrame(site!.stack)).toContain('leakHere');
  expect(site!.stack).not.toContain('dist/cjs');
  expect(site!.oldestMs).toBeGreaterThan(0);
  expect(pool.stats()).toMatchObject({ inUseBytes: 0, collectedBlocks: 3, collectedBytes: site!.bytes });
});

test('what is released is no leak', async () => {
  for (let i = 0; i < 100; i++) pool.acquire(1 + i * 40).release();
  pool.acquire(3 << 20).release();
  pool.scope((scope) => scope.acquire(500));
  pool.releaseMany(pool.acquireMany(100, 50));
  await collect();
  expect(pool.leaks()).toEqual([]);
});

test('a block that was leased before leaks like a new one', async () => {
  pool.acquire(1500).release();
  leakHere(1500);
  expect(await sitesOf(1)).toMatchObject([{ size: 1500, count: 1 }]);
});

test('each site is one of its own', async () => {
  const first = () => void pool.acquire(10);
  const second = () => void pool.acquire(10);
  first();
  for (let i = 0; i < 2; i++) second();
  const sites = await sitesOf(2);
  await collect(() => pool.leaks().some((site) => site.count === 2));
  expect(sites.map((site) => topFrame(site.stack)).sort()).toEqual([
    expect.stringContaining('first'),
    expect.stringContaining('second'),
  ]);
});

test('large buffers, and those of from, alloc, acquireMany and acquireAsync', async () => {
  const leak = async () => {
    pool.acquire(3 << 20);
    pool.from('some text');
    pool.alloc(100);
    pool.acquireMany(200, 1);
    await pool.acquireAsync(300);
  };
  await leak();
  const sites = await sitesOf(5);
  expect(sites.map((site) => site.size).sort((a, b) => a - b)).toEqual([9, 100, 200, 300, 3 << 20]);
  for (const site of sites) expect(topFrame(site.stack)).toContain('leak');
  expect(pool.stats().inUseBytes).toBe(0);
});

test('a view keeps the lease alive: the block must not come back under it', async () => {
  const keepView = () => new Uint8Array(pool.acquire(1000).fill(7).buffer, 10, 20);
  let view: Uint8Array | undefined = keepView();
  await collect();
  expect(pool.leaks()).toEqual([]);
  expect(pool.stats().inUseBytes).toBe(blockBytes(1000));
  // Who acquires now gets another block.
  const other = pool.acquire(1000).fill(1);
  expect([...view]).toEqual(Array(20).fill(7));
  other.release();
  view = undefined;
  expect(await sitesOf(1)).toMatchObject([{ size: 1000, count: 1 }]);
});

test('a closure or an object that the stack belongs to does not hide its leak', async () => {
  // V8 keeps the functions and receivers of a stack until its text is made.
  const byClosure = () => {
    let held: PooledBuffer | undefined;
    const acquire = () => {
      held = pool.acquire(111);
      return held.length;
    };
    acquire();
  };
  class Connection {
    buf: PooledBuffer | undefined;
    read() {
      this.buf = pool.acquire(222);
    }
  }
  const byReceiver = () => new Connection().read();
  byClosure();
  byReceiver();
  const sites = await sitesOf(2);
  expect(sites.map((site) => site.size).sort()).toEqual([111, 222]);
});

test.each(['acquired', 'released'])(
  'a released buffer that is kept: the frames that %s it hide no leak',
  async (done) => {
    const kept: PooledBuffer[] = [];
    // The function that is on the stack has a leaked buffer in its context.
    const keepOne = () => {
      const leaked = pool.acquire(700);
      const inner = () => {
        if (done === 'acquired') kept.push(pool.acquire(100));
        else kept[0]!.release();
        return leaked;
      };
      inner();
    };
    if (done === 'released') kept.push(pool.acquire(100));
    keepOne();
    if (done === 'acquired') kept[0]!.release();
    expect(await sitesOf(1)).toMatchObject([{ size: 700, count: 1 }]);
    const { message } = thrownBy(() => kept[0]!.release(), 'ERR_SUPERSLAB_RELEASED');
    expect(message).toContain('at inner');
  },
);

describe('stacks are made into text a while later', () => {
  const { openCores } = internal<typeof import('../lib/pool/cores.js')>('pool/cores');
  const { EndedLeases } = internal<typeof import('../lib/guard/ended-leases.js')>('guard/ended-leases');
  const { now } = internal<typeof import('../lib/addon/clock.js')>('addon/clock');
  const soon = () => now() + 5000;

  test('of live leases, the old ones first', () => {
    const { watcher } = [...openCores.values()].find(({ heapId }) => heapId === pool.stats().heapId)!;
    const { stacks } = watcher as PoolGuard;
    const first = pool.acquire(100);
    const time = now();
    const second = pool.acquire(100);
    expect(stacks.settleStacks(0, soon())).toBe(false);
    expect(stacks.settleStacks(time, soon())).toBe(false);
    expect(stacks.settleStacks(soon(), soon())).toBe(true);
    // None is left that could be too young.
    expect(stacks.settleStacks(0, soon())).toBe(true);
    first.release();
    second.release();
  });

  const record = () => {
    const settled = {
      isRaw: true,
      settle() {
        this.isRaw = false;
      },
    };
    return { acquired: settled, released: undefined, endedAt: 0, waitsForText: false };
  };
  type Ended = { add(lease: ReturnType<typeof record>): void } & Pick<
    InstanceType<typeof EndedLeases>,
    'settleStacks'
  >;
  const endedLeases = () => new EndedLeases(true) as unknown as Ended;

  test('of those that have ended, too', () => {
    const ended = endedLeases();
    const [first, second] = [record(), record()];
    ended.add(first);
    const time = now();
    ended.add(second);
    expect(ended.settleStacks(0, soon())).toBe(false);
    expect(first.acquired.isRaw).toBe(true);
    expect(ended.settleStacks(time, soon())).toBe(false);
    expect([first.acquired.isRaw, second.acquired.isRaw]).toEqual([false, true]);
    expect(ended.settleStacks(soon(), soon())).toBe(true);
    expect(second.acquired.isRaw).toBe(false);
  });

  test('and no lease is kept that has its text', async () => {
    const ended = endedLeases();
    const records = (() =>
      Array.from({ length: 10 }, () => {
        const one = record();
        ended.add(one);
        return new WeakRef(one);
      }))();
    expect(ended.settleStacks(soon(), soon())).toBe(true);
    await collect(() => records.every((one) => one.deref() === undefined));
    expect(records.filter((one) => one.deref() !== undefined)).toEqual([]);
    expect(ended.settleStacks(0, soon())).toBe(true);
  });
});

test('a retained buffer with one reference left is a leak', async () => {
  const leak = () => pool.acquire(70).retain().release();
  leak();
  expect(await sitesOf(1)).toMatchObject([{ size: 70 }]);
});

test('the report of a retained or shared buffer says how many references it had', async () => {
  const events: PoolLeakMessage[] = [];
  const warnings: string[] = [];
  const onWarning = ({ message }: Error) => warnings.push(message.split(';')[0]!);
  process.on('warning', onWarning);
  pool.on('leak', (leak) => events.push(leak));
  const tokens: ReturnType<typeof pool.share>[] = [];
  const leak = () => {
    pool.acquire(1);
    pool.acquire(2).retain();
    pool.acquire(3).retain().retain().retain().release();
    tokens.push(pool.share(pool.acquire(4)), pool.share(pool.acquire(5).retain()));
  };
  leak();
  await collect(() => events.length === 5);
  await sleep(5);
  process.off('warning', onWarning);
  const byOrder = [...events].sort((a, b) => a.size - b.size);
  expect(
    byOrder.map(({ references, retains, sharedReferences }) => [references, retains, sharedReferences]),
  ).toEqual([
    [1, 0, 0],
    [2, 1, 0],
    [3, 3, 0],
    [1, 0, 2],
    [2, 1, 2],
  ]);
  expect(
    warnings.map((text) => /(\d) B .*without release\(\)(.*)/.exec(text)!.slice(1).join('')).sort(),
  ).toEqual([
    '1',
    '2 (retained once, 2 references left)',
    '3 (retained 3 times, 3 references left)',
    '4 (shared, 2 references left in all threads)',
    '5 (retained once, 2 references left',
  ]);
  for (const token of tokens) pool.revoke(token);
});

test('a lost promise shows the frames that awaited', async () => {
  const inner = async () => {
    await sleep(1);
    const buf = pool.acquire(80);
    if (buf.length > 0) throw new Error('lost');
  };
  const outer = async () => {
    await inner();
  };
  await outer().catch(() => {});
  const [site] = await sitesOf(1);
  expect(site!.stack).toContain('inner');
  expect(site!.stack).toContain('async outer');
});

test('events and the channel tell of each leak', async () => {
  const events: PoolLeakMessage[] = [];
  const messages: unknown[] = [];
  const onMessage = (message: unknown) => messages.push(message);
  subscribe('superslab:pool:leak', onMessage);
  const onLeak = (leak: PoolLeakMessage) => events.push(leak);
  pool.on('leak', onLeak);
  leakHere(640, 2);
  await collect(() => events.length === 2);
  unsubscribe('superslab:pool:leak', onMessage);
  expect(events.map((leak) => [leak.pool, leak.size, leak.count])).toEqual([
    ['leaks', 640, 1],
    ['leaks', 640, 2],
  ]);
  expect(messages).toEqual(events);
  pool.off('leak', onLeak);
  leakHere(641);
  await collect(() => pool.stats().collectedBlocks === 3);
  expect(events).toHaveLength(2);
});

test('there are two events, and others are refused', () => {
  thrownBy(() => pool.on('leek' as 'leak', () => {}), 'ERR_SUPERSLAB_ARGUMENT');
});

test('a warning is written the first, tenth and hundredth time a site leaks', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on('warning', onWarning);
  leakHere(900, 101);
  await collect(() => pool.stats().collectedBlocks === 101);
  await sleep(5);
  process.off('warning', onWarning);
  expect(warnings.map((warning) => [warning.name, (warning as Error & { code: string }).code])).toEqual(
    Array(3).fill(['SuperslabLeak', 'SUPERSLAB_LEAK']),
  );
  expect(warnings[0]!.message).toMatch(
    /^a buffer of 900 B \(pool "leaks"\) was garbage-collected \d+\.\d s after it was acquired, without release\(\); it was acquired\n {4}at leakHere/,
  );
  expect(warnings[2]!.message).toContain('(100 of this kind so far)');
});

test('leaks make room under maxBytes', async () => {
  const small = new BufferPool({ name: 'small', leakDetection: 'full', maxBytes: 4 * blockBytes(256 << 10) });
  const leak = () => {
    for (let i = 0; i < 4; i++) small.acquire(256 << 10);
  };
  leak();
  thrownBy(() => small.acquire(256 << 10), 'ERR_SUPERSLAB_EXHAUSTED');
  await collect(() => small.stats().collectedBlocks === 4);
  small.acquire(256 << 10).release();
  small.close();
});

test("zero: 'release' clears what comes back", async () => {
  const cleared = new BufferPool({
    name: 'cleared',
    leakDetection: 'full',
    zero: 'release',
    maxBytes: blockBytes(1 << 20),
  });
  const leak = () => void cleared.acquire(1 << 20).fill(5);
  leak();
  await collect(() => cleared.stats().collectedBlocks === 1);
  const next = cleared.acquire(1 << 20);
  expect(next.every((byte) => byte === 0)).toBe(true);
  next.release();
  cleared.close();
});

test('leaks of a closed pool come back, and the pool ends', async () => {
  const short = new BufferPool({ name: 'short', leakDetection: 'full' });
  const leak = () => void short.acquire(5000);
  leak();
  short.acquire(100).release();
  short.close();
  await collect(() => short.stats().inUseBytes === 0);
  expect(short.stats()).toMatchObject({ chargedBytes: 0, committedBytes: 0 });
});

test('a pool with listeners that hold it is still collected', async () => {
  const make = () => {
    const lost = new BufferPool({ name: 'lost', leakDetection: 'full', purgeDelayMs: 40 });
    lost.on('leak', () => lost.stats());
    lost.acquire(100).release();
    return new WeakRef(lost);
  };
  const ref = make();
  await collect(() => ref.deref() === undefined);
  expect(ref.deref()).toBeUndefined();
});

describe('errors of watched buffers say where', () => {
  test('a second release', () => {
    const buf = pool.acquire(100);
    const releaseFirst = () => buf.release();
    releaseFirst();
    const error = thrownBy(() => buf.release(), 'ERR_SUPERSLAB_RELEASED') as SuperslabError;
    expect(error).toMatchObject({ pool: 'leaks', size: 100, tag: '' });
    expect(error.acquired).toContain('leaks.test.ts');
    expect(topFrame(error.released!)).toContain('releaseFirst');
    expect(error.message).toContain(error.released!);
  });

  test('and begin with the program, as many frames as it wants, without frames of superslab', () => {
    const buf = pool.acquire(100);
    const slice = buf.subarray(1);
    buf.release();
    const { stackTraceLimit } = Error;
    const ways: (() => void)[] = [
      () => buf.release(),
      () => pool.release(buf),
      () => pool.releaseMany([buf]),
      () => void buf.retain(),
      () => void pool.share(buf),
      () => pool.release(slice),
      () => pool.release({} as PooledBuffer),
    ];
    try {
      for (const [i, way] of ways.entries()) {
        Error.stackTraceLimit = 1 + (i % 4);
        let stack = '';
        try {
          way();
        } catch (error) {
          const { message } = error as Error;
          stack = (error as Error).stack!;
          expect(stack).toContain(message);
          const frames = stack.slice(stack.indexOf(message) + message.length + 1).split('\n');
          expect(frames[0], way.toString()).toContain('leaks.test');
          expect(frames, way.toString()).toHaveLength(Error.stackTraceLimit);
        }
        expect(stack).toMatch(/^(Type)?Error: ERR_SUPERSLAB_/);
        expect(stack).not.toContain('dist/cjs');
      }
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  });

  test('also when the block has another lease by then, which is not harmed', () => {
    const buf = pool.acquire(100);
    buf.release();
    const other = pool.acquire(90).fill(3);
    const error = thrownBy(() => buf.release(), 'ERR_SUPERSLAB_RELEASED') as SuperslabError;
    expect(error.size).toBe(100);
    expect(other.released).toBe(false);
    other.release();
  });

  test('a slice', () => {
    const buf = pool.acquire(100);
    const error = thrownBy(() => pool.release(buf.subarray(1)), 'ERR_SUPERSLAB_FOREIGN');
    expect(error).toMatchObject({
      pool: 'leaks',
      size: 100,
      acquired: expect.stringContaining('leaks.test.ts'),
    });
    buf.release();
  });
});

test("the program's own stack limit stays as it is", async () => {
  const before = Error.stackTraceLimit;
  leakHere(50);
  expect(Error.stackTraceLimit).toBe(before);
  await sitesOf(1);
});

test('programs that prepare stacks themselves, or throw in it, do not matter', async () => {
  const { prepareStackTrace } = Error;
  try {
    Error.prepareStackTrace = () => {
      throw new Error('not now');
    };
    leakHere(60);
    await collect(() => pool.leaks().length === 1);
  } finally {
    Error.prepareStackTrace = prepareStackTrace as never;
  }
  expect(topFrame(pool.leaks()[0]!.stack)).toContain('leakHere');
});

describe('tags', () => {
  test('are reported, whichever way a buffer was acquired', async () => {
    const tagged = pool.tagged('request body');
    const leak = async () => {
      tagged.acquire(100);
      tagged.alloc(101);
      tagged.from('x'.repeat(102));
      tagged.acquireMany(103, 1);
      await tagged.acquireAsync(104);
      tagged.scope((scope) => scope.acquire(105).retain());
      pool.acquire(106);
    };
    await leak();
    const sites = await sitesOf(7);
    expect(Object.fromEntries(sites.map((site) => [site.size, site.tag]))).toEqual({
      ...Object.fromEntries([100, 101, 102, 103, 104, 105].map((size) => [size, 'request body'])),
      106: '',
    });
  });

  test('cost nothing where nothing is watched', () => {
    const plain = new BufferPool({ name: 'plain', leakDetection: 'off', guard: 'off' });
    expect(plain.tagged('a').acquire).toBe(plain.acquire);
    plain.close();
  });

  test.each(['', 'a\nb', 'x'.repeat(65), 7, undefined])('%j is none', (tag) => {
    thrownBy(() => pool.tagged(tag as string), 'ERR_SUPERSLAB_ARGUMENT');
  });
});

describe('sampled', () => {
  test('finds leaks, and estimates how many there are', async () => {
    const sampled = new BufferPool({ name: 'sampled', leakDetection: 'sampled', guard: 'off' });
    const leakSampled = () => void sampled.acquire(64);
    for (let i = 0; i < 5000; i++) {
      leakSampled();
      // Where the machine is slow, samples wait for their share of time.
      if (i % 100 === 99) await sleep(1);
    }
    await collect();
    const sites = sampled.leaks();
    const count = sites.reduce((sum, site) => sum + site.count, 0);
    const estimated = sites.reduce((sum, site) => sum + site.estimated, 0);
    expect(count).toBeGreaterThanOrEqual(10);
    expect(count).toBeLessThan(500);
    expect(estimated).toBeGreaterThan(5000 / 3);
    expect(estimated).toBeLessThanOrEqual(5000);
    expect(topFrame(sites[0]!.stack)).toContain('leakSampled');
    sampled.close();
  });

  test.each([
    [2000, '10', '8'],
    [20_000, '128', '8'],
    [2000, '1', '0'],
  ])(
    'estimates a burst of %i that samples had time for at its beginning only',
    async (leases, rate, frames) => {
      const seen = (await childJson(
        `
      import { BufferPool } from 'superslab';
      import { setTimeout as sleep } from 'node:timers/promises';
      const pool = new BufferPool({ name: 'burst', leakDetection: 'sampled', guard: 'off' });
      for (let i = 0; i < ${leases}; i++) pool.acquire(100);
      const watched = () => pool.stats().watchedBlocks;
      for (let i = 0; i < 50 && watched() > 0; i++) { gc(); await sleep(10); }
      const sites = pool.leaks();
      console.log(JSON.stringify({
        left: watched(),
        count: sites.reduce((sum, site) => sum + site.count, 0),
        estimated: sites.reduce((sum, site) => sum + site.estimated, 0),
      }));`,
        {
          nodeArguments: ['--expose-gc'],
          env: { SUPERSLAB_LEAK_SAMPLE: rate, SUPERSLAB_LEAK_FRAMES: frames },
        },
      )) as { left: number; count: number; estimated: number };
      expect(seen.left).toBe(0);
      expect(seen.count).toBeGreaterThan(0);
      expect(seen.count).toBeLessThan(leases / 2);
      // All of them leak, so whatever samples there are stand for all.
      expect(Math.abs(seen.estimated - leases)).toBeLessThanOrEqual(1);
    },
  );

  test('large buffers are sampled too', async () => {
    const sampled = new BufferPool({ name: 'sampled', leakDetection: 'sampled', guard: 'off' });
    const leak = () => void sampled.acquire(3 << 20);
    leak();
    await collect(() => sampled.leaks().length === 1);
    expect(sampled.leaks()).toMatchObject([{ size: 3 << 20, count: 1 }]);
    sampled.close();
  });
});

describe('workers', () => {
  afterEach(endWorkers);
  const open = "state.pool = new superslab.BufferPool({ name: 'of a worker', leakDetection: 'full' });";
  const ofWorker = () => stats().leaks.filter((site) => site.pool === 'of a worker');

  test('what a worker still leases when it returns is reported, with the stack', async () => {
    const before = ofWorker().length;
    const worker = await startWorker();
    await worker.run(`${open} (function leakInWorker() { state.buf = state.pool.acquire(1000); })()`);
    await worker.run('state.pool.acquire(500).release()');
    worker.start('process.exit(0)');
    await worker.ended;
    const sites = ofWorker().slice(before);
    expect(sites).toMatchObject([{ reason: 'threadEnded', size: 1000, count: 1 }]);
    expect(topFrame(sites[0]!.stack)).toContain('leakInWorker');
  });

  test('a terminated worker: what it leased is counted, what it only kept is not', async () => {
    const count = () =>
      ofWorker()
        .filter((site) => site.reason === 'threadEnded' && site.stack === '')
        .reduce((sum, site) => sum + site.count, 0);
    const before = count();
    const worker = await startWorker();
    await worker.run(
      `${open} state.bufs = state.pool.acquireMany(1000, 3); state.pool.acquire(3 << 20).retain()`,
    );
    await worker.run('for (let i = 0; i < 50; i++) state.pool.acquire(100 * i + 1).release()');
    await worker.run('state.pool.releaseMany(state.pool.acquireMany(1000, 20))');
    await worker.terminate();
    expect(count() - before).toBe(4);
  });

  test('unwatched leases of a worker that ends are all counted, whatever it adopted', async () => {
    const worker = await startWorker();
    await worker.run(
      "state.pool = new superslab.BufferPool({ name: 'of a sampled worker', leakDetection: 'sampled' });",
    );
    await worker.run('state.bufs = state.pool.acquireMany(1000, 20)');
    const source = new BufferPool({ name: 'source' });
    const bufs = source.acquireMany(300, 15);
    await worker.run(
      'state.adopted = argument.map(state.pool.adopt, state.pool)',
      bufs.map(source.share, source),
    );
    source.releaseMany(bufs);
    worker.start('process.exit(0)');
    await worker.ended;
    const sites = stats().leaks.filter((site) => site.pool === 'of a sampled worker');
    const count = (isAdopted: boolean) =>
      sites.filter(({ size }) => (size === 300) === isAdopted).reduce((sum, site) => sum + site.count, 0);
    expect(sites.every(({ reason }) => reason === 'threadEnded')).toBe(true);
    expect(count(true)).toBeGreaterThan(0);
    expect(count(false)).toBe(20);
    source.close();
  });

  test('an adopted buffer that its thread loses is reported there, and comes home', async () => {
    const worker = await startWorker();
    await worker.run("state.pool = new superslab.BufferPool({ name: 'adopter', leakDetection: 'full' });");
    const buf = pool.acquire(700);
    await worker.run('(function adoptHere() { state.pool.adopt(argument); })()', pool.share(buf));
    buf.release();
    expect(pool.stats().inUseBytes).toBe(blockBytes(700));
    await worker.run(
      `const v8 = await import('node:v8'), vm = await import('node:vm');
       v8.setFlagsFromString('--expose-gc');
       const gc = vm.runInNewContext('gc');
       for (let i = 0; i < 60 && state.pool.leaks().length === 0; i++) {
         await new Promise((resolve) => setTimeout(resolve, 10));
         gc();
       }`,
    );
    const sites = stats().leaks.filter((site) => site.pool === 'adopter');
    expect(sites).toMatchObject([{ reason: 'collected', size: 700, count: 1 }]);
    expect(topFrame(sites[0]!.stack)).toContain('adoptHere');
    expect(pool.stats().inUseBytes).toBe(0);
  });
});

test('a shared buffer that its first thread loses: its reference ends', async () => {
  const share = () => pool.share(pool.acquire(800));
  const token = share();
  await collect(() => pool.leaks().length === 1);
  expect(pool.leaks()).toMatchObject([{ size: 800 }]);
  expect(pool.stats().inUseBytes).toBe(blockBytes(800));
  const adopted = pool.adopt(token);
  adopted.release();
  expect(pool.stats().inUseBytes).toBe(0);
});

test('a tag for each request and a pool for each do not fill memory with sites', async () => {
  const seen = await childJson(`
    import { createRequire } from 'node:module';
    import 'superslab';
    const require = createRequire(process.cwd() + '/');
    const { environment } = require('./dist/cjs/addon/environment.js');
    const open = (name) => {
      const pool = environment.openPool([], name);
      pool.watch(name);
      return pool;
    };
    const leak = (pool, tag, stack) =>
      pool.noteLeak({ tag, stack, bytes: 64, size: 10, ageMs: 1, estimated: 1 });
    const known = open('known');
    const site = () => known.leakSites().find((one) => one.tag === 't0');
    for (let i = 0; i < 3000; i++) leak(known, 't' + i, 'at ' + i);
    const tags = environment.leakSites().length;
    const rest = known.leakSites().find((one) => one.tag === '');
    for (let i = 0; i < 1500; i++) leak(open('p' + i), 'a', 'at a');
    const sites = environment.leakSites();
    // One that was there already goes on being counted.
    const again = leak(known, 't0', 'at 0');
    const others = sites.find((one) => one.pool === '(other pools)');
    const count = sites.reduce((sum, one) => sum + one.count, 0);
    console.log(JSON.stringify({ tags, rest, pools: sites.length, others, count, again, site: site() }));
  `);
  expect(seen).toMatchObject({
    tags: 1025,
    rest: { pool: 'known', stack: '', count: 3000 - 1024, bytes: 64 * (3000 - 1024) },
    pools: 2049,
    others: { tag: '', stack: '', count: 1500 - 1023 },
    count: 4500,
    again: 2,
    site: { stack: 'at 0', count: 2 },
  });
});
