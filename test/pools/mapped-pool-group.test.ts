// commitAsync(): commits that share what the disk does.
import { copyFileSync, truncateSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { type CommitOptions, MappedPool, type MappedPoolOptions } from 'superslab/files';
import { expect, test } from 'vitest';
import { rejectedBy, thrownBy } from '../support/expect-error.js';
import { folder } from './mapped-files.js';

const opened = (options: MappedPoolOptions = {}) => MappedPool.open(`${folder()}/pool`, options);

/** Replaces the root `name`, and commits. */
async function replace(pool: MappedPool, name: string, value: number, options?: CommitOptions) {
  const buf = pool.alloc(100);
  buf.writeDoubleLE(value, 0);
  pool.root(name)?.free();
  pool.setRoot(name, buf);
  await pool.commitAsync(options);
}

const numberIn = (pool: MappedPool, name: string) => pool.root(name)?.readDoubleLE(0);

test('changes happen at once, and are durable when the promise is resolved', async () => {
  using pool = opened();
  const done = replace(pool, 'a', 1);
  expect(numberIn(pool, 'a')).toBe(1);
  expect(pool.stats().file).toMatchObject({ commits: 1, blocks: 1 });
  expect(pool.stats().file.undurableBytes).toBeGreaterThan(0);
  await done;
  expect(pool.stats().file).toMatchObject({ undurableBytes: 0, undurableMs: 0 });
  await expect(pool.commitAsync()).resolves.toBeUndefined();
});

test('commits of one turn share their syncs', async () => {
  using pool = opened();
  const before = pool.stats().file.syncs;
  await Promise.all(Array.from({ length: 50 }, (_, i) => replace(pool, `root ${i}`, i)));
  expect(pool.stats().file.syncs - before).toBe(2);
  expect(pool.stats().file.commits).toBe(50);
});

test('those who come while the disk is at work share the next one', async () => {
  using pool = opened();
  const before = pool.stats().file.syncs;
  let committed = 0;
  const committers = Array.from({ length: 16 }, async (_, i) => {
    for (let round = 0; round < 20; round++) {
      await replace(pool, `root ${i}`, round);
      committed++;
    }
  });
  await Promise.all(committers);
  expect(committed).toBe(320);
  expect(pool.stats().file.syncs - before).toBeLessThan(100);
  for (let i = 0; i < 16; i++) expect(numberIn(pool, `root ${i}`)).toBe(19);
  expect(pool.verify()).toMatchObject({ wrong: 0, blocks: 16 });
});

test('a copy of the file at that moment has what was said to be durable', async () => {
  const path = `${folder()}/pool`;
  const pool = MappedPool.open(path);
  await replace(pool, 'a', 7);
  copyFileSync(path, `${path}-copy`);
  await replace(pool, 'a', 8, { sync: 'full' });
  pool.close();
  using copy = MappedPool.open(`${path}-copy`, { mode: 0o666 });
  expect(numberIn(copy, 'a')).toBe(7);
});

test("with 'none' it waits for nothing, and with write() it commits before it returns", async () => {
  using pool = opened();
  const { syncs } = pool.stats().file;
  await replace(pool, 'a', 1, { sync: 'none' });
  expect(pool.stats().file.syncs).toBe(syncs);
  const { handle } = pool.root('a')!;
  pool.write(handle, 0, Buffer.alloc(8, 1));
  const done = pool.commitAsync();
  expect(pool.at(handle)[0]).toBe(1);
  expect(pool.stats().file.undurableBytes).toBe(0);
  await done;
});

test('close() while it is under way makes it durable', async () => {
  const path = `${folder()}/pool`;
  const pool = MappedPool.open(path);
  const done = [replace(pool, 'a', 1), replace(pool, 'b', 2)];
  await new Promise(setImmediate);
  done.push(replace(pool, 'c', 3));
  pool.close();
  await Promise.all(done);
  using again = MappedPool.open(path);
  expect(again.rootNames().sort()).toEqual(['a', 'b', 'c']);
  await rejectedBy(pool.commitAsync(), 'ERR_SUPERSLAB_CLOSED');
});

test('a failure is that of all who wait', async () => {
  const path = `${folder()}/pool`;
  const pool = MappedPool.open(path);
  const first = pool.alloc(100_000);
  pool.commit();
  const waiting = [replace(pool, 'a', 1), replace(pool, 'b', 2)];
  truncateSync(path, 8192);
  first.fill(1); // a page that is not there any more
  for (const one of waiting) {
    // The sync may have been faster than the cut.
    await one.catch((error) => expect(error.code).toBe('ERR_SUPERSLAB_FILE_FAILED'));
  }
  await rejectedBy(pool.commitAsync(), 'ERR_SUPERSLAB_FILE_FAILED');
  pool.close();
});

test('it is refused within a transaction, and options are checked', async () => {
  using pool = opened();
  let refused: Promise<void> | undefined;
  pool.transaction(() => {
    refused = pool.commitAsync();
    refused.catch(() => {});
  });
  await rejectedBy(refused!, 'ERR_SUPERSLAB_COMMIT');
  await rejectedBy(pool.commitAsync({ sync: 'soon' as never }), 'ERR_SUPERSLAB_OPTION');
  await rejectedBy(pool.commitAsync({ synk: 'data' } as never), 'ERR_SUPERSLAB_OPTION');
  thrownBy(() => pool.commit({ sync: 1 as never }), 'ERR_SUPERSLAB_OPTION');
});

test('a worker that is terminated while it waits leaves a file that can be opened', async () => {
  const path = `${folder()}/pool`;
  const worker = new Worker(
    `const { MappedPool } = require('superslab/files');
     const { parentPort, workerData } = require('node:worker_threads');
     const pool = MappedPool.open(workerData);
     let n = 0;
     const again = () => {
       const buf = pool.alloc(100);
       buf.writeDoubleLE(++n, 0);
       pool.root('n')?.free();
       pool.setRoot('n', buf);
       pool.commitAsync().then(() => { parentPort.postMessage(n); again(); });
     };
     for (let i = 0; i < 8; i++) again();`,
    { eval: true, workerData: path },
  );
  let durable = 0;
  worker.on('message', (n) => (durable = n));
  await expect.poll(() => durable).toBeGreaterThan(20);
  await worker.terminate();
  using pool = MappedPool.open(path);
  expect(pool.verify().wrong).toBe(0);
  expect(numberIn(pool, 'n')!).toBeGreaterThanOrEqual(durable - 8);
});
