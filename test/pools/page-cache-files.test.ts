// Files that a PageCache refuses, files that are changed under its hands, disks that are full, and processes that are killed.
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
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
import { PageCache, type PageCacheOptions } from 'superslab/files';
import { afterEach, describe, expect, test } from 'vitest';
import { childJson, packageRoot } from '../support/child.js';
import { collect } from '../support/collect.js';
import { rejectedBy, thrownBy } from '../support/expect-error.js';
import { endWorkers, startWorker } from '../support/worker.js';
import { folder } from './mapped-files.js';
import { numberedFile, pageFile } from './page-files.js';

const PAGE = 4096;

interface FileError extends Error {
  readonly path: string;
  readonly errno: string;
}

const caches: PageCache[] = [];
function open(options: PageCacheOptions): PageCache {
  const cache = PageCache.open({ cacheBytes: 8 * PAGE, leakDetection: 'off', guard: 'off', ...options });
  caches.push(cache);
  return cache;
}
afterEach(async () => {
  await endWorkers();
  for (const cache of caches.splice(0)) {
    try {
      cache.close();
    } catch {} // its disk failed
  }
});

function refused(file: string, code: string, options: Partial<PageCacheOptions> = {}): FileError {
  const error = thrownBy(() => open({ file, ...options }), code) as unknown as FileError;
  expect(error.message).toContain(file);
  expect(error.path).toBe(file);
  return error;
}

describe('is refused', () => {
  test('what is no plain file', async () => {
    const at = folder();
    expect(refused(at, 'ERR_SUPERSLAB_FILE').message).toContain('folder');
    expect(refused('/dev/null', 'ERR_SUPERSLAB_FILE').message).toContain('device');
    expect(refused(`${at}/none/pages`, 'ERR_SUPERSLAB_FILE').errno).toBe('ENOENT');
    expect(refused(`${at}/none`, 'ERR_SUPERSLAB_FILE', { access: 'read' }).errno).toBe('ENOENT');
    symlinkSync(numberedFile(1), `${at}/link`);
    expect(refused(`${at}/link`, 'ERR_SUPERSLAB_FILE').message).toContain('symbolic link');
    execFileSync('mkfifo', [`${at}/pipe`]);
    refused(`${at}/pipe`, 'ERR_SUPERSLAB_FILE');
    const server = createServer().listen(`${at}/socket`);
    await new Promise((resolve) => server.once('listening', resolve));
    refused(`${at}/socket`, 'ERR_SUPERSLAB_FILE');
    server.close();
  });

  test('a file of another length, which stays as it is', () => {
    const file = `${folder()}/odd`;
    for (const bytes of [1, 4095, 4097, 512]) {
      writeFileSync(file, new Uint8Array(bytes).fill(7), { mode: 0o600 });
      expect(refused(file, 'ERR_SUPERSLAB_FILE_FORMAT').message).toContain('4096 B');
      expect(readFileSync(file).every((byte) => byte === 7)).toBe(true);
    }
    open({ file, pageSize: 512 }).close();
  });

  test('a file that others may read, unless mode says so', () => {
    const file = numberedFile(2);
    chmodSync(file, 0o644);
    expect(refused(file, 'ERR_SUPERSLAB_FILE').message).toContain('chmod 600');
    open({ file, mode: 0o644 }).close();
  });

  test('a second cache on the same file, unless both only read', async () => {
    const file = numberedFile(3);
    const cache = open({ file });
    refused(file, 'ERR_SUPERSLAB_FILE_IN_USE');
    refused(file, 'ERR_SUPERSLAB_FILE_IN_USE', { access: 'read' });
    const other = await childJson(
      `import { PageCache } from 'superslab/files';
       try { PageCache.open({ file: ${JSON.stringify(file)} }); console.log('null'); }
       catch ({ code }) { console.log(JSON.stringify(code)); }`,
    );
    expect(other).toBe('ERR_SUPERSLAB_FILE_IN_USE');
    cache.close();
    const readers = [open({ file, access: 'read' }), open({ file, access: 'read' })];
    refused(file, 'ERR_SUPERSLAB_FILE_IN_USE');
    for (const reader of readers) reader.close();
    open({ file });
  });

  test('what is no path', () => {
    for (const file of ['', 'a\0b', 7, null])
      thrownBy(() => open({ file: file as string }), 'ERR_SUPERSLAB_ARGUMENT');
    thrownBy(() => PageCache.open(undefined as never), 'ERR_SUPERSLAB_OPTION');
  });

  test('O_DIRECT where the file system has none', () => {
    const file = '/proc/self/stat';
    // A file system whose files are others' is refused for that; a tmpfs takes O_DIRECT or does not, by the kernel's version.
    refused(file, 'ERR_SUPERSLAB_FILE', { direct: true });
  });
});

test('with access: "read" nothing can be changed', async () => {
  const file = numberedFile(5);
  const cache = open({ file, access: 'read' });
  const page = cache.pinSync(3);
  expect(page.buffer.readUInt32LE(0)).toBe(3);
  const { message } = thrownBy(() => page.markDirty(), 'ERR_SUPERSLAB_FILE_READ_ONLY');
  expect(message).toContain(file);
  page.release();
  thrownBy(() => cache.grow(1), 'ERR_SUPERSLAB_FILE_READ_ONLY');
  await rejectedBy(cache.checkpoint(), 'ERR_SUPERSLAB_FILE_READ_ONLY');
  expect(cache.flush(3)).toBe(false);
});

test('past the cache of the kernel pages are the same', async () => {
  const file = numberedFile(200);
  const cache = open({ file, direct: true });
  for (let no = 0; no < 200; no++) {
    const page = no % 2 === 0 ? cache.pinSync(no) : await cache.pin(no);
    expect(page.buffer.readUInt32LE(0)).toBe(no);
    page.buffer.writeUInt32LE(no * 3, 8);
    page.markDirty();
    page.release();
  }
  cache.close();
  const bytes = readFileSync(file);
  for (let no = 0; no < 200; no++) expect(bytes.readUInt32LE(no * PAGE + 8)).toBe(no * 3);
});

describe.each(['xxh3', 'crc32c'] as const)('checksums %s', (checksums) => {
  function checked(): string {
    const file = pageFile(0);
    const cache = open({ file, checksums });
    cache.grow(20);
    for (let no = 0; no < 15; no++) {
      const page = cache.pinSync(no);
      expect(page.buffer.length).toBe(PAGE - 8);
      page.buffer.fill(no + 1);
      page.markDirty();
      page.release();
    }
    cache.close();
    return file;
  }

  const flip = (file: string, at: number, bit: number): void => {
    const descriptor = openSync(file, 'r+');
    const byte = readFileSync(file)[at]!;
    writeSync(descriptor, Buffer.of(byte ^ (1 << bit)), 0, 1, at);
    closeSync(descriptor);
  };

  test('find a changed bit, and say in which page', async () => {
    const file = checked();
    for (const [at, no] of [
      [3 * PAGE + 17, 3],
      [5 * PAGE - 1, 4],
      [17 * PAGE + 5, 17],
    ] as const) {
      flip(file, at, at % 8);
      const cache = open({ file, checksums });
      const error = thrownBy(() => cache.pinSync(no), 'ERR_SUPERSLAB_FILE_DAMAGED');
      expect(error.message).toContain(`${file}: page ${no} is damaged`);
      await rejectedBy(cache.pin(no), 'ERR_SUPERSLAB_FILE_DAMAGED');
      cache.prefetch(no);
      const page = await cache.pin(no === 3 ? 5 : 3);
      page.release();
      expect(cache.figures()).toMatchObject({ pinned: 0 });
      expect(cache.figures().damaged).toBeGreaterThanOrEqual(2);
      expect(cache.check()).toEqual([]);
      cache.close();
      flip(file, at, at % 8);
    }
    // Whichever it is asked for, a page has what it was written with.
    const whole = open({ file, checksums: checksums === 'xxh3' ? 'crc32c' : 'xxh3' });
    for (const page of whole.scan()) expect(page.buffer[0]).toBe(page.no < 15 ? page.no + 1 : 0);
  });

  test('find a page in the place of another', () => {
    const file = checked();
    const bytes = readFileSync(file);
    bytes.copyWithin(2 * PAGE, 7 * PAGE, 8 * PAGE);
    writeFileSync(file, bytes);
    const cache = open({ file, checksums });
    thrownBy(() => cache.pinSync(2), 'ERR_SUPERSLAB_FILE_DAMAGED');
    expect(cache.pinSync(7).buffer[0]).toBe(8);
  });

  test('of pins that wait for another thread are told, too', async () => {
    const file = checked();
    flip(file, 9 * PAGE, 0);
    const cache = open({ file, checksums, direct: true });
    const results = await Promise.allSettled([8, 9, 9, 10].map((no) => cache.pin(no)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason.code).toBe('ERR_SUPERSLAB_FILE_DAMAGED');
      else result.value.release();
    expect(cache.figures().pinned).toBe(0);
  });
});

test('an asynchronous scan gives one page after the other, and none after its end', async () => {
  const cache = open({ file: numberedFile(100), direct: true });
  const walk = cache.scan({ from: 5, to: 8 })[Symbol.asyncIterator]();
  const first = walk.next();
  await rejectedBy(walk.next(), 'ERR_SUPERSLAB_ARGUMENT');
  expect((await first).value).toMatchObject({ no: 5, released: false });
  expect((await walk.next()).value).toMatchObject({ no: 6, released: false });
  expect(cache.figures().pinned).toBe(1);
  const coming = walk.next();
  const end = walk.return!();
  expect((await coming).value!.no).toBe(7);
  expect(await end).toEqual({ done: true, value: undefined });
  expect(await walk.next()).toEqual({ done: true, value: undefined });
  expect(cache.figures().pinned).toBe(0);
});

test('a scan whose iterator nobody has any more gives its page back', async () => {
  const cache = open({ file: numberedFile(100) });
  (() => void cache.scan()[Symbol.iterator]().next())();
  expect(cache.figures().pinned).toBe(1);
  await collect(() => cache.figures().pinned === 0);
  expect(cache.figures().pinned).toBe(0);
});

test('checkpoints at once share what they write', async () => {
  const cache = open({ file: numberedFile(100) });
  const change = (no: number): void => {
    const page = cache.pinSync(no);
    page.markDirty();
    page.release();
  };
  change(1);
  const first = cache.checkpoint();
  change(2);
  const others = [cache.checkpoint(), cache.checkpoint()];
  await first;
  await Promise.all(others);
  expect(cache.figures()).toMatchObject({ checkpoints: 2, dirty: 0 });
  change(3);
  const last = cache.checkpoint();
  const behind = cache.checkpoint();
  cache.close();
  // The last one is that of close().
  await Promise.all([last, behind]);
});

test('pages of a file that was cut meanwhile fail, and others go on', async () => {
  const file = numberedFile(100);
  const cache = open({ file });
  cache.pinSync(90).release();
  truncateSync(file, 50 * PAGE);
  const { message } = thrownBy(() => cache.pinSync(70), 'ERR_SUPERSLAB_FILE_FAILED');
  expect(message).toContain('page 70 is not there');
  await rejectedBy(cache.pin(71), 'ERR_SUPERSLAB_FILE_FAILED');
  const page = await cache.pin(49);
  expect(page.buffer.readUInt32LE(0)).toBe(49);
  page.release();
  expect(cache.check()).toEqual([]);
});

test('without space nothing is lost', async () => {
  const file = numberedFile(10);
  const result = await childJson(
    `import { PageCache } from 'superslab/files';
     import { statSync } from 'node:fs';
     process.on('SIGXFSZ', () => {});
     const file = ${JSON.stringify(file)};
     const cache = PageCache.open({ file, cacheBytes: 1 << 20 });
     const codes = [];
     try { cache.grow(1000); } catch ({ code, errno }) { codes.push(code, errno); }
     codes.push(statSync(file).size, cache.pageCount);
     const page = cache.pinSync(3);
     page.buffer.fill(9);
     page.markDirty();
     page.release();
     await cache.checkpoint();
     console.log(JSON.stringify(codes));`,
    { shellLimit: 'ulimit -f 1024' },
  );
  expect(result).toEqual(['ERR_SUPERSLAB_FILE_SPACE', 'EFBIG', 10 * PAGE, 10]);
  expect(
    readFileSync(file)
      .subarray(3 * PAGE, 4 * PAGE)
      .every((byte) => byte === 9),
  ).toBe(true);
});

test('a worker that is terminated leaves the file to others', async () => {
  const file = numberedFile(50);
  const worker = await startWorker();
  await worker.run(
    `const { PageCache } = await import('superslab/files');
     state.cache = PageCache.open({ file: ${JSON.stringify(file)}, cacheBytes: 8 * 4096, direct: true });
     state.page = state.cache.pinSync(3);
     state.waiting = Array.from({ length: 40 }, (_, no) => state.cache.pin(no).catch(() => {}));
     state.cache.prefetch(40, 5);`,
  );
  refused(file, 'ERR_SUPERSLAB_FILE_IN_USE');
  await worker.terminate();
  await expect
    .poll(() => {
      try {
        open({ file });
        return 'open';
      } catch (error) {
        return (error as FileError & { code: string }).code;
      }
    })
    .toBe('open');
});

const KILLS = 20;

test(`a process that is killed ${KILLS} times has what its checkpoints acknowledged`, {
  timeout: 60_000,
}, async () => {
  const file = pageFile(0);
  const program = path.join(folder(), 'program.mjs');
  const link = path.join(path.dirname(program), 'node_modules');
  mkdirSync(link);
  symlinkSync(packageRoot, path.join(link, 'superslab'));
  writeFileSync(
    program,
    `import { PageCache } from 'superslab/files';
     const cache = PageCache.open({ file: ${JSON.stringify(file)}, cacheBytes: 16 * 4096, checksums: 'crc32c' });
     if (cache.pageCount === 0) cache.grow(64);
     let round = 0;
     for (let no = 0; no < 64; no++) {
       const page = cache.pinSync(no);
       round = Math.max(round, page.buffer.readUInt32LE(0));
       page.release();
     }
     for (;;) {
       round++;
       for (let i = 0; i < 64; i++) {
         const page = cache.pinSync((i * 29) % 64);
         page.buffer.writeUInt32LE(round, 0);
         page.markDirty();
         page.release();
       }
       await cache.checkpoint();
       process.stdout.write(round + '\\n');
     }`,
  );
  let acknowledged = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (text) => {
      said += text;
      if (said.length > 4 * kill) child.kill('SIGKILL');
    });
    await new Promise((resolve) => child.once('close', resolve));
    const lines = said.split('\n');
    acknowledged = Math.max(acknowledged, ...lines.slice(0, -1).map(Number));
    const copy = `${file}.copy`;
    copyFileSync(file, copy);
    chmodSync(copy, 0o600);
    const cache = open({ file: copy, checksums: 'crc32c' });
    const rounds: number[] = [];
    for (const page of cache.scan()) rounds.push(page.buffer.readUInt32LE(0));
    cache.close();
    expect(Math.min(...rounds)).toBeGreaterThanOrEqual(acknowledged);
    expect(Math.max(...rounds)).toBeLessThanOrEqual(acknowledged + 2);
  }
  expect(acknowledged).toBeGreaterThan(KILLS);
  expect(statSync(file).size).toBe(64 * PAGE);
});
