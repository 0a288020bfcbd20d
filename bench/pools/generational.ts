// Values that move against buffers that do not.
import { Lane } from '../../lib/cli/bench/lane.js';
import type { Turn } from '../../lib/cli/bench/turns.js';
import { median, spread } from '../support/numbers.js';
import type { MeasuredRow } from '../support/report.js';
import { interleave } from '../support/rounds.js';
import type { GenerationalCase } from './generational-lane.js';
import { GENERATIONAL_VARIANTS } from './generational-variants.js';
import type { PoolBench } from './pool-bench.js';

const module = new URL('./generational-lane.js', import.meta.url);

interface Measured {
  readonly work: GenerationalCase;
  readonly what: string;
  readonly unit: string;
  readonly rounds: number;
  /** What a lane is told; of the footprint the number of requests. */
  readonly turn: Turn;
  readonly variants?: readonly string[];
}

async function row({
  work,
  what,
  unit,
  rounds,
  turn,
  variants = ['superslab'],
}: Measured): Promise<MeasuredRow> {
  const lanes = variants.map((name) => new Lane<Turn, number>(name, module, [name, work]));
  try {
    const samples = await interleave(lanes, rounds, turn);
    const middle = (name: string) => median(samples.get(name)!);
    return {
      case: `generational: ${what}`,
      unit,
      superslab: middle('superslab'),
      peers: Object.fromEntries(variants.slice(1).map((name) => [name, middle(name)])),
      spread: spread(samples.get('superslab')!),
    };
  } finally {
    for (const lane of lanes) lane.close();
  }
}

export const generational: PoolBench = {
  async rows(quick) {
    const steps = { unit: 'ms', rounds: quick ? 1 : 10, turn: { ms: 1 } };
    return [
      await row({
        work: 'requests',
        what: 'requests of 20 values, one in 50 survives',
        unit: 'ns per value',
        rounds: quick ? 2 : 15,
        turn: { ms: quick ? 3 : 50 },
        variants: GENERATIONAL_VARIANTS,
      }),
      await row({ ...steps, work: 'median step', what: 'a step of collecting 64 MiB, a tenth alive' }),
      await row({ ...steps, work: 'step', what: 'the longest of its steps' }),
      await row({
        work: 'footprint',
        what: `committed after ${quick ? '100,000' : '10,000,000'} requests`,
        unit: 'x live plus young',
        rounds: 1,
        turn: { ms: quick ? 1e5 : 1e7 },
      }),
    ];
  },
  notes: [
    'BufferPool: acquire, copy, release. Put and free: the same pool without scopes. Steps have a budget of 0.5 ms; what else the machine does counts, so the longest ones need a quiet machine.',
  ],
};
