/**
 * superslab/opentelemetry: the statistics as observable instruments.
 *
 * @packageDocumentation
 */
import type { BatchObservableResult, Meter, Observable } from '@opentelemetry/api';
import { makeError, show } from './errors.js';
import { type Metric, MetricReader, type MetricValue, metrics } from './metrics.js';
import { requirePeer } from './peer.js';

const telemetry = requirePeer<typeof import('@opentelemetry/api')>(
  '@opentelemetry/api',
  'superslab/opentelemetry',
);

export interface OpenTelemetryOptions {
  /** Whose instruments they are; by default the meter "superslab" of the global provider. */
  meter?: Meter;
}

/** "superslab.class.in_use_blocks"; a unit that is told apart does not stand in the name too. */
function nameOf({ name, scope, unit }: Metric): string {
  const stem = unit.startsWith('{') ? name : name.replace(/_(bytes|seconds|ratio)$/, '');
  return `superslab.${scope === 'class' ? stem.replace('class_', 'class.') : stem}`;
}

function attributesOf({ pool, blockBytes }: MetricValue): Record<string, string | number> {
  const attributes: Record<string, string | number> = {};
  if (pool !== undefined) attributes['superslab.pool'] = pool;
  if (blockBytes !== undefined) attributes['superslab.block_bytes'] = blockBytes;
  return attributes;
}

/**
 * Makes an observable counter or gauge for every statistic of the pools of this thread and of the default
 * pool, which is counted over all threads. Figures are read when a metric reader collects, once for
 * all instruments. Attributes: `superslab.pool`, the name of the pool, and `superslab.block_bytes`, the
 * block's size of a size class; pools with the same name are shown as one.
 *
 * With the default meter, call it after the meter provider was set.
 *
 * @returns ends the observation when it is disposed of
 * @throws ERR_SUPERSLAB_ARGUMENT when `meter` is none
 */
export function observeSuperslab(options: OpenTelemetryOptions = {}): Disposable {
  const { meter = telemetry.metrics.getMeter('superslab') } = options;
  if (typeof meter?.addBatchObservableCallback !== 'function') {
    throw makeError(
      'ERR_SUPERSLAB_ARGUMENT',
      `meter must be a Meter of @opentelemetry/api, got ${show(meter)}`,
      TypeError,
    );
  }
  const instruments = new Map<Metric, Observable>(
    metrics.map((metric) => {
      const options = { description: metric.meaning, unit: metric.unit };
      return [
        metric,
        metric.counter
          ? meter.createObservableCounter(nameOf(metric), options)
          : meter.createObservableGauge(nameOf(metric), options),
      ];
    }),
  );
  const reader = new MetricReader();
  const observe = (result: BatchObservableResult) => {
    for (const [metric, values] of reader.read()) {
      for (const one of values) result.observe(instruments.get(metric)!, one.value, attributesOf(one));
    }
  };
  const observed = [...instruments.values()];
  meter.addBatchObservableCallback(observe, observed);
  return {
    [Symbol.dispose]() {
      meter.removeBatchObservableCallback(observe, observed);
    },
  };
}
