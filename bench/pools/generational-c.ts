// Generational pools of superslab.h against malloc, and against an arena that C programs write by hand.
import { nsOf, otherMallocs, type Source, sourceSamples } from '../support/fixed-program.js';
import { median, spread } from '../support/numbers.js';
import type { MeasuredRow } from '../support/report.js';
import type { PoolBench } from './pool-bench.js';

const set = 'generational';
const POOL: Source = { name: 'superslab', program: 'pool', set, kind: 'pool' };
const ARENA: Source = { name: 'arena', program: 'list', set, kind: 'arena' };

async function figure(args: readonly (string | number)[], rounds: number): Promise<number[]> {
  return nsOf(await sourceSamples([POOL], rounds, args), POOL);
}

const requests = [
  { how: 'made', what: 'structs whose first 16 B are set' },
  { how: 'copied', what: 'bytes that are copied' },
];

async function requestRow({ how, what }: (typeof requests)[number], rounds: number): Promise<MeasuredRow> {
  const sources = [POOL, ARENA, ...otherMallocs().map((source): Source => ({ ...source, set }))];
  const samples = await sourceSamples(sources, rounds, [how]);
  const own = nsOf(samples, POOL);
  return {
    case: `generational in C: requests of 20 ${what}; one in 50 survives`,
    unit: 'ns per value',
    superslab: median(own),
    peers: Object.fromEntries(sources.slice(1).map((source) => [source.name, median(nsOf(samples, source))])),
    spread: spread(own),
  };
}

export const generationalC: PoolBench = {
  async rows(quick) {
    const rows: MeasuredRow[] = [];
    for (const request of requests) rows.push(await requestRow(request, quick ? 1 : 7));
    const steps = await figure(['steps'], quick ? 1 : 3);
    const footprint = await figure(['footprint', quick ? 100_000 : 10_000_000], 1);
    return [
      ...rows,
      {
        case: 'generational in C: longest step, 64 MiB young, a tenth survives',
        unit: 'ms of processor time',
        superslab: median(steps),
        peers: {},
        spread: spread(steps),
      },
      {
        case: 'generational in C: committed after 10,000,000 requests, over live and young',
        unit: 'times',
        superslab: footprint[0]!,
        peers: {},
        spread: 0,
      },
    ];
  },
  notes: [
    'In C: a scope for each request of values of 16 to 206 B; 20,000 survivors live at once. Arena: one chunk that each request uses again,',
    'without handles; survivors are copied to memory of malloc. A step has a budget of 0.5 ms; the longest of five collections.',
  ],
};
