// Pages moved between memory nodes many at a time and one by one, and what a NumaPool costs where there is one node.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Lane } from '../../lib/cli/bench/lane.js';
import type { Turn } from '../../lib/cli/bench/turns.js';
import { median, spread } from '../support/numbers.js';
import type { MeasuredRow } from '../support/report.js';
import { interleave } from '../support/rounds.js';
import { NUMA_VARIANTS, SIZE } from './numa-variants.js';
import type { PoolBench } from './pool-bench.js';

const execute = promisify(execFile);

// Compiled, this file lies in dist-dev/bench/pools/.
const program = fileURLToPath(new URL('../../../build/bench-numa/moves', import.meta.url));

const PAGES = 1000;

/** Nanoseconds per page, by the names that bench/numa/moves.cc gives. */
async function movedPages(rounds: number): Promise<Map<string, number>> {
  const { stdout } = await execute(program, [String(PAGES), String(rounds)], { timeout: 60_000 });
  return new Map(
    stdout
      .trim()
      .split('\n')
      .map((line): [string, number] => [line.split(' ')[0]!, Number(line.split(' ')[1])]),
  );
}

async function moveRows(quick: boolean): Promise<MeasuredRow[]> {
  const runs: Map<string, number>[] = [];
  for (let i = 0; i < (quick ? 1 : 9); i++) runs.push(await movedPages(quick ? 2 : 15));
  const row = (name: string, batch: string, single: string): MeasuredRow => {
    const samples = (of: string) => runs.map((run) => run.get(of)!);
    return {
      case: `numa: ${name}`,
      unit: 'ns per page',
      superslab: median(samples(batch)),
      peers: { 'one by one': median(samples(single)) },
      spread: spread(samples(batch)),
    };
  };
  return [
    row(`move_pages(2) of ${PAGES} pages`, 'call-batch', 'call-single'),
    row(`the same by superslab, which counts them`, 'move-batch', 'move-single'),
  ];
}

async function poolRow(quick: boolean): Promise<MeasuredRow> {
  const module = new URL('./numa-lane.js', import.meta.url);
  const lanes = NUMA_VARIANTS.map((name) => new Lane<Turn, number>(name, module, [name]));
  try {
    const samples = await interleave(lanes, quick ? 2 : 15, { ms: quick ? 3 : 25 });
    const middle = (name: string) => median(samples.get(name)!);
    return {
      case: `numa: get and put of ${SIZE} B`,
      unit: 'ns per buffer',
      superslab: middle('superslab'),
      peers: Object.fromEntries(NUMA_VARIANTS.slice(1).map((name) => [name, middle(name)])),
      spread: spread(samples.get('superslab')!),
    };
  } finally {
    for (const lane of lanes) lane.close();
  }
}

export const numa: PoolBench = {
  async rows(quick) {
    return [...(await moveRows(quick)), await poolRow(quick)];
  },
  notes: [
    'Pages move to the next node, or, on a machine with one node, to where they lie: the kernel then looks them up and changes nothing.',
    'superslab asks where they lie before and after, so that it knows how many moved; where all are there already, it has none moved.',
  ],
};
