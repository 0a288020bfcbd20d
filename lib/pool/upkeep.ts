import { now } from '../addon/clock.js';
import { closingCaches, openCaches } from '../addon/environment.js';
import { builtins } from '../base/builtins.js';
import { dropStaleWindows } from './windows.js';

const SHORTEST_PERIOD_MS = 20;

let timer: NodeJS.Timeout | undefined;
let due = 0;

function run(): void {
  timer = undefined;
  let again = false;
  for (const cache of openCaches.values()) again = cache.tick() || again;
  for (const cache of closingCaches) {
    cache.tick();
    cache.settle();
  }
  dropStaleWindows();
  for (const cache of [...openCaches.values(), ...closingCaches]) cache.guard?.deliver();
  if (again || closingCaches.size > 0) scheduleUpkeep();
}

/**
 * Gives idle memory back from time to time, for as long as there is any. The timer never keeps the
 * process alive. Called from slow paths.
 */
export function scheduleUpkeep(): void {
  let period = Number.POSITIVE_INFINITY;
  for (const cache of openCaches.values()) period = Math.min(period, cache.purgeDelayMs / 2);
  if (period === Number.POSITIVE_INFINITY) return;
  const next = now() + Math.max(period, SHORTEST_PERIOD_MS);
  // A pool that was opened since may be in more of a hurry.
  if (timer !== undefined && due <= next) return;
  builtins.clearTimeout(timer);
  due = next;
  timer = builtins.setTimeout(run, next - now());
  timer.unref();
}
