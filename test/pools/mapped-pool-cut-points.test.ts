// MappedPool cut off at each place where V8 looks for interruptions: no block without an owner, no half of a transaction.
import { mkdtempSync, rmSync } from 'node:fs';
import type { MappedBuffer, MappedPool } from 'superslab/files';
import { afterAll, describe, expect, test } from 'vitest';
import { collect } from '../support/collect.js';
import { CUTS, cutEverywhere, doUpkeep, evaluateWithPoints } from '../support/cut-points.js';

const evaluation = evaluateWithPoints();
const { files } = evaluation;
/** In memory, as thousands of files are made. */
const folder = mkdtempSync('/dev/shm/superslab-test-');
const file = `${folder}/pool`;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Model {
  readonly pool: MappedPool;
  /** Those that the program has. A step stores what it gets at once. */
  readonly bufs: MappedBuffer[];
}

const steps: Record<string, (model: Model) => void> = {
  alloc: ({ pool, bufs }) => {
    bufs[bufs.length] = pool.alloc(100);
  },
  'alloc of a large block': ({ pool, bufs }) => {
    bufs[bufs.length] = pool.alloc(50_000);
  },
  free: ({ bufs }) => bufs[0]!.free(),
  at: ({ pool, bufs }) => void pool.at(bufs[0]!.handle),
  commit: ({ pool }) => pool.commit(),
  commitAsync: ({ pool }) => void pool.commitAsync().catch(() => {}),
  release: ({ pool, bufs }) => pool.release(pool.at(bufs[0]!.handle)),
  warm: ({ pool }) => pool.warm(2, 5000),
  'a transaction': ({ pool, bufs }) => {
    pool.transaction(() => {
      pool.setRoot('both', pool.alloc(100));
      pool.write(bufs[1]!, 0, Buffer.from('b'));
      pool.setRoot('of', bufs[1]!);
    });
  },
  'one within another': ({ pool, bufs }) => {
    pool.transaction(() => {
      pool.setRoot('both', pool.alloc(100));
      try {
        pool.transaction(() => {
          pool.alloc(200);
          throw new Error('inner');
        });
      } catch {}
      pool.setRoot('of', bufs[1]!);
    });
  },
  entries: ({ pool }) => {
    for (const _ of pool.entries());
  },
  slide: ({ pool, bufs }) => {
    for (const _ of pool.slide(bufs[1]!, { size: 40 }));
  },
  trim: ({ pool }) => {
    pool.commit();
    pool.trim();
  },
};

const OPTIONS = { maxBytes: 1 << 20, size: 65_536, sync: 'none', lockTimeoutMs: 0 } as const;

function begin(shared: boolean): Model {
  rmSync(file, { force: true });
  const pool = files.MappedPool.open(file, { ...OPTIONS, shared });
  const bufs = [pool.alloc(64), pool.alloc(64).fill('a'), pool.alloc(64)];
  pool.commit();
  return { pool, bufs };
}

async function end({ pool, bufs }: Model): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve)); // The stack has been empty.
  await doUpkeep(evaluation);
  pool.commit();
  expect(pool.verify().messages).toEqual([]);
  const roots = pool.rootNames();
  expect([0, 2]).toContain(roots.length);
  const expected = new Set(
    bufs.map((buf) => buf.handle).filter((handle) => pool.tryAt(handle) !== undefined),
  );
  const both = pool.root('both');
  if (both !== undefined) expected.add(both.handle);
  expect(new Set([...pool.entries()].map((buf) => buf.handle))).toEqual(expected);
  pool.close();
}

/** As end(); nor has the pool kept the writer's lock, or one with a name. */
async function endShared(model: Model): Promise<void> {
  const other = files.MappedPool.open(file, { ...OPTIONS, shared: true });
  await new Promise((resolve) => setImmediate(resolve));
  await doUpkeep(evaluation);
  model.pool.commit();
  other.alloc(10);
  other.close();
  await end(model);
}

const sharedSteps: typeof steps = {
  ...steps,
  'a transaction that changes nothing': ({ pool, bufs }) => {
    pool.transaction(() => void pool.at(bufs[0]!.handle));
  },
  lock: ({ pool }) => pool.lock('one').release(),
  lockAsync: ({ pool }) =>
    void pool.lockAsync('one').then(
      (lock) => lock.release(),
      () => {},
    ),
  'changes().wait()': ({ pool }) => {
    const changes = pool.changes();
    void changes.wait(changes.count, { timeoutMs: 1 }).catch(() => {});
  },
  allocAsync: ({ pool }) =>
    void pool.allocAsync(10).then(
      (buf) => buf.free(),
      () => {},
    ),
};

describe.each(CUTS)('by %s', (how) => {
  test.each(Object.keys(steps))('%s', { timeout: 60_000 }, async (name) => {
    await cutEverywhere(how, () => begin(false), steps[name]!, end);
  });
  test.each(Object.keys(sharedSteps))('%s of a shared file', { timeout: 60_000 }, async (name) => {
    await cutEverywhere(how, () => begin(true), sharedSteps[name]!, endShared);
  });
});

/** A copy that was cut off is finished, or gives the next one its place; and nobody waits for ever. */
describe.each(CUTS)('backups by %s', (how) => {
  const copy = `${folder}/copy`;
  let ended = 0;
  test.each(['backup', 'restore'] as const)('%s', { timeout: 60_000 }, async (what) => {
    const promises: Promise<number>[] = [];
    const step = ({ pool }: Model): void => {
      promises[0] =
        what === 'backup' ? pool.backup(copy) : files.MappedPool.restore(`${folder}/source`, copy);
    };
    rmSync(`${folder}/source`, { force: true });
    const source = begin(false).pool;
    await source.backup(`${folder}/source`);
    source.close();
    await cutEverywhere(
      how,
      () => {
        promises.length = 0;
        rmSync(copy, { force: true });
        return begin(false);
      },
      step,
      async (model) => {
        const settled = Promise.allSettled(promises);
        await doUpkeep(evaluation);
        const [outcome] = await settled;
        if (outcome?.status === 'fulfilled') expect(files.MappedPool.open(copy).close()).toBeUndefined();
        rmSync(copy, { force: true });
        await expect(model.pool.backup(copy)).resolves.toBeGreaterThan(0);
        await end(model);
        // A process has 1,024 mappings at most, which end with the buffers.
        if (++ended % 200 === 0) await collect();
      },
    );
  });
});
