// Pages of a log, compressed when they are not used, against what programs use instead.
import { Lane } from '../../lib/cli/bench/lane.js';
import type { Turn } from '../../lib/cli/bench/turns.js';
import { median, spread } from '../support/numbers.js';
import type { MeasuredRow } from '../support/report.js';
import type { CompressedCase } from './compressed-lane.js';
import { COMPRESSED_VARIANTS, type CompressedVariant } from './compressed-variants.js';
import type { PoolBench } from './pool-bench.js';

const module = new URL('./compressed-lane.js', import.meta.url);

interface Measured {
  readonly work: CompressedCase;
  readonly what: string;
  readonly unit: string;
  readonly rounds: number;
  /** What a lane is told; of capacity the MiB of pages. */
  readonly turn: Turn;
  readonly variants?: readonly CompressedVariant[];
  /** A process for each round: what is measured is what the first use takes. */
  readonly isFresh?: boolean;
}

const laneOf = (name: CompressedVariant, work: CompressedCase) =>
  new Lane<Turn, number>(name, module, [name, work], ['--expose-gc']);

/** One round of each lane in turn; processes that stay have one more before, which does not count. */
async function samplesOf({ work, rounds, turn, variants, isFresh }: Required<Measured>): Promise<number[][]> {
  const samples = variants.map((): number[] => []);
  let lanes = isFresh ? [] : variants.map((name) => laneOf(name, work));
  for (let round = isFresh ? 1 : 0; round <= rounds; round++) {
    if (isFresh) lanes = variants.map((name) => laneOf(name, work));
    for (const [i, lane] of lanes.entries()) {
      const figure = await lane.call(turn);
      if (round > 0) samples[i]!.push(figure);
      if (isFresh) lane.close();
    }
  }
  for (const lane of lanes) lane.close();
  return samples;
}

async function row(measured: Measured): Promise<MeasuredRow> {
  const { variants = COMPRESSED_VARIANTS, isFresh = false, what, unit } = measured;
  const samples = await samplesOf({ ...measured, variants, isFresh });
  return {
    case: `compressed: ${what}`,
    unit,
    superslab: median(samples[0]!),
    peers: Object.fromEntries(variants.slice(1).map((name, i) => [name, median(samples[i + 1]!)])),
    spread: spread(samples[0]!),
  };
}

export const compressed: PoolBench = {
  async rows(quick) {
    const capacity = {
      unit: 'B of RSS per B',
      rounds: quick ? 1 : 2,
      turn: { ms: quick ? 32 : 256 },
      isFresh: true,
    };
    const short = { rounds: quick ? 2 : 9, turn: { ms: quick ? 5 : 50 } };
    const uncompressed = ['superslab', 'Map of Buffers'] as const;
    return [
      await row({ ...capacity, work: 'capacity 4', what: 'pages of 4 KiB, a thirty-second stays hot' }),
      await row({ ...capacity, work: 'capacity 16', what: 'pages of 16 KiB, a thirty-second stays hot' }),
      await row({ ...short, work: 'access', what: 'access and release of a hot page', unit: 'ns' }),
      await row({ ...short, work: 'read', what: 'the same, and reading its 4 KiB', unit: 'ns' }),
      await row({
        work: 'cold',
        what: 'access of a compressed page of 4 KiB, median',
        unit: 'µs',
        rounds: quick ? 1 : 2,
        turn: { ms: quick ? 50 : 300 },
        variants: ['superslab', 'Map and zlib'],
      }),
      await row({
        work: 'work',
        what: "a piece of the main thread's work while pages are compressed",
        unit: 'ns',
        rounds: quick ? 1 : 7,
        turn: { ms: quick ? 100 : 500 },
        variants: uncompressed,
      }),
    ];
  },
  notes: [
    'Pages of the log of examples/log-server. Map and zlib: a Map of the pages used last, the others compressed by promises of node:zlib, level 1, and decompressed when they are asked for.',
  ],
};
