// Lanes measure in turns: a change of the machine's speed meets all of them.
import type { Lane } from './lane.js';

/** How long a lane measures when it has its turn. */
export interface Turn {
  readonly ms: number;
}

/** A lane that measures: nanoseconds per operation. */
export type Measurer = Pick<Lane<Turn, number>, 'call'>;

/**
 * What `lanes` measure in `rounds` rounds, by lane. Who begins changes. The round before the first is warm-up:
 * compilers and allocators settle, nothing is kept.
 */
export async function inTurns(
  lanes: readonly Measurer[],
  rounds: number,
  turn: Turn,
): Promise<readonly number[][]> {
  const samples = lanes.map((): number[] => []);
  for (let round = 0; round <= rounds; round++) {
    for (let i = 0; i < lanes.length; i++) {
      const which = (i + round) % lanes.length;
      const ns = await lanes[which]!.call(turn);
      if (round > 0) samples[which]!.push(ns);
    }
  }
  return samples;
}

/** Something to measure: `run` does `n` operations of it. */
export interface Loop {
  run(n: number): void;
  /** Operations until it has reached its steady state. */
  readonly settles: number;
}

/** Measures a loop, turn by turn. */
export class Timer {
  readonly #loop: Loop;
  #chunk = 1;

  constructor(loop: Loop) {
    this.#loop = loop;
  }

  /** Nanoseconds per operation over at least `ms`, after a part of the turn that does not count. */
  take({ ms }: Turn): number {
    this.#repeat(ms / 4, this.#loop.settles);
    return this.#repeat(ms, 1);
  }

  #repeat(ms: number, minOperations: number): number {
    let operations = 0;
    let elapsed = 0;
    while (elapsed < ms * 1e6 || operations < minOperations) {
      const n = this.#chunk;
      const start = process.hrtime.bigint();
      this.#loop.run(n);
      const took = Number(process.hrtime.bigint() - start);
      operations += n;
      elapsed += took;
      // Chunks of about a millisecond: shorter ones would measure the clock, longer ones overshoot.
      if (took < 5e5) this.#chunk *= 2;
      else if (took > 2e6 && n > 1) this.#chunk >>>= 1;
    }
    return elapsed / operations;
  }
}
