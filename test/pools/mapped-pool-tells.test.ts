// What a MappedPool tells: its channel, alerts, figures and leaks.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdirSync, truncateSync } from 'node:fs';
import { stats } from 'superslab';
import { type FileMessage, MappedPool, type MappedPoolOptions } from 'superslab/files';
import { afterEach, expect, test } from 'vitest';
import { collect } from '../support/collect.js';
import { thrownBy } from '../support/expect-error.js';
import { folder } from './mapped-files.js';

const KIB = 1024;

const listeners: ((message: unknown) => void)[] = [];
function messages(): FileMessage[] {
  const told: FileMessage[] = [];
  const listener = (message: unknown) => void told.push(message as FileMessage);
  subscribe('superslab:file', listener);
  listeners.push(listener);
  return told;
}
const stopListening = () => {
  for (const listener of listeners.splice(0)) unsubscribe('superslab:file', listener);
};
afterEach(stopListening);

const open = (options: MappedPoolOptions = {}, path = `${folder()}/pool`) => MappedPool.open(path, options);
const eventsOf = (told: readonly FileMessage[]) => told.map(({ event }) => event);

test('the channel tells what happens to a file, with its path and how long it took', () => {
  const told = messages();
  const pool = open({ name: 'told', size: 64 * KIB, growBy: 64 * KIB, maxBytes: 4 << 20 });
  expect(eventsOf(told).slice(0, 1).concat(eventsOf(told).slice(-1))).toEqual(['map', 'open']);
  told.length = 0;
  const bufs = Array.from({ length: 4 }, () => pool.alloc(64 * KIB));
  expect(new Set(eventsOf(told))).toEqual(new Set(['grow']));
  expect(told[0]).toMatchObject({ pool: 'told', path: pool.path, errno: '', bytes: 64 * KIB });
  told.length = 0;
  pool.commit();
  expect(eventsOf(told)).toEqual(['sync', 'commit', 'sync']);
  for (const { durationNs } of told) expect(durationNs).toBeGreaterThan(0);
  for (const buf of bufs) buf.free();
  pool.commit();
  told.length = 0;
  const given = pool.trim();
  expect(told.find(({ event }) => event === 'shrink')).toMatchObject({ bytes: given });
  told.length = 0;
  pool.close();
  expect(eventsOf(told)).toContain('checkpoint');
  expect(told.at(-1)).toMatchObject({ event: 'close', pool: 'told' });
});

test('it tells of recovery, of a file that is refused, and of one that fails', () => {
  const path = `${folder()}/pool`;
  const pool = open({ name: 'first' }, path);
  pool.setRoot('x', pool.alloc(100_000));
  pool.commit();
  const told = messages();
  thrownBy(() => open({ name: 'second' }, path), 'ERR_SUPERSLAB_FILE_IN_USE');
  expect(told).toEqual([
    {
      event: 'refuse',
      pool: 'second',
      path,
      errno: 'EAGAIN',
      durationNs: 0,
      bytes: 0,
      code: 'ERR_SUPERSLAB_FILE_IN_USE',
    },
  ]);
  mkdirSync(`${path}-folder`);
  thrownBy(() => open({}, `${path}-folder`), 'ERR_SUPERSLAB_FILE');
  expect(told.at(-1)).toMatchObject({ event: 'refuse', code: 'ERR_SUPERSLAB_FILE' });
  told.length = 0;
  truncateSync(path, 8192);
  thrownBy(() => pool.commit(), 'ERR_SUPERSLAB_FILE_FAILED');
  thrownBy(() => pool.commit(), 'ERR_SUPERSLAB_FILE_FAILED');
  expect(told.filter(({ event }) => event === 'fail')).toMatchObject([
    { pool: 'first', path, code: 'ERR_SUPERSLAB_FILE_FAILED' },
  ]);
  pool.close();
});

test('subscribers may use the pool in the midst of it, and undo what it does', () => {
  const pool = open({ size: 64 * KIB, growBy: 64 * KIB, sync: 'none' });
  pool.alloc(64 * KIB); // all that there is
  const told: string[] = [];
  const listener = (message: unknown) => {
    const { event } = message as FileMessage;
    told.push(event);
    if (event === 'grow') pool.setRoot('within', pool.alloc(100));
  };
  subscribe('superslab:file', listener);
  listeners.push(listener);
  const buf = pool.alloc(64 * KIB);
  buf.fill(1);
  expect(pool.at(buf.handle)[0]).toBe(1);
  expect(told).toEqual(['grow']);
  pool.commit();
  stopListening();
  expect(pool.verify()).toMatchObject({ wrong: 0, blocks: 3 });
  pool.close();
});

test('advice becomes an alert when it begins to hold, and again when it holds no more', async () => {
  using pool = open({ name: 'alerting', maxBytes: 1 << 20, size: 1 << 20, sync: 'none' });
  const told = messages();
  const alerts = () =>
    told.filter(({ event }) => event === 'alert').map(({ alert }) => [alert!.id, alert!.holds]);
  const bufs = Array.from({ length: 15 }, () => pool.alloc(64 * KIB));
  expect(pool.advice().map(({ id }) => id)).toEqual(['fileNearLimit']);
  expect(pool.report()).toContain('maxBytes (1 MiB)');
  await expect.poll(alerts, { timeout: 5000 }).toEqual([['fileNearLimit', true]]);
  for (const buf of bufs) buf.free();
  pool.commit();
  await expect.poll(alerts, { timeout: 5000 }).toEqual([
    ['fileNearLimit', true],
    ['fileNearLimit', false],
  ]);
});

test('failed requests and a lag of the disk are advice', () => {
  using pool = open({ maxBytes: 8 << 20, size: 8 << 20, sync: 'none' });
  thrownBy(() => pool.alloc(9 << 20), 'ERR_SUPERSLAB_EXHAUSTED');
  expect(pool.advice().map(({ id }) => id)).toEqual(['fileFailures']);
  expect(pool.stats()).toMatchObject({ exhausted: 1, failedRequests: 1, failureRate: 1 });
});

test('figures of the file are in those of the process, also after a worker has opened it', () => {
  using pool = open({ name: 'figured', sync: 'none' });
  pool.alloc(100_000);
  pool.commit();
  const { file } = pool.stats();
  expect(file).toMatchObject({ blocks: 1, allocs: 1, frees: 0, commits: 1, syncs: 0 });
  expect(file.usedBytes).toBe(25 * 4096);
  expect(file.diskBytes).toBeGreaterThanOrEqual(file.dataBytes);
  expect(file.undurableBytes).toBeGreaterThan(0);
  const own = stats().pools.find(({ name }) => name === 'figured')!;
  expect(own).toMatchObject({ inUseBytes: file.usedBytes, committedBytes: file.diskBytes });
  expect(own.file).toMatchObject({ blocks: 1 });
  expect(pool.report()).toContain('1 blocks');
});

test('views that nobody released are leaks, and the block stays', async () => {
  using pool = open({ leakDetection: 'full', sync: 'none' });
  const leaks: { what: string; stack: string }[] = [];
  pool.on('leak', (leak) => leaks.push(leak));
  const { handle } = pool.alloc(100);
  pool.commit();
  (function forgetful() {
    pool.at(handle).fill(1);
  })();
  using kept = pool.at(handle);
  expect(pool.stats().file.views).toBe(3);
  await collect(() => leaks.length >= 2);
  expect(leaks.map(({ what }) => what)).toEqual(['view', 'view']);
  expect(leaks.some(({ stack }) => stack.includes('forgetful'))).toBe(true);
  expect(pool.leaks().length).toBe(2);
  expect(pool.stats().file).toMatchObject({ views: 1, blocks: 1 });
  expect(kept[0]).toBe(1);
});

test('blocks that nobody committed are leaks when the pool is closed', () => {
  const pool = open({ leakDetection: 'full' });
  const leaks: { what: string; stack: string; size: number }[] = [];
  pool.on('leak', (leak) => leaks.push(leak));
  pool.setRoot('x', pool.alloc(50));
  pool.commit();
  pool.alloc(60).free();
  (function careless() {
    pool.alloc(70);
  })();
  pool.close();
  expect(leaks).toMatchObject([{ what: 'block', size: 70, stack: expect.stringContaining('careless') }]);
});

test('a name that is long keeps its end', () => {
  const path = `${folder()}/${'long/'.repeat(20)}`;
  mkdirSync(path, { recursive: true });
  using pool = open({}, `${path}state.slab`);
  expect(pool.name).toMatch(/^….*state\.slab$/);
  expect(Buffer.byteLength(pool.name)).toBeLessThan(64);
  expect(stats().pools.some(({ name }) => name === pool.name)).toBe(true);
});
