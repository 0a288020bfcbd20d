// The programs of bench/fixed/ and its like: objects of superslab's and of others, in C++.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Allocator, findPeers } from './malloc-allocators.js';

const execute = promisify(execFile);

/** Where objects come from. */
export interface Source {
  readonly name: string;
  readonly program: 'pool' | 'list';
  /** The folder of bench/ that has it; by default 'fixed'. */
  readonly set?: string;
  /** The program's first argument. */
  readonly kind: string;
  /** What is preloaded. */
  readonly library?: string | undefined;
}

export const POOL: Source = { name: 'superslab', program: 'pool', kind: 'pool' };
export const PER_CPU: Source = { name: 'per processor', program: 'pool', kind: 'cpu' };
export const OWN_CACHE: Source = { name: 'own cache', program: 'pool', kind: 'cache' };
export const BARE_ARRAY: Source = { name: 'bare array', program: 'list', kind: 'array' };
export const LOCKED_LIST: Source = { name: 'locked list', program: 'list', kind: 'locked' };
export const OWN_MALLOC: Source = { name: 'ss malloc', program: 'pool', kind: 'malloc' };

/** malloc of the C library, and of mimalloc where it is installed. */
export function otherMallocs(): Source[] {
  const { found } = findPeers(['glibc', 'mimalloc']);
  return found.map(({ name, library }: Allocator) => ({ name, program: 'list', kind: 'malloc', library }));
}

// Compiled, this file lies in dist-dev/bench/support/.
const folder = fileURLToPath(new URL('../../../build/', import.meta.url));

/** What a program prints. */
export interface SourceFigures {
  /** Nanoseconds of a core per object. */
  readonly ns: number;
  /** KiB that were resident while threads ran, and not before. */
  readonly kib: number;
  /** As `ns`, but only while threads ran: what others take of the machine is left out, and so is waiting. */
  readonly cpuNs: number;
}

async function runSource(source: Source, args: readonly (string | number)[]): Promise<SourceFigures> {
  const { LD_PRELOAD: _, ...env } = process.env;
  if (source.library !== undefined) env.LD_PRELOAD = source.library;
  const { stdout } = await execute(
    `${folder}bench-${source.set ?? 'fixed'}/${source.program}`,
    [source.kind, ...args.map(String)],
    {
      env,
      timeout: 60_000,
    },
  );
  const [ns = 0, kib = 0, cpuNs = 0] = stdout.split(' ').map(Number);
  if (!(ns > 0)) throw new Error(`${source.name} printed ${JSON.stringify(stdout)}`);
  return { ns, kib, cpuNs };
}

/** What the sources print in `rounds` rounds, by name. They take turns, and who begins changes. */
export async function sourceSamples(
  sources: readonly Source[],
  rounds: number,
  args: readonly (string | number)[],
): Promise<Map<string, SourceFigures[]>> {
  const samples = new Map(sources.map(({ name }): [string, SourceFigures[]] => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < sources.length; i++) {
      const source = sources[(i + round) % sources.length]!;
      samples.get(source.name)!.push(await runSource(source, args));
    }
  }
  return samples;
}

/** The nanoseconds of a source, round by round. */
export function nsOf(samples: ReadonlyMap<string, readonly SourceFigures[]>, { name }: Source): number[] {
  return samples.get(name)!.map(({ ns }) => ns);
}
