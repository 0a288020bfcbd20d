// superslab/opentelemetry with the real SDK: names, units, kinds, values.
import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import superslab, { BufferPool } from 'superslab';
import { observeSuperslab } from 'superslab/opentelemetry';
import { ObjectPool } from 'superslab/pools';
import { afterEach, expect, test, vi } from 'vitest';
import { thrownBy } from './support/expect-error.js';
import { fileOfItsOwn } from './support/file-of-its-own.js';
import { internal } from './support/internal.js';
import { nativePool } from './support/native-calls.js';

const { facts } = internal<typeof import('../lib/addon/environment.js')>('addon/environment');
const sampling = internal<typeof import('../lib/measure/lease-meter.js')>('measure/lease-meter');
const processStats = internal<typeof import('../lib/stats/process-stats.js')>('stats/process-stats');

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one();
});

function makeProvider(temporality = AggregationTemporality.CUMULATIVE) {
  const exporter = new InMemoryMetricExporter(temporality);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  undo.push(() => provider.shutdown());
  const collect = async (): Promise<Map<string, MetricData>> => {
    exporter.reset();
    await provider.forceFlush();
    const all = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
    return new Map(all.flatMap((scope) => scope.metrics).map((one) => [one.descriptor.name, one]));
  };
  return { provider, collect };
}

function observed(temporality?: AggregationTemporality) {
  const { provider, collect } = makeProvider(temporality);
  const observation = observeSuperslab({ meter: provider.getMeter('test') });
  return { collect, observation };
}

const valueIn = (all: Map<string, MetricData>, name: string, attributes: Record<string, unknown> = {}) =>
  all.get(name)?.dataPoints.find((point) => JSON.stringify(point.attributes) === JSON.stringify(attributes))
    ?.value;

test('every statistic of the list is an instrument of its own, with unit and description', async () => {
  superslab.acquire(100).release();
  using objects = new ObjectPool({ create: () => ({}) });
  objects.put(objects.get());
  using _file = fileOfItsOwn();
  const all = await observed().collect();
  const counted = facts.statistics.filter(({ scope }) => scope !== 'memory' && scope !== 'node');
  expect(all.size).toBe(counted.length);
  for (const { descriptor, dataPointType, dataPoints } of all.values()) {
    expect(descriptor.name).toMatch(/^superslab\.[a-z0-9_.]+$/);
    expect(descriptor.unit).toMatch(/^(By|s|1|\{[a-z]+\})$/);
    expect(descriptor.description).toMatch(/^[A-Z0-9]/);
    expect([DataPointType.SUM, DataPointType.GAUGE], descriptor.name).toContain(dataPointType);
    expect(dataPoints.length, descriptor.name).toBeGreaterThan(0);
  }
});

test('counters are monotonic sums, levels are gauges, and the figures are those of stats()', async () => {
  const pool = new BufferPool({ name: 'figures', maxBytes: '8m', guard: 'off', leakDetection: 'off' });
  undo.push(() => pool.close());
  const kept = [pool.acquire(4096), pool.acquire(4096), pool.acquire(3 << 20)];
  const all = await observed().collect();
  const stats = pool.stats();
  const labels = { 'superslab.pool': 'figures' };
  const acquires = all.get('superslab.acquires')!;
  expect(acquires).toMatchObject({ dataPointType: DataPointType.SUM, isMonotonic: true });
  expect(acquires.descriptor.unit).toBe('{blocks}');
  expect(valueIn(all, 'superslab.acquires', labels)).toBe(3);
  const inUse = all.get('superslab.in_use')!;
  expect(inUse.dataPointType).toBe(DataPointType.GAUGE);
  expect(inUse.descriptor.unit).toBe('By');
  expect(valueIn(all, 'superslab.in_use', labels)).toBe(stats.inUseBytes);
  expect(valueIn(all, 'superslab.class.in_use_blocks', { ...labels, 'superslab.block_bytes': 4096 })).toBe(2);
  for (const buf of kept) buf.release();
});

test('a histogram is a counter for each bucket', async () => {
  const pool = new BufferPool({ name: 'buckets' });
  undo.push(() => pool.close());
  nativePool('buckets').recordSize(100, 128, 7);
  const all = await observed().collect();
  expect(all.get('superslab.sizes')!.descriptor.unit).toBe('{leases}');
  const labels = { 'superslab.pool': 'buckets' };
  expect(valueIn(all, 'superslab.sizes', { ...labels, 'superslab.le': '127' })).toBe(7);
  expect(valueIn(all, 'superslab.sizes', { ...labels, 'superslab.le': '255' })).toBe(0);
});

test('differences between collections, for who wants those', async () => {
  const pool = new BufferPool({ name: 'delta' });
  undo.push(() => pool.close());
  const { collect } = observed(AggregationTemporality.DELTA);
  const labels = { 'superslab.pool': 'delta' };
  for (let i = 0; i < 3; i++) pool.acquire(10).release();
  expect(valueIn(await collect(), 'superslab.acquires', labels)).toBe(3);
  for (let i = 0; i < 2; i++) pool.acquire(10).release();
  expect(valueIn(await collect(), 'superslab.acquires', labels)).toBe(2);
});

test('counters do not fall when the statistics do for a moment', async () => {
  const pool = new BufferPool({ name: 'falling' });
  undo.push(() => pool.close());
  const real = processStats.poolStats;
  let releases = 100;
  vi.spyOn(processStats, 'poolStats').mockImplementation(() =>
    real().map((one) => (one.name === 'falling' ? { ...one, releases } : one)),
  );
  undo.push(() => vi.restoreAllMocks());
  const { collect } = observed();
  const seen: unknown[] = [];
  for (releases of [100, 98, 103, 50]) {
    seen.push(valueIn(await collect(), 'superslab.releases', { 'superslab.pool': 'falling' }));
  }
  expect(seen).toEqual([100, 100, 103, 103]);
});

test('ends when it is disposed of', async () => {
  const pool = new BufferPool({ name: 'ended' });
  undo.push(() => pool.close());
  const { collect, observation } = observed();
  pool.acquire(10).release();
  const labels = { 'superslab.pool': 'ended' };
  expect(valueIn(await collect(), 'superslab.acquires', labels)).toBe(1);
  observation[Symbol.dispose]();
  pool.acquire(10).release();
  // The SDK goes on showing the last sum that it saw.
  expect(valueIn(await collect(), 'superslab.acquires', labels)).toBe(1);
});

test('takes the meter of the global provider by default', async () => {
  const { provider, collect } = makeProvider();
  metrics.setGlobalMeterProvider(provider);
  undo.push(() => metrics.disable());
  const observation = observeSuperslab();
  undo.push(() => observation[Symbol.dispose]());
  expect((await collect()).has('superslab.committed')).toBe(true);
});

test('without a provider it does nothing and fails nowhere', () => {
  observeSuperslab()[Symbol.dispose]();
});

test.each([
  [
    { meter: {} },
    'meter of observeSuperslab() must be a Meter of @opentelemetry/api, got an instance of Object',
  ],
  [{ meter: 1 }, 'got 1'],
  [{ meter: null }, 'got null'],
  [{ metre: {} }, 'Unknown option "metre" of observeSuperslab(): did you mean "meter"?'],
  [{ histograms: 'x' }, 'histograms of observeSuperslab() must be true or false, got "x"'],
  [{ memoryFacts: 1 }, 'memoryFacts of observeSuperslab() must be true or false, got 1'],
  [null, 'observeSuperslab() takes an object of options, got null'],
])('wrong options: %j', (options, message) => {
  const error = thrownBy(() => observeSuperslab(options as never), 'ERR_SUPERSLAB_OPTION');
  expect(error.message).toContain(message);
});

test('leases are sampled for the histograms until the end, unless nobody wants them', () => {
  const end = vi.fn();
  const watch = vi.spyOn(sampling, 'watchHistograms').mockReturnValue({ [Symbol.dispose]: end });
  observeSuperslab({ meter: makeProvider().provider.getMeter('test'), histograms: false })[Symbol.dispose]();
  expect(watch).not.toHaveBeenCalled();
  const exporting = observeSuperslab({ meter: makeProvider().provider.getMeter('test') });
  expect(watch).toHaveBeenCalledTimes(1);
  expect(end).not.toHaveBeenCalled();
  exporting[Symbol.dispose]();
  expect(end).toHaveBeenCalledTimes(1);
  vi.restoreAllMocks();
});

test('what the kernel says is asked for only if that is wanted, and observed when it has come', async () => {
  const ask = vi.spyOn(processStats, 'memoryFacts').mockResolvedValue({
    rssBytes: 8 << 20,
    hugeBytes: 6 << 20,
    hugeCoverage: 0.75,
    swappedBytes: 4096,
    nodes: [{ node: 2, bytes: 3 << 20 }],
  });
  undo.push(() => vi.restoreAllMocks());
  const without = await observed().collect();
  expect([...without.keys()].filter((name) => name.startsWith('superslab.memory'))).toEqual([]);
  expect(ask).not.toHaveBeenCalled();

  const { provider, collect } = makeProvider();
  const observation = observeSuperslab({ meter: provider.getMeter('test'), memoryFacts: true });
  const all = await collect();
  expect(ask).toHaveBeenCalledTimes(1);
  expect(valueIn(all, 'superslab.memory_rss')).toBe(8 << 20);
  expect(valueIn(all, 'superslab.memory_huge')).toBe(6 << 20);
  expect(valueIn(all, 'superslab.memory_huge_coverage_ratio')).toBe(0.75);
  expect(valueIn(all, 'superslab.memory_swapped')).toBe(4096);
  expect(valueIn(all, 'superslab.memory_node', { 'superslab.node': 2 })).toBe(3 << 20);
  expect(all.get('superslab.memory_rss')!.descriptor.unit).toBe('By');
  expect(all.has('superslab.committed')).toBe(true);
  observation[Symbol.dispose]();
  await collect();
  expect(ask).toHaveBeenCalledTimes(1);
});
