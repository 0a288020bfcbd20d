// superslab/prometheus with the real prom-client: names, types, values, and that counters never fall.
import { Counter, Gauge, type OpenMetricsContentType, Registry } from 'prom-client';
import superslab, { BufferPool } from 'superslab';
import { collectSuperslab } from 'superslab/prometheus';
import { afterEach, describe, expect, test } from 'vitest';
import { thrownBy } from './support/expect-error.js';
import { type Family, parseExposition } from './support/exposition.js';
import { internal } from './support/internal.js';

const { facts } = internal<typeof import('../lib/environment.js')>('environment');

const open: BufferPool[] = [];
const makePool = (options: ConstructorParameters<typeof BufferPool>[0]) => {
  const pool = new BufferPool(options);
  open.push(pool);
  return pool;
};
afterEach(() => {
  for (const pool of open.splice(0)) pool.close();
});

const scrape = async (register: Registry) => parseExposition(await register.metrics());
const made = () => {
  const register = new Registry();
  collectSuperslab({ register });
  return register;
};
const valueIn = (families: Map<string, Family>, name: string, labels: Record<string, string> = {}) =>
  families.get(name)?.samples.find((one) => JSON.stringify(one.labels) === JSON.stringify(labels))?.value;

test('every statistic of the list is a family of its own, with help', async () => {
  superslab.acquire(100).release();
  const families = await scrape(made());
  const shown = facts.statistics.filter(
    ({ scope, unit }) => scope !== 'latency' && scope !== 'histogram' && unit !== 'ratio',
  );
  expect(families.size).toBe(shown.length);
  const helps = [...families.values()].map(({ help }) => help.toLowerCase()).sort();
  expect(helps).toEqual(shown.map(({ meaning }) => meaning.toLowerCase()).sort());
  for (const family of families.values()) {
    expect(family.samples.length, family.name).toBeGreaterThan(0);
    expect(family.name).toMatch(/^superslab_[a-z0-9_]+$/);
    expect(family.name.endsWith('_total'), family.name).toBe(family.type === 'counter');
  }
});

test('the figures are those of stats(), in base units and with the labels', async () => {
  const pool = makePool({ name: 'figures', maxBytes: '8m' });
  const kept = [pool.acquire(4096), pool.acquire(4096), pool.acquire(3 << 20)];
  pool.acquire(100).release();
  const families = await scrape(made());
  const stats = pool.stats();
  const labels = { pool: 'figures' };
  expect(valueIn(families, 'superslab_in_use_bytes', labels)).toBe(stats.inUseBytes);
  expect(stats.inUseBytes).toBeGreaterThan(3 << 20);
  expect(valueIn(families, 'superslab_max_bytes', labels)).toBe(8 << 20);
  expect(valueIn(families, 'superslab_acquires_total', labels)).toBe(4);
  expect(valueIn(families, 'superslab_large_misses_total', labels)).toBe(1);
  expect(valueIn(families, 'superslab_class_in_use_blocks', { ...labels, class: '4096' })).toBe(2);
  expect(valueIn(families, 'superslab_class_acquires_total', { ...labels, class: '4096' })).toBe(2);
  expect(valueIn(families, 'superslab_reserved_bytes')).toBe(stats.reservedBytes);
  expect(families.get('superslab_page_faults_total')).toMatchObject({ type: 'counter' });
  expect(families.get('superslab_page_faults_total')!.samples).toHaveLength(1);
  for (const buf of kept) buf.release();
});

test('a scrape reads each pool once, and the next one reads again', async () => {
  const pool = makePool({ name: 'once' });
  let reads = 0;
  const stats = pool.stats.bind(pool);
  Object.defineProperty(pool, 'stats', {
    value() {
      reads++;
      return stats();
    },
  });
  const register = made();
  await register.metrics();
  expect(reads).toBe(1);
  pool.acquire(64).release();
  const families = await scrape(register);
  expect(reads).toBe(2);
  expect(valueIn(families, 'superslab_acquires_total', { pool: 'once' })).toBe(1);
});

describe('counters', () => {
  test('do not fall when the statistics do for a moment', async () => {
    const pool = makePool({ name: 'falling' });
    const real = pool.stats();
    let releases = 100;
    Object.defineProperty(pool, 'stats', { value: () => ({ ...real, releases, inUseBytes: releases }) });
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
  const name = 'a "quoted" \\ name\nof two lines';
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
  expect(
    thrownBy(() => collectSuperslab({ register: {} as Registry }), 'ERR_SUPERSLAB_ARGUMENT').message,
  ).toBe('ERR_SUPERSLAB_ARGUMENT: register must be a Registry of prom-client, got an instance of Object');
  for (const prefix of ['9lives', 'a-b', 'a b', 7 as never]) {
    thrownBy(() => collectSuperslab({ register: new Registry(), prefix }), 'ERR_SUPERSLAB_ARGUMENT');
  }
});

test('a registration that fails leaves nothing behind', () => {
  const register = new Registry();
  new Gauge({ name: 'superslab_threads', help: 'in the way', registers: [register] });
  expect(() => collectSuperslab({ register })).toThrow('superslab_threads');
  expect(register.getMetricsAsArray().map(({ name }) => name)).toEqual(['superslab_threads']);
});
