import type { BenchOptions } from './options.js';

/** One line of a result. Every figure of a row is in `unit`, and less is better. */
export interface Row {
  readonly case: string;
  readonly unit: string;
  readonly superslab: number;
  readonly peers: Readonly<Record<string, number>>;
  /** What the work costs without what is measured; the benchmark's notes say what that is. */
  readonly baseline?: number;
}

/** A row, and how far the rounds of superslab's figure lay apart (support/numbers.ts), for the table. */
export interface MeasuredRow extends Row {
  readonly spread?: number;
}

/** Prints a result: JSON of exactly { bench, node, rows }, or a table with ratios for people. */
export function print(
  bench: string,
  rows: readonly MeasuredRow[],
  options: BenchOptions,
  notes: string[] = [],
) {
  if (options.json) {
    const plain = rows.map(({ spread: _, ...row }) => row);
    process.stdout.write(`${JSON.stringify({ bench, node: process.versions.node, rows: plain }, null, 2)}\n`);
    return;
  }
  process.stdout.write(`${bench}, Node ${process.versions.node}${options.quick ? ', --quick' : ''}\n\n`);
  process.stdout.write(`${table(rows)}\n`);
  process.stdout.write(
    '\nLess is better. "x baseline": superslab / baseline. After a peer: peer / superslab.\n',
  );
  if (rows.some((row) => row.spread)) {
    process.stdout.write('±: half the distance between the quartiles of the rounds.\n');
  }
  for (const note of notes) process.stdout.write(`${note}\n`);
}

function table(rows: readonly MeasuredRow[]): string {
  const peers = [...new Set(rows.flatMap((row) => Object.keys(row.peers)))];
  const hasBaseline = rows.some((row) => row.baseline !== undefined);
  const header = ['case', 'unit', 'superslab', '±'];
  if (hasBaseline) header.push('baseline', 'x baseline');
  for (const peer of peers) header.push(peer, '');
  const lines = rows.map((row) => {
    const cells = [row.case, row.unit, figure(row.superslab)];
    cells.push(row.spread ? `${Math.round(row.spread * 100)} %` : '');
    if (hasBaseline) cells.push(figure(row.baseline), ratio(row.superslab, row.baseline));
    for (const peer of peers) cells.push(figure(row.peers[peer]), ratio(row.peers[peer], row.superslab));
    return cells;
  });
  const widths = header.map((_, i) => Math.max(...[header, ...lines].map((cells) => cells[i]!.length)));
  const rule = widths.map((width) => '-'.repeat(width));
  return [header, rule, ...lines]
    .map((cells) =>
      cells.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
    )
    .map((line) => line.trimEnd())
    .join('\n');
}

function figure(value: number | undefined): string {
  if (value === undefined) return '';
  const digits = value === 0 || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function ratio(value: number | undefined, base: number | undefined): string {
  if (value === undefined || base === undefined || base === 0) return '';
  const times = value / base;
  return `${times >= 100 ? Math.round(times) : times.toFixed(times >= 10 ? 1 : 2)}x`;
}
