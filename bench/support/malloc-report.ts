// The result of `npm run bench -- malloc`: JSON in the shape of the other benchmarks, or tables.
import type { CaseFigures, Figures, Measured } from './malloc-measure.js';
import type { MallocOptions } from './malloc-options.js';
import {
  bestPeer,
  FASTEST,
  MEASURES,
  type Measure,
  relativeTo,
  relativeToBest,
  SUBJECT,
  targets,
} from './malloc-summary.js';

const COMPARED: readonly Measure[] = [...MEASURES, FASTEST];

/** Prints what was measured. `peers` in the order of the columns. */
export function printMalloc(measured: Measured, peers: readonly string[], options: MallocOptions): void {
  const text = options.json ? json(measured, peers) : people(measured, peers, options);
  process.stdout.write(`${text}\n`);
}

function json({ cases, errors }: Measured, peers: readonly string[]): string {
  const rows = cases.map(({ name, figures }) => {
    const all = (value: (figures: Figures) => number | undefined) =>
      Object.fromEntries([...figures].map(([allocator, figures]) => [allocator, value(figures)]));
    const { [SUBJECT]: superslab = Number.NaN, ...others } = all((figures) => figures.nsPerOperation);
    return {
      case: name,
      unit: 'ns/op',
      superslab,
      peers: others,
      fastest: all(({ fastest }) => fastest),
      spread: all(({ spread }) => spread),
      faults: all(({ faults }) => faults),
      peakRssKib: all(({ peakRss }) => peakRss),
      startRssKib: all(({ startRss }) => startRss),
      idleRssKib: all(({ idleRss }) => idleRss),
      ...([...figures.values()].some(({ liveBytes }) => liveBytes !== undefined)
        ? {
            liveRssKib: all(({ liveRss }) => liveRss),
            liveBytes: [...figures.values()][0]!.liveBytes,
          }
        : {}),
    };
  });
  const means = Object.fromEntries(
    COMPARED.map((measure) => [
      measure.name,
      Object.fromEntries([
        ...peers.map((peer) => [peer, relativeTo(cases, peer, measure)]),
        ['best', relativeToBest(cases, measure)],
      ]),
    ]),
  );
  const summary = { geometricMeans: means, targets: targets(cases, peers) };
  return JSON.stringify({ bench: 'malloc', node: process.versions.node, rows, summary, errors }, null, 2);
}

function people({ cases, errors }: Measured, peers: readonly string[], options: MallocOptions): string {
  const parts = [
    `malloc, ${options.rounds} rounds${options.quick ? ', --quick: the figures are rough' : ''}`,
  ];
  const hasSubject = cases.some(({ figures }) => figures.has(SUBJECT));
  if (hasSubject) parts.push(table(overview(cases)));
  for (const measure of MEASURES) parts.push(table(byAllocator(cases, peers, measure)));
  const live = cases.filter(({ figures }) =>
    [...figures.values()].some(({ liveBytes }) => liveBytes !== undefined),
  );
  if (live.length > 0) parts.push(table(fragmentation(live, peers)));
  if (hasSubject) {
    parts.push(
      table(means(cases, peers)),
      targets(cases, peers)
        .map(({ target, met, detail }) => `${met ? 'met   ' : 'MISSED'}  ${target}\n          ${detail}`)
        .join('\n'),
    );
  }
  parts.push(
    'Less is better. "x best": superslab / the best peer of that case. ±: half the distance between',
  );
  parts[parts.length - 1] += '\nthe quartiles of the rounds. Page faults: minor ones of the whole process.';
  if (errors.length > 0) parts.push(errors.map((error) => `ERROR  ${error}`).join('\n'));
  return parts.join('\n\n');
}

type Cells = readonly string[];

function overview(cases: readonly CaseFigures[]): Cells[] {
  const header = ['superslab', ...MEASURES.flatMap(({ name, unit }) => [`${name}, ${unit}`, 'x best'])];
  const lines = cases.map((work) => {
    const own = work.figures.get(SUBJECT);
    return [work.name, ...MEASURES.flatMap((measure) => (own ? versusBest(work, own, measure) : ['', '']))];
  });
  return [header, ...lines];
}

function versusBest(work: CaseFigures, own: Figures, measure: Measure): Cells {
  const value = measure.value(own);
  const best = bestPeer(work, measure);
  return [figure(value), best === undefined ? '' : `${(value / best.value).toFixed(2)} ${best.name}`];
}

function byAllocator(cases: readonly CaseFigures[], peers: readonly string[], measure: Measure): Cells[] {
  const isTime = measure === MEASURES[0];
  const allocators = [SUBJECT, ...peers];
  const header = [
    `${measure.name}, ${measure.unit}`,
    ...allocators.flatMap((name) => (isTime ? [name, '±'] : [name])),
  ];
  const lines = cases.map(({ name, figures }) => [
    name,
    ...allocators.flatMap((allocator) => {
      const own = figures.get(allocator);
      const cell = own === undefined ? '-' : figure(measure.value(own));
      return isTime ? [cell, own?.spread ? `${Math.round(own.spread * 100)} %` : ''] : [cell];
    }),
  ]);
  return [header, ...lines];
}

/** What is resident for each byte that is live. */
function fragmentation(cases: readonly CaseFigures[], peers: readonly string[]): Cells[] {
  const allocators = [SUBJECT, ...peers];
  const lines = cases.map(({ name, figures }) => {
    const liveBytes = [...figures.values()][0]!.liveBytes!;
    const cells = allocators.map((allocator) => {
      const resident = figures.get(allocator)?.liveRss;
      return resident === undefined ? '-' : ((resident * 1024) / liveBytes).toFixed(2);
    });
    return [name, ...cells];
  });
  return [['RSS / live bytes', ...allocators], ...lines];
}

function means(cases: readonly CaseFigures[], peers: readonly string[]): Cells[] {
  const header = ['geometric mean of superslab / peer', ...peers, 'best of each case'];
  const lines = COMPARED.map((measure) => [
    measure.name,
    ...peers.map((peer) => relativeTo(cases, peer, measure).toFixed(3)),
    relativeToBest(cases, measure).toFixed(3),
  ]);
  return [header, ...lines];
}

function table([header, ...lines]: readonly Cells[]): string {
  const widths = header!.map((_, i) => Math.max(...[header!, ...lines].map((cells) => cells[i]!.length)));
  const rule = widths.map((width) => '-'.repeat(width));
  return [header!, rule, ...lines]
    .map((cells) =>
      cells
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function figure(value: number): string {
  const digits = value >= 1000 ? 0 : value >= 100 ? 1 : 2;
  return value.toLocaleString('en-US', {
    minimumFractionDigits: Number.isInteger(value) ? 0 : digits,
    maximumFractionDigits: digits,
  });
}
