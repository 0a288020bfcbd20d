// All that the checks know of the machine, so that a test can hand them another one.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { CliError } from '../cli-error.js';
import { findLibrary } from '../library.js';
import { type Addon, probeAddon } from './addon.js';

/** Absolute paths in, as on a running Linux: /proc and /sys. */
export interface Files {
  /** undefined where the file is not there or may not be read. */
  read(file: string): string | undefined;
  /** The names in a folder; none where it is not there. */
  list(folder: string): readonly string[];
  exists(file: string): boolean;
}

export interface Machine extends Files {
  readonly platform: string;
  readonly arch: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** process.versions. */
  readonly versions: Readonly<Record<string, string | undefined>>;
  /** The version of the glibc that Node runs on; undefined with another C library. */
  readonly glibc: string | undefined;
  /** Processors that this process may run on. */
  readonly cores: number;
  readonly totalBytes: number;
  /** Of a Node that is started as this one was. */
  readonly heapLimitBytes: number;
  /** Of superslab itself. */
  readonly package: { readonly version: string; readonly node: string };
  readonly addon: Addon;
  /** Where libsuperslab.so lies, or why there is none that can be used. */
  readonly library: { readonly path: string } | { readonly missing: string };
}

/** The files below `root` in place of those of the machine. */
export function filesBelow(root: string): Files {
  const at = (file: string) => path.join(root, file);
  return {
    read(file) {
      try {
        return readFileSync(at(file), 'utf8');
      } catch {
        return undefined;
      }
    },
    list(folder) {
      try {
        return readdirSync(at(folder));
      } catch {
        return [];
      }
    },
    exists: (file) => existsSync(at(file)),
  };
}

/** A whole number in a file; undefined where there is none. */
export function readNumber(machine: Files, file: string): number | undefined {
  const text = machine.read(file)?.trim() ?? '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** What a knob is set to: by the environment, a profile or its default. */
export const knob = (machine: Machine, variable: string): string | undefined => machine.addon.knobs[variable];

function glibcVersion(): string | undefined {
  // Otherwise it looks up the names of the peers of all sockets. The types are those of Node 20.0.
  (process.report as { excludeNetwork?: boolean }).excludeNetwork = true;
  const { header } = process.report.getReport() as unknown as { header: Record<string, unknown> };
  const version = header.glibcVersionRuntime;
  return typeof version === 'string' ? version : undefined;
}

function library(): Machine['library'] {
  try {
    return { path: findLibrary().path };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { missing: error.message.slice(error.code.length + 2) };
  }
}

/** The machine that this runs on. `packageRoot` is the folder of superslab's package.json. */
export function thisMachine(packageRoot: string): Machine {
  const manifest = JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
    engines: { node: string };
  };
  return {
    ...filesBelow('/'),
    platform: process.platform,
    arch: process.arch,
    env: process.env,
    versions: process.versions,
    glibc: glibcVersion(),
    cores: os.availableParallelism(),
    totalBytes: os.totalmem(),
    heapLimitBytes: getHeapStatistics().heap_size_limit,
    package: { version: manifest.version, node: manifest.engines.node },
    addon: probeAddon(packageRoot, process.env),
    library: library(),
  };
}
