// The statistics as the exporters show them: names and values, from the one list (native/heap/stats.def).
import type { StatisticRow } from './binding.js';
import { type BufferPool, openPools } from './buffer-pool.js';
import { facts } from './environment.js';
import type { PoolStats } from './pool-stats.js';

/** One statistic, with a value for each pool or for each size class of each pool. */
export interface Metric {
  /** In words with underscores, in base units and with the unit at its end: "class_in_use_blocks". */
  readonly name: string;
  readonly counter: boolean;
  /** "By", "s", "1", or what is counted in braces; as UCUM has them. */
  readonly unit: string;
  readonly meaning: string;
  readonly scope: StatisticRow['scope'];
  /** Its key in PoolStats or ClassStats. */
  readonly key: string;
  /** From the unit of the statistic to the base unit. */
  readonly factor: number;
}

export interface MetricValue {
  /** undefined: of the whole process. */
  readonly pool: string | undefined;
  /** undefined: of the whole pool. */
  readonly blockBytes: number | undefined;
  readonly value: number;
}

/** Units that have a base unit; the statistics' names end in `suffix`. All others are counts of things. */
const UNITS: Readonly<Record<string, { suffix: string; base: string; ucum: string; factor: number }>> = {
  bytes: { suffix: 'Bytes', base: 'bytes', ucum: 'By', factor: 1 },
  ns: { suffix: 'Ns', base: 'seconds', ucum: 's', factor: 1e-9 },
  us: { suffix: 'Us', base: 'seconds', ucum: 's', factor: 1e-6 },
  ms: { suffix: 'Ms', base: 'seconds', ucum: 's', factor: 1e-3 },
  ratio: { suffix: 'Rate', base: 'ratio', ucum: '1', factor: 1 },
};

const words = (camel: string) => camel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function metricOf({ scope, kind, name, unit, meaning }: StatisticRow): Metric {
  const known = UNITS[unit];
  const stem =
    known !== undefined && name.endsWith(known.suffix) ? name.slice(0, -known.suffix.length) : name;
  return {
    name: [...(scope === 'class' ? ['class'] : []), words(stem), ...(known ? [known.base] : [])].join('_'),
    counter: kind === 'counter',
    unit: known?.ucum ?? `{${unit}}`,
    meaning: `${meaning[0]!.toUpperCase()}${meaning.slice(1)}`,
    scope,
    key: name,
    factor: known?.factor ?? 1,
  };
}

/**
 * Every statistic of the list that is one number a pool or class. Not the ratios: those of several
 * pools have no sum, and whoever wants one divides two of the others.
 */
export const metrics: readonly Metric[] = facts.statistics
  .filter(({ scope, unit }) => scope !== 'latency' && scope !== 'histogram' && unit !== 'ratio')
  .map(metricOf);
const processMetrics = metrics.filter(({ scope }) => scope === 'process');
const poolMetrics = metrics.filter(({ scope }) => scope !== 'process');

interface Figure {
  readonly metric: Metric;
  readonly blockBytes: number | undefined;
  value: number;
}

/** Figures by what they are of: the same key in all pools. */
type Figures = Map<string, Figure>;

function figuresOf(stats: PoolStats, wanted: readonly Metric[]): Figures {
  const figures: Figures = new Map();
  const add = (metric: Metric, from: object, blockBytes?: number) => {
    const value = (from as Record<string, unknown>)[metric.key];
    if (typeof value !== 'number') return;
    figures.set(`${metric.name} ${blockBytes}`, { metric, blockBytes, value });
  };
  for (const metric of wanted) {
    if (metric.scope !== 'class') add(metric, stats);
    else for (const one of stats.classes) add(metric, one, one.blockBytes);
  }
  return figures;
}

/** Pools with one name, which are shown as one: whoever scrapes knows them by it. */
class Group {
  /** What each pool's counters were when they were read last. */
  readonly #last = new WeakMap<object, Figures>();
  /** The counters as they were shown. */
  readonly #counters = new Map<string, number>();

  /** The sums over `members`, except for counters: those are everything that was counted so far. */
  read(members: Iterable<readonly [identity: object, figures: Figures]>): Iterable<Figure> {
    const sums: Figures = new Map();
    for (const [identity, figures] of members) {
      const last = this.#last.get(identity);
      this.#last.set(identity, figures);
      for (const [key, figure] of figures) {
        const before = last?.get(key)?.value ?? 0;
        if (figure.metric.counter) {
          figure.value = Math.max(figure.value, before);
          this.#counters.set(key, (this.#counters.get(key) ?? 0) + figure.value - before);
        }
        const sum = sums.get(key);
        if (sum === undefined) sums.set(key, { ...figure });
        else sum.value += figure.value;
      }
    }
    for (const [key, sum] of sums) if (sum.metric.counter) sum.value = this.#counters.get(key)!;
    return sums.values();
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

  /** The values of every metric, of this thread's open pools; a metric without any is absent. */
  read(): ReadonlyMap<Metric, readonly MetricValue[]> {
    const out = new Map<Metric, MetricValue[]>();
    const add = (pool: string | undefined, { metric, blockBytes, value }: Figure) => {
      const values = out.get(metric) ?? [];
      if (values.length === 0) out.set(metric, values);
      values.push({ pool, blockBytes, value: value * metric.factor });
    };
    const pools = new Map<string, (readonly [BufferPool, PoolStats])[]>();
    for (const pool of openPools()) {
      const same = pools.get(pool.name) ?? [];
      if (same.length === 0) pools.set(pool.name, same);
      same.push([pool, pool.stats()]);
    }
    for (const name of this.#groups.keys()) if (!pools.has(name)) this.#groups.delete(name);

    const [anyPool] = pools.values().next().value!; // the default pool is always open
    for (const figure of this.#process.read([[this, figuresOf(anyPool![1], processMetrics)]])) {
      add(undefined, figure);
    }
    for (const [name, members] of pools) {
      const group = this.#groups.get(name) ?? new Group();
      this.#groups.set(name, group);
      const figures = members.map(([pool, stats]) => [pool, figuresOf(stats, poolMetrics)] as const);
      for (const figure of group.read(figures)) add(name, figure);
    }
    return out;
  }
}
