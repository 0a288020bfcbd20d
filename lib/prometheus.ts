/**
 * superslab/prometheus: the statistics for prom-client.
 *
 * @packageDocumentation
 */
import type { Metric as PrometheusMetric, Registry } from 'prom-client';
import { aFlag, checkOptions } from './addon/option-checks.js';
import { builtins } from './base/builtins.js';
import { watchHistograms } from './measure/lease-meter.js';
import {
  bucketBounds,
  type Metric,
  MetricReader,
  type MetricValue,
  memoryMetrics,
  metrics,
  readMemory,
} from './metrics/metrics.js';
import { requirePeer } from './metrics/peer.js';

const prometheus = requirePeer<typeof import('prom-client')>('prom-client', 'superslab/prometheus');

export interface PrometheusOptions {
  /** Where the metrics are registered; prom-client's global `register` by default. */
  register?: Pick<Registry, 'registerMetric' | 'removeSingleMetric'> &
    Partial<Pick<Registry, 'getSingleMetric'>>;
  /** What their names begin with; "superslab_" by default. */
  prefix?: string;
  /** Whether leases are sampled for the histograms, 50 times a second; true by default. */
  histograms?: boolean;
  /**
   * Whether the kernel is asked at each scrape how much of the pools' memory is resident, in huge pages, swapped
   * out, and on which node; false by default. That is a call of `memoryFacts()`: 2 ms of a thread of libuv's pool,
   * and 30 ms more for each GiB that does not lie in huge pages, while page faults of other threads may
   * wait. Scrape no more often than every few seconds. Without /proc/self/smaps there are none of these, and a warning.
   */
  memoryFacts?: boolean;
}

/** The metric's name for Prometheus, without prefix. */
const nameOf = ({ name, kind }: Metric) => (kind === 'counter' ? `${name}_total` : name);

function labelsOf({ pool, blockBytes, node }: MetricValue): Record<string, string> {
  const labels: Record<string, string> = {};
  if (pool !== undefined) labels.pool = pool;
  if (blockBytes !== undefined) labels.class = String(blockBytes);
  if (node !== undefined) labels.node = String(node);
  return labels;
}

type Reading = ReadonlyMap<Metric, readonly MetricValue[]>;

/** One reading for all metrics of a scrape: a registry collects them one after the other in one turn. */
function shared<T extends Reading | Promise<Reading>>(read: () => T): () => T {
  let reading: T | undefined;
  return () => {
    if (reading === undefined) {
      reading = read();
      builtins.queueMicrotask(() => {
        reading = undefined;
      });
    }
    return reading;
  };
}

const isRegistry = (value: unknown) => {
  const { registerMetric, removeSingleMetric } = (value ?? {}) as Partial<Registry>;
  return typeof registerMetric === 'function' && typeof removeSingleMetric === 'function';
};

const isPrefix = (value: unknown) => typeof value === 'string' && /^([a-zA-Z_:][\w:]*)?$/.test(value);

const CHECKS = {
  register: (value: unknown) => (isRegistry(value) ? undefined : 'a Registry of prom-client'),
  prefix: (value: unknown) =>
    isPrefix(value) ? undefined : 'letters, digits, "_" and ":" and not begin with a digit',
  histograms: aFlag,
  memoryFacts: aFlag,
};

/** A line of what is scraped: of a histogram, `part` is the end of its name. */
interface Sample {
  readonly part?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** Cumulative, as Prometheus wants them; their sum is only known as well as the buckets tell. */
function histogramSamples(metric: Metric, bounds: readonly number[], one: MetricValue): Sample[] {
  const labels = labelsOf(one);
  let count = 0;
  let sum = 0;
  const buckets = bounds.map((bound, i) => {
    const inBucket = one.buckets[i] ?? 0;
    count += inBucket;
    sum += inBucket * (i === 0 ? 1 : 1.5 * 2 ** i) * metric.factor;
    const le = bound === Infinity ? '+Inf' : bound;
    return { part: '_bucket', labels: { ...labels, le }, value: count };
  });
  return [...buckets, { part: '_sum', labels, value: sum }, { part: '_count', labels, value: count }];
}

/**
 * A metric that is read when it is scraped. prom-client's own histograms can only be observed value by value, and
 * its counters and gauges take several times as long, to find each value by a hash of its labels. A
 * registry takes whatever has these members.
 */
class ReadMetric {
  /** The registry changes it, where it serves OpenMetrics. */
  name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** How those of a cluster's processes are put together. */
  readonly aggregator: 'sum' | 'average' | 'max';
  readonly #samplesOf: (reading: Reading) => readonly Sample[];
  readonly #read: () => Reading | Promise<Reading>;

  constructor(metric: Metric, name: string, read: () => Reading | Promise<Reading>) {
    this.name = name;
    this.help = metric.meaning;
    this.type = metric.kind === 'level' ? 'gauge' : metric.kind;
    const isLatency = metric.scope === 'latency' && metric.unit === 's';
    this.aggregator = metric.unit === '1' ? 'average' : isLatency ? 'max' : 'sum';
    const bounds = bucketBounds(metric);
    const samplesOf =
      metric.kind === 'histogram'
        ? (one: MetricValue) => histogramSamples(metric, bounds, one)
        : (one: MetricValue) => [{ labels: labelsOf(one), value: one.value }];
    this.#samplesOf = (reading) => (reading.get(metric) ?? []).flatMap(samplesOf);
    this.#read = read;
  }

  async get() {
    const reading = this.#read();
    const values = this.#samplesOf(reading instanceof Promise ? await reading : reading).map(
      ({ part, labels, value }) =>
        part === undefined ? { labels, value } : { metricName: this.name + part, labels, value },
    );
    return { name: this.name, help: this.help, type: this.type, values, aggregator: this.aggregator };
  }

  /** Does nothing: the figures are those of the pools. */
  reset(): void {}
}

/**
 * Registers a metric for every statistic of all pools of the process, those of other threads too: one thread
 * that does it is enough. Figures are read when the registry is scraped, once for all metrics. The histograms alone need
 * watchHistograms(), which runs meanwhile for this thread. Pools are
 * told apart by the label `pool`, their size classes by `class`, the size of a block in bytes; pools with
 * the same name are shown as one. docs/ALERTS.md has rules for what they show.
 *
 * @returns takes the metrics out of the registry, and ends the sampling, when it is disposed of
 * @throws ERR_SUPERSLAB_OPTION for a wrong option, and what the registry throws when it has a metric of the
 * same name
 * @example
 * collectSuperslab();
 * server.on('request', async (_, response) => response.end(await register.metrics()));
 */
export function collectSuperslab(options: PrometheusOptions = {}): Disposable {
  checkOptions('collectSuperslab()', options, CHECKS);
  const { prefix = 'superslab_', histograms = true, memoryFacts = false } = options;
  const register = (options.register ?? prometheus.register) as Registry;
  const reader = new MetricReader();
  const readPools = shared(() => reader.read());
  const readKernel = shared(readMemory);
  const wanted = [
    ...metrics.map((metric) => [metric, readPools] as const),
    ...(memoryFacts ? memoryMetrics.map((metric) => [metric, readKernel] as const) : []),
  ];
  const own = new Map<string, PrometheusMetric>();
  const sampling = histograms ? watchHistograms() : undefined;
  const registered = {
    [Symbol.dispose]() {
      sampling?.[Symbol.dispose]();
      for (const [name, metric] of own) {
        // The registry may have been cleared since, and filled by another call.
        if (register.getSingleMetric === undefined || register.getSingleMetric(name) === metric)
          register.removeSingleMetric(name);
      }
      own.clear();
    },
  };
  try {
    for (const [metric, read] of wanted) {
      const name = `${prefix}${nameOf(metric)}`;
      const readMetric = new ReadMetric(metric, name, read) as unknown as PrometheusMetric;
      register.registerMetric(readMetric);
      own.set(name, readMetric);
    }
  } catch (error) {
    registered[Symbol.dispose]();
    throw error;
  }
  return registered;
}
