// A MappedPool that several have open: what each sees, waits for and is told.
import { type ChildProcess, spawn } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { MappedPool } from 'superslab/files';
import { afterEach, describe, expect, test } from 'vitest';
import { packageRoot } from '../support/child.js';
import { folder } from './mapped-files.js';

const OPTIONS = { shared: true, maxBytes: 4 << 20, size: 256 << 10, lockTimeoutMs: 100 } as const;

const children = new Set<ChildProcess>();

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

/** A process that has the file open as `pool` and runs `script`; what it says first. */
async function start(path: string, script: string): Promise<{ child: ChildProcess; said: string }> {
  const program = `
    import { MappedPool } from 'superslab/files';
    const pool = MappedPool.open(${JSON.stringify(path)}, ${JSON.stringify(OPTIONS)});
    const say = (text) => process.stdout.write(text + '\\n');
    setInterval(() => pool.closed, 1000); // and so the collector does not take it
    ${script}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: packageRoot,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.add(child);
  const said = await new Promise<string>((resolve, reject) => {
    child.stdout!.once('data', (text) => resolve(String(text).trim()));
    child.once('exit', (code) => reject(new Error(`exit ${code}`)));
  });
  return { child, said };
}

const kill = (child: ChildProcess): Promise<unknown> => {
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  return ended;
};

function two(): { path: string; a: MappedPool; b: MappedPool } {
  const path = `${folder()}/pool`;
  return { path, a: MappedPool.open(path, OPTIONS), b: MappedPool.open(path, OPTIONS) };
}

const codeOf = (work: () => unknown): string | undefined => {
  try {
    work();
  } catch (error) {
    return (error as { code?: string }).code;
  }
  return undefined;
};

describe('a shared pool', () => {
  test('shows each what the others have committed', () => {
    const { a, b } = two();
    const buf = a.alloc(100).fill('x');
    a.setRoot('name', buf);
    expect(b.root('name')).toBeUndefined();
    expect(b.tryAt(buf.handle)).toBeUndefined();
    a.commit({ sync: 'none' });
    expect(b.root('name')!.toString()).toBe('x'.repeat(100));
    b.free(buf.handle);
    b.setRoot('name', null);
    b.commit();
    expect(a.rootNames()).toEqual([]);
    expect(codeOf(() => a.at(buf.handle))).toBe('ERR_SUPERSLAB_STALE');
    expect([...a.entries()]).toEqual([]);
    a.close();
    b.close();
  });

  test('is not for those who want the file alone, nor the other way round', () => {
    const { path, a, b } = two();
    expect(codeOf(() => MappedPool.open(path))).toBe('ERR_SUPERSLAB_FILE_IN_USE');
    expect(codeOf(() => MappedPool.open(path, { ...OPTIONS, sync: 'none' }))).toBe(
      'ERR_SUPERSLAB_FILE_IN_USE',
    );
    expect(codeOf(() => MappedPool.open(path, { shared: true, access: 'read' }))).toBe(
      'ERR_SUPERSLAB_OPTION',
    );
    a.close();
    b.close();
    const alone = MappedPool.open(path);
    expect(codeOf(() => MappedPool.open(path, OPTIONS))).toBe('ERR_SUPERSLAB_FILE_IN_USE');
    expect(alone.stats().file.replayed).toBe(0);
    alone.close();
  });

  test('has one writer at a time; a second one waits, and then is told whose turn it is', () => {
    const { a, b } = two();
    a.alloc(10);
    const start = performance.now();
    expect(() => b.alloc(10)).toThrow(
      expect.objectContaining({ code: 'ERR_SUPERSLAB_TIMEOUT', pid: process.pid }),
    );
    expect(performance.now() - start).toBeGreaterThan(95);
    a.close();
    b.alloc(10);
    b.close();
  });

  test('has the batch of a process that dies undone, and goes on', async () => {
    const path = `${folder()}/pool`;
    const pool = MappedPool.open(path, { ...OPTIONS, lockTimeoutMs: 10_000 });
    const { child } = await start(path, `for (let i = 0; i < 100; i++) pool.alloc(1000); say('allocated');`);
    // This thread waits for the lock: another process has to kill the child.
    spawn('sh', ['-c', `sleep 0.2; kill -9 ${child.pid}`], { stdio: 'ignore' });
    pool.setRoot('mine', pool.alloc(10)); // waits for the kill, of which nobody tells
    pool.commit();
    expect(pool.stats().file.blocks).toBe(1);
    expect(pool.verify().messages).toEqual([]);
    pool.close();
  });

  test('keeps a transaction that reads before it changes to itself', async () => {
    const path = `${folder()}/pool`;
    const pool = MappedPool.open(path, { ...OPTIONS, lockTimeoutMs: 30_000 });
    pool.setRoot('count', pool.alloc(8).fill(0));
    pool.commit();
    const add = `(pool) => pool.transaction(() => {
      const count = pool.root('count');
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(count.readDoubleLE(0) + 1);
      pool.write(count, 0, bytes);
    }, { sync: 'none' })`;
    const open = `MappedPool.open(${JSON.stringify(path)}, ${JSON.stringify({ ...OPTIONS, lockTimeoutMs: 30_000 })})`;
    const program = `
      const { MappedPool } = require('superslab/files');
      const pool = ${open};
      for (let i = 0; i < 200; i++) (${add})(pool);
      pool.close();`;
    const threads = [1, 2].map(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker(program, { eval: true });
          worker.once('exit', resolve);
          worker.once('error', reject);
        }),
    );
    for (let i = 0; i < 200; i++) {
      pool.transaction(
        () => {
          const count = pool.root('count')!;
          const bytes = Buffer.alloc(8);
          bytes.writeDoubleLE(count.readDoubleLE(0) + 1);
          pool.write(count, 0, bytes);
        },
        { sync: 'none' },
      );
      if (i % 20 === 0) await new Promise(setImmediate);
    }
    await Promise.all(threads);
    expect(pool.root('count')!.readDoubleLE(0)).toBe(600);
    pool.close();
  });

  test('lets a transaction that failed go, and one that nobody finished', () => {
    const { a, b } = two();
    expect(() =>
      a.transaction(() => {
        throw new Error('mine');
      }),
    ).toThrow('mine');
    b.transaction(() => b.setRoot('b', b.alloc(1)));
    expect(() =>
      a.transaction(() => {
        a.alloc(1);
        throw new Error('mine');
      }),
    ).toThrow('mine');
    b.transaction(() => b.setRoot('c', b.alloc(1)));
    expect(a.rootNames().sort()).toEqual(['b', 'c']);
    a.close();
    b.close();
  });

  test('allocAsync() waits for the writer without its thread', async () => {
    const { a, b } = two();
    a.alloc(10);
    const waiting = b.allocAsync(20);
    await new Promise((resolve) => setTimeout(resolve, 20));
    a.commit({ sync: 'none' });
    const buf = await waiting;
    expect(buf.length).toBe(20);
    await b.commitAsync();
    expect(a.at(buf.handle).length).toBe(20);
    a.close();
    b.close();
  });

  test('commitAsync() of several is durable, whoever writes between', async () => {
    const { a, b } = two();
    const commits: Promise<void>[] = [];
    for (let i = 0; i < 20; i++) {
      const pool = i % 2 === 0 ? a : b;
      pool.setRoot(`root ${i}`, pool.alloc(10));
      commits.push(pool.commitAsync());
    }
    await Promise.all(commits);
    a.setRoot('later', a.alloc(10));
    b.close();
    const before = a.commitAsync();
    a.close(); // makes it durable
    await before;
  });

  test('does not use a block again while another one has a view of it', () => {
    const { a, b } = two();
    const buf = a.alloc(20_000).fill('a');
    a.commit({ sync: 'none' });
    const view = b.at(buf.handle);
    buf.free();
    a.commit({ sync: 'data' });
    for (let i = 0; i < 20; i++) {
      a.alloc(20_000).fill('b');
      a.commit({ sync: 'data' });
    }
    expect(view.every((byte) => byte === 97)).toBe(true);
    expect(b.tryAt(view.handle)).toBeUndefined();
    view.release();
    const before = a.stats().file.freeBytes;
    a.commit({ sync: 'data' });
    expect(a.stats().file.freeBytes).toBeGreaterThan(before);
    a.close();
    b.close();
  });

  test('a backup has what others have committed', async () => {
    const { path, a, b } = two();
    a.setRoot('a', a.alloc(3 << 20).fill('a')); // takes more than one turn
    a.commit();
    const backup = a.backup(`${path}.copy`);
    b.setRoot('b', b.alloc(5000).fill('b'));
    b.commit();
    await backup;
    const copy = MappedPool.open(`${path}.copy`);
    expect(copy.rootNames().sort()).toEqual(['a', 'b']);
    expect(copy.root('b')!.every((byte) => byte === 98)).toBe(true);
    expect(copy.verify().messages).toEqual([]);
    for (const pool of [copy, a, b]) pool.close();
  });
});

describe('lock()', () => {
  test('one has a lock, or several a shared one, until they release it', () => {
    const { a, b } = two();
    const lock = a.lock('one');
    expect(codeOf(() => b.lock('one'))).toBe('ERR_SUPERSLAB_TIMEOUT');
    expect(codeOf(() => b.lock('one', { shared: true, timeoutMs: 0 }))).toBe('ERR_SUPERSLAB_TIMEOUT');
    expect(codeOf(() => a.lock('one'))).toBe('ERR_SUPERSLAB_TIMEOUT');
    b.lock('other').release();
    lock.release();
    expect(lock.released).toBe(true);
    expect(codeOf(() => lock.release())).toBe('ERR_SUPERSLAB_RELEASED');
    const shared = [a, a, b].map((pool) => pool.lock('one', { shared: true }));
    expect(codeOf(() => b.lock('one', { timeoutMs: 0 }))).toBe('ERR_SUPERSLAB_TIMEOUT');
    for (const one of shared) one[Symbol.dispose]();
    b.lock('one').release();
    a.close();
    b.close();
  });

  test('ends with its process, and with its pool', async () => {
    const path = `${folder()}/pool`;
    const pool = MappedPool.open(path, OPTIONS);
    const { child } = await start(path, `globalThis.lock = pool.lock('one'); say('locked');`);
    expect(codeOf(() => pool.lock('one', { timeoutMs: 0 }))).toBe('ERR_SUPERSLAB_TIMEOUT');
    const waiting = pool.lockAsync('one', { timeoutMs: 10_000 });
    await kill(child);
    const lock = await waiting;
    expect(lock.released).toBe(false);
    const other = MappedPool.open(path, OPTIONS);
    pool.close();
    other.lock('one').release();
    other.close();
  });

  test('lockAsync() ends with its time, its signal or the pool', async () => {
    const { a, b } = two();
    const lock = a.lock('one');
    await expect(b.lockAsync('one', { timeoutMs: 30 })).rejects.toMatchObject({
      code: 'ERR_SUPERSLAB_TIMEOUT',
    });
    const controller = new AbortController();
    const aborted = b.lockAsync('one', { timeoutMs: 10_000, signal: controller.signal });
    controller.abort(new Error('mine'));
    await expect(aborted).rejects.toThrow('mine');
    const closed = b.lockAsync('one', { timeoutMs: 10_000 });
    const given = b.lockAsync('two');
    expect((await given).name).toBe('two');
    b.close();
    await expect(closed).rejects.toMatchObject({ code: 'ERR_SUPERSLAB_CLOSED' });
    lock.release();
    a.close();
  });

  test('of a pool that has the file alone works within it', () => {
    const pool = MappedPool.open(`${folder()}/pool`, { lockTimeoutMs: 10 });
    const lock = pool.lock('one');
    expect(codeOf(() => pool.lock('one'))).toBe('ERR_SUPERSLAB_TIMEOUT');
    lock.release();
    pool.lock('one').release();
    pool.close();
  });
});

describe('changes()', () => {
  test('count the commits of all, and can be waited for', async () => {
    const { a, b } = two();
    const changes = b.changes();
    const before = changes.count;
    const waiting = changes.wait(before, { timeoutMs: 10_000 });
    a.setRoot('name', a.alloc(10));
    expect(changes.count).toBe(before);
    a.commit({ sync: 'none' });
    expect(await waiting).toBe(before + 1);
    expect(await changes.wait(before)).toBe(before + 1);
    const start = performance.now();
    expect(await changes.wait(before + 1, { timeoutMs: 30 })).toBe(before + 1);
    expect(performance.now() - start).toBeGreaterThan(28);
    const closed = changes.wait(before + 1);
    b.close();
    await expect(closed).rejects.toMatchObject({ code: 'ERR_SUPERSLAB_CLOSED' });
    a.close();
  });
});
