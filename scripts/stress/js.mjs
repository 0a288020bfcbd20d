// `npm run stress -- js [--seconds=60] [--modes=off,poison,...] [--node=PATH] [--seed=N] [options]`: test/stress/js.
//
// Random calls of the whole API in three threads, compared with a model: what is live keeps its bytes and overlaps
// nothing, limits hold, and at the end nothing is in use. Callbacks do anything, calls are cut off by full stacks and by
// timeouts of vm, memory is taken away, and workers are terminated. Each mode of guards and leak detection has its part of
// the seconds. Other options go to the program: --workers=N, --no-callbacks, --no-interruptions, --no-timeouts,
// --no-detaching, --no-terminate. Without timeouts and detaching nothing may be in use at the end: a program cannot know what
// a call that was cut off had given to it already.
import { spawnSync } from 'node:child_process';
import { withBuildLock } from '../support/build-lock.mjs';
import { buildNative } from '../support/build-native.mjs';
import { buildLib } from '../support/build-typescript.mjs';
import { at, ScriptError, say } from '../support/paths.mjs';
import { ownOptions } from './own-options.mjs';

const modes = {
  off: { SUPERSLAB_GUARD: 'off', SUPERSLAB_LEAK_DETECTION: 'off' },
  sampled: { SUPERSLAB_GUARD: 'off', SUPERSLAB_LEAK_DETECTION: 'sampled', SUPERSLAB_LEAK_SAMPLE: '4' },
  full: { SUPERSLAB_GUARD: 'off', SUPERSLAB_LEAK_DETECTION: 'full' },
  poison: { SUPERSLAB_GUARD: 'poison', SUPERSLAB_LEAK_DETECTION: 'full' },
  canary: { SUPERSLAB_GUARD: 'canary', SUPERSLAB_LEAK_DETECTION: 'full' },
  detach: { SUPERSLAB_GUARD: 'detach', SUPERSLAB_LEAK_DETECTION: 'full' },
};

/** Beyond its own seconds a run may take so long to end; then it hangs. */
const GRACE_SECONDS = 60;

export async function stress(args) {
  const defaults = { seconds: '60', modes: Object.keys(modes).join(','), node: process.execPath, seed: '' };
  const { own, options, names, secondsEach } = ownOptions(args, defaults, 'modes', Object.keys(modes));
  await withBuildLock(async () => {
    await buildNative('superslab');
    await buildNative('careless');
    await buildLib();
  });
  for (const [i, name] of names.entries()) {
    const seed = own.seed || String((Date.now() + i) % 2 ** 31);
    say(`stress: ${name}, --seed=${seed}`);
    const program = [at('test/stress/js/main.mjs'), `--seconds=${secondsEach}`, `--seed=${seed}`, ...options];
    const { status, signal } = spawnSync(own.node, ['--no-warnings', ...program], {
      env: { ...process.env, ...modes[name] },
      stdio: 'inherit',
      timeout: (secondsEach + GRACE_SECONDS) * 1000,
      killSignal: 'SIGKILL',
    });
    if (status !== 0) {
      throw new ScriptError(`stress: ${name}, --seed=${seed}: failed: ${signal ?? `exit code ${status}`}`);
    }
  }
}
