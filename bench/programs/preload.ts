// What LD_PRELOAD has to be for a program to use an allocator, and the proof that it then does.
import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import type { Allocator } from '../support/malloc-allocators.js';
import { ProgramFailure } from './meter.js';

export interface Preload {
  readonly library: string | undefined;
  /** What a reader of the figures has to know. */
  readonly note?: string;
}

const LIBC = 'libc.so.6';

/** Throws a ProgramFailure when any of `executables` would use another allocator all the same. */
export function preloadFor(executables: readonly string[], { name, library }: Allocator): Preload {
  let preload: Preload = { library };
  for (const executable of executables) {
    let linked = linkage(executable, preload.library);
    if (library === undefined && linked.libc !== undefined && !linked.providers.every(isLibc)) {
      // The program is linked to an allocator of its own: libc.so.6 before it brings back glibc's.
      const own = linked.providers.map((path) => basename(path)).join(' and ');
      const note = `${basename(executable)} is linked to ${own}; glibc stands for ${LIBC} preloaded.`;
      preload = { library: linked.libc, note };
      linked = linkage(executable, preload.library);
    }
    const fits = library === undefined ? isLibc : (path: string) => isSame(path, library);
    if (linked.providers.length === 0 || !linked.providers.every(fits)) {
      const found = linked.providers.join(' and ') || 'one that no preloaded library can replace';
      throw new ProgramFailure(`${executable} does not use ${name}'s malloc but ${found}`);
    }
  }
  return preload;
}

const isLibc = (path: string) => basename(path) === LIBC;

function isSame(path: string, other: string): boolean {
  try {
    return realpathSync(path) === realpathSync(other);
  } catch {
    return path === other;
  }
}

interface Linkage {
  /** The files whose malloc, calloc, realloc and free the program and its libraries call. */
  readonly providers: readonly string[];
  readonly libc: string | undefined;
}

/**
 * As glibc's dynamic linker tells it, for `executable --version`. No providers when the program is linked
 * statically, when there is another dynamic linker, or when it does not get that far.
 */
function linkage(executable: string, library: string | undefined): Linkage {
  const env: NodeJS.ProcessEnv = { PATH: process.env.PATH, LC_ALL: 'C', LD_DEBUG: 'bindings' };
  if (library !== undefined) env.LD_PRELOAD = library;
  const { stderr } = spawnSync(executable, ['--version'], {
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  const providers = new Set<string>();
  let libc: string | undefined;
  for (const [, from, to, symbol] of (stderr ?? '').matchAll(
    /binding file (\S+) \[\d+\] to (\S+) \[\d+\]: normal symbol `(\w+)'/g,
  )) {
    if (isLibc(to!)) libc = to;
    // An allocator may hand what is not its own to the one behind it.
    if (from === library) continue;
    // A program that takes the address of malloc binds the name to itself, which only leads further.
    if (to !== executable && /^(malloc|calloc|realloc|free)$/.test(symbol!)) providers.add(to!);
  }
  return { providers: [...providers], libc };
}
