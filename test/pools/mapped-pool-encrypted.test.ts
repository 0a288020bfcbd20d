// Encrypted files: what is in them, what is refused, and keys that are rotated.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { MappedPool, type MappedPoolOptions } from 'superslab/files';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../support/child.js';
import { folder } from './mapped-files.js';

const SECRET = 'hunter2-correct-horse-battery';
const KEY = Buffer.alloc(32, 'k');
const NEXT_KEY = Buffer.alloc(32, 'n');
const OPTIONS: MappedPoolOptions = { key: KEY, maxBytes: 4 << 20 };

const newFile = (): string => path.join(folder(), 'pool');
const hasSecret = (file: string): boolean => readFileSync(file).includes(SECRET);

interface Thrown extends Error {
  readonly code: string;
  readonly path?: string;
  readonly handle?: number;
}

function thrownBy(work: () => unknown): Thrown {
  try {
    work();
  } catch (error) {
    return error as Thrown;
  }
  throw new Error('nothing was thrown');
}

const codeOf = (work: () => unknown): string => thrownBy(work).code;

const VARIANTS: Record<string, MappedPoolOptions> = {
  plain: {},
  'with checksums': { checksums: true },
  sensitive: { sensitive: true },
  shared: { shared: true },
};

describe.each(Object.keys(VARIANTS))('%s', (name) => {
  const options = { ...OPTIONS, ...VARIANTS[name] };

  test.each([0, 1, 100, 32_768, 32_769, 200_000])(
    'a block of %i bytes is there again, and not in the file',
    (size) => {
      const file = newFile();
      const pool = MappedPool.open(file, options);
      const buf = pool.alloc(size).fill(SECRET);
      const expected = Buffer.from(buf);
      pool.setRoot('it', buf);
      expect(hasSecret(file)).toBe(false);
      expect(pool.at(buf.handle)).toHaveLength(size);
      expect(Buffer.compare(pool.at(buf.handle), expected)).toBe(0);
      pool.commit();
      expect(hasSecret(file)).toBe(false);
      pool.close();
      expect(buf.every((byte) => byte === 0)).toBe(true);
      expect(hasSecret(file)).toBe(false);
      using again = MappedPool.open(file, options);
      expect(Buffer.compare(again.root('it')!, expected)).toBe(0);
      expect([...again.entries()].map(({ length }) => length)).toEqual([size]);
      expect(again.rootNames()).toEqual(['it']);
      expect(again.verify().messages).toEqual([]);
    },
  );

  test('write() changes a part, with its commit', () => {
    const file = newFile();
    using pool = MappedPool.open(file, options);
    const model = Buffer.alloc(100_000, 'a');
    const buf = pool.alloc(model.length).fill('a');
    const { handle } = buf;
    pool.commit();
    const changes: [number, number][] = [
      [0, 1],
      [32_760, 20],
      [32_768, 32_768],
      [99_999, 1],
      [5, 40_000],
      [10, 3],
    ];
    for (const [at, length] of changes) {
      const bytes = Buffer.alloc(length, SECRET);
      pool.write(handle, at, bytes);
      bytes.copy(model, at);
      pool.write(handle, at, bytes.subarray(0, 1));
      expect(hasSecret(file)).toBe(false);
      pool.commit();
      expect(Buffer.compare(pool.at(handle), model)).toBe(0);
    }
    pool.write(handle, 0, Buffer.from('not yet'));
    expect(Buffer.compare(pool.at(handle), model)).toBe(0);
    expect(hasSecret(file)).toBe(false);
    expect(codeOf(() => pool.write(handle, 99_999, Buffer.from('ab')))).toBe('ERR_SUPERSLAB_ARGUMENT');
    pool.commit();
    expect(pool.verify().messages).toEqual([]);
  });

  test('an inner transaction that fails undoes its writes and no others', () => {
    using pool = MappedPool.open(newFile(), options);
    const buf = pool.alloc(100).fill('a');
    pool.commit();
    pool.transaction(() => {
      pool.write(buf, 0, Buffer.from('outer'));
      const inner = () =>
        pool.transaction(() => {
          pool.write(buf, 0, Buffer.from('inner inner'));
          pool.setRoot('lost', pool.alloc(50));
          throw new Error('inner');
        });
      expect(inner).toThrow('inner');
      pool.write(buf, 50, Buffer.from('after'));
    });
    const now = pool.at(buf.handle);
    expect(now.toString('latin1', 0, 12)).toBe('outeraaaaaaa');
    expect(now.toString('latin1', 50, 56)).toBe('aftera');
    expect(pool.rootNames()).toEqual([]);
    expect(pool.verify().messages).toEqual([]);
  });

  test('a write() to a block of the same batch counts, too', () => {
    using pool = MappedPool.open(newFile(), options);
    const buf = pool.alloc(100).fill('a');
    pool.write(buf, 10, Buffer.from('b'));
    pool.write(buf, 20, Buffer.from('c'));
    pool.commit();
    const now = pool.at(buf.handle).toString('latin1');
    expect([now[9], now[10], now[20]]).toEqual(['a', 'b', 'c']);
  });

  test('what a released view had is committed', async () => {
    using pool = MappedPool.open(newFile(), options);
    const buf = pool.alloc(64).fill(SECRET);
    const { handle } = buf;
    buf.release();
    await pool.commitAsync();
    expect(pool.at(handle).toString('latin1', 0, SECRET.length)).toBe(SECRET);
    pool.at(handle).free();
    expect(codeOf(() => pool.at(handle))).toBe('ERR_SUPERSLAB_STALE');
  });
});

test('a new block is zeros, and a later store to its buffer stays in memory', () => {
  using pool = MappedPool.open(newFile(), OPTIONS);
  for (let i = 0; i < 20; i++) {
    const buf = pool.alloc(1000);
    expect(buf.every((byte) => byte === 0)).toBe(true);
    buf.fill(SECRET);
    pool.commit();
    buf.fill('x');
    expect(pool.at(buf.handle).toString('latin1', 0, 7)).toBe('hunter2');
    buf.free();
    pool.commit();
  }
});

describe('what is refused', () => {
  const made = (options: MappedPoolOptions = OPTIONS): string => {
    const file = newFile();
    const pool = MappedPool.open(file, options);
    pool.setRoot('it', pool.alloc(10));
    pool.commit();
    pool.close();
    return file;
  };

  test('keys that are none, others, or not there', () => {
    const file = made();
    expect(codeOf(() => MappedPool.open(file))).toBe('ERR_SUPERSLAB_KEY');
    expect(codeOf(() => MappedPool.open(file, { key: NEXT_KEY }))).toBe('ERR_SUPERSLAB_KEY');
    for (const key of [Buffer.alloc(31), Buffer.alloc(33), 'k'.repeat(32), 5, null]) {
      const error = thrownBy(() => MappedPool.open(file, { key: key as Buffer }));
      expect(error.code).toBe('ERR_SUPERSLAB_OPTION');
      expect(error.message).not.toContain('kkkk');
    }
    const failing = () => {
      throw new Error('no such key');
    };
    const error = thrownBy(() => MappedPool.open(file, { key: failing }));
    expect(error.code).toBe('ERR_SUPERSLAB_KEY');
    expect((error.cause as Error).message).toBe('no such key');
    expect(codeOf(() => MappedPool.open(file, { key: () => Buffer.alloc(5) }))).toBe('ERR_SUPERSLAB_KEY');
    const later = async () => KEY;
    expect(codeOf(() => MappedPool.open(file, { key: later as never }))).toBe('ERR_SUPERSLAB_ASYNC');
    expect(codeOf(() => MappedPool.open(file, { keyId: 'x' }))).toBe('ERR_SUPERSLAB_OPTION');
    expect(codeOf(() => MappedPool.open(file, { key: KEY, keyId: 'x'.repeat(49) }))).toBe(
      'ERR_SUPERSLAB_OPTION',
    );
    // All of these have closed it.
    MappedPool.open(file, OPTIONS).close();
  });

  test('a key for a file without one', async () => {
    const file = made({ maxBytes: 4 << 20 });
    expect(codeOf(() => MappedPool.open(file, { key: KEY }))).toBe('ERR_SUPERSLAB_FILE_FORMAT');
    using pool = MappedPool.open(file);
    await expect(pool.rotateKey(KEY)).rejects.toMatchObject({ code: 'ERR_SUPERSLAB_KEY' });
  });

  test('the block and the root of the keys', () => {
    const file = made();
    const raw = readFileSync(file);
    expect(raw.includes('SSLABKEY')).toBe(true);
    expect(raw.includes(KEY)).toBe(false);
    using pool = MappedPool.open(file, OPTIONS);
    expect(pool.root('\0keys')).toBe(undefined);
    expect(codeOf(() => pool.setRoot('\0keys', null))).toBe('ERR_SUPERSLAB_ARGUMENT');
    const first = 2 ** 32;
    for (let granule = 0; granule < 4096; granule += 4) {
      for (let generation = 1; generation < 8; generation += 2)
        expect(pool.tryAt(generation * first + granule)?.length ?? 10).toBe(10);
    }
  });

  test('a file whose blocks lost their keys', () => {
    const file = made();
    const raw = readFileSync(file);
    const at = raw.lastIndexOf('SSLABKEY');
    raw[at] = 0;
    writeFileSync(file, raw);
    expect(codeOf(() => MappedPool.open(file, OPTIONS))).toBe('ERR_SUPERSLAB_FILE_DAMAGED');
  });
});

test('a function is asked for the key by its id', () => {
  const file = newFile();
  const asked: string[] = [];
  const key = (id: string) => {
    asked.push(id);
    return KEY;
  };
  MappedPool.open(file, { key, keyId: 'of March' }).close();
  MappedPool.open(file, { key, access: 'read' }).close();
  expect(new Set(asked)).toEqual(new Set(['of March']));
});

test('every byte of a sealed block is looked at, and blocks cannot be exchanged', () => {
  const file = newFile();
  const pool = MappedPool.open(file, OPTIONS);
  const bufs = [pool.alloc(100).fill('a'), pool.alloc(100).fill('b')];
  const [first, second] = bufs.map(({ handle }) => handle) as [number, number];
  pool.commit();
  pool.close();
  const raw = readFileSync(file);
  const dataAt = statSync(file).size - 1_048_576;
  const placeOf = (handle: number) => dataAt + (handle % 2 ** 32) * 64;
  const sealed = 132;
  const look = (change: (bytes: Buffer) => void): MappedPool => {
    const bytes = Buffer.from(raw);
    change(bytes);
    writeFileSync(file, bytes);
    return MappedPool.open(file, OPTIONS);
  };
  for (let at = 0; at < sealed; at++) {
    using damaged = look((bytes) => {
      bytes[placeOf(first) + at]! ^= 1 << (at % 8);
    });
    const error = thrownBy(() => damaged.at(first));
    expect(error.code).toBe('ERR_SUPERSLAB_FILE_DAMAGED');
    expect(error.handle).toBe(first);
    expect(error.message).toContain(String(first));
    expect(damaged.at(second)[0]).toBe(98);
    expect(damaged.verify()).toMatchObject({ wrong: 1, damagedBlocks: 1 });
    expect(codeOf(() => damaged.check())).toBe('ERR_SUPERSLAB_CORRUPT');
  }
  using exchanged = look((bytes) => {
    raw.copy(bytes, placeOf(first), placeOf(second), placeOf(second) + sealed);
    raw.copy(bytes, placeOf(second), placeOf(first), placeOf(first) + sealed);
  });
  expect(exchanged.verify().damagedBlocks).toBe(2);
});

test('no nonce is used twice', () => {
  const file = newFile();
  using pool = MappedPool.open(file, { ...OPTIONS, sync: 'none' });
  const { handle } = pool.alloc(8);
  pool.commit();
  const seen = new Set<string>();
  const dataAt = statSync(file).size - 1_048_576;
  for (let i = 0; i < 200; i++) {
    pool.write(handle, 0, Buffer.from('same'));
    pool.commit();
    const at = dataAt + (handle % 2 ** 32) * 64;
    seen.add(readFileSync(file).toString('hex', at, at + 12));
  }
  expect(seen.size).toBe(200);
});

describe('backups', () => {
  test('are sealed, and are made and looked at without a key', async () => {
    const file = newFile();
    const pool = MappedPool.open(file, OPTIONS);
    pool.setRoot('it', pool.alloc(5000).fill(SECRET));
    pool.commit();
    await pool.backup(`${file}.copy`);
    pool.close();
    await MappedPool.restore(`${file}.copy`, `${file}.restored`);
    expect(hasSecret(`${file}.copy`)).toBe(false);
    using restored = MappedPool.open(`${file}.restored`, OPTIONS);
    expect(restored.root('it')!.toString('latin1', 0, 7)).toBe('hunter2');
    expect(codeOf(() => MappedPool.open(`${file}.copy`))).toBe('ERR_SUPERSLAB_KEY');
  });
});

/** Opens the file and does what `work` says; it is there as soon as it has printed a line. */
async function start(
  file: string,
  key: Buffer,
  work: string,
  options: MappedPoolOptions = {},
): Promise<ChildProcess> {
  const script = `
    import { MappedPool } from 'superslab/files';
    const [file, key, options] = JSON.parse(process.argv[1]);
    const pool = MappedPool.open(file, { ...options, key: Buffer.from(key, 'hex') });
    ${work}
  `;
  const given = JSON.stringify([file, key.toString('hex'), options]);
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, given], {
    cwd: packageRoot,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout!, 'data');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

describe('rotation', () => {
  function filled(file: string, blocks: number, options: MappedPoolOptions = OPTIONS): MappedPool {
    const pool = MappedPool.open(file, options);
    for (let i = 0; i < blocks; i++) {
      pool.alloc(1000).fill(i % 251);
      if (i % 20 === 0) pool.commit();
    }
    pool.setRoot('large', pool.alloc(150_000).fill(SECRET));
    pool.commit();
    return pool;
  }

  const expectAll = (pool: MappedPool, blocks: number) => {
    const found = [...pool.entries()];
    expect(found).toHaveLength(blocks + 1);
    for (const buf of found) {
      if (buf.length === 1000) expect(buf.every((byte) => byte === buf[0])).toBe(true);
      else
        expect(buf.toString('latin1', 149_990)).toBe(
          Buffer.alloc(150_000, SECRET).toString('latin1', 149_990),
        );
      buf.release();
    }
    expect(pool.verify().messages).toEqual([]);
  };

  test('reseals all blocks while the program goes on', async () => {
    const file = newFile();
    const pool = filled(file, 500);
    const told: number[] = [];
    const rotated = pool.rotateKey(NEXT_KEY, { keyId: 'next', progress: (done) => told.push(done) });
    await expect(pool.rotateKey(KEY)).rejects.toMatchObject({ code: 'ERR_SUPERSLAB_COMMIT' });
    const added = pool.alloc(1000).fill(7);
    // The rotation waits for the end of this batch.
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(pool.at(added.handle)[0]).toBe(7);
    pool.commit();
    expect(await rotated).toBe(501);
    expect(told.at(-1)).toBe(502);
    expectAll(pool, 501);
    expect(await pool.rotateKey(NEXT_KEY)).toBe(0);
    pool.close();
    expect(codeOf(() => MappedPool.open(file, OPTIONS))).toBe('ERR_SUPERSLAB_KEY');
    const key = (id: string) => (id === 'next' ? NEXT_KEY : KEY);
    using again = MappedPool.open(file, { key });
    expectAll(again, 501);
  });

  test('is refused in the midst of a batch', async () => {
    using pool = MappedPool.open(newFile(), OPTIONS);
    pool.alloc(10);
    await expect(pool.rotateKey(NEXT_KEY)).rejects.toMatchObject({ code: 'ERR_SUPERSLAB_COMMIT' });
    await expect(pool.rotateKey(Buffer.alloc(3))).rejects.toMatchObject({ code: 'ERR_SUPERSLAB_OPTION' });
  });

  test('ends with the pool, and goes on later', async () => {
    const file = newFile();
    const pool = filled(file, 500);
    const rotated = pool.rotateKey(NEXT_KEY);
    await new Promise(setImmediate);
    pool.close();
    await expect(rotated).rejects.toMatchObject({ code: 'ERR_SUPERSLAB_CLOSED' });
    using again = MappedPool.open(file, { key: NEXT_KEY });
    expectAll(again, 500);
    expect(await again.rotateKey(NEXT_KEY)).toBeGreaterThan(0);
    expectAll(again, 500);
  });

  test('to a third key ends the second one first', async () => {
    const file = newFile();
    const pool = filled(file, 500);
    const rotated = pool.rotateKey(NEXT_KEY);
    await new Promise(setImmediate);
    pool.close();
    await expect(rotated).rejects.toThrow();
    const third = Buffer.alloc(32, '3');
    const again = MappedPool.open(file, { key: NEXT_KEY });
    expect(await again.rotateKey(third)).toBeGreaterThan(500);
    again.close();
    using last = MappedPool.open(file, { key: third });
    expectAll(last, 500);
  });

  test('goes on after kills at any moment', { timeout: 60_000 }, async () => {
    const file = newFile();
    filled(file, 1000).close();
    let key = KEY;
    for (let i = 0; i < 12; i++) {
      const next = Buffer.alloc(32, i + 1);
      const work = `
        process.stdout.write('open\\n');
        const next = Buffer.alloc(32, ${i + 1});
        pool.rotateKey(next).then(() => process.stdout.write('done\\n'));
        setInterval(() => {}, 1000);
      `;
      const child = await start(file, key, work, { sync: 'none' });
      await new Promise((resolve) => setTimeout(resolve, i * 4));
      await kill(child);
      // Either it had begun, or not.
      let pool: MappedPool;
      try {
        pool = MappedPool.open(file, { key: next });
        key = next;
      } catch {
        pool = MappedPool.open(file, { key });
      }
      expectAll(pool, 1000);
      if (i % 3 === 2) await pool.rotateKey(key);
      pool.close();
    }
  });
});

describe('several processes', () => {
  test('see what another has committed, and its new key if they have a function', async () => {
    const file = newFile();
    const key = (id: string) => (id === 'next' ? NEXT_KEY : KEY);
    using one = MappedPool.open(file, { ...OPTIONS, key, shared: true });
    using other = MappedPool.open(file, { ...OPTIONS, shared: true });
    const buf = one.alloc(1000).fill('1');
    one.setRoot('it', buf);
    one.commit();
    expect(other.root('it')![0]).toBe(49);
    other.write(buf.handle, 0, Buffer.from('2'));
    other.commit();
    expect(one.root('it')!.toString('latin1', 0, 2)).toBe('21');
    await other.rotateKey(NEXT_KEY, { keyId: 'next' });
    expect(one.root('it')!.toString('latin1', 0, 2)).toBe('21');
    one.write(buf.handle, 0, Buffer.from('3'));
    one.commit();
    expect(other.root('it')!.toString('latin1', 0, 2)).toBe('31');
  });

  test('are told that the key was rotated when they have the old one', async () => {
    const file = newFile();
    using one = MappedPool.open(file, { ...OPTIONS, shared: true });
    using other = MappedPool.open(file, { ...OPTIONS, shared: true });
    one.setRoot('it', one.alloc(10));
    one.commit();
    await one.rotateKey(NEXT_KEY);
    expect(codeOf(() => other.root('it'))).toBe('ERR_SUPERSLAB_KEY');
    other.alloc(10);
    expect(codeOf(() => other.commit())).toBe('ERR_SUPERSLAB_KEY');
  });

  test('read whole blocks while another one writes, and is killed', { timeout: 60_000 }, async () => {
    const file = newFile();
    const options = { maxBytes: 4 << 20, shared: true, sync: 'none', lockTimeoutMs: 30_000 } as const;
    using pool = MappedPool.open(file, { ...options, key: KEY });
    const { handle } = pool.alloc(40_000).fill(0);
    pool.commit();
    for (let i = 0; i < 6; i++) {
      const work = `
        for (let n = 0; ; n++) {
          pool.write(${handle}, 0, Buffer.alloc(40_000, n % 251));
          pool.commit();
          if (n === 0) process.stdout.write('open\\n');
          if (n > 100_000) break;
        }
      `;
      const child = await start(file, KEY, work, options);
      const until = performance.now() + 100 + i * 7;
      const seen = new Set<number>();
      while (performance.now() < until) {
        using buf = pool.at(handle);
        // A write() of all bytes is there whole, or not at all, piece by piece.
        for (const [from, to] of [
          [0, 32_768],
          [32_768, 40_000],
        ] as const)
          expect(buf.subarray(from, to).every((byte) => byte === buf[from])).toBe(true);
        seen.add(buf[0]!);
      }
      expect(seen.size).toBeGreaterThan(1);
      await kill(child);
      pool.write(handle, 0, Buffer.alloc(40_000, 255));
      pool.commit();
      expect(pool.at(handle).every((byte) => byte === 255)).toBe(true);
    }
    expect(pool.verify().messages).toEqual([]);
  });

  test('what was committed is there after kills, and nothing of it can be read', {
    timeout: 60_000,
  }, async () => {
    const file = newFile();
    for (let i = 0; i < 8; i++) {
      const work = `
        let number = pool.root('number')?.readUInt32LE(0) ?? 0;
        for (;;) {
          number++;
          pool.transaction(() => {
            pool.root('it')?.free();
            pool.setRoot('it', pool.alloc(2000).fill('${SECRET}' + number + ' '));
            const count = pool.root('number') ?? pool.alloc(4);
            pool.setRoot('number', count);
            const bytes = Buffer.alloc(4);
            bytes.writeUInt32LE(number);
            pool.write(count, 0, bytes);
          });
          process.stdout.write(number + '\\n');
        }
      `;
      const child = await start(file, KEY, work, { maxBytes: 4 << 20, sync: 'none' });
      let said = '';
      child.stdout!.on('data', (text) => (said += text));
      await new Promise((resolve) => setTimeout(resolve, 30 + i * 5));
      await kill(child);
      expect(hasSecret(file)).toBe(false);
      using pool = MappedPool.open(file, OPTIONS);
      const number = pool.root('number')!.readUInt32LE(0);
      const acknowledged = Number(said.trim().split('\n').slice(0, -1).at(-1) ?? 0);
      expect(number).toBeGreaterThanOrEqual(acknowledged);
      const text = `${SECRET}${number} `;
      expect(pool.root('it')!.toString('latin1', 0, text.length)).toBe(text);
      expect(pool.verify().messages).toEqual([]);
    }
  });
});

describe('the audit log', () => {
  const lines = (log: string) =>
    readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  test('has a line for each thing', async () => {
    const file = newFile();
    const audit = `${file}.log`;
    const pool = MappedPool.open(file, { ...OPTIONS, audit });
    pool.commit();
    await pool.backup(`${file}.copy`);
    await pool.backup(`${file}.copy`).catch(() => {});
    await pool.rotateKey(NEXT_KEY);
    pool.close();
    expect(() => MappedPool.open(file, { ...OPTIONS, audit })).toThrow();
    await MappedPool.restore(`${file}.copy`, `${file}.restored`, { audit });
    MappedPool.open(file, { key: NEXT_KEY, audit }).destroy();
    expect(lines(audit).map(({ event }) => event)).toEqual([
      ...['key', 'open', 'backup', 'backup', 'refuse', 'rotate', 'rotated'],
      ...['key', 'refuse', 'restore', 'key', 'open', 'destroy'],
    ]);
    expect(lines(audit)[0]).toMatchObject({ path: file, pid: process.pid, keyId: '1' });
    expect(readFileSync(audit).includes(KEY)).toBe(false);
    expect(statSync(audit).mode & 0o777).toBe(0o600);
  });

  test('is a regular file of this user alone', () => {
    const file = newFile();
    mkdirSync(`${file}.folder`);
    writeFileSync(`${file}.real`, '');
    symlinkSync(`${file}.real`, `${file}.link`);
    writeFileSync(`${file}.open`, '');
    chmodSync(`${file}.open`, 0o644);
    for (const audit of [`${file}.folder`, `${file}.link`, `${file}.open`, '/dev/null', `${file}.no/log`]) {
      const error = thrownBy(() => MappedPool.open(file, { audit }));
      expect(error.code).toBe('ERR_SUPERSLAB_FILE');
      expect(error.path).toBe(audit);
    }
  });

  test('begins a line of its own behind one that was cut off', () => {
    const file = newFile();
    const audit = `${file}.log`;
    writeFileSync(audit, '{"event":"op', { mode: 0o600 });
    MappedPool.open(file, { audit }).close();
    const [torn, whole] = readFileSync(audit, 'utf8').split('\n');
    expect(torn).toBe('{"event":"op');
    expect(JSON.parse(whole!)).toMatchObject({ event: 'open', encrypted: false });
  });
});

test('a copy of the file is of no use without its key, and a block of another file does not open', () => {
  const file = newFile();
  const pool = MappedPool.open(file, OPTIONS);
  pool.setRoot('it', pool.alloc(100).fill('a'));
  pool.commit();
  pool.close();
  const other = newFile();
  const second = MappedPool.open(other, OPTIONS);
  second.setRoot('it', second.alloc(100).fill('b'));
  second.commit();
  const { handle } = second.root('it')!;
  second.close();
  copyFileSync(file, `${file}.copy`);
  const dataAt = statSync(other).size - 1_048_576;
  const at = dataAt + (handle % 2 ** 32) * 64;
  const bytes = readFileSync(other);
  readFileSync(file).copy(bytes, at, at, at + 132);
  writeFileSync(other, bytes);
  using mixed = MappedPool.open(other, OPTIONS);
  expect(codeOf(() => mixed.root('it'))).toBe('ERR_SUPERSLAB_FILE_DAMAGED');
});
