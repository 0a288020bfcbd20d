import { MEMORY_KINDS, type MemoryKind } from '../memory/memory.js';
import type { TrialResult } from './trial.js';

const MIB = 1024 * 1024;

interface Measure {
  name: string;
  unit: string;
  better: 'more' | 'less';
  digits: number;
  value(result: TrialResult): number;
}

/** What is printed, in this order. */
const MEASURES: Measure[] = [
  { name: 'throughput', unit: 'lines/s', better: 'more', digits: 0, value: (r) => r.linesPerSecond },
  { name: 'throughput', unit: 'MB/s', better: 'more', digits: 1, value: (r) => r.bytesPerSecond / 1e6 },
  { name: 'latency p50', unit: 'ms', better: 'less', digits: 3, value: (r) => r.p50 },
  { name: 'latency p99', unit: 'ms', better: 'less', digits: 3, value: (r) => r.p99 },
  { name: 'latency p99.9', unit: 'ms', better: 'less', digits: 3, value: (r) => r.p999 },
  { name: 'RSS peak', unit: 'MiB', better: 'less', digits: 1, value: (r) => r.rssPeak / MIB },
  { name: 'RSS after idle', unit: 'MiB', better: 'less', digits: 1, value: (r) => r.rssIdle / MIB },
  { name: 'RSS at start', unit: 'MiB', better: 'less', digits: 1, value: (r) => r.rssStart / MIB },
  {
    name: 'external memory peak',
    unit: 'MiB',
    better: 'less',
    digits: 1,
    value: (r) => r.externalPeak / MIB,
  },
  { name: 'page faults', unit: 'count', better: 'less', digits: 0, value: (r) => r.minorFaults },
  { name: 'minor GCs', unit: 'count', better: 'less', digits: 0, value: (r) => r.minorGcs },
  { name: 'major GCs', unit: 'count', better: 'less', digits: 0, value: (r) => r.majorGcs },
  { name: 'GC pause, total', unit: 'ms', better: 'less', digits: 1, value: (r) => r.gcPause },
  { name: 'processor time', unit: 'ms', better: 'less', digits: 0, value: (r) => r.cpu },
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

/** The medians of all rounds. */
export function summarize(results: Record<MemoryKind, TrialResult[]>): Row[] {
  return MEASURES.map((measure) => {
    const superslab = median(results.superslab.map(measure.value));
    const plain = median(results.plain.map(measure.value));
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
