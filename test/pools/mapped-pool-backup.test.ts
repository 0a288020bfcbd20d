// Backups of a MappedPool while it runs, restore(), and what `superslab dump` lists.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type MappedBuffer, MappedPool } from 'superslab/files';
import { expect, test } from 'vitest';
import { packageRoot } from '../support/child.js';
import { rejectedBy } from '../support/expect-error.js';
import { folder } from './mapped-files.js';

const KIB = 1024;

/** Pairs of blocks with equal numbers, of which a transaction replaces one. */
function replacePair(pool: MappedPool, name: string, n: number): void {
  pool.transaction(
    () => {
      for (const half of ['a', 'b']) {
        const buf = pool.alloc(20 * KIB).fill(n & 255) as MappedBuffer;
        buf.writeDoubleLE(n, 0);
        pool.root(`${name}${half}`)?.free();
        pool.setRoot(`${name}${half}`, buf);
      }
    },
    { sync: 'none' },
  );
}

test('a backup is whole and of one moment, whatever is committed meanwhile', async () => {
  const dir = folder();
  const pool = MappedPool.open(`${dir}/pool`, { maxBytes: 64 << 20 });
  for (let i = 0; i < 100; i++) replacePair(pool, `${i}`, 0);
  pool.commit();
  let n = 0;
  const told: [number, number][] = [];
  const progress = (done: number, total: number) => {
    told.push([done, total]);
    for (let i = 0; i < 20; i++) {
      n++;
      replacePair(pool, `${n % 100}`, n);
    }
  };
  const bytes = await pool.backup(`${dir}/copy`, { progress });
  expect(told.length).toBeGreaterThan(3);
  expect(told.at(-1)).toEqual([bytes, bytes]);
  expect(statSync(`${dir}/copy`).mode & 0o777).toBe(0o600);
  expect(readdirSync(dir).sort()).toEqual(['copy', 'pool']);
  using copy = MappedPool.open(`${dir}/copy`);
  expect(copy.verify()).toMatchObject({ wrong: 0, blocks: 200 });
  const numbers = new Set<number>();
  for (let i = 0; i < 100; i++) {
    const [a, b] = [copy.root(`${i}a`)!, copy.root(`${i}b`)!];
    expect(a.equals(b)).toBe(true);
    expect(a.at(-1)).toBe(a.readDoubleLE(0) & 255);
    numbers.add(a.readDoubleLE(0));
  }
  // The last one before the end is in it, and none that came later.
  expect(Math.max(...numbers)).toBe(n);
  // The copy is a file of its own.
  replacePair(copy, '0', -1);
  expect(pool.verify().wrong).toBe(0);
  pool.close();
});

test('a file that is there is left as it is, and the error names it', async () => {
  const dir = folder();
  using pool = MappedPool.open(`${dir}/pool`, { sync: 'none' });
  await pool.backup(`${dir}/copy`);
  writeFileSync(`${dir}/other`, 'mine');
  for (const attempt of [pool.backup(`${dir}/other`), MappedPool.restore(`${dir}/copy`, `${dir}/other`)]) {
    const error = await rejectedBy(attempt, 'ERR_SUPERSLAB_FILE');
    expect(error).toMatchObject({ path: `${dir}/other`, errno: 'EEXIST' });
    expect(error.message).toContain('give another path');
  }
  expect(readFileSync(`${dir}/other`, 'latin1')).toBe('mine');
});

test('blocks that were allocated before it and committed while it runs are in it', async () => {
  const dir = folder();
  using pool = MappedPool.open(`${dir}/pool`, { size: 8 << 20, sync: 'none' });
  const buf = pool.alloc(100);
  let turn = 0;
  await pool.backup(`${dir}/copy`, {
    progress: () => {
      if (turn++ !== 1) return;
      buf.write('late');
      pool.setRoot('late', buf);
      pool.commit();
    },
  });
  using copy = MappedPool.open(`${dir}/copy`);
  expect(copy.root('late')!.toString('latin1', 0, 4)).toBe('late');
});

test('a file of that name is left, and a backup that fails leaves none', async () => {
  const dir = folder();
  const pool = MappedPool.open(`${dir}/pool`, { size: 8 << 20 });
  writeFileSync(`${dir}/there`, 'mine');
  await rejectedBy(pool.backup(`${dir}/there`), 'ERR_SUPERSLAB_FILE');
  expect(readFileSync(`${dir}/there`, 'utf8')).toBe('mine');
  await rejectedBy(pool.backup(`${dir}/no/such`), 'ERR_SUPERSLAB_FILE');
  await rejectedBy(pool.backup(`${dir}/x`, { progres: () => {} } as never), 'ERR_SUPERSLAB_OPTION');
  await rejectedBy(pool.backup(7 as never), 'ERR_SUPERSLAB_ARGUMENT');
  await expect(
    pool.backup(`${dir}/thrown`, {
      progress: () => {
        throw new Error('enough');
      },
    }),
  ).rejects.toThrow('enough');
  const first = pool.backup(`${dir}/first`);
  await rejectedBy(pool.backup(`${dir}/second`), 'ERR_SUPERSLAB_COMMIT');
  await first;
  const unfinished = pool.backup(`${dir}/unfinished`);
  pool.close();
  await rejectedBy(unfinished, 'ERR_SUPERSLAB_CLOSED');
  await rejectedBy(pool.backup(`${dir}/closed`), 'ERR_SUPERSLAB_CLOSED');
  expect(readdirSync(dir).sort()).toEqual(['first', 'pool', 'there']);
});

test('restore() makes a file of a backup, and refuses one that is damaged', async () => {
  const dir = folder();
  const pool = MappedPool.open(`${dir}/pool`);
  pool.setRoot('x', pool.alloc(3).fill('x'));
  pool.commit();
  await pool.backup(`${dir}/backup`, { mode: 0o640 });
  expect(statSync(`${dir}/backup`).mode & 0o777).toBe(0o640);
  await rejectedBy(MappedPool.restore(`${dir}/backup`, `${dir}/pool`), 'ERR_SUPERSLAB_FILE');
  await MappedPool.restore(`${dir}/backup`, `${dir}/again`);
  {
    using again = MappedPool.open(`${dir}/again`);
    expect(again.root('x')!.toString()).toBe('xxx');
  }
  pool.close();
  const bytes = readFileSync(`${dir}/pool`);
  bytes[bytes.indexOf(Buffer.from('\x01\0\0\0x\0\0\0', 'latin1')) + 5]! ^= 1; // in a root's name
  writeFileSync(`${dir}/backup`, bytes);
  const error = await MappedPool.restore(`${dir}/backup`, `${dir}/damaged`).catch((thrown) => thrown);
  expect(['ERR_SUPERSLAB_CORRUPT', 'ERR_SUPERSLAB_FILE_DAMAGED']).toContain(error.code);
  expect(readdirSync(dir)).not.toContain('damaged');
});

test('superslab dump lists blocks and roots', () => {
  const file = `${folder()}/pool`;
  const pool = MappedPool.open(file);
  const named = pool.alloc(3).fill('abc');
  pool.setRoot('first', named);
  pool.setRoot('second', named);
  pool.alloc(5000).fill(255);
  pool.commit();
  const { handle } = named;
  const dump = (...args: string[]) =>
    spawnSync(process.execPath, [path.join(packageRoot, 'bin/superslab.js'), 'dump', file, ...args], {
      encoding: 'utf8',
    });
  expect(dump().status).toBe(126);
  pool.close();
  const listed = dump();
  expect(listed.status).toBe(0);
  expect(listed.stdout).toContain('2 blocks');
  expect(listed.stdout).toMatch(new RegExp(`${handle} +3 +616263 +"first" "second"`));
  const { roots, blocks, figures } = JSON.parse(dump('--json').stdout);
  expect(roots).toEqual({ first: handle, second: handle });
  expect(blocks).toHaveLength(2);
  expect(blocks).toContainEqual({ handle, bytes: 3, roots: ['first', 'second'], begins: '616263' });
  expect(figures).toMatchObject({ blocks: 2 });
});
