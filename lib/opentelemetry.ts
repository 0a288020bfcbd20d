/**
 * superslab/opentelemetry: the statistics as observable instruments.
 *
 * @packageDocumentation
 */
import type { BatchObservableResult, Meter, Observable } from '@opentelemetry/api';
import { makeError, show } from './errors.js';
import { watchHistograms } from './measure/lease-sampling.js';
import { bucketBounds, type Metric, MetricReader, type MetricValue, metrics } from './metrics/metrics.js';
import { requirePeer } from './metrics/peer.js';

const telemetry = requirePeer<typeof import('@opentelemetry/api')>(
  '@opentelemetry/api',
  'superslab/opentelemetry',
);

export interface OpenTelemetryOptions {
  /** Whose instruments they are; by default the meter "superslab" of the global provider. */
  meter?: Meter;
  /** Whether leases are sampled for the histograms, 50 times a second; true by default. */
  histograms?: boolean;
}

/** "superslab.class.in_use_blocks"; a unit that is told apart does not stand in the name too. */
function nameOf({ name, scope, unit }: Metric): string {
  const stem = unit.startsWith('{') ? name : name.replace(/_(bytes|seconds)$/, '');
  return `superslab.${scope === 'class' ? stem.replace('class_', 'class.') : stem}`;
}

function attributesOf({ pool, blockBytes }: MetricValue): Record<string, string | number> {
  const attributes: Record<string, string | number> = {};
  if (pool !== undefined) attributes['superslab.pool'] = pool;
  if (blockBytes !== undefined) attributes['superslab.block_bytes'] = blockBytes;
  return attributes;
}

/** There are no observable histograms: a counter for each bucket, told apart by the largest value that it counts. */
function observeBuckets(
  result: BatchObservableResult,
  instrument: Observable,
  metric: Metric,
  one: MetricValue,
): void {
  for (const [i, bound] of bucketBounds(metric).entries()) {
    const attributes = { ...attributesOf(one), 'superslab.le': bound === Infinity ? '+Inf' : String(bound) };
    result.observe(instrument, one.buckets[i] ?? 0, attributes);
  }
}

/**
 * Makes an observable counter or gauge for every statistic of all pools of the process, those of other threads
 * too: one thread that does it is enough. Figures are read when a metric reader collects, once for all
 * instruments. The histograms alone need watchHistograms(), which runs meanwhile for this thread. Attributes: `superslab.pool`, the name of the pool, and `superslab.block_bytes`, the size of
 * a block of a size class; pools with the same name are shown as one. A histogram is a counter with the
 * attribute `superslab.le`, the largest value that a bucket counts; its buckets are not cumulative.
 *
 * With the default meter, call it after the meter provider was set.
 *
 * @returns ends the observation when it is disposed of
 * @throws ERR_SUPERSLAB_ARGUMENT when `meter` is none
 */
export function observeSuperslab(options: OpenTelemetryOptions = {}): Disposable {
  const { meter = telemetry.metrics.getMeter('superslab'), histograms = true } = options;
  if (typeof meter?.addBatchObservableCallback !== 'function') {
    throw makeError(
      'ERR_SUPERSLAB_ARGUMENT',
      `meter must be a Meter of @opentelemetry/api, got ${show(meter)}`,
      TypeError,
    );
  }
  const instruments = new Map<Metric, Observable>(
    metrics.map((metric) => {
      // Of a histogram, leases are counted.
      const unit = metric.kind === 'histogram' ? '{leases}' : metric.unit;
      const options = { description: metric.meaning, unit };
      return [
        metric,
        metric.kind === 'level'
          ? meter.createObservableGauge(nameOf(metric), options)
          : meter.createObservableCounter(nameOf(metric), options),
      ];
    }),
  );
  const reader = new MetricReader();
  const observe = (result: BatchObservableResult) => {
    for (const [metric, values] of reader.read()) {
      for (const one of values) {
        if (metric.kind === 'histogram') observeBuckets(result, instruments.get(metric)!, metric, one);
        else result.observe(instruments.get(metric)!, one.value, attributesOf(one));
      }
    }
  };
  const observed = [...instruments.values()];
  meter.addBatchObservableCallback(observe, observed);
  const sampling = histograms ? watchHistograms() : undefined;
  return {
    [Symbol.dispose]() {
      sampling?.[Symbol.dispose]();
      meter.removeBatchObservableCallback(observe, observed);
    },
  };
}
