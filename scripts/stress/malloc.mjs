// `npm run stress -- malloc [--builds=plain,thread,address] [--seconds=60] [--library=PATH] [options]`: test/stress.
//
// plain     the program under build/Release/libsuperslab.so, or the library that is named
// thread, address
//           the same on the functions of superslab.h, built with that sanitizer: what it does with malloc is for
//           the heap, malloc itself stays the sanitizer's
//
// Each build has its part of the seconds. Other options go to the program: --threads=N, --seed=N, --no-fork and so on; a
// wrong one lists them.
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { withBuildLock } from '../support/build-lock.mjs';
import { buildNative } from '../support/build-native.mjs';
import { buildStress } from '../support/build-stress.mjs';
import { at, ScriptError, say } from '../support/paths.mjs';
import { run } from '../support/run.mjs';
import { ownOptions } from './own-options.mjs';

/** What a build is run with. Left out is what the sanitizer cannot follow: a fork among threads, one in a handler. */
const builds = {
  plain: { leftOut: [] },
  thread: { sanitizer: 'thread', leftOut: ['fork', 'signals', 'limit', 'stacks'] },
  address: { sanitizer: 'address,undefined', leftOut: ['signals', 'limit', 'stacks'] },
};

/** The program with the heap inside, built as .ci/run does. */
async function buildCore(sanitizer) {
  const folder = `build/sanitize-${sanitizer.replaceAll(',', '-')}`;
  const flags = ['-DCMAKE_BUILD_TYPE=RelWithDebInfo', '-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -g'];
  say(`building ${folder}/stress_core`);
  await run('cmake', ['-B', folder, `-DSUPERSLAB_SANITIZE=${sanitizer}`, ...flags]);
  await run('cmake', [
    '--build',
    folder,
    '--parallel',
    String(availableParallelism()),
    '--target',
    'stress_core',
  ]);
  return at(folder, 'stress_core');
}

function runOne(name, program, options, env) {
  const { status, signal } = spawnSync(program, options, {
    env: { ...process.env, ...env },
    stdio: 'inherit',
  });
  if (status !== 0) throw new ScriptError(`stress: ${name}: failed: ${signal ?? `exit code ${status}`}`);
}

export async function stress(args) {
  const defaults = { seconds: '60', builds: 'plain', library: at('build/Release/libsuperslab.so') };
  const { own, options, names, secondsEach } = ownOptions(args, defaults, 'builds', Object.keys(builds));
  const part = `--seconds=${secondsEach}`;
  for (const name of names) {
    const { sanitizer, leftOut } = builds[name];
    say(`stress: ${name}`);
    if (sanitizer === undefined) {
      const program = await withBuildLock(async () => {
        if (!args.some((arg) => arg.startsWith('--library='))) await buildNative('superslab_malloc');
        return buildStress();
      });
      runOne(name, program, [part, ...options], { LD_PRELOAD: resolve(own.library) });
    } else {
      const program = await buildCore(sanitizer);
      runOne(name, program, [part, ...leftOut.map((what) => `--no-${what}`), ...options], {});
    }
  }
}
