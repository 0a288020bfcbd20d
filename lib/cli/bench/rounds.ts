// Several kinds of memory at the same work, in turns: a change of the machine's speed meets all of them.
import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import type { Source, Work } from './work.js';

export interface Contender {
  readonly name: string;
  readonly source: Source;
}

export interface Pace {
  readonly rounds: number;
  /** Of each turn. */
  readonly ms: number;
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

class Lane {
  readonly #process: ChildProcess;
  readonly #ended: Promise<never>;

  constructor({ name, source }: Contender, work: Work) {
    const args = [JSON.stringify(source), JSON.stringify(work)];
    this.#process = fork(path.join(__dirname, 'lane.js'), args, { execArgv: [] });
    this.#ended = new Promise((_, reject) => {
      this.#process.once('error', reject);
      this.#process.once('exit', (code, signal) => {
        reject(new Error(`the process that measures ${name} ended with ${signal ?? code}`));
      });
    });
    // It always ends; whether that is an error, the turn that waits for it decides.
    this.#ended.catch(() => {});
  }

  turn(ms: number): Promise<number> {
    const reply = new Promise<number>((resolve) => {
      this.#process.once('message', (ns) => resolve(ns as number));
    });
    this.#process.send(ms);
    return Promise.race([reply, this.#ended]);
  }

  /**
   * Ends the process, which has told all it knows. By a signal: a Node process that ends by itself while V8 compiles its
   * loops may hang for ever (https://github.com/nodejs/node/issues/54918).
   */
  close(): void {
    this.#process.kill();
  }
}

/** What `lanes` say when it is their turn, by lane. The first round is for warming up; who begins changes. */
export async function inTurns(
  lanes: readonly Pick<Lane, 'turn'>[],
  { rounds, ms }: Pace,
): Promise<readonly number[][]> {
  const samples = lanes.map((): number[] => []);
  for (let round = 0; round <= rounds; round++) {
    for (let i = 0; i < lanes.length; i++) {
      const which = (i + round) % lanes.length;
      const ns = await lanes[which]!.turn(ms);
      if (round > 0) samples[which]!.push(ns);
    }
  }
  return samples;
}

/** Measures all at `work`. */
export async function compare(contenders: readonly Contender[], work: Work, pace: Pace): Promise<Measured[]> {
  const lanes = contenders.map((contender) => new Lane(contender, work));
  try {
    const samples = await inTurns(lanes, pace);
    return contenders.map(({ name }, i) => {
      const ns = quantile(samples[i]!, 0.5);
      return { name, ns, spread: (quantile(samples[i]!, 0.75) - quantile(samples[i]!, 0.25)) / 2 / ns };
    });
  } finally {
    for (const lane of lanes) lane.close();
  }
}
