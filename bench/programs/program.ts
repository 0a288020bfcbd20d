// What a program under test has to offer.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Meter } from './meter.js';

export interface Workbench {
  readonly meter: Meter;
  /** An empty folder of this program's own. */
  readonly folder: string;
  /** Small inputs: for the exit code, not for the figures. */
  readonly quick: boolean;
}

/** One run under one allocator. */
export interface Outcome {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly peakRssMib: number;
  /** RSS after the work, of a program that is still alive then. */
  readonly endRssMib?: number;
  /** What must be the same under every allocator. */
  readonly output: string;
}

/** A program, set up. */
export interface Prepared {
  /** The executables that do the work: their malloc is looked at before anything is measured. */
  readonly executables: readonly string[];
  /** Runs it once, and rejects with a ProgramFailure when anything is wrong. */
  run(preload: string | undefined, limitSeconds: number): Promise<Outcome>;
}

/** Why it cannot run on this machine. */
export interface Skipped {
  readonly skipped: string;
}

export interface Program {
  readonly name: string;
  prepare(workbench: Workbench): Promise<Prepared | Skipped> | Prepared | Skipped;
}

/** Where a command lies, or undefined. */
export function which(command: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, command))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

export const skip = (what: string, packages: string): Skipped => ({
  skipped: `no ${what}: apt-get install ${packages}`,
});

/** What a command of the set-up prints; throws when it fails. */
export function read(
  file: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
) {
  const { status, error, stdout, stderr } = spawnSync(file, args, {
    ...options,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}

export const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');

/** The same numbers on every machine: a linear congruential generator (Knuth's MMIX has 64 bits; 32 do here). */
export function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
