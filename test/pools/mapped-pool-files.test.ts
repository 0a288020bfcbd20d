// Files that a MappedPool refuses, files that are changed under its hands, and processes that are killed.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { MappedPool, type MappedPoolOptions } from 'superslab/files';
import { describe, expect, test } from 'vitest';
import { childJson, packageRoot } from '../support/child.js';
import { thrownBy } from '../support/expect-error.js';
import { folder } from './mapped-files.js';

interface FileError extends Error {
  readonly path: string;
  readonly errno: string;
}

function refused(file: string, code: string, options?: MappedPoolOptions): FileError {
  const error = thrownBy(() => MappedPool.open(file, options), code) as unknown as FileError;
  expect(error.message).toContain(file);
  expect(error.path).toBe(file);
  return error;
}

/** A file with one block under the name "x". */
function made(options: MappedPoolOptions = {}): string {
  const file = path.join(folder(), 'pool');
  const pool = MappedPool.open(file, options);
  pool.setRoot('x', pool.alloc(100).fill(5));
  pool.commit();
  pool.close();
  return file;
}

/** Changes a bit beside the name of the root "x". */
function damageRoot(bytes: Buffer): void {
  const at = bytes.indexOf(Buffer.from('\x01\0\0\0x\0\0\0', 'latin1'));
  expect(at).toBeGreaterThan(0);
  bytes[at + 5]! ^= 1;
}

describe('what is refused', () => {
  test('paths that are no file of ours', async () => {
    const root = folder();
    expect(refused(root, 'ERR_SUPERSLAB_FILE').message).toContain('no regular file');
    expect(refused(path.join(root, 'none', 'pool'), 'ERR_SUPERSLAB_FILE').errno).toBe('ENOENT');
    const link = path.join(root, 'link');
    symlinkSync(made(), link);
    expect(refused(link, 'ERR_SUPERSLAB_FILE').message).toContain('symbolic link');
    const pipe = path.join(root, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(refused(pipe, 'ERR_SUPERSLAB_FILE').message).toContain('pipe');
    const socket = path.join(root, 's');
    const server = createServer().listen(socket);
    await new Promise((resolve) => server.once('listening', resolve));
    refused(socket, 'ERR_SUPERSLAB_FILE');
    server.close();
    refused('/dev/null', 'ERR_SUPERSLAB_FILE');
    refused(path.join(root, 'absent'), 'ERR_SUPERSLAB_FILE', { access: 'read' });
  });

  test('a file that others may read, unless mode says so', () => {
    const file = made();
    chmodSync(file, 0o644);
    expect(refused(file, 'ERR_SUPERSLAB_FILE').message).toContain('chmod 600');
    MappedPool.open(file, { mode: 0o644 }).close();
  });

  test('contents of another kind, which stay as they are', () => {
    const file = path.join(folder(), 'pool');
    for (const bytes of [Buffer.alloc(0), Buffer.from('text'), Buffer.alloc(1 << 20, 'x')]) {
      writeFileSync(file, bytes, { mode: 0o600 });
      expect(refused(file, 'ERR_SUPERSLAB_FILE_FORMAT').message).toContain('no file of superslab');
      expect(readFileSync(file).equals(bytes)).toBe(true);
    }
  });

  test('another version, another maxBytes, a file that was cut', () => {
    const file = made({ maxBytes: 4 << 20 });
    const bytes = readFileSync(file);
    const error = refused(file, 'ERR_SUPERSLAB_FILE_FORMAT', { maxBytes: 8 << 20 });
    expect(error.message).toContain(String(4 << 20));
    for (const slot of [0, 4096]) bytes.writeUInt32LE(2, slot + 12);
    writeFileSync(file, bytes);
    expect(refused(file, 'ERR_SUPERSLAB_FILE_FORMAT').message).toContain('version 2');
    const cut = made();
    truncateSync(cut, readFileSync(cut).length - 65536);
    expect(refused(cut, 'ERR_SUPERSLAB_FILE_DAMAGED').message).toContain('cut');
  });

  test('a page of the books that was changed', () => {
    const file = made({ maxBytes: 4 << 20 });
    const bytes = readFileSync(file);
    damageRoot(bytes);
    writeFileSync(file, bytes);
    const found = (): unknown => {
      using pool = MappedPool.open(file);
      return pool.root('x');
    };
    const error = thrownBy(found, 'ERR_SUPERSLAB_FILE_DAMAGED');
    expect(error.message).toContain('metadata page');
  });

  test('a second pool on the same file, in this process and in another', async () => {
    const file = made();
    using _pool = MappedPool.open(file);
    refused(file, 'ERR_SUPERSLAB_FILE_IN_USE');
    refused(file, 'ERR_SUPERSLAB_FILE_IN_USE', { access: 'read' });
    const code = await childJson(
      `import { MappedPool } from 'superslab/files';
       try { MappedPool.open(${JSON.stringify(file)}); } catch (error) { console.log(JSON.stringify(error.code)); }`,
    );
    expect(code).toBe('ERR_SUPERSLAB_FILE_IN_USE');
  });

  test('options and paths that are none', () => {
    const file = path.join(folder(), 'pool');
    const wrong = (options: unknown, part: string) =>
      expect(
        thrownBy(() => MappedPool.open(file, options as never), 'ERR_SUPERSLAB_OPTION').message,
      ).toContain(part);
    wrong({ maxByte: 1 << 20 }, 'did you mean "maxBytes"?');
    wrong({ maxBytes: 1 }, '65536');
    wrong({ maxBytes: 2 ** 40 }, 'maxBytes');
    wrong({ size: 2 << 20, maxBytes: 1 << 20 }, 'more than maxBytes');
    wrong({ mode: 0o400 }, '0o600');
    wrong({ sync: 'always' }, "'full'");
    wrong({ access: 'append' }, "'read'");
    wrong({ recover: 1 }, 'true or false');
    wrong(null, 'object');
    for (const bad of ['', 'a\0b', 7, undefined, new URL('http://x/')]) {
      thrownBy(() => MappedPool.open(bad as never), 'ERR_SUPERSLAB_ARGUMENT');
    }
    MappedPool.open(pathToFileURL(file)).close();
    thrownBy(() => new (MappedPool as never as new (x: unknown) => unknown)('x'), 'ERR_SUPERSLAB_ARGUMENT');
  });
});

test('a file that is cut while it is mapped breaks its pool, not the process', () => {
  const file = made({ size: 4 << 20 });
  const pool = MappedPool.open(file);
  const buf = pool.alloc(2 << 20).fill(1);
  pool.commit();
  truncateSync(file, 128 << 10);
  expect(buf[1 << 20]).toBe(0);
  buf.fill(2);
  expect(buf[1 << 20]).toBe(2);
  const error = thrownBy(() => pool.alloc(1), 'ERR_SUPERSLAB_FILE_FAILED');
  expect(error.message).toContain(file);
  thrownBy(() => pool.commit(), 'ERR_SUPERSLAB_FILE_FAILED');
  pool.close();
  expect(pool.closed).toBe(true);
  const shorter = made({ size: 4 << 20 });
  const other = MappedPool.open(shorter);
  truncateSync(shorter, readFileSync(shorter).length - 65536);
  other.alloc(1);
  thrownBy(() => other.commit(), 'ERR_SUPERSLAB_FILE_FAILED');
});

test('superslab check tells a whole file from a damaged one', () => {
  const file = made({ maxBytes: 4 << 20 });
  const check = (...args: string[]) =>
    spawnSync(process.execPath, [path.join(packageRoot, 'bin/superslab.js'), 'check', file, ...args], {
      encoding: 'utf8',
    });
  const whole = check();
  expect(whole.stdout).toContain('ok: 1 block');
  expect(whole.status).toBe(0);
  const bytes = readFileSync(file);
  damageRoot(bytes);
  writeFileSync(file, bytes);
  const damaged = check('--json');
  expect(JSON.parse(damaged.stdout)).toMatchObject({ file, ok: false });
  expect(damaged.status).toBe(1);
  writeFileSync(file, 'text');
  expect(check().status).toBe(126);
});

test('superslab check --repair mends a damaged file, and keeps a copy of it', () => {
  const file = made({ maxBytes: 4 << 20 });
  const whole = readFileSync(file);
  const damaged = Buffer.from(whole);
  damageRoot(damaged);
  writeFileSync(file, damaged);
  const repair = (...args: string[]) =>
    spawnSync(
      process.execPath,
      [path.join(packageRoot, 'bin/superslab.js'), 'check', file, '--repair', ...args],
      {
        encoding: 'utf8',
      },
    );
  const done = repair();
  expect(done.stdout).toMatch(/ok: 1 block[\s\S]*mended: metadata page/);
  expect(done.status).toBe(0);
  expect(readFileSync(file).equals(whole)).toBe(true);
  expect(readFileSync(`${file}.before-repair`).equals(damaged)).toBe(true);
  expect(statSync(`${file}.before-repair`).mode & 0o777).toBe(0o600);
  // The copy is not written over: then nothing is done.
  writeFileSync(file, damaged);
  const refusal = repair();
  expect(refusal.status).toBe(126);
  expect(refusal.stderr).toContain('.before-repair');
  expect(readFileSync(file).equals(damaged)).toBe(true);
  // Beyond a bit: the counts and the heads of lists, and the names of roots.
  const at = damaged.indexOf('x', 1 << 20) - 4;
  damaged.fill(0x77, at - 4096, at - 96);
  damaged.fill(0x77, at, at + 64);
  writeFileSync(file, damaged);
  const more = repair('--no-copy', '--json');
  const told = JSON.parse(more.stdout);
  expect(told).toMatchObject({ file, ok: true, blocks: 1, repair: { copy: null } });
  expect(told.repair.lost.join()).toContain('root');
  expect(more.status).toBe(1);
  using pool = MappedPool.open(file);
  expect([...pool.entries()].map((buf) => [buf.length, buf[99]])).toEqual([[100, 5]]);
  expect(repair().status).toBe(126);
});

test('checksums: verify() and superslab check name a block whose bytes were changed', () => {
  const file = made({ maxBytes: 4 << 20, checksums: true });
  expect(refused(file, 'ERR_SUPERSLAB_FILE_FORMAT', { checksums: false }).message).toContain(
    'checksums: true',
  );
  expect(refused(made(), 'ERR_SUPERSLAB_FILE_FORMAT', { checksums: true }).message).toContain('false');
  using pool = MappedPool.open(file);
  const buf = pool.root('x')!;
  pool.write(buf, 10, Buffer.from('by write'));
  pool.commit();
  expect(pool.verify()).toMatchObject({ wrong: 0, damagedBlocks: 0 });
  const { handle } = buf;
  buf[99]! ^= 1;
  expect(pool.verify()).toMatchObject({ wrong: 1, damagedBlocks: 1 });
  expect(thrownBy(() => pool.check(), 'ERR_SUPERSLAB_CORRUPT').message).toContain(String(handle));
  pool.close();
  const bin = path.join(packageRoot, 'bin/superslab.js');
  for (const args of [[], ['--repair', '--no-copy']]) {
    const found = spawnSync(process.execPath, [bin, 'check', file, ...args], { encoding: 'utf8' });
    expect(found.stdout).toContain(`block ${handle}`);
    expect(found.status).toBe(1);
  }
});

test('recover: false refuses a file that was not closed', () => {
  const file = made();
  const copy = `${file}-copy`;
  const pool = MappedPool.open(file);
  pool.alloc(1);
  pool.commit();
  copyFileSync(file, copy);
  chmodSync(copy, 0o600);
  pool.close();
  expect(refused(copy, 'ERR_SUPERSLAB_FILE', { recover: false }).message).toContain('not closed');
  using again = MappedPool.open(copy);
  expect(again.stats().file).toMatchObject({ blocks: 2, replayed: 1 });
});

/**
 * Keeps pairs of blocks with equal numbers, and says each number once it is committed. Frees older ones, so that space is
 * used again.
 */
const WRITER = `
import { writeSync } from 'node:fs';
import { MappedPool } from 'superslab/files';
const pool = MappedPool.open(process.argv[1], { maxBytes: 8 << 20, size: 65536, growBy: 65536, sync: 'none' });
let n = pool.root('last')?.readDoubleLE(0) ?? 0;
const pairs = [];
for (;;) {
  n++;
  const size = 16 + (n * 7919) % 30000;
  pool.transaction(() => {
    const a = pool.alloc(size).fill(n & 255);
    const b = pool.alloc(16 + (n * 31) % 500).fill(n & 255);
    a.writeDoubleLE(n, 0);
    a.writeDoubleLE(b.handle, 8);
    b.writeDoubleLE(n, 0);
    const last = pool.root('last');
    pool.setRoot('last', a);
    if (last !== undefined) pairs.push(last);
    if (pairs.length > 40) {
      const old = pairs.shift();
      pool.free(old.readDoubleLE(8));
      pool.free(old);
    }
  });
  writeSync(1, n + '\\n');
}
`;

/** How many rounds; more by TEST_KILLS. */
const KILLS = Number(process.env.TEST_KILLS ?? 15);

test(`a process that is killed ${KILLS} times loses nothing that it said, and leaks nothing`, {
  timeout: 20_000 + KILLS * 2000,
}, async () => {
  const root = folder();
  const script = path.join(root, 'writer.mjs');
  writeFileSync(script, WRITER.replace('process.argv[1]', 'process.argv[2]'));
  mkdirSync(path.join(root, 'node_modules'));
  symlinkSync(packageRoot, path.join(root, 'node_modules', 'superslab'));
  const file = path.join(root, 'pool');
  for (let round = 0; round < KILLS; round++) {
    const child = spawn(process.execPath, [script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (text) => (said += text));
    const begun = new Promise((resolve) => child.stdout.once('data', resolve));
    const ended = new Promise((resolve) => child.once('close', resolve));
    await Promise.race([begun, ended]);
    await new Promise((resolve) => setTimeout(resolve, (round * 37) % 100));
    child.kill('SIGKILL');
    await ended;
    const acknowledged = Number(said.trim().split('\n').at(-1));
    using pool = MappedPool.open(file);
    expect(pool.verify()).toMatchObject({ wrong: 0, messages: [] });
    const last = pool.root('last')!;
    const n = last.readDoubleLE(0);
    expect(n - acknowledged === 0 || n - acknowledged === 1).toBe(true);
    // Every block is one of a whole pair: nothing leaks, and nothing is half there.
    const numbers = new Map<number, number>();
    for (const buf of pool.entries()) {
      const number = buf.readDoubleLE(0);
      numbers.set(number, (numbers.get(number) ?? 0) + 1);
      if (buf.length > 16) expect(buf.at(-1)).toBe(number & 255);
    }
    expect([...numbers.values()].every((count) => count === 2)).toBe(true);
    // The next one begins with a list of its own.
    pool.transaction(() => {
      for (const buf of pool.entries())
        if (buf.handle !== last.handle && buf.handle !== last.readDoubleLE(8)) buf.free();
    });
  }
});

test('a damaged journal record in the middle is damage, not the end of the journal', () => {
  const file = made();
  const pool = MappedPool.open(file);
  for (let i = 0; i < 3; i++) {
    pool.alloc(10);
    pool.commit();
  }
  const copy = `${file}-copy`;
  copyFileSync(file, copy);
  chmodSync(copy, 0o600);
  pool.close();
  const bytes = readFileSync(copy);
  const first = bytes.indexOf('SSJR', 65536);
  const descriptor = openSync(copy, 'r+');
  // The first record of the half that counts is the one behind which others lie.
  const { length } = bytes;
  for (let at = first; at >= 0 && at < length; at = bytes.indexOf('SSJR', at + 1)) {
    if (bytes.readUInt32LE(at + 40) === 3) {
      writeSync(descriptor, Buffer.from([bytes[at + 64]! ^ 1]), 0, 1, at + 64);
      break;
    }
  }
  refused(copy, 'ERR_SUPERSLAB_FILE_DAMAGED');
});
