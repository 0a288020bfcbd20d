import type { Lane } from './lane.js';

/** A piece of work: one case for about so long. */
export interface TimedRequest<Case> {
  readonly work: Case;
  readonly ms: number;
}

/** Nanoseconds per operation, by lane and case, one for each round. */
export type Samples = Map<string, number[][]>;

export interface RoundOptions<Case> {
  readonly rounds: number;
  /** How long a lane stays at one case. */
  readonly ms: number;
  /** Whether a lane has the case. */
  readonly has?: (lane: string, work: Case) => boolean;
}

/**
 * Every lane does every case once a round; who goes first changes. The round before the first is
 * warm-up: compilers and pools settle, nothing is kept.
 */
export async function interleave<Case>(
  lanes: readonly Lane<TimedRequest<Case>, number>[],
  cases: readonly Case[],
  { rounds, ms, has = () => true }: RoundOptions<Case>,
): Promise<Samples> {
  const samples: Samples = new Map(lanes.map((lane) => [lane.name, cases.map(() => [])]));
  for (let round = -1; round < rounds; round++) {
    for (const [index, work] of cases.entries()) {
      for (let turn = 0; turn < lanes.length; turn++) {
        const lane = lanes[(turn + index + round + 1) % lanes.length]!;
        if (!has(lane.name, work)) continue;
        const nsPerOperation = await lane.call({ work, ms });
        if (round >= 0) samples.get(lane.name)![index]!.push(nsPerOperation);
      }
    }
  }
  return samples;
}

/** Something to measure: `n` operations of it. */
export interface Loop {
  run(n: number): void;
  /** Operations until it has reached its steady state. */
  readonly settles: number;
  /** Gives everything back, so that one case does not burden the next. */
  end(): void;
}

/**
 * Measures loops. A lane waits while the others run, long enough for idle memory to have gone back to the
 * operating system: so each measurement begins with a part that does not count.
 */
export class Timer {
  readonly #chunks = new Map<Loop, number>();

  /** Nanoseconds per operation over at least `ms`. */
  time(loop: Loop, ms: number): number {
    this.#repeat(loop, ms / 3, loop.settles);
    const result = this.#repeat(loop, ms, 1);
    loop.end();
    // The next case begins without this one's garbage. Needs --expose-gc.
    globalThis.gc!();
    return result;
  }

  #repeat(loop: Loop, ms: number, least: number): number {
    let n = this.#chunks.get(loop) ?? 1;
    let operations = 0;
    let elapsed = 0;
    while (elapsed < ms * 1e6 || operations < least) {
      const start = process.hrtime.bigint();
      loop.run(n);
      const took = Number(process.hrtime.bigint() - start);
      operations += n;
      elapsed += took;
      // Chunks of about a millisecond: shorter ones would measure the clock, longer ones overshoot.
      if (took < 5e5) n *= 2;
      else if (took > 2e6 && n > 1) n >>>= 1;
    }
    this.#chunks.set(loop, n);
    return elapsed / operations;
  }
}
