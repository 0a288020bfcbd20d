// Garbage collection on request, in a process that was not started with --expose-gc.
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/**
 * Collects garbage and lets what waits for that run: until `done`, or a few times. What depends on stacks takes
 * a while, because they are let go of a quarter of a second later.
 */
export async function collect(done?: () => boolean): Promise<void> {
  const rounds = done === undefined ? 5 : 60;
  for (let round = 0; round < rounds && !done?.(); round++) {
    // What `done` has got from a WeakRef stays until the task ends.
    await sleep(10);
    gc();
    await sleep(10);
  }
}
