// stats().misuse: what was done wrong with buffers, once a place, for the inspector and the command line.
import { BufferPool, type BufferPoolOptions, type MisuseSite, release, stats } from 'superslab';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { childJson } from './support/child.js';
import { thrownBy } from './support/expect-error.js';
import { internal } from './support/internal.js';
import { TestWorker } from './support/worker.js';

const pools: BufferPool[] = [];
afterEach(() => {
  for (const pool of pools.splice(0)) pool.close();
});

let made = 0;
function open(options: BufferPoolOptions = {}): BufferPool {
  // A name of its own for each, so that sites of one test are not those of another.
  const pool = new BufferPool({
    name: `misused ${++made}`,
    leakDetection: 'off',
    guard: 'off',
    ...options,
  });
  pools.push(pool);
  return pool;
}

const sitesOf = ({ name }: { name: string }) => stats().misuse.filter(({ pool }) => pool === name);

/** Nothing of superslab itself stands in a stack. */
const own = /[\\/]dist[\\/]cjs[\\/]/;

describe('errors', () => {
  test('a second release: how often, when and where', () => {
    const pool = open();
    const begin = Date.now();
    function releaseTwice(size: number) {
      const buf = pool.acquire(size);
      buf.release();
      expect(() => buf.release()).toThrow('already released');
    }
    for (const size of [100, 200, 300]) releaseTwice(size);
    const [site, ...more] = sitesOf(pool);
    expect(more).toEqual([]);
    expect(site).toMatchObject({
      kind: 'released-twice',
      tag: '',
      size: 300,
      count: 3,
      detail: '',
      acquired: '',
      released: '',
    });
    expect(site!.noticed).toMatch(/^ {4}at .*misuse-sites\.test\.ts/);
    expect(site!.noticed).not.toMatch(own);
    expect(site!.firstAt).toBeGreaterThanOrEqual(begin);
    expect(site!.lastAt).toBeGreaterThanOrEqual(site!.firstAt);
    expect(site!.lastAt).toBeLessThanOrEqual(Date.now());
  });

  test('each way to do wrong is a kind, each place a site', () => {
    const pool = open();
    const buf = pool.acquire(64);
    const view = buf.subarray(1);
    expect(() => pool.release(view)).toThrow('a view');
    buf.release();
    expect(() => buf.release()).toThrow();
    expect(() => pool.release(buf)).toThrow();
    expect(() => buf.retain()).toThrow();
    expect(() => pool.share(buf)).toThrow();
    expect(sitesOf(pool).map(({ kind, size, count }) => [kind, size, count])).toEqual([
      ['foreign', 63, 1],
      ['released-twice', 64, 1],
      ['released-twice', 64, 1],
      ['used-after-release', 64, 1],
      ['used-after-release', 64, 1],
    ]);
  });

  test.each([
    ['a plain Buffer', Buffer.alloc(7), 7],
    ['a number', 7, 0],
  ])('what is of no pool: %s', (_, value, size) => {
    const sites = () => sitesOf({ name: '' });
    const times = () => sites().reduce((sum, { count }) => sum + count, 0);
    const before = times();
    expect(() => release(value as Buffer)).toThrow('no buffer of superslab');
    expect(times()).toBe(before + 1);
    const [last] = sites().sort((a, b) => b.lastAt - a.lastAt);
    expect(last).toMatchObject({ kind: 'foreign', tag: '', size });
  });

  test('of a watched buffer it is known where it was acquired and released', () => {
    const pool = open({ leakDetection: 'full' });
    const acquireHere = () => pool.tagged('body').acquire(900);
    const buf = acquireHere();
    const releaseHere = () => buf.release();
    releaseHere();
    expect(() => buf.release()).toThrow();
    const [site] = sitesOf(pool);
    expect(site).toMatchObject({ kind: 'released-twice', tag: 'body', size: 900 });
    expect(site!.acquired).toMatch(/^ {4}at acquireHere /);
    expect(site!.released).toMatch(/^ {4}at releaseHere /);
    expect(site!.noticed).not.toBe('');
  });
});

describe('what guards find', () => {
  test('writes after the release, with the bytes of the last one', () => {
    const pool = open({ guard: 'poison', leakDetection: 'full' });
    for (const value of [1, 2]) {
      const buf = pool.acquire(700);
      const view = new Uint8Array(buf.buffer, 20, 4);
      buf.release();
      view.fill(value);
      pool.check();
    }
    expect(sitesOf(pool)).toMatchObject([
      { kind: 'written-after-release', count: 2, size: 700, noticed: '' },
    ]);
    expect(sitesOf(pool)[0]!.detail).toMatch(/^offset 20 holds 02020202db/);
  });

  test('an overflow counts once, though release() throws it', () => {
    const pool = open({ guard: 'canary', leakDetection: 'full' });
    const buf = pool.acquire(100);
    new Uint8Array(buf.buffer, 100, 1)[0] = 1;
    expect(() => buf.release()).toThrow('overwritten');
    expect(sitesOf(pool)).toMatchObject([{ kind: 'overflow', count: 1, size: 100 }]);
    expect(sitesOf(pool)[0]!.detail).toMatch(/^offset 100 holds 01/);
  });
});

test('misuse in a worker is seen by all, also when it has ended', async () => {
  const worker = new TestWorker();
  await worker.run(`
    const pool = new superslab.BufferPool({ name: 'of a worker', leakDetection: 'off', guard: 'off' });
    const buf = pool.acquire(64);
    buf.release();
    try { buf.release(); } catch {}`);
  await worker.thread.terminate();
  expect(sitesOf({ name: 'of a worker' })).toMatchObject([{ kind: 'released-twice', count: 1 }]);
});

describe('many places', () => {
  test('beyond 128 those of a pool and kind are one, and none goes uncounted; nor are there warnings without end', async () => {
    const seen = await childJson(
      `
      import { BufferPool, stats } from 'superslab';
      let warnings = [];
      process.removeAllListeners('warning');
      process.on('warning', (warning) => warnings.push(warning.message));
      const pool = new BufferPool({ name: 'many', guard: 'poison' });
      const lateWrite = (tag) => {
        const buf = pool.tagged(tag).acquire(64);
        buf.release();
        buf[3] = 1;
        pool.check();
      };
      const before = stats().misuse;
      for (let round = 0; round < 10; round++) for (let i = 0; i < 200; i++) lateWrite('user ' + i);
      const overflown = pool.acquire(64);
      overflown.release();
      try { overflown.release(); } catch {}
      const { misuse } = stats();
      setImmediate(() => console.log(JSON.stringify({
        isSame: stats().misuse === misuse && before !== misuse,
        reports: pool.stats().guardReports,
        counts: misuse.map(({ kind, tag, count, noticed }) => [kind, tag, count, noticed !== '']),
        warnings,
      })));`,
      { env: { SUPERSLAB_LEAK_DETECTION: 'full', SUPERSLAB_LEAK_FRAMES: '2' } },
    );
    const late = Array.from({ length: 128 }, (_, i) => ['written-after-release', `user ${i}`, 10, false]);
    expect(seen).toMatchObject({
      isSame: true,
      reports: 2000,
      counts: [...late, ['written-after-release', '', 720, false], ['released-twice', '', 1, true]],
    });
    const { warnings } = seen as { warnings: string[] };
    // 64 of places, and the first, tenth and hundredth of the others.
    expect(warnings).toHaveLength(67);
    expect(warnings.at(-1)).toContain('(warnings left out: 100; stats().misuse has all)');
  });

  test('of leaks, too, 64 warnings are given and then told how many are left out', () => {
    const { warn } = internal<typeof import('../lib/guard/publishing.js')>('guard/publishing');
    const seen: unknown[] = [];
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation((text) => void seen.push(text));
    try {
      for (let i = 1; i <= 80; i++) warn('leak', () => `leak ${i}`, 1);
    } finally {
      emitWarning.mockRestore();
    }
    expect(seen.slice(63)).toEqual([
      'leak 64',
      'leak 65\n(warnings left out: 1; stats().leaks has all)',
      'leak 74\n(warnings left out: 10; stats().leaks has all)',
    ]);
  });

  test('SUPERSLAB_LEAK_FRAMES=0 takes no stack of an error that was thrown either', async () => {
    const [site] = (await childJson(
      `
      import { BufferPool, stats } from 'superslab';
      const buf = new BufferPool({}).acquire(64);
      buf.release();
      try { buf.release(); } catch {}
      console.log(JSON.stringify(stats().misuse));`,
      { env: { SUPERSLAB_LEAK_FRAMES: '0' } },
    )) as MisuseSite[];
    expect(site).toMatchObject({ kind: 'released-twice', noticed: '' });
  });
});

describe('bytes of pools that clear at release are nowhere', () => {
  const SECRET = 'SECRET-KEY-01234';

  test.each([{ sensitive: true }, { zero: 'release' as const }])('%o', async (options) => {
    const pool = open({ ...options, guard: 'canary' });
    const seen: unknown[] = [];
    const onWarning = (warning: Error) => seen.push(warning.message);
    process.on('warning', onWarning);
    pool.on('guard', (report) => seen.push(report));
    try {
      const overflown = pool.acquire(32);
      Buffer.from(overflown.buffer, 32).write(SECRET);
      seen.push(pool.check());
      Buffer.from(overflown.buffer, 32).write(SECRET);
      seen.push(thrownBy(() => overflown.release(), 'ERR_SUPERSLAB_OVERFLOW').stack);
      const late = pool.acquire(64);
      const view = Buffer.from(late.buffer, 20);
      late.release();
      view.write(SECRET);
      seen.push(pool.check());
      await new Promise(setImmediate);
    } finally {
      process.off('warning', onWarning);
    }
    const details = sitesOf(pool).map(({ kind, detail }) => `${kind}: ${detail}`);
    expect(details.sort()).toEqual([
      'overflow: from offset 32 on (the pool clears what is released, so the bytes are not shown)',
      'overflow: from offset 32 on (the pool clears what is released, so the bytes are not shown)',
      'written-after-release: from offset 20 on (the pool clears what is released, so the bytes are not shown)',
    ]);
    const text = JSON.stringify([seen, stats().misuse]);
    expect(seen.length).toBeGreaterThan(5);
    expect(text).not.toContain(Buffer.from(SECRET).toString('hex').slice(0, 8));
    expect(text).not.toContain(SECRET.slice(0, 4));
  });
});

test('a stack of any length is cut', () => {
  const pool = open();
  const buf = pool.acquire(64);
  buf.release();
  const deep = 'x'.repeat(3000);
  const { [deep]: callee } = {
    [deep]: (n: number): void => {
      if (n === 0) buf.release();
      else callee!(n - 1);
    },
  };
  expect(() => callee!(5)).toThrow('already released');
  expect(sitesOf(pool)[0]!.noticed).toHaveLength(4097);
});

test('a stack of 4096 characters is whole, one of 4097 is not', () => {
  const noticedIn = (name: string): string => {
    const pool = open();
    const buf = pool.acquire(64);
    buf.release();
    const { [name]: called } = { [name]: () => buf.release() };
    expect(called).toThrow('already released');
    return sitesOf(pool)[0]!.noticed;
  };
  const texts: string[] = [];
  for (const length of [2000, 4096, 4097]) {
    // What is not the name is the same each time.
    const rest = texts.length === 0 ? 1000 : texts[0]!.length - 1000;
    texts.push(noticedIn('x'.repeat(length - rest)));
  }
  expect(texts.slice(1).map((text) => [text.length, text.endsWith('…')])).toEqual([
    [4096, false],
    [4097, true],
  ]);
});

test('programs that read the list by its former name find it, and nobody is told it twice', () => {
  const figures = stats();
  expect((figures as { mistakes?: unknown }).mistakes).toBe(figures.misuse);
  expect(Object.keys(figures)).not.toContain('mistakes');
});
