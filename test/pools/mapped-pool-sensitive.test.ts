// Files that overwrite what is freed, and pools that destroy their file: the bytes are looked for in the whole file.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import { MappedPool, type MappedPoolOptions } from 'superslab/files';
import { expect, test } from 'vitest';
import { packageRoot } from '../support/child.js';
import { thrownBy } from '../support/expect-error.js';
import { folder } from './mapped-files.js';

const SECRET = 'hunter2-correct-horse-battery';
const OPTIONS: MappedPoolOptions = { sensitive: true, maxBytes: 4 << 20 };

const newFile = (): string => path.join(folder(), 'pool');
const hasSecret = (file: string): boolean => readFileSync(file).includes(SECRET);

for (const size of [100, 3000, 200_000]) {
  test(`nothing of a block of ${size} bytes is in the file once it is freed and committed`, () => {
    const file = newFile();
    using pool = MappedPool.open(file, OPTIONS);
    const buf = pool.alloc(size).fill(SECRET);
    pool.commit();
    pool.write(buf, 10, Buffer.from(SECRET));
    pool.commit();
    expect(hasSecret(file)).toBe(true);
    buf.free();
    expect(hasSecret(file)).toBe(true);
    pool.commit();
    // What was written is in the journal until that half of it is done with.
    expect(readFileSync(file).toString('latin1').split(SECRET).length - 1).toBeLessThan(2);
    pool.close();
    expect(hasSecret(file)).toBe(false);
  });
}

test('a file that is not sensitive keeps what was freed', () => {
  const file = newFile();
  const pool = MappedPool.open(file, { maxBytes: 4 << 20 });
  pool.alloc(100).fill(SECRET).free();
  pool.commit();
  pool.close();
  expect(hasSecret(file)).toBe(true);
});

test('what is undone is overwritten at once', () => {
  const file = newFile();
  using pool = MappedPool.open(file, OPTIONS);
  const undone = () =>
    pool.transaction(() => {
      pool.alloc(3000).fill(SECRET).free();
      pool.alloc(100).fill(SECRET);
      throw new Error('undone');
    });
  expect(undone).toThrow('undone');
  expect(hasSecret(file)).toBe(false);
  pool.alloc(100).fill(SECRET);
  pool.close();
  expect(hasSecret(file)).toBe(false);
});

test('the copies of write() in the journal are overwritten when their half is done with', () => {
  const file = newFile();
  using pool = MappedPool.open(file, OPTIONS);
  const buf = pool.alloc(1000).fill(0);
  pool.write(buf, 0, Buffer.from(SECRET));
  pool.commit();
  buf.free();
  pool.commit();
  const before = pool.stats().file.checkpoints;
  while (pool.stats().file.checkpoints === before) {
    pool.alloc(8);
    pool.commit({ sync: 'none' });
  }
  expect(hasSecret(file)).toBe(false);
});

const WRITER = `
  import { MappedPool } from 'superslab/files';
  const [file, secret, options] = JSON.parse(process.argv[1]);
  const pool = MappedPool.open(file, options);
  const buf = pool.alloc(5000).fill(secret);
  pool.setRoot('written', pool.alloc(100));
  pool.write(pool.root('written'), 0, Buffer.from(secret));
  pool.commit();
  pool.free(pool.root('written').handle);
  pool.setRoot('written', null);
  buf.free();
  pool.commit({ sync: 'none' }); // not durable: it is not overwritten yet
  pool.alloc(100).fill(secret);
  pool.alloc(3_000_000).fill(secret);
  process.kill(process.pid, 'SIGKILL');
`;

for (const shared of [false, true]) {
  test(`after a kill nothing is left of it once the file is opened${shared ? ' by those who share it' : ''}`, async () => {
    const file = newFile();
    const options = { ...OPTIONS, shared };
    const argument = JSON.stringify([file, SECRET, options]);
    const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, argument], {
      cwd: packageRoot,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const signal = await new Promise((resolve) => child.once('exit', (_, name) => resolve(name)));
    expect(signal).toBe('SIGKILL');
    expect(hasSecret(file)).toBe(true);
    const pool = MappedPool.open(file, options);
    expect(hasSecret(file)).toBe(false);
    expect([...pool.entries()]).toEqual([]);
    pool.check();
    pool.close();
    expect(hasSecret(file)).toBe(false);
  });
}

test('those who share a file overwrite what one of them freed, and what one that died had not committed', async () => {
  const file = newFile();
  const options = { ...OPTIONS, shared: true };
  using pool = MappedPool.open(file, options);
  const reader = MappedPool.open(file, options);
  const buf = pool.alloc(3000).fill(SECRET);
  pool.commit();
  const view = reader.at(buf.handle);
  buf.free();
  pool.commit();
  // Somebody looks at it still.
  expect(view.subarray(0, SECRET.length).toString()).toBe(SECRET);
  view.release();
  pool.commit();
  pool.commit();
  expect(hasSecret(file)).toBe(false);
  reader.close();
  const argument = JSON.stringify([file, SECRET, options]);
  const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, argument], {
    cwd: packageRoot,
  });
  await new Promise((resolve) => child.once('exit', resolve));
  expect(hasSecret(file)).toBe(true);
  // Two commits may be needed: what it freed was not durable.
  for (let i = 0; i < 2; i++) {
    pool.alloc(8);
    pool.commit();
  }
  expect([...pool.entries()].length).toBe(2);
  pool.close();
  expect(hasSecret(file)).toBe(false);
});

test('the mapping is kept from core dumps', () => {
  const flagsOf = (file: string) =>
    [
      ...readFileSync('/proc/self/smaps', 'utf8').matchAll(
        /^[0-9a-f]+-[0-9a-f]+ .* (\/.*)\n(?:[A-Z].*\n)*?VmFlags: (.*)/gm,
      ),
    ]
      .filter(([, name]) => name === file)
      .map(([, , flags]) => flags!.trim().split(' ').includes('dd'));
  const file = newFile();
  MappedPool.open(file, OPTIONS).close(); // a new one is mapped before it has its name
  using pool = MappedPool.open(file);
  expect(pool.closed).toBe(false);
  const flags = flagsOf(file);
  expect(flags.length).toBeGreaterThan(1);
  expect(flags).not.toContain(false);
  const plain = newFile();
  MappedPool.open(plain).close();
  using other = MappedPool.open(plain);
  expect(other.closed).toBe(false);
  expect(flagsOf(plain)).toContain(false);
  expect(flagsOf(plain)).not.toContain(true);
});

test('whether a file is sensitive is a part of it', () => {
  const file = newFile();
  MappedPool.open(file, OPTIONS).close();
  const error = thrownBy(() => MappedPool.open(file, { sensitive: false }), 'ERR_SUPERSLAB_FILE_FORMAT');
  expect(error.message).toContain('sensitive: true');
  const pool = MappedPool.open(file);
  pool.alloc(100).fill(SECRET).free();
  pool.commit();
  pool.close();
  expect(hasSecret(file)).toBe(false);
  const plain = newFile();
  MappedPool.open(plain).close();
  thrownBy(() => MappedPool.open(plain, { sensitive: true }), 'ERR_SUPERSLAB_FILE_FORMAT');
  thrownBy(() => MappedPool.open(plain, { sensitive: 1 as never }), 'ERR_SUPERSLAB_OPTION');
});

test('who waits for room gets what a commit has freed', async () => {
  using pool = MappedPool.open(newFile(), { ...OPTIONS, maxBytes: 1 << 20 });
  const buf = pool.alloc(900_000);
  pool.commit();
  const waiting = pool.allocAsync(900_000);
  buf.free();
  pool.commit();
  expect((await waiting).every((byte) => byte === 0)).toBe(true);
});

test('destroy() overwrites and removes the file, whoever has another name of it', () => {
  const file = newFile();
  const pool = MappedPool.open(file);
  const buf = pool.alloc(100).fill(SECRET);
  pool.setRoot(SECRET, buf);
  pool.commit();
  pool.destroy();
  expect(existsSync(file)).toBe(false);
  expect(pool.closed).toBe(true);
  expect(buf.every((byte) => byte === 0)).toBe(true);
  thrownBy(() => pool.destroy(), 'ERR_SUPERSLAB_CLOSED');
  pool.close();

  const moved = MappedPool.open(file);
  moved.alloc(100).fill(SECRET);
  moved.commit();
  renameSync(file, `${file}-moved`);
  MappedPool.open(file).close();
  thrownBy(() => moved.destroy(), 'ERR_SUPERSLAB_FILE');
  expect(moved.closed).toBe(true);
  expect(readFileSync(`${file}-moved`).every((byte) => byte === 0)).toBe(true);
  expect(statSync(file).size).toBeGreaterThan(0);
});

test('destroy() is refused while others share the file, where it is only read, and in a transaction', () => {
  const file = newFile();
  const a = MappedPool.open(file, { shared: true });
  const b = MappedPool.open(file, { shared: true });
  a.setRoot('x', a.alloc(10).fill(1));
  a.commit();
  thrownBy(() => a.destroy(), 'ERR_SUPERSLAB_FILE_IN_USE');
  expect(a.root('x')![0]).toBe(1);
  a.close();
  expect(b.root('x')![0]).toBe(1);
  expect(() => b.transaction(() => b.destroy())).toThrow(
    expect.objectContaining({ code: 'ERR_SUPERSLAB_COMMIT' }),
  );
  b.destroy();
  expect(existsSync(file)).toBe(false);
  MappedPool.open(file).close();
  using reader = MappedPool.open(file, { access: 'read' });
  thrownBy(() => reader.destroy(), 'ERR_SUPERSLAB_FILE_READ_ONLY');
  expect(reader.closed).toBe(false);
});
