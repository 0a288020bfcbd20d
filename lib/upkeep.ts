import { binding } from './binding.js';
import { closingCaches, openCaches } from './environment.js';
import { dropStaleWindows } from './windows.js';

const SHORTEST_PERIOD_MS = 20;

let timer: NodeJS.Timeout | undefined;

function run(): void {
  timer = undefined;
  let again = false;
  for (const id of openCaches.keys()) again = binding.tick(id) || again;
  for (const cache of closingCaches) cache.settle();
  dropStaleWindows();
  if (again) scheduleUpkeep();
}

/**
 * Gives idle memory back from time to time, for as long as there is any. The timer never keeps the
 * process alive. Called from slow paths.
 */
export function scheduleUpkeep(): void {
  if (timer !== undefined) return;
  let period = Number.POSITIVE_INFINITY;
  for (const cache of openCaches.values()) period = Math.min(period, cache.purgeDelayMs);
  if (period === Number.POSITIVE_INFINITY) return;
  timer = setTimeout(run, Math.max(period / 2, SHORTEST_PERIOD_MS));
  timer.unref();
}
