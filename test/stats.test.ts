// stats() of the process, and what pools' figures are made of.
import { afterEach, describe, expect, test } from 'vitest';
import { BufferPool, memoryFacts, type PoolStats, type ProcessStats, stats } from '../dist/esm/index.js';
import { blockBytes } from './support/block-bytes.js';
import { internal } from './support/internal.js';
import { endWorkers, startWorker } from './support/worker.js';

afterEach(endWorkers);

const poolOf = (all: ProcessStats, name: string): PoolStats => {
  const found = all.pools.filter((pool) => pool.name === name);
  expect(found, name).toHaveLength(1);
  return found[0]!;
};

let made = 0;
const uniqueName = () => `stats-${++made}`;

describe('the process', () => {
  test('its pools, the default one first', () => {
    const pool = new BufferPool({ name: uniqueName() });
    const all = stats();
    expect(all.pools[0]).toMatchObject({ name: 'default', heapId: 0, closed: false });
    expect(poolOf(all, pool.name)).toMatchObject({ closed: false, threads: 1 });
    expect(all).toMatchObject({ pid: process.pid, core: 'addon' });
    pool.close();
    expect(stats().pools.map(({ name }) => name)).not.toContain(pool.name);
  });

  test('a pool shows there what it shows itself', () => {
    const pool = new BufferPool({ name: uniqueName(), maxBytes: '1m', onExhausted: 'fallback' });
    const bufs = pool.acquireMany(4096, 300);
    pool.releaseMany(bufs.slice(0, 40));
    const { pageFaults, minorFaults, majorFaults, ...own } = pool.stats();
    expect(poolOf(stats(), pool.name)).toMatchObject(own);
    expect(own.fallbacks).toBeGreaterThan(0);
    pool.releaseMany(bufs.slice(40));
    pool.close();
  });

  test('a closed pool is there until it has everything back', () => {
    const pool = new BufferPool({ name: uniqueName() });
    const buf = pool.acquire(1000);
    pool.close();
    expect(poolOf(stats(), pool.name)).toMatchObject({ closed: true, inUseBytes: blockBytes(1000) });
    buf.release();
    expect(stats().pools.map(({ name }) => name)).not.toContain(pool.name);
  });

  test('pools of other threads, as long as those live', async () => {
    const worker = await startWorker();
    const name = uniqueName();
    await worker.run(
      `state.pool = new superslab.BufferPool({ name: argument });
       state.bufs = state.pool.acquireMany(5000, 10);
       state.pool.stats();`,
      name,
    );
    expect(poolOf(stats(), name)).toMatchObject({
      acquires: 10,
      inUseBytes: 10 * blockBytes(5000),
      fallbacks: 0,
    });
    // And the other way round.
    expect(await worker.run('return superslab.stats().pools.map(({ name }) => name)')).toContain(name);
    await worker.terminate();
    expect(stats().pools.map((pool) => pool.name)).not.toContain(name);
  });

  test('the space adds up', () => {
    const pool = new BufferPool({ name: uniqueName() });
    const buf = pool.acquire(5 << 20);
    const { pools, space, rssBytes, faults } = stats();
    const committed = pools.reduce((sum, one) => sum + one.committedBytes, 0);
    expect(space.committedBytes).toBe(committed + space.idleBytes);
    expect(space.superslabs).toBe(
      pools.reduce((sum, one) => sum + one.superslabsTaken - one.superslabsGiven, 0),
    );
    expect(space.reservedBytes).toBe(pool.stats().reservedBytes);
    expect(space.arenas).toBeGreaterThanOrEqual(1);
    expect(rssBytes).toBeGreaterThan(1 << 20);
    expect(faults.minor).toBeGreaterThan(0);
    buf.release();
    pool.close();
  });

  test('a long name is cut at a whole character where another thread sees it', async () => {
    const worker = await startWorker();
    const name = `${'x'.repeat(62)}ü and more`;
    await worker.run('state.pool = new superslab.BufferPool({ name: argument })', name);
    expect(stats().pools.map((pool) => pool.name)).toContain('x'.repeat(62));
    expect(await worker.run('return superslab.stats().pools.map(({ name }) => name)')).toContain(name);
  });
});

describe('rates', () => {
  test('of a pool that did nothing', () => {
    const pool = new BufferPool();
    expect(pool.stats()).toMatchObject({
      hitRate: 1,
      failureRate: 0,
      use: 0,
      utilization: 0,
      fragmentation: 0,
      internalWaste: 0,
    });
    pool.close();
  });

  test('hits', () => {
    // What is held back is no hit.
    const pool = new BufferPool({ quarantineBytes: 0 });
    for (let i = 0; i < 1000; i++) pool.acquire(2000).release();
    const { hitRate, hits, acquires, classes } = pool.stats();
    expect(hitRate).toBeCloseTo(hits / acquires, 10);
    expect(hitRate).toBeGreaterThan(0.99);
    expect(classes[0]!.hitRate).toBe(hitRate);
    pool.close();
  });

  test('failures and use', () => {
    const pool = new BufferPool({ maxBytes: 4 * blockBytes(16 << 10) });
    const bufs = pool.acquireMany(16 << 10, 4);
    expect(() => pool.acquire(16 << 10)).toThrow(/EXHAUSTED/);
    expect(pool.stats()).toMatchObject({ failedRequests: 1, exhausted: 1, use: 1 });
    expect(pool.stats().failureRate).toBeCloseTo(1 / 5, 10);
    expect(() => pool.acquire(3 << 20)).toThrow(/EXHAUSTED/);
    expect(pool.stats().failedRequests).toBe(2);
    pool.releaseMany(bufs);
    pool.close();
  });

  test('occupancy and fragmentation', () => {
    const pool = new BufferPool({ populate: 'superslab', hugePages: 'off' });
    const bufs = pool.acquireMany(65_536, 16);
    const full = pool.stats();
    const [one] = full.classes;
    expect(one!.slabBlocks).toBeGreaterThanOrEqual(16);
    expect(one!.occupancy).toBeCloseTo(16 / one!.slabBlocks, 10);
    expect(full.slabBytes).toBe(one!.slabBlocks * blockBytes(65_536));
    expect(full.fragmentation).toBeCloseTo(1 - full.chargedBytes / full.committedBytes, 10);
    expect(full.utilization).toBeCloseTo((16 * blockBytes(65_536)) / full.committedBytes, 10);
    pool.releaseMany(bufs);
    expect(pool.stats().utilization).toBe(0);
    pool.trim();
    const empty = pool.stats();
    expect(empty.classes[0]).toMatchObject({ slabs: 0, slabBlocks: 0, occupancy: 0 });
    expect(empty.slabBytes).toBe(0);
    pool.close();
    expect(pool.stats()).toMatchObject({ slabBytes: 0, fragmentation: 0, use: 0 });
  });
});

describe('sums', () => {
  const { readStats, settledStats } =
    internal<typeof import('../lib/stats/read-stats.js')>('stats/read-stats');
  type Native = Parameters<typeof readStats>[0];

  const klass = (blockBytes: number, first: number): Native['classes'][number] => ({
    blockBytes,
    acquires: first,
    releases: first + 1,
    hits: first - 1,
    inUseBlocks: first + 3,
    cachedBlocks: first + 4,
    refills: first + 5,
    refilledBlocks: first + 6,
    flushes: first + 7,
    flushedBlocks: first + 8,
    remoteFrees: first + 9,
    slabs: first + 10,
    slabBlocks: first + 11,
  });
  const histogram = { buckets: [1], count: 1, samples: 1 };
  const native = (heap: Partial<Native['heap']> = {}): Native => ({
    heapId: 7,
    name: 'sums',
    closed: false,
    classes: [klass(64, 100), klass(4096, 2000)],
    heap: {
      chargedBytes: 2 ** 24,
      committedBytes: 2 ** 26,
      maxBytes: 2 ** 25,
      heldHugeBytes: 2 ** 22,
      hugeHits: 3,
      hugeMisses: 50,
      hugeReleases: 600,
      failedRequests: 7000,
      ...heap,
    } as Native['heap'],
    slow: { p50Ns: 1, p95Ns: 2, p99Ns: 3, maxNs: 4, count: 5 },
    adaptations: [{ at: 5, kind: 'keep', blockBytes: 64, bytes: 65_536, evidenceBytes: 6400 }],
    histograms: { sizes: { unit: 'bytes', ...histogram }, lifetimes: { unit: 'us', ...histogram } },
    sizeBytes: 75,
    capacityBytes: 100,
  });
  const thread = { fallbacks: 11, waiting: 22 };

  test('of the classes, the blocks beyond 2 MiB, and what this thread counts', () => {
    const from = native();
    const cachedBytes = 104 * 64 + 2004 * 4096 + 2 ** 22;
    expect(readStats(from, thread)).toEqual({
      ...from.heap,
      name: 'sums',
      closed: false,
      heapId: 7,
      cachedBytes,
      inUseBytes: 2 ** 24 - cachedBytes,
      slabBytes: 111 * 64 + 2011 * 4096,
      acquires: 100 + 2000 + 3 + 50,
      releases: 101 + 2001 + 600,
      hits: 99 + 1999,
      refills: 105 + 2005,
      flushes: 107 + 2007,
      remoteFrees: 109 + 2009,
      fallbacks: 11,
      waiting: 22,
      outstandingTokens: stats().outstandingTokens,
      pressureLevel: 0,
      pressureRises: 0,
      hitRate: (99 + 1999) / 2100,
      failureRate: 7000 / (2153 + 7000),
      use: 0.5,
      utilization: (2 ** 24 - cachedBytes) / from.heap.committedBytes,
      fragmentation: 0.75,
      internalWaste: 0.25,
      sizes: from.histograms.sizes,
      lifetimes: from.histograms.lifetimes,
      slow: from.slow,
      adaptations: from.adaptations,
      classes: [
        { ...from.classes[0], hitRate: 99 / 100, occupancy: 103 / 111 },
        { ...from.classes[1], hitRate: 1999 / 2000, occupancy: 2003 / 2011 },
      ],
    });
  });

  test('rates are shares, whatever threads have not told yet', () => {
    const odd = readStats(
      { ...native({ chargedBytes: 2 ** 27 }), capacityBytes: 0, classes: [{ ...klass(64, 100), hits: 101 }] },
      thread,
    );
    expect(odd).toMatchObject({ use: 1, fragmentation: 0, internalWaste: 0, hitRate: 1 });
    // More is cached than is out of the slabs.
    expect(readStats(native({ chargedBytes: 0, maxBytes: 0 }), thread)).toMatchObject({
      inUseBytes: 0,
      use: 0,
      fragmentation: 1,
    });
  });

  test('of a pool that has everything back', () => {
    const last = readStats(native({ bigCacheBytes: 1, watchedBlocks: 2, readyBytes: 4, threads: 3 }), thread);
    const settled = settledStats(last);
    expect(settled).toEqual({
      ...last,
      closed: true,
      ...Object.fromEntries(
        [
          'committedBytes',
          'chargedBytes',
          'bigCacheBytes',
          'heldHugeBytes',
          'watchedBlocks',
          'watchedBytes',
          'quarantinedBlocks',
          'quarantinedBytes',
          'readyBytes',
          'threads',
          'inUseBytes',
          'cachedBytes',
          'slabBytes',
          'use',
          'utilization',
          'fragmentation',
          'waiting',
        ].map((name) => [name, 0]),
      ),
      releases: last.acquires,
      hugeReleases: 3 + 50,
      classes: last.classes.map((one) => ({
        ...one,
        releases: one.acquires,
        inUseBlocks: 0,
        cachedBlocks: 0,
        slabs: 0,
        slabBlocks: 0,
        occupancy: 0,
      })),
    });
  });
});

test('the slow path is timed', () => {
  const pool = new BufferPool({ name: uniqueName() });
  for (let round = 0; round < 200; round++) pool.releaseMany(pool.acquireMany(1000, 200));
  const { slow, refills, flushes } = pool.stats();
  expect(slow.count).toBeGreaterThan(0);
  expect(slow.count).toBeLessThanOrEqual(Math.ceil((refills + flushes) / 17));
  expect(slow.p50Ns).toBeGreaterThan(0);
  expect(slow.p95Ns).toBeGreaterThanOrEqual(slow.p50Ns);
  expect(slow.p99Ns).toBeGreaterThanOrEqual(slow.p95Ns);
  expect(slow.maxNs).toBeGreaterThanOrEqual(slow.p99Ns);
  expect(slow.maxNs).toBeLessThan(10e9);
  pool.close();
});

test('what the kernel says of the memory', async () => {
  const pool = new BufferPool({ name: uniqueName(), populate: 'off' });
  const bufs = pool.acquireMany(1 << 20, 8);
  const before = await memoryFacts();
  for (const buf of bufs) buf.fill(1);
  const facts = await memoryFacts();
  expect(facts.rssBytes - before.rssBytes).toBeGreaterThan(0);
  expect(facts.rssBytes).toBeGreaterThanOrEqual(8 << 20);
  expect(facts.hugeBytes).toBeLessThanOrEqual(facts.rssBytes);
  expect(facts.hugeCoverage).toBeCloseTo(facts.hugeBytes / facts.rssBytes, 10);
  expect(facts.swappedBytes).toBeGreaterThanOrEqual(0);
  const onNodes = facts.nodes.reduce((sum, { bytes }) => sum + bytes, 0);
  if (facts.nodes.length > 0) expect(onNodes).toBeGreaterThanOrEqual(8 << 20);
  pool.releaseMany(bufs);
  pool.close();
});

test('a worker may end while the kernel is asked', async () => {
  const worker = await startWorker();
  worker.start('for (let i = 0; i < 50; i++) superslab.memoryFacts(); await new Promise(() => {});');
  await worker.terminate();
  expect((await memoryFacts()).rssBytes).toBeGreaterThanOrEqual(0);
});
