// What libsuperslab.so calls of the C library: each function may take a lock that others hold when they
// allocate, so docs/MALLOC.md tells of each where it is called.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from './support/child.js';

const library = path.join(packageRoot, 'build/Release/libsuperslab.so');

/** Without version, and as it is called in the source. */
const plain = (symbol: string) =>
  symbol
    .replace(/@.*/, '')
    .replace(/^__isoc\d+_/, '')
    .replace(/^(mmap|open|getrlimit|fallocate|fcntl|fstat|lstat|ftruncate|pread|pwrite)64$/, '$1');

/** The functions of each row of the table, and the row's other columns. */
function rows() {
  const text = readFileSync(path.join(packageRoot, 'docs/MALLOC.md'), 'utf8');
  const section = text.split('## What it calls of the C library')[1]?.split('\n## ')[0] ?? '';
  const lines = section.split('\n').filter((line) => /^\| `/.test(line));
  return lines.map((line) => {
    const [, names = '', ...rest] = line.split('|');
    return { names: [...names.matchAll(/`(\w+)`/g)].map((match) => match[1]!), rest };
  });
}

test.skipIf(process.platform !== 'linux')('docs/MALLOC.md lists what libsuperslab.so imports', () => {
  const lines = execFileSync('nm', ['-D', '--undefined-only', library], { encoding: 'utf8' }).trim();
  const imports = new Set(lines.split('\n').map((line) => plain(line.trim().split(/\s+/).at(-1)!)));
  const table = rows();
  expect(table.length).toBeGreaterThan(10);
  const listed = table.flatMap(({ names }) => names);
  expect(new Set(listed).size).toBe(listed.length);
  expect([...imports].filter((name) => !listed.includes(name))).toEqual([]);
  // Which of the plainest there are is the compiler's choice.
  const named = table.filter(({ rest }) => rest[0]?.trim() !== 'anywhere').flatMap(({ names }) => names);
  expect(named.filter((name) => !imports.has(name) && name !== 'fwrite')).toEqual([]);
});
