// Several kinds of memory at the same work, in turns.
import path from 'node:path';
import { Lane } from './lane.js';
import { inTurns, type Turn } from './turns.js';
import type { Source, Work } from './work.js';

const program = path.join(__dirname, 'measure.js');

export interface Contender {
  readonly name: string;
  readonly source: Source;
}

export interface Pace extends Turn {
  readonly rounds: number;
}

/** Nanoseconds an operation. */
export interface Measured {
  readonly name: string;
  readonly ns: number;
  /** Half the distance between the quartiles of the rounds, as a part of the median. */
  readonly spread: number;
}

/** Rounds that lie further apart than this were measured beside somebody else's work. */
const MAX_SPREAD = 0.25;

/** Whether ratios of these say little: the machine was not left alone. */
export const isNoisy = (measured: readonly Measured[]): boolean =>
  measured.some(({ spread }) => spread > MAX_SPREAD);

/** At `q` from 0 to 1, between two values in proportion. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at));
}

/** Measures all at `work`. */
export async function compare(contenders: readonly Contender[], work: Work, pace: Pace): Promise<Measured[]> {
  const lanes = contenders.map(
    ({ name, source }) =>
      new Lane<Turn, number>(name, program, [JSON.stringify(source), JSON.stringify(work)]),
  );
  try {
    const samples = await inTurns(lanes, pace.rounds, pace);
    return contenders.map(({ name }, i) => {
      const ns = quantile(samples[i]!, 0.5);
      return { name, ns, spread: (quantile(samples[i]!, 0.75) - quantile(samples[i]!, 0.25)) / 2 / ns };
    });
  } finally {
    for (const lane of lanes) lane.close();
  }
}
