// One run of one program of bench/malloc/ under one allocator.
import { execFile } from 'node:child_process';
import type { Allocator } from './malloc-allocators.js';

/** What a program prints: bench/malloc/support.h. */
export interface ProgramResult {
  readonly seconds: number;
  readonly operations: number;
  readonly faults: number;
  readonly peak_rss_kib: number;
  readonly start_rss_kib: number;
  readonly idle_rss_kib: number;
  readonly live_rss_kib?: number;
  readonly live_bytes?: number;
  readonly check: string;
}

/** Far more than any case takes: an allocator that deadlocks must not stop the benchmark. */
const TIMEOUT_MS = 60_000;

/** Resolves to what the program printed; throws an Error that says how it failed. */
export async function runProgram(
  file: string,
  args: readonly string[],
  allocator: Allocator,
  idleMs: number,
): Promise<ProgramResult> {
  const printed = await output(file, [`--idle-ms=${idleMs}`, ...args], allocator);
  try {
    return JSON.parse(printed) as ProgramResult;
  } catch {
    throw new Error(`printed no result but ${JSON.stringify(printed.slice(0, 200))}`);
  }
}

function output(file: string, args: readonly string[], { library }: Allocator): Promise<string> {
  const { LD_PRELOAD: _, ...env } = process.env;
  if (library !== undefined) env.LD_PRELOAD = library;
  const options = { env, timeout: TIMEOUT_MS, killSignal: 'SIGKILL' } as const;
  return new Promise((resolve, reject) => {
    execFile(file, args, options, (error, stdout, stderr) => {
      const said = stderr.trim();
      if (error?.killed) reject(new Error(`not done after ${TIMEOUT_MS / 1000} s`));
      else if (error) reject(new Error(`${error.signal ?? `exit code ${error.code}`} ${said}`.trim()));
      // The dynamic linker goes on without a library that it cannot load.
      else if (said.includes('cannot be preloaded')) reject(new Error(said));
      else resolve(stdout);
    });
  });
}
