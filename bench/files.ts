// Memory in files: `npm run bench -- files [part]`. A heap in a file: opening it again, what its books take, and what changes cost beside
// a plain file that is appended to; and pages of a file.
import { execFile } from 'node:child_process';
import { fdatasyncSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MappedPool } from 'superslab/files';
import { encryptedRows } from './files/encrypted.js';
import { pageNotes, pageRows } from './files/pages.js';
import { measureSharedCache } from './files/shared-cache.js';
import { median, spread } from './support/numbers.js';
import { benchOptions } from './support/options.js';
import { type MeasuredRow, print } from './support/report.js';

const MIB = 2 ** 20;
const options = benchOptions(['mapped', 'shared', 'pages']);
// In the working tree: a temporary folder may be a tmpfs.
const folder = mkdtempSync(fileURLToPath(new URL('../../build/bench-files-', import.meta.url)));
const filler = fileURLToPath(new URL('./files/filler.js', import.meta.url));
const rows: MeasuredRow[] = [];

function addRow(
  name: string,
  unit: string,
  samples: readonly number[],
  peers: Record<string, number> = {},
): void {
  rows.push({ case: name, unit, superslab: median(samples), spread: spread(samples), peers });
}

const milliseconds = (work: () => void): number => {
  const start = performance.now();
  work();
  return performance.now() - start;
};

/** A file of 4 KiB blocks, left by a process that closed it or was killed. */
const fill = (path: string, bytes: number, ends: 'close' | 'kill'): Promise<number> =>
  new Promise((resolve, reject) => {
    execFile(process.execPath, [filler, path, String(bytes), ends], (error, stdout) => {
      if (stdout === '') reject(error);
      else resolve(Number(stdout));
    });
  });

async function measureReopen(): Promise<void> {
  for (const size of options.quick ? [256 * MIB] : [256 * MIB, 1024 * MIB, 4096 * MIB]) {
    const name = `${size / MIB} MiB of 4 KiB blocks`;
    const path = `${folder}/reopen`;
    const filled = await fill(path, size, 'close');
    const clean: number[] = [];
    for (let round = 0; round < 5; round++) {
      let pool!: MappedPool;
      clean.push(milliseconds(() => (pool = MappedPool.open(path))));
      pool.close();
    }
    addRow(`reopen ${name}, closed`, 'ms', clean);
    const { blocks } = statSync(path);
    addRow(`books and journal, ${name}`, '% of the blocks', [((blocks * 512 - size) / filled) * 100]);
    rmSync(path);
    const killed: number[] = [];
    for (let round = 0; round < (options.quick ? 1 : 3); round++) {
      await fill(path, size, 'kill');
      let pool!: MappedPool;
      killed.push(milliseconds(() => (pool = MappedPool.open(path))));
      pool.close();
      rmSync(path);
    }
    addRow(`reopen ${name}, killed`, 'ms', killed);
  }
}

/** Microseconds of a turn. */
function turns(count: number, turn: () => void): number {
  return (
    (milliseconds(() => {
      for (let i = 0; i < count; i++) turn();
    }) *
      1000) /
    count
  );
}

function measureChanges(): void {
  const count = options.quick ? 2000 : 20_000;
  const bytes = Buffer.alloc(100, 1);
  const file = openSync(`${folder}/appended`, 'a', 0o600);
  const pool = MappedPool.open(`${folder}/changes`, { maxBytes: 64 * MIB, size: 64 * MIB, sync: 'none' });
  const rounds = options.quick ? 1 : 5;
  const measured = (turn: () => void, peer: () => void, n: number) => {
    const own: number[] = [];
    const others: number[] = [];
    for (let round = 0; round < rounds; round++) {
      own.push(turns(n, turn));
      others.push(turns(n, peer));
    }
    return [own, median(others)] as const;
  };
  const replaced = (sync: 'none' | 'data') => {
    const next = pool.alloc(100);
    next.set(bytes);
    pool.root('value')?.free();
    pool.setRoot('value', next);
    pool.commit({ sync });
  };
  const appended = () => void writeSync(file, bytes);
  const [plain, written] = measured(() => replaced('none'), appended, count);
  addRow('replace a block of 100 B, commit', 'µs', plain, { writeSync: written });
  const [durable, synced] = measured(
    () => replaced('data'),
    () => {
      appended();
      fdatasyncSync(file);
    },
    options.quick ? 20 : 100,
  );
  addRow('the same, durable', 'µs', durable, { 'writeSync, fdatasync': synced });
  const { handle } = pool.root('value')!;
  addRow('find a block by its handle', 'µs', [turns(count, () => void pool.at(handle))]);
  pool.close();
}

/** Microseconds for each commit of `committers` that replace a block of their own again and again, each waiting until that is durable. */
async function measureGroup(): Promise<void> {
  const pool = MappedPool.open(`${folder}/group`, { maxBytes: 64 * MIB, size: 64 * MIB });
  const bytes = Buffer.alloc(100, 1);
  const replace = (name: string) => {
    const next = pool.alloc(100);
    next.set(bytes);
    pool.root(name)?.free();
    pool.setRoot(name, next);
  };
  const together = async (committers: number, count: number) => {
    const start = performance.now();
    await Promise.all(
      Array.from({ length: committers }, async (_, i) => {
        for (let n = 0; n < count; n++) {
          replace(`committer ${i}`);
          await pool.commitAsync();
        }
      }),
    );
    return ((performance.now() - start) * 1000) / (committers * count);
  };
  const rounds = options.quick ? 1 : 5;
  const count = options.quick ? 20 : 50;
  for (const committers of [1, 8, 64]) {
    const own: number[] = [];
    const single: number[] = [];
    for (let round = 0; round < rounds; round++) {
      own.push(await together(committers, count));
      single.push(
        turns(count, () => {
          replace('single');
          pool.commit();
        }),
      );
    }
    addRow(`commitAsync, ${committers} at a time`, 'µs', own, { 'commit, one by one': median(single) });
  }
  pool.close();
}

try {
  if (options.parts.includes('mapped')) {
    await measureReopen();
    measureChanges();
    await measureGroup();
    rows.push(...encryptedRows(folder, options.quick));
  }
  if (options.parts.includes('shared')) rows.push(...(await measureSharedCache(options.quick)));
  if (options.parts.includes('pages')) rows.push(...(await pageRows(folder, options.quick)));
  print('files', rows, options, [
    'Files lie in build/, on the file system of the working tree.',
    ...(options.parts.includes('pages') ? pageNotes : []),
  ]);
} finally {
  rmSync(folder, { recursive: true });
}
