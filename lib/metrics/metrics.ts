// The statistics as the exporters show them: names and values, from the one list (native/heap/stats.def).

import { facts } from '../addon/environment.js';
import type { Histogram, MemoryFacts } from '../addon/figures.js';
import type { StatisticRow } from '../addon/rows.js';
import type { PoolStats } from '../stats/pool-stats.js';
import { memoryFacts, poolStats } from '../stats/process-stats.js';

/** One statistic, with a value for each pool or for each size class of each pool. */
export interface Metric {
  /** In words with underscores, in base units and with the unit at its end: "class_in_use_blocks". */
  readonly name: string;
  readonly kind: 'counter' | 'level' | 'histogram';
  /** "By", "s", "1", or what is counted in braces; as UCUM has them. */
  readonly unit: string;
  readonly meaning: string;
  readonly scope: StatisticRow['scope'];
  /** Its key in the part of PoolStats that `scope` names. */
  readonly key: string;
  /** From the unit of the statistic to the base unit. */
  readonly factor: number;
}

export interface MetricValue {
  /** undefined: of the whole process. */
  readonly pool: string | undefined;
  /** undefined: of the whole pool. */
  readonly blockBytes: number | undefined;
  /** The kernel's number of the memory node that it is of. */
  readonly node?: number;
  readonly value: number;
  /** Of a histogram: how many fell into each bucket, see bucketBounds(). `value` is their sum. */
  readonly buckets: readonly number[];
}

/** Units that have a base unit; the statistics' names end in `suffix`. All others are counts of things. */
const UNITS: Readonly<Record<string, { suffix: string; base: string; ucum: string; factor: number }>> = {
  bytes: { suffix: 'Bytes', base: 'bytes', ucum: 'By', factor: 1 },
  ns: { suffix: 'Ns', base: 'seconds', ucum: 's', factor: 1e-9 },
  us: { suffix: 'Us', base: 'seconds', ucum: 's', factor: 1e-6 },
  ms: { suffix: 'Ms', base: 'seconds', ucum: 's', factor: 1e-3 },
  ratio: { suffix: 'Rate', base: 'ratio', ucum: '1', factor: 1 },
};

/** What names of a scope begin with. */
const SCOPE_WORDS: Partial<Record<StatisticRow['scope'], string>> = {
  class: 'class',
  latency: 'slow_path',
  memory: 'memory',
  node: 'memory_node',
  objects: 'objects',
  file: 'file',
};

const words = (camel: string) => camel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function metricOf({ scope, kind, name, unit, meaning }: StatisticRow): Metric {
  const known = UNITS[unit];
  // "count" alone says nothing: calls, blocks.
  const said = name === 'count' ? unit : name;
  const hasUnit = known !== undefined && said.toLowerCase().endsWith(known.suffix.toLowerCase());
  const stem = hasUnit ? said.slice(0, -known.suffix.length) : said;
  const isHistogram = scope === 'histogram';
  return {
    name: [SCOPE_WORDS[scope], words(stem), known?.base].filter((part) => part).join('_'),
    kind: isHistogram ? 'histogram' : kind,
    unit: known?.ucum ?? `{${unit}}`,
    meaning: `${meaning[0]!.toUpperCase()}${meaning.slice(1)}`,
    scope,
    key: name,
    factor: known?.factor ?? 1,
  };
}

const all: readonly Metric[] = facts.statistics.map(metricOf);
const isOfMemory = ({ scope }: Metric) => scope === 'memory' || scope === 'node';
/** Every statistic that pools count. */
export const metrics: readonly Metric[] = all.filter((metric) => !isOfMemory(metric));
/** What the kernel says of their memory: see readMemory(). */
export const memoryMetrics: readonly Metric[] = all.filter(isOfMemory);
const processMetrics = metrics.filter(({ scope }) => scope === 'process');
const poolMetrics = metrics.filter(({ scope }) => scope !== 'process');

/**
 * The largest value that each bucket of a histogram counts, in base units; the last one counts whatever is above the
 * one before. Sizes are whole bytes, so that 4,096 bytes are more than a bucket that ends there holds.
 */
export function bucketBounds({ unit, factor }: Metric): number[] {
  const bound = (power: number) => (unit === 'By' ? 2 ** power - 1 : 2 ** power) * factor;
  // Without the digits that a product of binary fractions brings.
  return Array.from({ length: 32 }, (_, i) => (i === 31 ? Infinity : Number(bound(i + 1).toPrecision(12))));
}

/** Shares cannot be summed: for pools of one name, they are weighed by what they are shares of. */
const WEIGHTS: Readonly<Record<string, string>> = {
  hitRate: 'acquires',
  failureRate: 'acquires',
  use: 'maxBytes',
  utilization: 'committedBytes',
  fragmentation: 'committedBytes',
  internalWaste: 'acquires',
  occupancy: 'slabBlocks',
};

/** One figure of one pool. */
interface Figure {
  readonly metric: Metric;
  readonly blockBytes: number | undefined;
  /** One number, or those of a histogram's buckets. */
  values: readonly number[];
  /** Of a share. */
  weight: number;
}

/** Figures by what they are of: the same key in all pools. */
type Figures = Map<string, Figure>;

function figuresOf(pool: PoolStats, wanted: readonly Metric[]): Figures {
  const figures: Figures = new Map();
  const add = (metric: Metric, from: object, blockBytes?: number) => {
    const part = from as Record<string, number | Histogram | undefined>;
    const value = part[metric.key];
    if (value === undefined) return;
    figures.set(`${metric.name} ${blockBytes}`, {
      metric,
      blockBytes,
      values: typeof value === 'number' ? [value] : value.buckets,
      weight: Number(part[WEIGHTS[metric.key] ?? ''] ?? 1),
    });
  };
  for (const metric of wanted) {
    if (metric.scope === 'class') for (const one of pool.classes) add(metric, one, one.blockBytes);
    else if (metric.scope === 'objects') add(metric, pool.objects ?? {});
    else if (metric.scope === 'file') add(metric, pool.file ?? {});
    else add(metric, metric.scope === 'latency' ? pool.slow : pool);
  }
  return figures;
}

const eachOf = (one: readonly number[], other: readonly number[], join: (a: number, b: number) => number) =>
  one.map((value, i) => join(value, other[i] ?? 0));

/** The figures of pools with one name as one. */
function combined(sum: Figure, figure: Figure): Figure {
  const { metric } = sum;
  // Neither of latencies nor of times of day is a sum of any use.
  if (metric.kind === 'level' && metric.unit === 's') {
    return { ...sum, values: eachOf(sum.values, figure.values, Math.max) };
  }
  if (metric.unit !== '1') return { ...sum, values: eachOf(sum.values, figure.values, (a, b) => a + b) };
  const weight = sum.weight + figure.weight;
  const share = (a: number, b: number) => (weight > 0 ? (a * sum.weight + b * figure.weight) / weight : a);
  return { ...sum, values: eachOf(sum.values, figure.values, share), weight };
}

/** Pools with one name, which are shown as one: whoever scrapes knows them by it. */
class Group {
  /** What each pool's counters were when they were read last. */
  #last = new Map<unknown, Figures>();
  /** The counters as they were shown. */
  readonly #counters = new Map<string, readonly number[]>();

  /** The sums over `members`, except for counters: those are everything that was counted so far. */
  read(members: Iterable<readonly [identity: unknown, figures: Figures]>): Iterable<Figure> {
    const sums: Figures = new Map();
    const last = this.#last;
    this.#last = new Map();
    for (const [identity, figures] of members) {
      this.#last.set(identity, figures);
      for (const [key, figure] of figures) {
        if (figure.metric.kind !== 'level') this.#count(key, figure, last.get(identity)?.get(key)?.values);
        const sum = sums.get(key);
        sums.set(key, sum === undefined ? figure : combined(sum, figure));
      }
    }
    return [...sums].map(([key, sum]) => ({ ...sum, values: this.#counters.get(key) ?? sum.values }));
  }

  #count(key: string, figure: Figure, before: readonly number[] = []): void {
    figure.values = eachOf(figure.values, before, Math.max);
    const grown = eachOf(figure.values, before, (now, then) => now - then);
    this.#counters.set(
      key,
      eachOf(grown, this.#counters.get(key) ?? [], (more, sum) => sum + more),
    );
  }
}

/**
 * Reads the metrics again and again, so that counters never fall: sums of what running threads write may be
 * behind those of a moment ago, and of pools with one name some close before others. Whoever takes a
 * rate would see a restart from zero, and a peak that never was.
 */
export class MetricReader {
  readonly #process = new Group();
  readonly #groups = new Map<string, Group>();

  /** The values of every metric, of all pools of the process; a metric without any is absent. */
  read(): ReadonlyMap<Metric, readonly MetricValue[]> {
    const out = new Map<Metric, MetricValue[]>();
    const add = (pool: string | undefined, { metric, blockBytes, values }: Figure) => {
      const all = out.get(metric) ?? [];
      if (all.length === 0) out.set(metric, all);
      const sum = values.reduce((total, value) => total + value, 0);
      const isHistogram = metric.kind === 'histogram';
      all.push({ pool, blockBytes, value: isHistogram ? sum : sum * metric.factor, buckets: values });
    };
    const pools = new Map<string, PoolStats[]>();
    for (const pool of poolStats()) pools.set(pool.name, [...(pools.get(pool.name) ?? []), pool]);
    for (const name of this.#groups.keys()) if (!pools.has(name)) this.#groups.delete(name);

    for (const [any] of pools.values()) {
      const figures = [[undefined, figuresOf(any!, processMetrics)]] as const;
      for (const figure of this.#process.read(figures)) add(undefined, figure);
      break; // they all say the same
    }
    for (const [name, members] of pools) {
      const group = this.#groups.get(name) ?? new Group();
      this.#groups.set(name, group);
      const figures = members.map((pool) => [pool.heapId, figuresOf(pool, poolMetrics)] as const);
      for (const figure of group.read(figures)) add(name, figure);
    }
    return out;
  }
}

/** One warning a thread, whoever exports. */
let isWarned = false;

/**
 * The values of the memoryMetrics; none, with a warning once, where memoryFacts() fails: other metrics are
 * worth having without them.
 */
export async function readMemory(): Promise<ReadonlyMap<Metric, readonly MetricValue[]>> {
  const values = new Map<Metric, readonly MetricValue[]>();
  let found: MemoryFacts;
  try {
    found = await memoryFacts();
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    if (!isWarned)
      process.emitWarning(`${message} (so there are no metrics of it)`, 'SuperslabWarning', code);
    isWarned = true;
    return values;
  }
  for (const metric of memoryMetrics) {
    const valueIn = (from: object): MetricValue => ({
      pool: undefined,
      blockBytes: undefined,
      value: (from as Record<string, number>)[metric.key]! * metric.factor,
      buckets: [],
    });
    values.set(
      metric,
      metric.scope === 'node'
        ? found.nodes.map((one) => ({ ...valueIn(one), node: one.node }))
        : [valueIn(found)],
    );
  }
  return values;
}
