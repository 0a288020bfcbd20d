// An encrypted MappedPool cut off at each place where V8 looks for interruptions: all blocks open, and no half of a change.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { MappedBuffer, MappedPool } from 'superslab/files';
import { afterAll, describe, expect, test } from 'vitest';
import { CUTS, cutEverywhere, doUpkeep, evaluateWithPoints } from '../support/cut-points.js';

const evaluation = evaluateWithPoints();
const { files } = evaluation;
/** In memory, as thousands of files are made. */
const folder = mkdtempSync('/dev/shm/superslab-test-');
const file = `${folder}/pool`;
const SECRET = 'hunter2-correct-horse';
const KEY = Buffer.alloc(32, 'k');
const NEXT_KEY = Buffer.alloc(32, 'n');

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Model {
  readonly pool: MappedPool;
  /** Those that the program has. A step stores what it gets at once. */
  readonly bufs: MappedBuffer[];
  readonly isShared: boolean;
}

const steps: Record<string, (model: Model) => void> = {
  alloc: ({ pool, bufs }) => {
    bufs[bufs.length] = pool.alloc(100);
  },
  free: ({ bufs }) => bufs[0]!.free(),
  at: ({ pool, bufs }) => void pool.at(bufs[1]!.handle),
  release: ({ pool, bufs }) => pool.release(pool.at(bufs[1]!.handle)),
  'release of a new block': ({ bufs }) => bufs[3]!.release(),
  write: ({ pool, bufs }) => pool.write(bufs[1]!, 3, Buffer.from('aa')),
  commit: ({ pool, bufs }) => {
    pool.write(bufs[1]!, 0, Buffer.from('a'));
    pool.commit();
  },
  commitAsync: ({ pool }) => void pool.commitAsync().catch(() => {}),
  'a transaction': ({ pool, bufs }) => {
    pool.transaction(() => {
      pool.setRoot('both', pool.alloc(100));
      pool.write(bufs[1]!, 0, Buffer.from('a'));
      pool.setRoot('of', bufs[1]!);
    });
  },
  entries: ({ pool }) => {
    for (const _ of pool.entries());
  },
  verify: ({ pool }) => void pool.verify(),
  rotateKey: ({ pool }) => {
    pool.commit();
    void pool.rotateKey(NEXT_KEY, { keyId: 'next' }).catch(() => {});
  },
};

const key = (id: string) => (id === 'next' ? NEXT_KEY : KEY);
const OPTIONS = { maxBytes: 1 << 20, size: 65_536, sync: 'none', lockTimeoutMs: 0, key } as const;

function begin(isShared: boolean): Model {
  rmSync(file, { force: true });
  const pool = files.MappedPool.open(file, { ...OPTIONS, shared: isShared });
  const bufs = [pool.alloc(64), pool.alloc(64).fill('a'), pool.alloc(64)];
  pool.commit();
  // One that is to be sealed by the commit.
  bufs[3] = pool.alloc(64).fill(SECRET);
  return { pool, bufs, isShared };
}

async function end({ pool, bufs, isShared }: Model): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve)); // The stack has been empty.
  await doUpkeep(evaluation);
  pool.commit();
  await pool.rotateKey(KEY).catch((error: Error & { code?: string }) => {
    // What was cut off is still under way.
    if (error.code !== 'ERR_SUPERSLAB_COMMIT') throw error;
  });
  if (isShared) {
    // Nor has the pool kept the writer's lock.
    const other = files.MappedPool.open(file, { ...OPTIONS, shared: true });
    await new Promise((resolve) => setImmediate(resolve));
    other.alloc(10);
    other.close();
  }
  expect(pool.verify().messages).toEqual([]);
  const live = bufs.map((buf) => buf.handle).filter((handle) => pool.tryAt(handle) !== undefined);
  const expected = new Set(live);
  expect([0, 2]).toContain(pool.rootNames().length);
  const both = pool.root('both');
  if (both !== undefined) expected.add(both.handle);
  expect(new Set([...pool.entries()].map((buf) => buf.handle))).toEqual(expected);
  if (live.includes(bufs[1]!.handle)) expect(pool.at(bufs[1]!.handle).toString()).toBe('a'.repeat(64));
  expect(pool.at(bufs[3]!.handle).toString('latin1', 0, SECRET.length)).toBe(SECRET);
  expect(readFileSync(file).includes(SECRET)).toBe(false);
  pool.close();
}

describe.each(CUTS)('by %s', (how) => {
  test.each(Object.keys(steps))('%s', { timeout: 120_000 }, async (name) => {
    await cutEverywhere(how, () => begin(false), steps[name]!, end);
  });
  test.each(['write', 'at', 'commit'])('%s of a shared file', { timeout: 120_000 }, async (name) => {
    await cutEverywhere(how, () => begin(true), steps[name]!, end);
  });
});
