/**
 * superslab/opentelemetry: the statistics as observable instruments.
 *
 * @packageDocumentation
 */
import type { BatchObservableResult, Meter, Observable } from '@opentelemetry/api';
import { aFlag, checkOptions } from './addon/option-checks.js';
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

const telemetry = requirePeer<typeof import('@opentelemetry/api')>(
  '@opentelemetry/api',
  'superslab/opentelemetry',
);

export interface OpenTelemetryOptions {
  /** Whose instruments they are; by default the meter "superslab" of the global provider. */
  meter?: Meter;
  /** Whether leases are sampled for the histograms, 50 times a second; true by default. */
  histograms?: boolean;
  /**
   * Whether the kernel is asked at each collection how much of the pools' memory is resident, in huge pages, swapped
   * out, and on which node; false by default. That is a call of `memoryFacts()`: 2 ms of a thread of libuv's pool,
   * and 30 ms more for each GiB that does not lie in huge pages, while page faults of other threads may
   * wait. Collect no more often than every few seconds. Without /proc/self/smaps there are none of these, and a warning.
   */
  memoryFacts?: boolean;
}

const CHECKS = {
  meter: (value: unknown) =>
    typeof (value as Partial<Meter> | null)?.addBatchObservableCallback === 'function'
      ? undefined
      : 'a Meter of @opentelemetry/api',
  histograms: aFlag,
  memoryFacts: aFlag,
};

/** Its name without a unit that is told apart. */
const stemOf = ({ name, unit }: Metric): string =>
  unit.startsWith('{') ? name : name.replace(/_(bytes|seconds)$/, '');

/** Stems of two metrics, which are told from each other by their units. */
const shared = new Set(metrics.map(stemOf).filter((stem, i, stems) => stems.indexOf(stem) !== i));

/** "superslab.class.in_use_blocks", "superslab.objects.idle", "superslab.file.blocks", "superslab.file.undurable_bytes". */
function nameOf(metric: Metric): string {
  const { name, scope } = metric;
  const stem = stemOf(metric);
  const own = shared.has(stem) ? name : stem;
  const group = scope === 'objects' || scope === 'file' ? scope : 'class';
  return `superslab.${scope === group ? own.replace(`${group}_`, `${group}.`) : own}`;
}

function attributesOf({ pool, blockBytes, node }: MetricValue): Record<string, string | number> {
  const attributes: Record<string, string | number> = {};
  if (pool !== undefined) attributes['superslab.pool'] = pool;
  if (blockBytes !== undefined) attributes['superslab.block_bytes'] = blockBytes;
  if (node !== undefined) attributes['superslab.node'] = node;
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

function makeInstrument(meter: Meter, metric: Metric): Observable {
  // Of a histogram, leases are counted.
  const unit = metric.kind === 'histogram' ? '{leases}' : metric.unit;
  const options = { description: metric.meaning, unit };
  return metric.kind === 'level'
    ? meter.createObservableGauge(nameOf(metric), options)
    : meter.createObservableCounter(nameOf(metric), options);
}

type Tell = (reading: ReadonlyMap<Metric, readonly MetricValue[]>) => void;

/** Has `read` tell the values of `wanted` at each collection, until what it returns is called. */
function observe(meter: Meter, wanted: readonly Metric[], read: (tell: Tell) => void | Promise<void>) {
  const instruments = new Map(wanted.map((metric) => [metric, makeInstrument(meter, metric)]));
  const callback = (result: BatchObservableResult) =>
    read((reading) => {
      for (const [metric, values] of reading) {
        const instrument = instruments.get(metric)!;
        for (const one of values) {
          if (metric.kind === 'histogram') observeBuckets(result, instrument, metric, one);
          else result.observe(instrument, one.value, attributesOf(one));
        }
      }
    });
  const observed = [...instruments.values()];
  meter.addBatchObservableCallback(callback, observed);
  return () => meter.removeBatchObservableCallback(callback, observed);
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
 * @throws ERR_SUPERSLAB_OPTION for a wrong option
 */
export function observeSuperslab(options: OpenTelemetryOptions = {}): Disposable {
  checkOptions('observeSuperslab()', options, CHECKS);
  const { meter = telemetry.metrics.getMeter('superslab'), histograms = true, memoryFacts = false } = options;
  const reader = new MetricReader();
  const ends = [
    observe(meter, metrics, (tell) => tell(reader.read())),
    ...(memoryFacts ? [observe(meter, memoryMetrics, async (tell) => tell(await readMemory()))] : []),
  ];
  const sampling = histograms ? watchHistograms() : undefined;
  return {
    [Symbol.dispose]() {
      sampling?.[Symbol.dispose]();
      for (const end of ends) end();
    },
  };
}
