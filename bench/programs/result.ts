// From runs to figures: rows for JSON, tables and conclusions for people.
import { median, spread } from '../support/numbers.js';
import type { Comparison } from './comparison.js';
import type { Outcome } from './program.js';

/** A figure under each allocator: the median of its rounds. Less is better. */
export interface Figures {
  readonly unit: string;
  /** null: superslab was not there, or failed. */
  readonly superslab: number | null;
  /** Of superslab's rounds, see support/numbers.ts. */
  readonly spread: number;
  readonly peers: Readonly<Record<string, number>>;
}

/** A program. The figures of the row itself are wall-clock time. */
export interface ProgramRow extends Figures {
  readonly case: string;
  /** User and system time. */
  readonly cpu: Figures;
  readonly rssPeak: Figures;
  /** After the work, of a server. */
  readonly rssEnd?: Figures;
}

type Measure = (outcome: Outcome) => number;

export function rowOf(name: string, { outcomes }: Comparison): ProgramRow {
  const figures = (unit: string, measure: Measure): Figures => {
    const rounds = (allocator: string) => outcomes.get(allocator)?.map(measure) ?? [];
    const ours = rounds('superslab');
    const peers = [...outcomes.keys()].filter((allocator) => allocator !== 'superslab');
    return {
      unit,
      superslab: ours.length === 0 ? null : median(ours),
      spread: spread(ours),
      peers: Object.fromEntries(peers.map((peer) => [peer, median(rounds(peer))])),
    };
  };
  const isServer = [...outcomes.values()].flat().some(({ endRssMib }) => endRssMib !== undefined);
  return {
    case: name,
    ...figures('s', ({ wallSeconds }) => wallSeconds),
    cpu: figures('s', ({ cpuSeconds }) => cpuSeconds),
    rssPeak: figures('MiB', ({ peakRssMib }) => peakRssMib),
    ...(isServer ? { rssEnd: figures('MiB', ({ endRssMib }) => endRssMib ?? 0) } : {}),
  };
}

/** The peer with the least, or undefined. */
function best({ peers }: Figures): readonly [name: string, value: number] | undefined {
  return Object.entries(peers).sort(([, a], [, b]) => a - b)[0];
}

export function tables(rows: readonly ProgramRow[]): string {
  const end = rows.flatMap(({ case: name, rssEnd }) =>
    rssEnd ? [[`${name}, at the end`, rssEnd] as const] : [],
  );
  return [
    table(
      'wall-clock time, s',
      rows.map((row) => [row.case, row]),
    ),
    table(
      'processor time, s',
      rows.map((row) => [row.case, row.cpu]),
    ),
    table('peak RSS, MiB', [...rows.map((row) => [row.case, row.rssPeak] as const), ...end]),
    'Less is better. Medians of the rounds; after a figure its ratio to glibc. x best: superslab / best peer.\n' +
      '±: half the distance between the quartiles of the rounds of superslab.\n',
  ].join('\n');
}

function table(title: string, lines: readonly (readonly [name: string, figures: Figures])[]): string {
  const peers = [...new Set(lines.flatMap(([, figures]) => Object.keys(figures.peers)))];
  const ours = lines.some(([, figures]) => figures.superslab !== null);
  const header = [title, ...(ours ? ['superslab', '', '±', 'x best'] : [])];
  for (const peer of peers) header.push(peer, ...(peer === 'glibc' ? [] : ['']));
  header.push('best peer');
  const body = lines.map(([name, figures]) => {
    const glibc = figures.peers.glibc;
    const cells = [name];
    if (ours) {
      const mine = figures.superslab ?? undefined;
      cells.push(mine === undefined ? 'failed' : digits(mine), ratio(mine, glibc));
      cells.push(
        figures.spread ? `${Math.round(figures.spread * 100)} %` : '',
        ratio(mine, best(figures)?.[1]),
      );
    }
    for (const peer of peers) {
      const value = figures.peers[peer];
      cells.push(value === undefined ? 'failed' : digits(value));
      if (peer !== 'glibc') cells.push(ratio(value, glibc));
    }
    cells.push(best(figures)?.[0] ?? '');
    return cells;
  });
  const widths = header.map((_, i) => Math.max(...[header, ...body].map((cells) => cells[i]!.length)));
  const rule = widths.map((width) => '-'.repeat(width));
  const all = [header, rule, ...body].map((cells) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
  );
  return `${all.map((line) => line.trimEnd()).join('\n')}\n`;
}

const digits = (value: number) => value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);

const ratio = (value: number | undefined, base: number | undefined) =>
  value === undefined || !base ? '' : `${(value / base).toFixed(2)}x`;

const percent = (part: number) => `${(Math.abs(part) * 100).toFixed(1)} %`;

/** What the tables say, in a few lines; `correct` is whether superslab and glibc made no mistake. */
export function summary(
  rows: readonly ProgramRow[],
  comparisons: ReadonlyMap<string, Comparison>,
  hasLibrary: boolean,
): { lines: string[]; correct: boolean } {
  const failures = [...comparisons].flatMap(([program, comparison]) =>
    [...comparison.failures].map(([allocator, why]) => ({ program, allocator, why })),
  );
  const lines = failures.map(
    ({ program, allocator, why }) => `FAILED: ${program} under ${allocator}: ${why}`,
  );
  const ours = failures.filter(({ allocator }) => allocator === 'superslab' || allocator === 'glibc');
  if (hasLibrary) {
    const right = rows.length - new Set(ours.map(({ program }) => program)).size;
    lines.push(
      `Every program correct under superslab: ${verdict(ours.length === 0)}, ${right} of ${rows.length}.`,
    );
    lines.push(
      ...speedLine('wall clock', rows, (row) => row),
      ...speedLine('processor time', rows, (row) => row.cpu),
      ...nodeMemoryLine(rows),
    );
  } else if (failures.length === 0) {
    lines.push(`Every program correct under every peer: yes, ${rows.length}.`);
  }
  return { lines, correct: ours.length === 0 };
}

const verdict = (holds: boolean) => (holds ? 'yes' : 'NO');

function speedLine(
  what: string,
  rows: readonly ProgramRow[],
  figuresOf: (row: ProgramRow) => Figures,
): string[] {
  const changes = rows.flatMap((row) => {
    const { superslab, peers } = figuresOf(row);
    if (superslab === null || peers.glibc === undefined) return [];
    return [{ name: row.case, by: superslab / peers.glibc - 1 }];
  });
  if (changes.length === 0) return [];
  const list = (part: typeof changes) => part.map(({ name, by }) => `${name} by ${percent(by)}`).join(', ');
  const slower = changes.filter(({ by }) => by > 0);
  const faster = changes.filter(({ by }) => by <= 0);
  const parts = [`None slower than glibc (${what}, medians): ${verdict(slower.length === 0)}`];
  if (slower.length > 0) parts.push(`slower: ${list(slower)}`);
  if (faster.length > 0) parts.push(`faster: ${list(faster)}`);
  return [`${parts.join('; ')}.`];
}

function nodeMemoryLine(rows: readonly ProgramRow[]): string[] {
  const figures = rows.find(({ case: name }) => name === 'node')?.rssPeak;
  const glibc = figures?.peers.glibc;
  if (figures === undefined || figures.superslab === null || glibc === undefined) return [];
  const by = figures.superslab / glibc - 1;
  const how = `${percent(by)} ${by < 0 ? 'below' : 'above'}`;
  return [
    `Node's peak RSS below glibc's: ${verdict(by < 0)}, ${digits(figures.superslab)} MiB against ${digits(glibc)} MiB, ${how}.`,
  ];
}
