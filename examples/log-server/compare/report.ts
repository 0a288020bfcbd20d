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

const RESTART = '/tail after kill -9';

/** What superslab is compared with. */
const PEERS = MEMORY_KINDS.filter((kind) => kind !== 'superslab');
type Peer = Exclude<MemoryKind, 'superslab'>;

/** A line of the result, in the shape that the benchmarks print too. */
export interface Row {
  case: string;
  unit: string;
  superslab: number;
  peers: Record<Peer, number>;
  /** How many times better superslab is; below 1 it is worse. null where the peer has something and superslab nothing. */
  ratios: Record<Peer, number | null>;
}

/** The medians of all rounds; of throughputs, those of all parts of all rounds. */
export function summarize(results: Record<MemoryKind, LaneResult[]>, bytesPerLine: number): Row[] {
  return MEASURES.map((measure) => {
    const of = (lanes: LaneResult[]) => median(lanes.flatMap((lane) => measure.values(lane, bytesPerLine)));
    const superslab = of(results.superslab);
    const row: Row = { case: measure.name, unit: measure.unit, superslab, peers: {}, ratios: {} } as Row;
    for (const peer of PEERS) {
      row.peers[peer] = of(results[peer]);
      row.ratios[peer] = timesBetter(superslab, row.peers[peer], measure.better);
    }
    return row;
  });
}

/** How long a server takes to answer /tail after it was killed, in ms. */
export function restartRow(ms: Record<MemoryKind, number>): Row {
  const { superslab } = ms;
  const row: Row = { case: RESTART, unit: 'ms', superslab, peers: {}, ratios: {} } as Row;
  for (const peer of PEERS) {
    row.peers[peer] = ms[peer];
    row.ratios[peer] = timesBetter(superslab, ms[peer], 'less');
  }
  return row;
}

function timesBetter(superslab: number, peer: number, better: Measure['better']): number | null {
  const [good, bad] = better === 'more' ? [superslab, peer] : [peer, superslab];
  if (good === bad) return 1;
  return bad === 0 ? null : good / bad;
}

/** The rows as a table for people. After a peer: how many times better superslab is. */
export function renderTable(rows: Row[]): string {
  const cells = [
    ['', '', 'superslab', ...PEERS.flatMap((peer) => [peer, ''])],
    ...rows.map((row, index) => {
      const digits = MEASURES[index]?.digits ?? 1;
      return [
        row.case,
        row.unit,
        format(row.superslab, digits),
        ...PEERS.flatMap((peer) => [format(row.peers[peer], digits), times(row.ratios[peer])]),
      ];
    }),
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

function times(ratio: number | null): string {
  return ratio === null ? 'all' : `${ratio.toFixed(2)}x`;
}

function format(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
