// Runs every case under every allocator, in turns, and takes the middle of the rounds.
import type { Allocator } from './malloc-allocators.js';
import { caseArguments, type MallocCase } from './malloc-cases.js';
import type { MallocOptions } from './malloc-options.js';
import { type ProgramResult, runProgram } from './malloc-program.js';
import { median, spread } from './numbers.js';

/** One case under one allocator. Medians; memory in KiB. */
export interface Figures {
  readonly nsPerOperation: number;
  /** The fastest round: what is left of a machine's noise when others use it too. */
  readonly fastest: number;
  /** How far the rounds' times lay apart (numbers.ts). */
  readonly spread: number;
  readonly faults: number;
  readonly peakRss: number;
  /** At the start of main. */
  readonly startRss: number;
  /** Everything freed, and some time later. */
  readonly idleRss: number;
  /** While `liveBytes` were allocated: cases about fragmentation. */
  readonly liveRss?: number;
  readonly liveBytes?: number;
}

export interface CaseFigures {
  readonly name: string;
  /** By allocator; one that failed is absent. */
  readonly figures: ReadonlyMap<string, Figures>;
}

export interface Measured {
  readonly cases: readonly CaseFigures[];
  /** Programs that failed or found other contents than under the other allocators. */
  readonly errors: readonly string[];
}

/** Programs at a time while memory, not time, is measured: they mostly sleep. */
const IDLE_TOGETHER = 4;

/** The runs of one case under one allocator. */
class Cell {
  readonly timed: ProgramResult[] = [];
  rested: ProgramResult | undefined;

  constructor(
    readonly work: MallocCase,
    readonly allocator: Allocator,
  ) {}

  /** What the runs found in their blocks; more than one means that they disagreed. */
  checks(): ReadonlySet<string> {
    return new Set([...this.timed, ...(this.rested ? [this.rested] : [])].map(({ check }) => check));
  }

  figures(): Figures | undefined {
    const { timed, rested } = this;
    if (timed.length === 0 || rested === undefined) return undefined;
    const ns = timed.map(({ seconds, operations }) => (seconds * 1e9) / operations);
    return {
      nsPerOperation: median(ns),
      fastest: Math.min(...ns),
      spread: spread(ns),
      faults: median(timed.map(({ faults }) => faults)),
      peakRss: median(timed.map(({ peak_rss_kib }) => peak_rss_kib)),
      startRss: rested.start_rss_kib,
      idleRss: rested.idle_rss_kib,
      ...(rested.live_bytes === undefined
        ? {}
        : {
            liveRss: median(timed.map(({ live_rss_kib }) => live_rss_kib!)),
            liveBytes: rested.live_bytes,
          }),
    };
  }
}

/** `folder` holds the programs; the peers come last; `progress` gets a line now and then. */
export async function measure(
  cases: readonly MallocCase[],
  allocators: readonly Allocator[],
  folder: string,
  options: MallocOptions,
  progress: (line: string) => void,
): Promise<Measured> {
  const errors: string[] = [];
  const failed = new Set<Cell>();
  const table = cases.map((work) => allocators.map((allocator) => new Cell(work, allocator)));

  const fail = (cell: Cell, reason: string) => {
    failed.add(cell);
    errors.push(`${cell.work.name} under ${cell.allocator.name}: ${reason}`);
    progress(errors.at(-1)!);
  };
  const run = async (cell: Cell, idleMs: number): Promise<ProgramResult | undefined> => {
    if (failed.has(cell)) return undefined;
    const { work, allocator } = cell;
    try {
      const args = caseArguments(work, options.quick);
      return await runProgram(`${folder}/${work.program}`, args, allocator, idleMs);
    } catch (error) {
      fail(cell, (error as Error).message);
      return undefined;
    }
  };

  // First, and not timed: it also brings the files into the page cache.
  progress(`memory after ${options.idleMs} ms of rest`);
  const queue = table.flat();
  const rest = async () => {
    for (let cell = queue.shift(); cell !== undefined; cell = queue.shift()) {
      cell.rested = await run(cell, options.idleMs);
    }
  };
  await Promise.all(Array.from({ length: IDLE_TOGETHER }, rest));

  // Rounds outside, cases inside: a minute in which the machine is slow spoils one round of many cases,
  // which the median forgets, not all rounds of one.
  for (let round = 0; round < options.rounds; round++) {
    progress(`round ${round + 1} of ${options.rounds}`);
    for (const cells of table) {
      for (let i = 0; i < cells.length; i++) {
        const cell = cells[(i + round) % cells.length]!;
        const result = await run(cell, 0);
        if (result !== undefined) cell.timed.push(result);
      }
    }
  }

  for (const cells of table) {
    // The last is a peer, never the allocator under test.
    const reference = cells.findLast((cell) => !failed.has(cell));
    const [expected] = reference?.checks() ?? [];
    for (const cell of cells) {
      const wrong = failed.has(cell) ? undefined : [...cell.checks()].find((check) => check !== expected);
      if (wrong === undefined) continue;
      fail(cell, `check ${wrong}, but ${expected} under ${reference!.allocator.name}`);
    }
  }

  return {
    errors,
    cases: table.map((cells) => ({
      name: cells[0]!.work.name,
      figures: new Map(
        cells.flatMap((cell) => {
          const figures = failed.has(cell) ? undefined : cell.figures();
          return figures === undefined ? [] : [[cell.allocator.name, figures] as const];
        }),
      ),
    })),
  };
}
