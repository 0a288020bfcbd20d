// RecordPool cut off at each place where V8 looks for interruptions: no record is lost or lent twice, and no chunk.
import type { RecordEntry, RecordPool } from 'superslab/pools';
import { describe, expect, test, vi } from 'vitest';
import { CUTS, cutEverywhere, evaluateWithPoints } from '../support/cut-points.js';

const { pools, cores, unfinished } = evaluateWithPoints();

/** Eight records a chunk, and two in the second one. */
const MAX = 10;
const layout = pools.record({ seq: 'u32', data: pools.bytes(20_000) });
type Shape = (typeof layout)['fields'];
const plain = { leakDetection: 'off', guard: 'off' } as const;

/** What a step works with: an open pool, some of whose records are lent and some free. */
interface Model {
  readonly pool: RecordPool<Shape>;
  /** Those that the program has. A step stores what it gets at once. */
  readonly entries: RecordEntry<Shape>[];
  readonly opened: RecordPool<Shape>[];
  readonly promises: Promise<RecordEntry<Shape>>[];
}

const steps: Record<string, (model: Model) => void> = {
  'get of a free one': ({ pool, entries }) => {
    entries[entries.length] = pool.get();
  },
  'get of a new one': ({ pool, entries }) => {
    pool.trim();
    for (let i = 0; i < 6; i++) entries[entries.length] = pool.get();
  },
  put: ({ pool, entries }) => pool.put(entries[0]!),
  'release of one': ({ entries }) => entries[0]!.release(),
  warm: ({ pool }) => pool.warm(6, () => {}),
  trim: ({ pool, entries }) => {
    for (let i = 0; i < entries.length; i++) pool.put(entries[i]!);
    pool.trim();
  },
  getAsync: ({ pool, promises }) => {
    promises[promises.length] = pool.getAsync();
  },
  'put for one who waits': ({ pool, entries, promises }) => {
    for (let i = 0; i < 7; i++) promises[promises.length] = pool.getAsync();
    pool.put(entries[0]!);
  },
  'a handle and a column': ({ pool, entries }) => {
    pool.at(pool.handle(entries[0]!));
    for (const _ of pool.column('seq')) break;
  },
  'new RecordPool': ({ opened }) => {
    opened[opened.length] = new pools.RecordPool(layout, { ...plain, initial: 2 });
    opened[0]!.close();
  },
  'close, and a put after it': ({ pool, entries }) => {
    pool.close();
    for (let i = 0; i < entries.length; i++) pool.put(entries[i]!);
  },
};

const countPools = () => cores.openCores.size + cores.closingCores.size;

function begin(options: object): Model {
  const pool = new pools.RecordPool(layout, { ...plain, ...options, max: MAX, initial: 8, columns: ['seq'] });
  return { pool, entries: Array.from({ length: 4 }, () => pool.get()), opened: [], promises: [] };
}

async function end({ pool, entries, opened, promises }: Model, count: number): Promise<void> {
  expect(pool.check()).toEqual([]);
  unfinished.undoInterrupted();
  for (const core of [...cores.openCores.values()] as { serveWaiters(): void }[]) core.serveWaiters();
  expect(pool.check()).toEqual([]);
  for (const entry of entries) if (!entry.released) pool.put(entry);
  for (const promise of promises) {
    promise.then(
      // One that the program had put before may be another's again.
      (entry) => entry.released || pool.put(entry),
      () => {},
    );
  }
  for (let i = 0; i < 40; i++) await null;
  expect(pool.stats().inUseBytes).toBe(0);
  if (!pool.closed) {
    const all = Array.from({ length: MAX }, () => pool.get());
    expect(new Set(all.map(pool.handle, pool)).size).toBe(MAX);
    expect(() => pool.get()).toThrow('ERR_SUPERSLAB_EXHAUSTED');
    for (const entry of all) pool.put(entry);
    expect(pool.check()).toEqual([]);
    pool.close();
  }
  for (const one of opened) one.close();
  await vi.waitUntil(() => countPools() === count, { interval: 1 });
}

const kinds: Record<string, { options: object; steps: string[] }> = {
  bare: { options: {}, steps: Object.keys(steps) },
  'cleared, with hooks': {
    options: { zero: 'release', init: () => {}, cleanup: () => {} },
    steps: ['get of a free one', 'put', 'getAsync', 'put for one who waits', 'close, and a put after it'],
  },
};

describe.each(CUTS)('by %s', (how) => {
  describe.each(Object.keys(kinds))('%s', (kind) => {
    test.for(kinds[kind]!.steps)('in %s', async (name) => {
      const count = countPools();
      await cutEverywhere(
        how,
        () => begin(kinds[kind]!.options),
        (model) => steps[name]!(model),
        (model) => end(model, count),
      );
    });
  });
});
