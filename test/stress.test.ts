// A few seconds of test/stress/stress.cc under libsuperslab.so. STRESS_SECONDS asks for more;
// SHIM_LIBRARY names another library than build/Release/libsuperslab.so.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { buildStress } from '../scripts/support/build-stress.mjs';
import { packageRoot } from './support/child.js';

const library = path.resolve(
  process.env.SHIM_LIBRARY ?? path.join(packageRoot, 'build/Release/libsuperslab.so'),
);
const seconds = Number(process.env.STRESS_SECONDS ?? 5);
/** Beyond its seconds: the last round, and a run that hangs, which tells of it itself after 300 s. */
const timeout = (seconds + 400) * 1000;

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly said: string;
}

function run(program: string, env: Record<string, string>): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SUPERSLAB_'));
  const command = ['-c', 'ulimit -c 0; LD_PRELOAD="$0" exec "$@"', library, program, `--seconds=${seconds}`];
  return new Promise((resolve) => {
    const options = { env: { ...Object.fromEntries(inherited), ...env }, timeout };
    execFile('/bin/sh', command, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ code, signal: error?.signal ?? null, said: stdout + stderr });
    });
  });
}

test.skipIf(process.platform !== 'linux').for([
  ['as it is', {}],
  [
    'with small caches and hasty purges',
    { SUPERSLAB_CACHE_BLOCKS: '2', SUPERSLAB_MALLOC_PURGE_DELAY_MS: '1' },
  ],
] as [string, Record<string, string>][])('malloc under stress, %s', { timeout }, async ([, env]) => {
  expect(existsSync(library), `no ${library}; build it with: npm run build -- shim`).toBe(true);
  const { said, ...ended } = await run(await buildStress(), env);
  // What it says holds the seed.
  expect(ended, said).toEqual({ code: 0, signal: null });
});
