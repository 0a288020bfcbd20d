// `npm run stress -- [--seconds=60] [--threads=4] [--seed=N] [--no-fork] [--abort] [LIBRARY]`: random
// work by threads that come and go, under build/Release/libsuperslab.so or the library that is named.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { withBuildLock } from './support/build-lock.mjs';
import { buildNative } from './support/build-native.mjs';
import { buildStress } from './support/build-stress.mjs';
import { at, main, ScriptError } from './support/paths.mjs';

await main(async () => {
  const args = process.argv.slice(2);
  const named = args.find((arg) => !arg.startsWith('-'));
  const options = args.filter((arg) => arg.startsWith('-'));
  if (!options.some((arg) => arg.startsWith('--seconds='))) options.push('--seconds=60');
  const program = await withBuildLock(async () => {
    if (named === undefined) await buildNative('superslab_malloc');
    return buildStress();
  });
  const library = resolve(named ?? at('build/Release/libsuperslab.so'));
  const env = { ...process.env, LD_PRELOAD: library };
  const { status, signal } = spawnSync(program, options, { env, stdio: 'inherit' });
  if (status !== 0) throw new ScriptError(`stress: failed: ${signal ?? `exit code ${status}`}`);
});
