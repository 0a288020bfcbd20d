// One program under every allocator, round after round.
import type { Allocator } from '../support/malloc-allocators.js';
import { ProgramFailure } from './meter.js';
import { preloadFor } from './preload.js';
import type { Outcome, Prepared } from './program.js';

export interface Comparison {
  /** By allocator. One that failed once has no outcomes. */
  readonly outcomes: ReadonlyMap<string, readonly Outcome[]>;
  /** By allocator: what went wrong. */
  readonly failures: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

/** A library that hangs must not hold up the others for long: seconds, beside the time that glibc took. */
const MIN_LIMIT_SECONDS = 20;
const LIMIT_OF_GLIBC = 10;
/** For the first run, with which all others are compared. */
const REFERENCE_LIMIT_SECONDS = 120;

export async function compare(
  name: string,
  program: Prepared,
  allocators: readonly Allocator[],
  rounds: number,
  progress: (line: string) => void,
): Promise<Comparison> {
  const failures = new Map<string, string>();
  const notes: string[] = [];
  const preloads = new Map<string, string | undefined>();
  for (const allocator of allocators) {
    try {
      const { library, note } = preloadFor(program.executables, allocator);
      preloads.set(allocator.name, library);
      if (note !== undefined) notes.push(note);
    } catch (error) {
      failures.set(allocator.name, reason(error));
    }
  }

  // Not counted: it also brings the program's files into memory.
  progress(`${name}: reference`);
  let reference: Outcome;
  try {
    reference = await program.run(preloads.get('glibc'), REFERENCE_LIMIT_SECONDS);
  } catch (error) {
    failures.set('glibc', reason(error));
    return { outcomes: new Map(), failures, notes };
  }
  const limit = Math.ceil(MIN_LIMIT_SECONDS + LIMIT_OF_GLIBC * reference.wallSeconds);

  const outcomes = new Map<string, Outcome[]>(allocators.map((allocator) => [allocator.name, []]));
  for (let round = 0; round < rounds; round++) {
    progress(`${name}: round ${round + 1} of ${rounds}`);
    for (let turn = 0; turn < allocators.length; turn++) {
      const allocator = allocators[(turn + round) % allocators.length]!.name;
      if (failures.has(allocator)) continue;
      try {
        const outcome = await program.run(preloads.get(allocator), limit);
        if (outcome.output !== reference.output) throw new ProgramFailure(difference(outcome, reference));
        outcomes.get(allocator)!.push(outcome);
      } catch (error) {
        failures.set(allocator, reason(error));
        outcomes.delete(allocator);
      }
    }
  }
  for (const failed of failures.keys()) outcomes.delete(failed);
  return { outcomes, failures, notes };
}

function difference({ output }: Outcome, reference: Outcome): string {
  const [is, must] = [output.split('\n'), reference.output.split('\n')];
  const at = must.findIndex((line, i) => line !== is[i]);
  return `wrong output: "${is[at]?.slice(0, 100)}" instead of "${must[at]?.slice(0, 100)}"`;
}

/** Only what a program did wrong is a result; anything else is a fault of the benchmark. */
function reason(error: unknown): string {
  if (error instanceof ProgramFailure) return error.message;
  throw error;
}
