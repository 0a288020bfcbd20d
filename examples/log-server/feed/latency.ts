import type { Progress } from '../server/admin.js';

/** Lines sent together: up to message number `messages` of a source, at a time in monotonicMs. */
export interface Mark {
  messages: number;
  lines: number;
  at: number;
}

/** Latencies of lines, as times and how many lines each stands for. */
export class Latencies {
  readonly #samples: { ms: number; lines: number }[] = [];

  /** Adds one source's: a mark's lines were archived when the server's progress first reached it. */
  add(marks: Mark[], history: Progress[]): void {
    let step = 0;
    for (const mark of marks) {
      while (step < history.length && history[step]!.messages < mark.messages) step++;
      if (step === history.length) throw new Error('lines were sent that the server never archived');
      this.#samples.push({ ms: history[step]!.at - mark.at, lines: mark.lines });
    }
  }

  /** The latency in milliseconds that each of these shares (0 to 1) of all lines stayed within. */
  quantiles(shares: number[]): number[] {
    const samples = this.#samples.sort((a, b) => a.ms - b.ms);
    const total = samples.reduce((sum, { lines }) => sum + lines, 0);
    return shares.map((share) => {
      let seen = 0;
      for (const { ms, lines } of samples) {
        seen += lines;
        if (seen >= share * total) return ms;
      }
      return Number.NaN;
    });
  }
}
