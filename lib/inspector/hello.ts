import { readFileSync } from 'node:fs';
import path from 'node:path';
import { threadId } from 'node:worker_threads';
import { binding } from '../addon/binding.js';
import { facts } from '../addon/environment.js';
import { SLICE_BYTES, SUPERSLAB_BYTES, SUPERSLABS_PER_ARENA } from '../addon/generated/memory.js';
import { builtins } from '../base/builtins.js';
import type { Hello } from './types.js';

/** Compiled, this file lies in dist/cjs/inspector/. */
const packageJson = path.join(__dirname, '..', '..', '..', 'package.json');

export const PERIOD_MS = 1000;

/** Of the package, read once. */
let version: string | undefined;

/** What does not change while the process runs. */
export function makeHello(): Hello {
  version ??= (JSON.parse(readFileSync(packageJson, 'utf8')) as { version: string }).version;
  return {
    format: 1,
    pid: process.pid,
    title: process.title,
    script: process.argv[1] ?? '',
    node: process.version,
    version,
    platform: `${process.platform}-${process.arch}`,
    core: facts.sharesCore ? 'libsuperslab.so' : 'addon',
    threadId,
    startedAt: Math.round(builtins.dateNow() - process.uptime() * 1000),
    superslabBytes: SUPERSLAB_BYTES,
    sliceBytes: SLICE_BYTES,
    superslabsPerArena: SUPERSLABS_PER_ARENA,
    periodMs: PERIOD_MS,
    classes: binding.slabCuts(),
    knobs: facts.knobs,
    statistics: facts.statistics,
  };
}
