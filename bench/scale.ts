// C pools and malloc by more and more threads: `npm run bench -- scale`.
import { availableParallelism } from 'node:os';
import {
  LOCKED_LIST,
  nsOf,
  OWN_MALLOC,
  otherMallocs,
  PER_CPU,
  POOL,
  type SourceFigures,
  sourceSamples,
} from './support/fixed-program.js';
import { median, spread } from './support/numbers.js';
import { benchOptions } from './support/options.js';
import { type MeasuredRow, print } from './support/report.js';

const options = benchOptions();
const cores = availableParallelism();
const sources = [POOL, PER_CPU, OWN_MALLOC, LOCKED_LIST, ...otherMallocs()];
const rounds = options.quick ? 1 : 9;
const ms = options.quick ? 20 : 200;

const rows: MeasuredRow[] = [];

/** Measures one row and returns its figures. */
async function addRow(name: string, args: readonly (string | number)[]) {
  const samples = await sourceSamples(sources, rounds, [...args, ms]);
  const own = nsOf(samples, POOL);
  rows.push({
    case: `scale: ${name}`,
    unit: 'ns of a core per object',
    superslab: median(own),
    peers: Object.fromEntries(sources.slice(1).map((source) => [source.name, median(nsOf(samples, source))])),
    spread: spread(own),
  });
  return samples;
}

/** One source after the other, with a figure of each. */
function each(figure: (name: string) => string) {
  return sources.map(({ name }) => `${name} ${figure(name)}`).join(', ');
}

const threadsText = (count: number) => (count === 1 ? '1 thread' : `${count} threads`);
const least = (figures: readonly SourceFigures[], of: 'ns' | 'cpuNs') =>
  Math.min(...figures.map((figure) => figure[of]));

const notes: string[] = [];
const threads = [...new Set([1, Math.ceil(cores / 2), cores, Math.ceil(cores * 1.5), 2 * cores])];
for (const [pattern, text] of [
  ['own', 'each its own'],
  ['pass', 'passed on'],
] as const) {
  let alone: ReadonlyMap<string, readonly SourceFigures[]> | undefined;
  for (const count of threads) {
    const samples = await addRow(`256 B, ${text}, ${threadsText(count)}`, [256, pattern, count]);
    alone ??= samples;
    if (count === 1 || count > cores) continue;
    const first = alone;
    const part = (of: 'ns' | 'cpuNs') => (name: string) =>
      (least(first.get(name)!, of) / least(samples.get(name)!, of)).toFixed(2);
    notes.push(
      `Linear, ${text}, ${threadsText(count)}: ${each(part('ns'))}.`,
      `By processor time: ${each(part('cpuNs'))}.`,
    );
  }
}

const MANY = 32 * cores;
const bursts = await addRow(`2 KiB, bursts, ${threadsText(MANY)}`, [2048, 'burst', MANY]);
const resident = (name: string) => `${median(bursts.get(name)!.map(({ kib }) => kib))} KiB`;
notes.push(`Resident, bursts, ${threadsText(MANY)}: ${each(resident)}.`);

print('scale', rows, options, [
  `${cores} cores. Superslab is a fixed pool, per processor one with SS_POOL_PER_CPU, ss malloc superslab's malloc.`,
  'Each its own: 16 objects live, the oldest replaced. Passed on: the next thread puts what a thread got, and who has',
  'nothing to do yields. Bursts: 64 objects are got, filled and put, and the thread yields.',
  'Linear: the figure of one thread, divided by that of several up to the number of cores, of the fastest rounds. By',
  'processor time what others take of the machine is left out, and what a thread waits for.',
  ...notes,
]);
