import { MEMORY_KINDS, type MemoryKind } from '../memory/memory.js';
import type { LaneResult } from './lane.js';

const MIB = 1024 * 1024;

interface Measure {
  name: string;
  unit: string;
  better: 'more' | 'less';
  digits: number;
  /** A value for each round, or several. */
  values(result: LaneResult, bytesPerLine: number): number[];
}

function less(name: string, unit: string, digits: number, value: (result: LaneResult) => number): Measure {
  return { name, unit, better: 'less', digits, values: (result) => [value(result)] };
}

/** What is printed, in this order. */
const MEASURES: Measure[] = [
  {
    name: 'throughput',
    unit: 'lines/s',
    better: 'more',
    digits: 0,
    values: ({ floods }) => floods.map(({ linesPerSecond }) => linesPerSecond),
  },
  {
    name: 'throughput',
    unit: 'MB/s',
    better: 'more',
    digits: 1,
    values: ({ floods }, bytesPerLine) =>
      floods.map(({ linesPerSecond }) => (linesPerSecond * bytesPerLine) / 1e6),
  },
  less('latency p50', 'ms', 3, ({ p50 }) => p50),
  less('latency p99', 'ms', 3, ({ p99 }) => p99),
  less('latency p99.9', 'ms', 3, ({ p999 }) => p999),
  less('RSS peak', 'MiB', 1, ({ rssPeak }) => rssPeak / MIB),
  less('RSS after idle', 'MiB', 1, ({ rssIdle }) => rssIdle / MIB),
  less('RSS at start', 'MiB', 1, ({ rssStart }) => rssStart / MIB),
  less('external memory peak', 'MiB', 1, ({ externalPeak }) => externalPeak / MIB),
  less('page faults', 'count', 0, ({ minorFaults }) => minorFaults),
  less('minor GCs', 'count', 0, ({ minorGcs }) => minorGcs),
  less('major GCs', 'count', 0, ({ majorGcs }) => majorGcs),
  less('GC pause, total', 'ms', 1, ({ gcPause }) => gcPause),
  less('processor time', 'ms', 0, ({ cpu }) => cpu),
];

/** A line of the result, in the shape that the benchmarks print too. */
export interface Row {
  case: string;
  unit: string;
  superslab: number;
  peers: { plain: number };
  /** How many times better superslab is; below 1 it is worse. null where plain has something and superslab nothing. */
  ratio: number | null;
}

/** The medians of all rounds; of throughputs, those of all parts of all rounds. */
export function summarize(results: Record<MemoryKind, LaneResult[]>, bytesPerLine: number): Row[] {
  return MEASURES.map((measure) => {
    const of = (lanes: LaneResult[]) => median(lanes.flatMap((lane) => measure.values(lane, bytesPerLine)));
    const superslab = of(results.superslab);
    const plain = of(results.plain);
    const [good, bad] = measure.better === 'more' ? [superslab, plain] : [plain, superslab];
    const ratio = good === bad ? 1 : bad === 0 ? null : good / bad;
    return { case: measure.name, unit: measure.unit, superslab, peers: { plain }, ratio };
  });
}

/** The rows as a table for people. */
export function renderTable(rows: Row[]): string {
  const cells = [
    ['', '', ...MEMORY_KINDS, 'better by'],
    ...rows.map((row, index) => [
      row.case,
      row.unit,
      format(row.superslab, MEASURES[index]!.digits),
      format(row.peers.plain, MEASURES[index]!.digits),
      row.ratio === null ? 'all' : `${row.ratio.toFixed(2)}x`,
    ]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  return lines.join('\n');
}

function format(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
