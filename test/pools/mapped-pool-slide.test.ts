// A window that goes along a block of a MappedPool: what it shows, what it keeps in memory, and how it ends.
import { readFileSync, statSync } from 'node:fs';
import { type MappedBuffer, MappedPool, type SlideOptions } from 'superslab/files';
import { expect, test } from 'vitest';
import { thrownBy } from '../support/expect-error.js';
import { folder } from './mapped-files.js';

const KIB = 1024;
const MIB = 1024 * KIB;

const opened = (maxBytes = 64 * MIB) => MappedPool.open(`${folder()}/pool`, { sync: 'none', maxBytes });

/** Bytes of the file that lie in this process's memory. */
function residentBytes(path: string): number {
  // A file that got its name after it was mapped has another one there.
  const inode = String(statSync(path).ino);
  let isOfFile = false;
  let kib = 0;
  for (const line of readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) isOfFile = line.split(/ +/)[4] === inode;
    else if (isOfFile && line.startsWith('Rss:')) kib += Number(/\d+/.exec(line)![0]);
  }
  return kib * KIB;
}

/** Each byte tells where it is. */
function numbered(pool: MappedPool, size: number): MappedBuffer {
  const buf = pool.alloc(size);
  for (let i = 0; i < size; i++) buf[i] = i % 251;
  pool.commit();
  return buf;
}

test.each<[size: number, options: SlideOptions, expected: [at: number, length: number][]]>([
  [10_000, { size: 4096 }, [[0, 4096], [4096, 4096], [8192, 1808]]], // biome-ignore format: pairs
  [8192, { size: 4096 }, [[0, 4096], [4096, 4096]]], // biome-ignore format: pairs
  [10_000, { size: 4000, step: 3000 }, [[0, 4000], [3000, 4000], [6000, 4000], [9000, 1000]]], // biome-ignore format: pairs
  [10_000, { size: 1000, step: 6000 }, [[0, 1000], [6000, 1000]]], // biome-ignore format: pairs
  [100, {}, [[0, 100]]],
  [100, { size: 1 << 30 }, [[0, 100]]],
  [0, { size: 10 }, []],
])('a block of %i bytes by %j', (size, options, expected) => {
  using pool = opened();
  const { handle } = numbered(pool, size);
  const seen: [number, number][] = [];
  for (const view of pool.slide(handle, options)) {
    expect(view.handle).toBe(handle);
    seen.push([expected[seen.length]![0], view.length]);
    expect([...view].every((byte, i) => byte === (seen.at(-1)![0] + i) % 251)).toBe(true);
  }
  expect(seen).toEqual(expected);
});

test('no more of a block is in memory than the window shows', () => {
  using pool = opened(256 * MIB);
  const size = 128 * MIB;
  const { handle } = pool.alloc(size).fill(7);
  pool.commit();
  pool.advise('dontneed');
  const before = residentBytes(pool.path);
  let most = 0;
  let sum = 0;
  for (const view of pool.slide(handle, { size: MIB })) {
    for (let i = 0; i < view.length; i += 4096) sum += view[i]!;
    most = Math.max(most, residentBytes(pool.path) - before);
  }
  expect(sum).toBe((7 * size) / 4096);
  // The kernel maps what lies around pages that are touched, too: up to 2 MiB.
  expect(most).toBeGreaterThanOrEqual(MIB);
  expect(most).toBeLessThan(16 * MIB);
  expect(residentBytes(pool.path) - before).toBeLessThan(MIB);
});

test('what is stored through a view stays, though its pages leave memory', () => {
  using pool = opened();
  const buf = pool.alloc(MIB).fill(0);
  for (const view of pool.slide(buf, { size: 64 * KIB })) view.fill(9);
  expect(buf.every((byte) => byte === 9)).toBe(true);
});

test('a view ends with the next one, or with the loop', () => {
  using pool = opened();
  const buf = numbered(pool, 100_000);
  const views: MappedBuffer[] = [];
  for (const view of pool.slide(buf, { size: 10_000 })) {
    expect(views.every(({ released }) => released)).toBe(true);
    expect(view.released).toBe(false);
    if (views.length === 1) view.release(); // as `using view` does
    if (views.push(view) === 5) break;
  }
  expect(views.map(({ released }) => released)).toEqual([true, true, true, true, true]);
  expect(buf.released).toBe(false);
});

test('a block that is freed, or a pool that is closed, in the midst of it is an error of the next step', () => {
  using pool = opened();
  const walk = pool.slide(numbered(pool, 100_000), { size: 10_000 });
  walk.next().value!.free();
  thrownBy(() => walk.next(), 'ERR_SUPERSLAB_STALE');
  expect(walk.next()).toEqual({ done: true, value: undefined });

  const other = opened();
  const second = other.slide(numbered(other, 100_000), { size: 10_000 });
  const view = second.next().value!;
  other.close();
  thrownBy(() => second.next(), 'ERR_SUPERSLAB_CLOSED');
  expect(view.released).toBe(true);
});

test('sizes and steps that cannot be', () => {
  using pool = opened();
  const buf = pool.alloc(100);
  for (const options of [{ size: 0 }, { size: 1.5 }, { step: 0 }, { size: '1' }, { steps: 1 }, null]) {
    thrownBy(() => pool.slide(buf, options as never), 'ERR_SUPERSLAB_OPTION');
  }
  thrownBy(() => pool.slide({} as never), 'ERR_SUPERSLAB_ARGUMENT');
  buf.free();
  thrownBy(() => pool.slide(buf.handle).next(), 'ERR_SUPERSLAB_STALE');
});
