// superslab/prometheus with the real prom-client: names, types, values, and that counters never fall.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { AggregatorRegistry, Counter, Gauge, type OpenMetricsContentType, Registry } from 'prom-client';
import superslab, { BufferPool, type PoolStats } from 'superslab';
import { ObjectPool } from 'superslab/pools';
import { collectSuperslab } from 'superslab/prometheus';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { thrownBy } from './support/expect-error.js';
import { type Family, parseExposition } from './support/exposition.js';
import { fileOfItsOwn } from './support/file-of-its-own.js';
import { internal } from './support/internal.js';
import { nativePool } from './support/native-calls.js';

const { facts } = internal<typeof import('../lib/addon/environment.js')>('addon/environment');
const sampling = internal<typeof import('../lib/measure/lease-meter.js')>('measure/lease-meter');
const processStats = internal<typeof import('../lib/stats/process-stats.js')>('stats/process-stats');

const open: BufferPool[] = [];
const makePool = (options: ConstructorParameters<typeof BufferPool>[0]) => {
  const pool = new BufferPool(options);
  open.push(pool);
  return pool;
};
afterEach(() => {
  vi.restoreAllMocks();
  for (const pool of open.splice(0)) pool.close();
});

const scrape = async (register: Registry) => parseExposition(await register.metrics());
const made = () => {
  const register = new Registry();
  collectSuperslab({ register });
  return register;
};
/** Lets the pool's figures be what `change` makes of them. */
function fake(name: string, change: (pool: PoolStats) => Partial<PoolStats>): void {
  const real = processStats.poolStats;
  vi.spyOn(processStats, 'poolStats').mockImplementation(() =>
    real().map((pool) => (pool.name === name ? { ...pool, ...change(pool) } : pool)),
  );
}
const valueIn = (families: Map<string, Family>, name: string, labels: Record<string, string> = {}) =>
  families.get(name)?.samples.find((one) => JSON.stringify(one.labels) === JSON.stringify(labels))?.value;

test('every statistic of the list is a family of its own, with help', async () => {
  superslab.acquire(100).release();
  using objects = new ObjectPool({ create: () => ({}) });
  objects.put(objects.get());
  using _file = fileOfItsOwn();
  const families = await scrape(made());
  const counted = facts.statistics.filter(({ scope }) => scope !== 'memory' && scope !== 'node');
  expect(families.size).toBe(counted.length);
  const helps = [...families.values()].map(({ help }) => help.toLowerCase()).sort();
  expect(helps).toEqual(counted.map(({ meaning }) => meaning.toLowerCase()).sort());
  // They stand alone: without the names of JavaScript, and without the line before.
  for (const { meaning } of facts.statistics) {
    expect(meaning.replace(/acquireAsync\(\)|MiB/, '')).not.toMatch(/[a-z][A-Z]|^those|of those|\bthese\b/);
  }
  for (const family of families.values()) {
    expect(family.samples.length, family.name).toBeGreaterThan(0);
    expect(family.name).toMatch(/^superslab_[a-z0-9_]+$/);
    expect(family.name.endsWith('_total'), family.name).toBe(family.type === 'counter');
  }
});

test('the figures are those of stats(), in base units and with the labels', async () => {
  const pool = makePool({ name: 'figures', maxBytes: '8m', guard: 'off', leakDetection: 'off' });
  const kept = [pool.acquire(4096), pool.acquire(4096), pool.acquire(3 << 20)];
  pool.acquire(100).release();
  const families = await scrape(made());
  const stats = pool.stats();
  const labels = { pool: 'figures' };
  expect(valueIn(families, 'superslab_in_use_bytes', labels)).toBe(stats.inUseBytes);
  expect(stats.inUseBytes).toBeGreaterThan(3 << 20);
  expect(valueIn(families, 'superslab_max_bytes', labels)).toBe(8 << 20);
  expect(valueIn(families, 'superslab_acquires_total', labels)).toBe(4);
  expect(valueIn(families, 'superslab_huge_misses_total', labels)).toBe(1);
  expect(valueIn(families, 'superslab_class_in_use_blocks', { ...labels, class: '4096' })).toBe(2);
  expect(valueIn(families, 'superslab_class_acquires_total', { ...labels, class: '4096' })).toBe(2);
  expect(valueIn(families, 'superslab_reserved_bytes')).toBe(stats.reservedBytes);
  expect(families.get('superslab_page_faults_total')).toMatchObject({ type: 'counter' });
  expect(families.get('superslab_page_faults_total')!.samples).toHaveLength(1);
  for (const buf of kept) buf.release();
});

test('a scrape reads the pools once, and the next one reads again', async () => {
  const pool = makePool({ name: 'once' });
  const reads = vi.spyOn(processStats, 'poolStats');
  const register = made();
  await register.metrics();
  expect(reads).toHaveBeenCalledTimes(1);
  pool.acquire(64).release();
  const families = await scrape(register);
  expect(reads).toHaveBeenCalledTimes(2);
  expect(valueIn(families, 'superslab_acquires_total', { pool: 'once' })).toBe(1);
});

test('units are base units', async () => {
  makePool({ name: 'units' });
  const slow = { p50Ns: 1000, p95Ns: 2000, p99Ns: 3_000_000, maxNs: 4e9, count: 5 };
  fake('units', () => ({ lockWaitNs: 2_500_000, slow }));
  const families = await scrape(made());
  const value = (name: string) => valueIn(families, name, { pool: 'units' });
  expect(value('superslab_lock_wait_seconds_total')).toBeCloseTo(0.0025, 9);
  expect(value('superslab_slow_path_p99_seconds')).toBeCloseTo(0.003, 9);
  expect(value('superslab_slow_path_max_seconds')).toBe(4);
  expect(value('superslab_slow_path_calls')).toBe(5);
});

describe('histograms', () => {
  test('are cumulative, and a size that is a power of two is within its bound', async () => {
    const { name } = makePool({ name: 'sizes' });
    const labels = { pool: name };
    for (const [size, weight] of [
      [4095, 1],
      [4096, 2],
      [4097, 4],
      [0, 8],
      [3 * 2 ** 30, 16],
    ] as const) {
      nativePool(name).recordSize(size, size, weight);
    }
    const family = (await scrape(made())).get('superslab_sizes_bytes')!;
    expect(family.type).toBe('histogram');
    const own = family.samples.filter((one) => one.labels.pool === name);
    const bucket = (le: string) => own.find((one) => one.labels.le === le)?.value;
    const buckets = own.filter((one) => one.name.endsWith('_bucket'));
    expect(buckets).toHaveLength(32);
    expect(bucket('1')).toBe(8);
    expect(bucket('4095')).toBe(9);
    expect(bucket('8191')).toBe(15);
    expect(bucket('2147483647')).toBe(15);
    expect(bucket('+Inf')).toBe(31);
    expect(own.find((one) => one.name === 'superslab_sizes_bytes_count')).toMatchObject({
      labels,
      value: 31,
    });
    const sum = own.find((one) => one.name === 'superslab_sizes_bytes_sum')!.value;
    expect(sum).toBeGreaterThan(16 * 2 ** 31);
    expect(sum).toBeLessThan(16 * 2 ** 32);
    const bounds = buckets.map((one) => Number(one.labels.le!.replace('+Inf', 'Infinity')));
    expect(bounds).toEqual(bounds.toSorted((a, b) => a - b));
    const counts = buckets.map(({ value }) => value);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  });

  test('of times are in seconds', async () => {
    const { name } = makePool({ name: 'lifetimes' });
    nativePool(name).recordLifetime(1_500_000, 3);
    const family = (await scrape(made())).get('superslab_lifetimes_seconds')!;
    const at = (le: string) =>
      family.samples.find((one) => one.labels.pool === name && one.labels.le === le)?.value;
    expect(at('1.048576')).toBe(0);
    expect(at('2.097152')).toBe(3);
  });

  test('stand the strictest reader, and come as JSON', async () => {
    const register = made();
    register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
    expect(await register.metrics()).toContain('superslab_sizes_bytes_bucket{pool="default",le="+Inf"}');
    const json = await register.getMetricsAsJSON();
    expect(json.find((one) => one.name === 'superslab_sizes_bytes')).toMatchObject({ type: 'histogram' });
    register.resetMetrics();
  });
});

describe('counters', () => {
  test('do not fall when the statistics do for a moment', async () => {
    makePool({ name: 'falling' });
    let releases = 100;
    fake('falling', () => ({ releases, inUseBytes: releases }));
    const register = made();
    const seen: (number | undefined)[] = [];
    for (releases of [100, 98, 99, 103, 50, 104]) {
      seen.push(valueIn(await scrape(register), 'superslab_releases_total', { pool: 'falling' }));
    }
    expect(seen).toEqual([100, 100, 100, 103, 103, 104]);
    expect(valueIn(await scrape(register), 'superslab_in_use_bytes', { pool: 'falling' })).toBe(104);
  });

  test('of pools with one name are summed, and keep what a closed one counted', async () => {
    const one = makePool({ name: 'same' });
    const other = makePool({ name: 'same' });
    const register = made();
    const acquires = async () =>
      valueIn(await scrape(register), 'superslab_acquires_total', { pool: 'same' });
    for (const pool of [one, one, other]) pool.acquire(10).release();
    expect(await acquires()).toBe(3);
    one.close();
    expect(await acquires()).toBe(3);
    other.acquire(10).release();
    makePool({ name: 'same' }).acquire(10).release();
    expect(await acquires()).toBe(5);
  });

  test('of the process count once, however many pools there are', async () => {
    makePool({ name: 'default' });
    const families = await scrape(made());
    expect(valueIn(families, 'superslab_page_faults_total')).toBeLessThanOrEqual(
      superslab.stats().pageFaults,
    );
  });
});

test('of pools with one name, shares are weighed and latencies are the worst', async () => {
  makePool({ name: 'alike' });
  makePool({ name: 'alike' });
  const slow = (p99Ns: number) => ({ p50Ns: 1, p95Ns: 1, p99Ns, maxNs: 1, count: 10 });
  const figures = [
    { acquires: 300, hitRate: 1, maxBytes: 1000, use: 0.9, slow: slow(5e9) },
    { acquires: 100, hitRate: 0.5, maxBytes: 3000, use: 0.1, slow: slow(2e9) },
  ];
  let next = 0;
  fake('alike', () => figures[next++]!);
  const families = await scrape(made());
  const value = (name: string) => valueIn(families, name, { pool: 'alike' });
  expect(value('superslab_hit_ratio')).toBeCloseTo(0.875, 9);
  expect(value('superslab_use_ratio')).toBeCloseTo(0.3, 9);
  expect(value('superslab_max_bytes')).toBe(4000);
  expect(value('superslab_slow_path_p99_seconds')).toBe(5);
  expect(value('superslab_slow_path_calls')).toBe(20);
});

test('pools of other threads are there too', async () => {
  const worker = new Worker(
    `const { BufferPool } = require('superslab');
     const { parentPort } = require('node:worker_threads');
     const pool = new BufferPool({ name: 'elsewhere' });
     const buf = pool.acquire(5000);
     parentPort.once('message', () => buf.release());
     parentPort.postMessage('ready');`,
    { eval: true },
  );
  try {
    await once(worker, 'message');
    const families = await scrape(made());
    expect(valueIn(families, 'superslab_threads', { pool: 'elsewhere' })).toBe(1);
    expect(valueIn(families, 'superslab_charged_bytes', { pool: 'elsewhere' })).toBeGreaterThanOrEqual(5000);
  } finally {
    await worker.terminate();
  }
});

test('a pool that was closed is gone from the next scrape', async () => {
  const pool = makePool({ name: 'gone' });
  const register = made();
  expect(valueIn(await scrape(register), 'superslab_threads', { pool: 'gone' })).toBe(1);
  pool.close();
  const families = await scrape(register);
  const pools = [...families.values()].flatMap(({ samples }) => samples.map(({ labels }) => labels.pool));
  expect(pools).toContain('default');
  expect(pools).not.toContain('gone');
});

test('names that need escaping come out whole', async () => {
  const name = 'a "quoted" \\ name';
  makePool({ name });
  expect(valueIn(await scrape(made()), 'superslab_threads', { pool: name })).toBe(1);
});

test('OpenMetrics, which wants its counters named otherwise', async () => {
  const register = new Registry<OpenMetricsContentType>();
  register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  collectSuperslab({ register });
  for (let i = 0; i < 2; i++) {
    const text = await register.metrics();
    expect(text).toMatch(
      /^# TYPE superslab_acquires counter\nsuperslab_acquires_total\{pool="default"\} \d+$/m,
    );
    expect(text.endsWith('# EOF\n')).toBe(true);
  }
});

test('of several processes of a cluster, sums are summed, shares averaged and latencies the worst', async () => {
  makePool({ name: 'cluster', maxBytes: 1000 });
  const scraped = [];
  for (const [use, p99Ns] of [
    [0.5, 1e9],
    [1, 4e9],
  ] as const) {
    fake('cluster', ({ slow }) => ({ use, slow: { ...slow, p99Ns } }));
    scraped.push(await made().getMetricsAsJSON());
    vi.restoreAllMocks();
  }
  const families = parseExposition(await AggregatorRegistry.aggregate(scraped).metrics());
  const value = (name: string) => valueIn(families, name, { pool: 'cluster' });
  expect(value('superslab_max_bytes')).toBe(2000);
  expect(value('superslab_use_ratio')).toBe(0.75);
  expect(value('superslab_slow_path_p99_seconds')).toBe(4);
});

test('beside other metrics, under another prefix, and out again', async () => {
  const register = new Registry();
  new Counter({ name: 'superslab_mine_total', help: 'mine', registers: [register] });
  const first = collectSuperslab({ register });
  const second = collectSuperslab({ register, prefix: 'memory_' });
  expect((await scrape(register)).has('memory_threads')).toBe(true);
  expect(() => collectSuperslab({ register })).toThrow('already been registered');
  first[Symbol.dispose]();
  second[Symbol.dispose]();
  expect([...(await scrape(register)).keys()]).toEqual(['superslab_mine_total']);
});

test('wrong options', () => {
  for (const [options, message] of [
    [
      { register: {} },
      'register of collectSuperslab() must be a Registry of prom-client, got an instance of Object',
    ],
    [{ registry: 5 }, 'Unknown option "registry" of collectSuperslab(): did you mean "register"?'],
    [
      { colour: 5 },
      'Unknown option "colour" of collectSuperslab(): there are register, prefix, histograms, memoryFacts',
    ],
    [{ memoryFacts: 'no' }, 'memoryFacts of collectSuperslab() must be true or false, got "no"'],
    [{ histograms: null }, 'histograms of collectSuperslab() must be true or false, got null'],
    [null, 'collectSuperslab() takes an object of options, got null'],
  ] as const) {
    const error = thrownBy(() => collectSuperslab(options as never), 'ERR_SUPERSLAB_OPTION');
    expect(error.message).toBe(`ERR_SUPERSLAB_OPTION: ${message}`);
  }
  for (const prefix of ['9lives', 'a-b', 'a b', 7 as never]) {
    thrownBy(() => collectSuperslab({ register: new Registry(), prefix }), 'ERR_SUPERSLAB_OPTION');
  }
});

test('a registration that fails leaves nothing behind', () => {
  const register = new Registry();
  new Gauge({ name: 'superslab_threads', help: 'in the way', registers: [register] });
  expect(() => collectSuperslab({ register })).toThrow('superslab_threads');
  expect(register.getMetricsAsArray().map(({ name }) => name)).toEqual(['superslab_threads']);
});

test('leases are sampled for the histograms until the end, unless nobody wants them', () => {
  const end = vi.fn();
  const watch = vi.spyOn(sampling, 'watchHistograms').mockReturnValue({ [Symbol.dispose]: end });
  collectSuperslab({ register: new Registry(), histograms: false })[Symbol.dispose]();
  expect(watch).not.toHaveBeenCalled();
  const exporting = collectSuperslab({ register: new Registry() });
  expect(watch).toHaveBeenCalledTimes(1);
  expect(end).not.toHaveBeenCalled();
  exporting[Symbol.dispose]();
  expect(end).toHaveBeenCalledTimes(1);
  vi.restoreAllMocks();
});

describe('what the kernel says', () => {
  const told = {
    rssBytes: 8 << 20,
    hugeBytes: 6 << 20,
    hugeCoverage: 0.75,
    swappedBytes: 4096,
    nodes: [
      { node: 0, bytes: 5 << 20 },
      { node: 2, bytes: 3 << 20 },
    ],
  };

  test('is not asked unless that is wanted', async () => {
    const ask = vi.spyOn(processStats, 'memoryFacts');
    const families = await scrape(made());
    expect([...families.keys()].filter((name) => name.startsWith('superslab_memory'))).toEqual([]);
    expect(ask).not.toHaveBeenCalled();
  });

  test('is read once a scrape, and shown in bytes, as a share, and by node', async () => {
    const ask = vi.spyOn(processStats, 'memoryFacts').mockResolvedValue(told);
    const register = new Registry();
    const exporting = collectSuperslab({ register, memoryFacts: true });
    expect(ask).not.toHaveBeenCalled();
    const families = await scrape(register);
    expect(ask).toHaveBeenCalledTimes(1);
    const shown = (name: string, labels?: Record<string, string>) => valueIn(families, name, labels);
    expect(shown('superslab_memory_rss_bytes')).toBe(8 << 20);
    expect(shown('superslab_memory_huge_bytes')).toBe(6 << 20);
    expect(shown('superslab_memory_huge_coverage_ratio')).toBe(0.75);
    expect(shown('superslab_memory_swapped_bytes')).toBe(4096);
    expect(shown('superslab_memory_node_bytes', { node: '0' })).toBe(5 << 20);
    expect(shown('superslab_memory_node_bytes', { node: '2' })).toBe(3 << 20);
    const own = [...families.values()].filter(({ name }) => name.startsWith('superslab_memory'));
    expect(own).toHaveLength(5);
    expect(own.every(({ type }) => type === 'gauge')).toBe(true);
    ask.mockResolvedValue({ ...told, swappedBytes: 0 });
    expect(valueIn(await scrape(register), 'superslab_memory_swapped_bytes')).toBe(0);
    expect(ask).toHaveBeenCalledTimes(2);
    exporting[Symbol.dispose]();
    expect((await scrape(register)).size).toBe(0);
  });

  test('is the truth about the pools', async () => {
    const pool = makePool({ name: 'touched' });
    const buf = pool.acquire(8 << 20).fill(1);
    const register = new Registry();
    collectSuperslab({ register, memoryFacts: true });
    const families = await scrape(register);
    expect(valueIn(families, 'superslab_memory_rss_bytes')).toBeGreaterThanOrEqual(8 << 20);
    buf.release();
  });

  test('takes no other metric along when it cannot be had, and warns once', async () => {
    const refusal = Object.assign(new Error('ERR_SUPERSLAB_HOST: no smaps'), { code: 'ERR_SUPERSLAB_HOST' });
    vi.spyOn(processStats, 'memoryFacts').mockRejectedValue(refusal);
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const register = new Registry();
    collectSuperslab({ register, memoryFacts: true });
    for (let round = 0; round < 2; round++) {
      const families = await scrape(register);
      expect(valueIn(families, 'superslab_reserved_bytes')).toBeGreaterThan(0);
      expect(families.get('superslab_memory_rss_bytes')?.samples ?? []).toEqual([]);
    }
    expect(warn.mock.calls).toEqual([
      [
        'ERR_SUPERSLAB_HOST: no smaps (so there are no metrics of it)',
        'SuperslabWarning',
        'ERR_SUPERSLAB_HOST',
      ],
    ]);
  });
});

test('disposing of what an older call registered leaves the metrics of a newer one alone', async () => {
  const register = new Registry();
  const older = collectSuperslab({ register });
  register.clear();
  const newer = collectSuperslab({ register });
  const { size } = await scrape(register);
  older[Symbol.dispose]();
  older[Symbol.dispose]();
  expect((await scrape(register)).size).toBe(size);
  newer[Symbol.dispose]();
  expect((await scrape(register)).size).toBe(0);
  const again = collectSuperslab({ register });
  newer[Symbol.dispose]();
  expect((await scrape(register)).size).toBe(size);
  again[Symbol.dispose]();
});
