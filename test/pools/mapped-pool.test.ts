// MappedPool: blocks, roots, commits and transactions, and what they leave in the file.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { Worker } from 'node:worker_threads';
import { type FileMessage, type MappedBuffer, MappedPool } from 'superslab/files';
import { describe, expect, test } from 'vitest';
import { overlap } from '../support/bytes.js';
import { thrownBy } from '../support/expect-error.js';
import { conformance } from './conformance.js';
import { folder } from './mapped-files.js';

const KIB = 1024;
const file = () => `${folder()}/pool`;

/** Has `act` called once, when the file grows. */
function whenGrowing(pool: MappedPool, act: () => void): void {
  const listener = (message: unknown) => {
    const { event, path } = message as FileMessage;
    if (event !== 'grow' || path !== pool.path) return;
    unsubscribe('superslab:file', listener);
    act();
  };
  subscribe('superslab:file', listener);
}

const poolOf = new WeakMap<MappedBuffer, MappedPool>();

/** Of the blocks of the suite for all kinds: whole pages, so that as many fit as the limit has room for. */
const SIZE = 64 * KIB;

conformance<MappedPool, MappedBuffer>({
  name: 'MappedPool',
  counts: 'file',
  open: (options) => MappedPool.open(file(), { sync: 'none', size: SIZE, growBy: SIZE, ...options }),
  limitedTo: (count) => ({ maxBytes: count * SIZE }),
  isAlwaysLimited: true,
  endsAtClose: true,
  take: (pool) => {
    const buf = pool.alloc(SIZE);
    poolOf.set(buf, pool);
    return buf;
  },
  give: (pool, thing) => {
    if (pool.closed) pool.release(thing as MappedBuffer);
    else {
      pool.free(thing as MappedBuffer);
      pool.commit();
    }
  },
  wait: (pool, signal) => pool.allocAsync(SIZE, signal === undefined ? {} : { signal }),
  warm: (pool, count, onProgress) => pool.warm(count, SIZE, onProgress),
  isLent: (thing) => !thing.released && !poolOf.get(thing)!.closed,
  overlap,
  lendsAgain: false,
  isCollected: false,
  goesHome: false,
  strangers: (thing) => [thing.subarray(1), new Proxy(thing, {}), Buffer.from(thing), 5n, -1, 2 ** 53],
  lent: ({ inUseBytes }) => inUseBytes / SIZE,
  whileTaking: (pool, act) => {
    pool.alloc(SIZE); // all that there is
    whenGrowing(pool, act);
  },
  wrongOptions: [
    [{ maxByte: 1 }, '"maxByte"', 'did you mean "maxBytes"?'],
    [{ maxBytes: 1 }, 'maxBytes', '65536'],
    [{ size: 2 ** 31 }, 'size', 'maxBytes'],
    [{ mode: 0o7 }, 'mode', '0o600'],
    [{ sync: 'always' }, 'sync', '"always"'],
    [{ access: 'append' }, 'access', '"append"'],
    [{ leakDetection: 'ful' }, '"leakDetection"', 'did you mean "full"?'],
    [{ name: '' }, 'name', '""'],
  ],
  get source() {
    return {
      open: `(await import('superslab/files')).MappedPool.open(${JSON.stringify(file())}, { sync: 'none', ...OPTIONS })`,
      take: 'pool.alloc(1 << 20)',
      give: '(pool.free(thing), pool.commit())',
    };
  },
  unwatched: "leakDetection: 'off'",
});

test('a block is found again by its root, with its bytes, when the file is opened again', () => {
  const path = file();
  const pool = MappedPool.open(path, { maxBytes: 4 << 20 });
  const buf = pool.alloc(11);
  buf.write('hello world');
  pool.setRoot('greeting', buf);
  pool.commit();
  const { handle } = buf;
  pool.close();
  using again = MappedPool.open(path);
  const root = again.root('greeting')!;
  expect(root.toString()).toBe('hello world');
  expect(root.handle).toBe(handle);
  expect(again.at(handle).equals(root)).toBe(true);
  expect(again.root('other')).toBeUndefined();
  const figures = again.stats();
  expect(figures).toMatchObject({ closed: false, path, maxBytes: 4 << 20 });
  expect(figures.file).toMatchObject({ blocks: 1, replayed: 0, maxBytes: 4 << 20 });
});

test('what is not committed is gone after close', () => {
  const path = file();
  const pool = MappedPool.open(path);
  pool.alloc(100);
  pool.commit();
  pool.alloc(100);
  pool.close();
  using again = MappedPool.open(path);
  expect(again.stats().file.blocks).toBe(1);
});

test('a buffer is a Buffer, of the size that was asked for', () => {
  using pool = MappedPool.open(file());
  for (const size of [0, 1, 64, 1500, 16 * KIB, 16 * KIB + 1, 300 * KIB]) {
    const buf = pool.alloc(size);
    expect(Buffer.isBuffer(buf)).toBe(true);
    expect(buf.length).toBe(size);
    expect(buf.byteOffset % 64).toBe(0);
    expect(buf.buffer.byteLength).toBeLessThanOrEqual(Math.max(64 * KIB, size));
    pool.commit({ sync: 'none' });
  }
  const buf = pool.alloc(2).fill(7);
  expect(inspect(buf)).toBe('<MappedBuffer 07 07>');
  // Never detached: copied or refused, as the version of Node.js does.
  const memory = buf.buffer as ArrayBuffer;
  try {
    structuredClone(memory, { transfer: [memory] });
  } catch {}
  expect(memory.byteLength).toBe(64 * KIB);
  expect(buf.length).toBe(2);
});

test('a handle of a freed block is stale, in this process and in the file', () => {
  using pool = MappedPool.open(file());
  const buf = pool.alloc(100);
  const { handle } = buf;
  pool.commit();
  buf.free();
  expect(buf.released).toBe(true);
  expect(pool.tryAt(handle)).toBeUndefined();
  const error = thrownBy(() => pool.at(handle), 'ERR_SUPERSLAB_STALE');
  expect(error.message).toContain(String(handle));
  thrownBy(() => pool.free(handle), 'ERR_SUPERSLAB_STALE');
  thrownBy(() => buf.free(), 'ERR_SUPERSLAB_RELEASED');
  thrownBy(() => buf.release(), 'ERR_SUPERSLAB_RELEASED');
  pool.commit();
  for (let i = 0; i < 2000; i++) expect(pool.alloc(100).handle).not.toBe(handle);
});

test('what can be no handle, or no size, is told as it was given', () => {
  using pool = MappedPool.open(file());
  for (const handle of [-1, 1.5, 2 ** 53, Number.NaN]) {
    const error = thrownBy(() => pool.at(handle), 'ERR_SUPERSLAB_STALE');
    expect(error.message).toContain(`handle ${handle} names no block`);
  }
  const error = thrownBy(() => pool.alloc(2 ** 53), 'ERR_SUPERSLAB_SIZE');
  expect(error.message).toContain(String(2 ** 53));
});

test('release ends a view, and leaves the block', () => {
  using pool = MappedPool.open(file());
  const buf = pool.alloc(8);
  buf.release();
  expect(buf.released).toBe(true);
  thrownBy(() => buf.free(), 'ERR_SUPERSLAB_RELEASED');
  {
    using view = pool.at(buf.handle);
    view.fill(1);
  }
  pool.at(buf.handle).free();
});

test('entries walks all blocks, also while they are freed', () => {
  using pool = MappedPool.open(file(), { sync: 'none' });
  const handles = new Set<number>();
  for (let i = 0; i < 300; i++) handles.add(pool.alloc((i * 97) % 3000).handle);
  pool.commit();
  expect(new Set([...pool.entries()].map((buf) => buf.handle))).toEqual(handles);
  let count = 0;
  for (const buf of pool.entries()) {
    buf.free();
    if (++count % 50 === 0) pool.commit();
  }
  pool.commit();
  expect(count).toBe(300);
  expect(pool.stats().file).toMatchObject({ blocks: 0, usedBytes: 0 });
  expect(pool.verify()).toMatchObject({ wrong: 0, blocks: 0 });
});

test('roots have names, which can be listed and ended', () => {
  using pool = MappedPool.open(file());
  const buf = pool.alloc(1);
  pool.setRoot('a', buf);
  pool.setRoot('ü'.repeat(24), buf.handle);
  expect(pool.rootNames().sort()).toEqual(['a', 'ü'.repeat(24)]);
  pool.setRoot('a', null);
  expect(pool.root('a')).toBeUndefined();
  thrownBy(() => pool.setRoot('ü'.repeat(25), buf), 'ERR_SUPERSLAB_ARGUMENT');
  thrownBy(() => pool.setRoot('', buf), 'ERR_SUPERSLAB_ARGUMENT');
  thrownBy(() => pool.setRoot(7 as never, buf), 'ERR_SUPERSLAB_ARGUMENT');
  thrownBy(() => pool.setRoot('a', Buffer.alloc(3) as never), 'ERR_SUPERSLAB_ARGUMENT');
  thrownBy(() => pool.setRoot('a', 12345), 'ERR_SUPERSLAB_STALE');
});

describe('transactions', () => {
  test('what one did happens together, or not at all', () => {
    const path = file();
    const pool = MappedPool.open(path);
    const account = pool.transaction(() => {
      const made = pool.alloc(16).fill(0);
      pool.setRoot('account', made);
      return made;
    });
    expect(() =>
      pool.transaction(() => {
        pool.write(account, 0, Buffer.from('half'));
        pool.alloc(1000);
        pool.free(account);
        throw new Error('no money');
      }),
    ).toThrow('no money');
    expect(pool.stats().file.blocks).toBe(1);
    pool.transaction(() => {
      pool.write(account, 0, Buffer.from('all'));
      expect(pool.root('account')!.toString('latin1', 0, 3)).toBe('\0\0\0');
    });
    expect(account.toString('latin1', 0, 3)).toBe('all');
    pool.close();
    using again = MappedPool.open(path);
    expect(again.root('account')!.toString('latin1', 0, 4)).toBe('all\0');
  });

  test('one within another is undone alone', () => {
    using pool = MappedPool.open(file());
    pool.transaction(() => {
      pool.setRoot('outer', pool.alloc(1));
      expect(() =>
        pool.transaction(() => {
          pool.setRoot('inner', pool.alloc(1));
          throw new Error('inner');
        }),
      ).toThrow('inner');
      pool.transaction(() => pool.setRoot('second', pool.alloc(1)));
    });
    expect(pool.rootNames().sort()).toEqual(['outer', 'second']);
    expect(pool.verify().wrong).toBe(0);
  });

  test('handles of one that was undone stay stale', () => {
    using pool = MappedPool.open(file());
    let lost = 0;
    expect(() =>
      pool.transaction(() => {
        lost = pool.alloc(100).handle;
        throw new Error('undo');
      }),
    ).toThrow('undo');
    expect(pool.tryAt(lost)).toBeUndefined();
    for (let i = 0; i < 1000; i++) expect(pool.alloc(100).handle).not.toBe(lost);
  });

  test('a promise, and a commit within, are refused', () => {
    using pool = MappedPool.open(file());
    thrownBy(() => pool.transaction(async () => pool.alloc(1)), 'ERR_SUPERSLAB_ASYNC');
    expect(pool.stats().file.blocks).toBe(0);
    pool.transaction(() => {
      thrownBy(() => pool.commit(), 'ERR_SUPERSLAB_COMMIT');
      thrownBy(() => pool.trim(), 'ERR_SUPERSLAB_COMMIT');
      thrownBy(() => pool.close(), 'ERR_SUPERSLAB_COMMIT');
    });
    thrownBy(() => pool.transaction('x' as never), 'ERR_SUPERSLAB_ARGUMENT');
  });
});

test('writes lie within their block', () => {
  using pool = MappedPool.open(file());
  const buf = pool.alloc(10).fill(0);
  thrownBy(() => pool.write(buf, 8, Buffer.alloc(3)), 'ERR_SUPERSLAB_ARGUMENT');
  thrownBy(() => pool.write(buf, -1, Buffer.alloc(3)), 'ERR_SUPERSLAB_ARGUMENT');
  thrownBy(() => pool.write(buf, 0, 'text' as never), 'ERR_SUPERSLAB_ARGUMENT');
  pool.write(buf, 7, Buffer.from('abc'));
  pool.write(buf, 8, Buffer.from('x'));
  expect(buf[7]).toBe(0);
  pool.commit();
  expect(buf.toString('latin1', 7)).toBe('axc');
});

test('the limit, and the room of one commit, are errors after which the pool goes on', () => {
  using pool = MappedPool.open(file(), { maxBytes: 1 << 20, size: 64 * KIB, sync: 'none' });
  const full = thrownBy(() => pool.alloc(2 << 20), 'ERR_SUPERSLAB_EXHAUSTED');
  expect(full.message).toContain('maxBytes');
  const bufs = Array.from({ length: 9 }, () => pool.alloc(100 * KIB));
  pool.commit();
  thrownBy(() => pool.alloc(200 * KIB), 'ERR_SUPERSLAB_EXHAUSTED');
  for (const buf of bufs) buf.free();
  pool.commit();
  pool.alloc(900 * KIB);
  const error = thrownBy(() => {
    for (let i = 0; i < 100; i++) pool.write(pool.alloc(1), 0, Buffer.alloc(1));
    pool.write(pool.alloc(64 * KIB), 0, Buffer.alloc(60 * KIB));
    pool.write(pool.alloc(20 * KIB), 0, Buffer.alloc(20 * KIB));
    for (;;) pool.write(pool.alloc(1), 0, Buffer.alloc(1));
  }, 'ERR_SUPERSLAB_EXHAUSTED');
  expect(error.message).toContain('maxBytes');
  pool.commit();
});

test('trim gives free pages back to the file system', () => {
  using pool = MappedPool.open(file(), { maxBytes: 16 << 20 });
  const bufs = Array.from({ length: 20 }, () => pool.alloc(256 * KIB));
  thrownBy(() => pool.trim(), 'ERR_SUPERSLAB_COMMIT');
  pool.commit();
  const before = pool.stats().file.fileBytes;
  bufs.forEach((buf, i) => {
    if (i % 2 === 0 || i > 10) buf.free();
  });
  pool.commit();
  expect(pool.trim()).toBeGreaterThan(12 * 256 * KIB);
  expect(pool.stats().file.fileBytes).toBeLessThan(before);
  bufs[1]!.fill(1);
  pool.alloc(256 * KIB).fill(2);
  pool.commit();
  expect(pool.verify().wrong).toBe(0);
});

test('buffers of a closed pool show zeros, and take what is stored into them', () => {
  const pool = MappedPool.open(file());
  const buf = pool.alloc(100).fill(1);
  const large = pool.alloc(1 << 20).fill(1);
  pool.commit();
  pool.close();
  expect(pool.closed).toBe(true);
  expect(buf[99]! + large[1 << 19]!).toBe(0);
  buf.fill(7);
  expect(buf[3]).toBe(7);
  thrownBy(() => buf.free(), 'ERR_SUPERSLAB_CLOSED');
  thrownBy(() => pool.alloc(1), 'ERR_SUPERSLAB_CLOSED');
  thrownBy(() => pool.at(buf.handle), 'ERR_SUPERSLAB_CLOSED');
  thrownBy(() => pool.commit(), 'ERR_SUPERSLAB_CLOSED');
  thrownBy(() => pool.root('x'), 'ERR_SUPERSLAB_CLOSED');
  thrownBy(() => [...pool.entries()], 'ERR_SUPERSLAB_CLOSED');
  pool.close();
  expect(pool.stats()).toMatchObject({ closed: true, inUseBytes: 0, file: { blocks: 2 } });
});

test('with access read, buffers can be written to, and the file stays as it is', () => {
  const path = file();
  const pool = MappedPool.open(path);
  pool.setRoot('x', pool.alloc(3).fill('a'));
  pool.commit();
  pool.close();
  using one = MappedPool.open(path, { access: 'read' });
  using two = MappedPool.open(path, { access: 'read' });
  one.root('x')!.fill('b');
  expect(two.root('x')!.toString()).toBe('aaa');
  for (const change of [() => one.alloc(1), () => one.commit(), () => one.free(one.root('x')!)]) {
    thrownBy(change, 'ERR_SUPERSLAB_FILE_READ_ONLY');
  }
});

test('hints are taken for a block and for all', () => {
  using pool = MappedPool.open(file());
  const buf = pool.alloc(100 * KIB).fill(3);
  for (const pattern of ['sequential', 'random', 'willneed', 'dontneed', 'normal'] as const) {
    pool.advise(pattern);
    pool.advise(pattern, buf);
  }
  expect(buf[5000]).toBe(3);
  thrownBy(() => pool.advise('soon' as never), 'ERR_SUPERSLAB_ARGUMENT');
});

test('a file that a terminated worker had open can be opened', async () => {
  const path = file();
  const worker = new Worker(
    `const { MappedPool } = require('superslab/files');
     const { parentPort, workerData } = require('node:worker_threads');
     const pool = MappedPool.open(workerData);
     pool.setRoot('committed', pool.alloc(1));
     pool.commit();
     pool.setRoot('not', pool.alloc(1));
     parentPort.postMessage('open');
     setInterval(() => {}, 1000);`,
    { eval: true, workerData: path },
  );
  await new Promise((resolve) => worker.once('message', resolve));
  thrownBy(() => MappedPool.open(path), 'ERR_SUPERSLAB_FILE_IN_USE');
  await worker.terminate();
  using pool = MappedPool.open(path);
  expect(pool.rootNames()).toEqual(['committed']);
});
