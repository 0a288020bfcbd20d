import type { Lane } from './lane.js';

/** Nanoseconds per operation, by lane, one for each round. */
export type Samples = ReadonlyMap<string, readonly number[]>;

/** How long a lane measures when it has its turn. */
export interface Turn {
  readonly ms: number;
}

/**
 * Lanes take turns, `rounds` times; who goes first changes. The round before the first is warm-up:
 * compilers and allocators settle, nothing is kept.
 */
export async function interleave(
  lanes: readonly Lane<Turn, number>[],
  rounds: number,
  turn: Turn,
): Promise<Samples> {
  const samples = new Map<string, number[]>(lanes.map((lane) => [lane.name, []]));
  for (let round = -1; round < rounds; round++) {
    for (let i = 0; i < lanes.length; i++) {
      const lane = lanes[(i + round + 1) % lanes.length]!;
      const nsPerOperation = await lane.call(turn);
      if (round >= 0) samples.get(lane.name)!.push(nsPerOperation);
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

  #repeat(ms: number, least: number): number {
    let operations = 0;
    let elapsed = 0;
    while (elapsed < ms * 1e6 || operations < least) {
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
