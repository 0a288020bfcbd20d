/**
 * superslab/prometheus: the statistics for prom-client.
 *
 * @packageDocumentation
 */
import type { Metric as PrometheusMetric, Registry } from 'prom-client';
import { makeError, show } from './errors.js';
import { watchHistograms } from './lease-sampling.js';
import { bucketBounds, type Metric, MetricReader, type MetricValue, metrics } from './metrics.js';
import { requirePeer } from './peer.js';

const prometheus = requirePeer<typeof import('prom-client')>('prom-client', 'superslab/prometheus');

export interface PrometheusOptions {
  /** Where the metrics are registered; prom-client's global `register` by default. */
  register?: Pick<Registry, 'registerMetric' | 'removeSingleMetric'>;
  /** What their names begin with; "superslab_" by default. */
  prefix?: string;
  /** Whether leases are sampled for the histograms, 50 times a second; true by default. */
  histograms?: boolean;
}

/** The metric's name for Prometheus, without prefix. */
const nameOf = ({ name, kind }: Metric) => (kind === 'counter' ? `${name}_total` : name);

const labelNamesOf = ({ scope }: Metric) =>
  scope === 'process' ? [] : scope === 'class' ? ['pool', 'class'] : ['pool'];

function labelsOf({ pool, blockBytes }: MetricValue): Record<string, string> {
  const labels: Record<string, string> = {};
  if (pool !== undefined) labels.pool = pool;
  if (blockBytes !== undefined) labels.class = String(blockBytes);
  return labels;
}

/** One reading for all metrics of a scrape: a registry collects them one after the other in one turn. */
function sharedReading(): () => ReturnType<MetricReader['read']> {
  const reader = new MetricReader();
  let reading: ReturnType<MetricReader['read']> | undefined;
  return () => {
    if (reading === undefined) {
      reading = reader.read();
      queueMicrotask(() => {
        reading = undefined;
      });
    }
    return reading;
  };
}

function checkOptions({ register, prefix }: PrometheusOptions): void {
  if (register !== undefined && typeof register?.registerMetric !== 'function') {
    throw makeError(
      'ERR_SUPERSLAB_ARGUMENT',
      `register must be a Registry of prom-client, got ${show(register)}`,
      TypeError,
    );
  }
  if (prefix !== undefined && (typeof prefix !== 'string' || !/^([a-zA-Z_:][\w:]*)?$/.test(prefix))) {
    throw makeError(
      'ERR_SUPERSLAB_ARGUMENT',
      `prefix must be letters, digits, "_" and ":" and not begin with a digit, got ${show(prefix)}`,
      TypeError,
    );
  }
}

/** Cumulative, as Prometheus wants them; their sum is only known as well as the buckets tell. */
function histogramValues(metric: Metric, bounds: readonly number[], one: MetricValue) {
  const labels = labelsOf(one);
  let count = 0;
  let sum = 0;
  const buckets = bounds.map((le, i) => {
    const inBucket = one.buckets[i] ?? 0;
    count += inBucket;
    sum += inBucket * (i === 0 ? 1 : 1.5 * 2 ** i) * metric.factor;
    const bound = le === Infinity ? '+Inf' : le;
    return { metricName: '_bucket', labels: { ...labels, le: bound }, value: count };
  });
  return [
    ...buckets,
    { metricName: '_sum', labels, value: sum },
    { metricName: '_count', labels, value: count },
  ];
}

/** prom-client's own histograms can only be observed value by value; a registry takes whatever has these. */
class ReadHistogram {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly #values: () => ReturnType<typeof histogramValues>;

  constructor(name: string, help: string, values: () => ReturnType<typeof histogramValues>) {
    this.name = name;
    this.help = help;
    this.#values = values;
  }

  async get() {
    const values = this.#values().map((one) => ({ ...one, metricName: `${this.name}${one.metricName}` }));
    return { name: this.name, help: this.help, type: this.type, values, aggregator: this.aggregator };
  }

  /** The counts are those of the pools. */
  reset(): void {}
}

function registerMetric(
  metric: Metric,
  name: string,
  register: Registry,
  values: () => readonly MetricValue[],
): void {
  const config = { name, help: metric.meaning, labelNames: labelNamesOf(metric), registers: [register] };
  if (metric.kind === 'counter') {
    new prometheus.Counter({
      ...config,
      collect() {
        this.reset();
        for (const one of values()) this.inc(labelsOf(one), one.value);
      },
    });
  } else if (metric.kind === 'level') {
    new prometheus.Gauge({
      ...config,
      collect() {
        this.reset();
        for (const one of values()) this.set(labelsOf(one), one.value);
      },
    });
  } else {
    const bounds = bucketBounds(metric);
    const read = () => values().flatMap((one) => histogramValues(metric, bounds, one));
    register.registerMetric(new ReadHistogram(name, metric.meaning, read) as unknown as PrometheusMetric);
  }
}

/**
 * Registers a metric for every statistic of all pools of the process, those of other threads too: one thread
 * that does it is enough. Figures are read when the registry is scraped, once for all metrics. The histograms alone need
 * watchHistograms(), which runs meanwhile for this thread. Pools are
 * told apart by the label `pool`, their size classes by `class`, the size of a block in bytes; pools with
 * the same name are shown as one. docs/ALERTS.md has rules for what they show.
 *
 * @returns takes the metrics out of the registry, and ends the sampling, when it is disposed of
 * @throws ERR_SUPERSLAB_ARGUMENT for a wrong option, and what the registry throws when it has a metric of the
 * same name
 * @example
 * collectSuperslab();
 * server.on('request', async (_, response) => response.end(await register.metrics()));
 */
export function collectSuperslab(options: PrometheusOptions = {}): Disposable {
  checkOptions(options);
  const { prefix = 'superslab_', histograms = true } = options;
  const register = (options.register ?? prometheus.register) as Registry;
  const reading = sharedReading();
  const names: string[] = [];
  const sampling = histograms ? watchHistograms() : undefined;
  const registered = {
    [Symbol.dispose]() {
      sampling?.[Symbol.dispose]();
      for (const name of names) register.removeSingleMetric(name);
    },
  };
  try {
    for (const metric of metrics) {
      const name = `${prefix}${nameOf(metric)}`;
      registerMetric(metric, name, register, () => reading().get(metric) ?? []);
      names.push(name);
    }
  } catch (error) {
    registered[Symbol.dispose]();
    throw error;
  }
  return registered;
}
