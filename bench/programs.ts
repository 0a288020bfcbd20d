// Whole programs under superslab as their malloc, under glibc's and under its peers: time, processor time,
// memory, and whether they still do what they should. bench/programs/README.md tells what each does.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Comparison, compare } from './programs/comparison.js';
import { PROGRAMS } from './programs/index.js';
import { Meter } from './programs/meter.js';
import { type ProgramRow, rowOf, summary, tables } from './programs/result.js';
import { type Allocator, findPeers } from './support/malloc-allocators.js';

const DEFAULT_ROUNDS = 3;

/** Compiled, this file lies in dist-dev/bench/. */
const BUILT_LIBRARY = fileURLToPath(new URL('../../build/Release/libsuperslab.so', import.meta.url));

interface Options {
  readonly json: boolean;
  readonly quick: boolean;
  readonly rounds: number;
  readonly only: readonly string[];
  readonly library: string;
}

/** Throws an Error that says what is wrong with the command line. */
function programOptions(): Options {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string' },
      library: { type: 'string' },
    },
  });
  const rounds = values.rounds === undefined ? (values.quick ? 1 : DEFAULT_ROUNDS) : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds=${values.rounds}: not a count`);
  const names = PROGRAMS.map(({ name }) => name);
  const only = values.only?.split(',') ?? names;
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`--only: no "${unknown}"; there are ${names.join(', ')}`);
  return {
    json: values.json,
    quick: values.quick,
    rounds,
    only,
    library: resolve(values.library ?? BUILT_LIBRARY),
  };
}

const progress = (line: string) => process.stderr.write(`${line}\n`);

/** Resolves to whether superslab did everything right. */
async function main(options: Options, meter: Meter, folder: string): Promise<boolean> {
  const hasLibrary = existsSync(options.library);
  const peers = findPeers(undefined);
  const allocators: Allocator[] = [...peers.found];
  if (hasLibrary) allocators.unshift({ name: 'superslab', library: options.library });

  const rows: ProgramRow[] = [];
  const comparisons = new Map<string, Comparison>();
  const notes: string[] = [];
  if (peers.missingPackages.length > 0) {
    notes.push(`Without some peers: apt-get install ${peers.missingPackages.join(' ')}`);
  }
  for (const program of PROGRAMS) {
    if (!options.only.includes(program.name)) continue;
    const own = join(folder, program.name);
    mkdirSync(own);
    progress(`${program.name}: set-up`);
    const prepared = await program.prepare({ meter, folder: own, quick: options.quick });
    if ('skipped' in prepared) {
      notes.push(`${program.name} skipped: ${prepared.skipped}`);
      continue;
    }
    const comparison = await compare(program.name, prepared, allocators, options.rounds, progress);
    comparisons.set(program.name, comparison);
    notes.push(...comparison.notes);
    rows.push(rowOf(program.name, comparison));
    rmSync(own, { recursive: true, force: true });
  }

  const { lines, correct } = summary(rows, comparisons, hasLibrary);
  if (options.json) {
    const result = { bench: 'programs', node: process.versions.node, rows };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  } else {
    const title = `programs, Node ${process.versions.node}${options.quick ? ', --quick' : ''}`;
    process.stdout.write(`${title}, rounds: ${options.rounds}\n\n${tables(rows)}\n`);
  }
  // Beside JSON they go where they do not spoil it.
  const stream = options.json ? process.stderr : process.stdout;
  for (const line of [...notes, ...lines]) stream.write(`${line}\n`);
  if (!hasLibrary) {
    process.stderr.write(
      `programs: no ${options.library}: nothing of superslab was measured. Build it, or say --library=PATH.\n`,
    );
  }
  return hasLibrary && correct;
}

try {
  const options = programOptions();
  const folder = mkdtempSync(join(tmpdir(), 'superslab-programs-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const meter = new Meter(folder);
  process.prependListener('exit', () => meter.close());
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
  if (!(await main(options, meter, folder))) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`programs: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
