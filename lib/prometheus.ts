/**
 * superslab/prometheus: the statistics for prom-client.
 *
 * @packageDocumentation
 */
import type { Registry } from 'prom-client';
import { makeError, show } from './errors.js';
import { type Metric, MetricReader, type MetricValue, metrics } from './metrics.js';
import { requirePeer } from './peer.js';

const prometheus = requirePeer<typeof import('prom-client')>('prom-client', 'superslab/prometheus');

export interface PrometheusOptions {
  /** Where the metrics are registered; prom-client's global `register` by default. */
  register?: Pick<Registry, 'registerMetric' | 'removeSingleMetric'>;
  /** What their names begin with; "superslab_" by default. */
  prefix?: string;
}

/** The metric's name for Prometheus, without prefix. */
const nameOf = ({ name, counter }: Metric) => (counter ? `${name}_total` : name);

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

function registerMetric(
  metric: Metric,
  name: string,
  register: Registry,
  values: () => readonly MetricValue[],
): void {
  const config = { name, help: metric.meaning, labelNames: labelNamesOf(metric), registers: [register] };
  if (metric.counter) {
    new prometheus.Counter({
      ...config,
      collect() {
        this.reset();
        for (const one of values()) this.inc(labelsOf(one), one.value);
      },
    });
  } else {
    new prometheus.Gauge({
      ...config,
      collect() {
        this.reset();
        for (const one of values()) this.set(labelsOf(one), one.value);
      },
    });
  }
}

/**
 * Registers a metric for every statistic of the pools of this thread and of the default pool, which is counted
 * over all threads. Figures are read when the registry is scraped, once for all metrics; nothing is
 * done between scrapes. Pools are told apart by the label `pool`, their size classes by `class`, the size of
 * a block in bytes; pools with the same name are shown as one.
 *
 * @returns takes the metrics out of the registry when it is disposed of
 * @throws ERR_SUPERSLAB_ARGUMENT for a wrong option, and what the registry throws when it has a metric of the
 * same name
 * @example
 * collectSuperslab();
 * server.on('request', async (_, response) => response.end(await register.metrics()));
 */
export function collectSuperslab(options: PrometheusOptions = {}): Disposable {
  checkOptions(options);
  const { prefix = 'superslab_' } = options;
  const register = (options.register ?? prometheus.register) as Registry;
  const reading = sharedReading();
  const names: string[] = [];
  const registered = {
    [Symbol.dispose]() {
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
