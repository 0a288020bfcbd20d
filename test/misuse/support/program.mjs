// What the programs of this folder share.
import { channel } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** OK=1 runs a program without its misuse. */
export const ok = process.env.OK === '1';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');

/**
 * Collects garbage until `found`. The stack of an acquire is let go of a quarter of a second later, and only then
 * what it holds can be collected; where there is nothing to find, twice that is enough to tell.
 */
export async function garbageCollected(found, patienceMs = ok ? 500 : 10_000) {
  const end = performance.now() + patienceMs;
  while (!found() && performance.now() < end) {
    await sleep(10);
    gc();
    await sleep(10);
  }
}

const errors = channel('misuse:error');

/** Does something wrong, shows the error that superslab throws, and goes on. */
export function caught(misuse) {
  try {
    misuse();
  } catch (error) {
    console.error(error);
    errors.publish(error);
  }
}

/** Native code that keeps pointers for longer than it may, and writes where it should not. */
export function carelessAddon() {
  const module = { exports: {} };
  process.dlopen(module, fileURLToPath(new URL('../../../build/Release/careless.so', import.meta.url)));
  return module.exports;
}
