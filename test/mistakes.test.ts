// stats().mistakes: what was done wrong with buffers, once a place, for the inspector and the command line.
import { createRequire } from 'node:module';
import { BufferPool, type BufferPoolOptions, type MistakeSite, release, stats } from 'superslab';
import { afterEach, describe, expect, test } from 'vitest';
import { TestWorker } from './support/worker.js';

const { binding } = createRequire(import.meta.url)('../dist/cjs/addon/binding.js');

const pools: BufferPool[] = [];
afterEach(() => {
  for (const pool of pools.splice(0)) pool.close();
});

let made = 0;
function open(options: BufferPoolOptions = {}): BufferPool {
  // A name of its own for each, so that sites of one test are not those of another.
  const pool = new BufferPool({
    name: `mistaken ${++made}`,
    leakDetection: 'off',
    guard: 'off',
    ...options,
  });
  pools.push(pool);
  return pool;
}

const sitesOf = ({ name }: { name: string }) => stats().mistakes.filter(({ pool }) => pool === name);

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
      fault: 'released-twice',
      tag: '',
      size: 300,
      count: 3,
      detail: '',
      acquired: '',
      released: '',
    });
    expect(site!.noticed).toMatch(/^ {4}at .*mistakes\.test\.ts/);
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
    expect(sitesOf(pool).map(({ fault, size, count }) => [fault, size, count])).toEqual([
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
    expect(last).toMatchObject({ fault: 'foreign', tag: '', size });
  });

  test('of a watched buffer it is known where it was acquired and released', () => {
    const pool = open({ leakDetection: 'full' });
    const acquireHere = () => pool.tagged('body').acquire(900);
    const buf = acquireHere();
    const releaseHere = () => buf.release();
    releaseHere();
    expect(() => buf.release()).toThrow();
    const [site] = sitesOf(pool);
    expect(site).toMatchObject({ fault: 'released-twice', tag: 'body', size: 900 });
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
      { fault: 'written-after-release', count: 2, size: 700, noticed: '' },
    ]);
    expect(sitesOf(pool)[0]!.detail).toMatch(/^offset 20 holds 02020202db/);
  });

  test('an overflow counts once, though release() throws it', () => {
    const pool = open({ guard: 'canary', leakDetection: 'full' });
    const buf = pool.acquire(100);
    new Uint8Array(buf.buffer, 100, 1)[0] = 1;
    expect(() => buf.release()).toThrow('overwritten');
    expect(sitesOf(pool)).toMatchObject([{ fault: 'overflow', count: 1, size: 100 }]);
    expect(sitesOf(pool)[0]!.detail).toMatch(/^offset 100 holds 01/);
  });
});

test('mistakes of a worker are seen by all, also when it has ended', async () => {
  const worker = new TestWorker();
  await worker.run(`
    const pool = new superslab.BufferPool({ name: 'of a worker', leakDetection: 'off', guard: 'off' });
    const buf = pool.acquire(64);
    buf.release();
    try { buf.release(); } catch {}`);
  await worker.thread.terminate();
  expect(sitesOf({ name: 'of a worker' })).toMatchObject([{ fault: 'released-twice', count: 1 }]);
});

test('there are 128 places at most: the one that was quiet for longest makes room', () => {
  const note = (noticed: string, now: number): number =>
    binding.noteMistake('foreign', 'many', '', 1, '', '', '', noticed, now);
  // Later than whatever else was done wrong in this process.
  const begin = Date.now() + 1_000_000;
  for (let i = 0; i < 128; i++) expect(note(`at f${i}`, begin + i)).toBe(1);
  const seen = () => stats().mistakes.map(({ noticed }: MistakeSite) => noticed);
  expect(seen()).toHaveLength(128);
  expect(note('at f0', begin + 200)).toBe(2);
  expect(note('at one more', begin + 201)).toBe(1);
  expect(seen()).toHaveLength(128);
  expect(seen()).toContain('at f0');
  expect(seen()).not.toContain('at f1');
  expect(seen()).toContain('at one more');
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
