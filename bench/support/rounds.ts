import type { Lane } from '../../lib/cli/bench/lane.js';
import { inTurns, type Turn } from '../../lib/cli/bench/turns.js';

/** Nanoseconds per operation, by lane, one for each round. */
export type Samples = ReadonlyMap<string, readonly number[]>;

/** Lanes take turns: see inTurns(). */
export async function interleave(
  lanes: readonly Lane<Turn, number>[],
  rounds: number,
  turn: Turn,
): Promise<Samples> {
  const samples = await inTurns(lanes, rounds, turn);
  return new Map(lanes.map(({ name }, i) => [name, samples[i]!]));
}
