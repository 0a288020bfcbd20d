import { Alarm } from '../addon/alarm.js';
import { closingCaches, openCaches } from '../addon/environment.js';
import { dropStaleWindows } from './windows.js';

const SHORTEST_PERIOD_MS = 20;

const alarm = new Alarm(() => {
  let again = false;
  for (const cache of openCaches.values()) again = cache.tick() || again;
  for (const cache of closingCaches) {
    cache.tick();
    cache.settle();
  }
  dropStaleWindows();
  for (const cache of [...openCaches.values(), ...closingCaches]) cache.guard?.deliver();
  if (again || closingCaches.size > 0) scheduleUpkeep();
});

/** Gives idle memory back from time to time, for as long as there is any. Called from slow paths. */
export function scheduleUpkeep(): void {
  let period = Number.POSITIVE_INFINITY;
  for (const cache of openCaches.values()) period = Math.min(period, cache.purgeDelayMs / 2);
  // A pool that was opened since may be in more of a hurry.
  if (period !== Number.POSITIVE_INFINITY) alarm.ringWithin(Math.max(period, SHORTEST_PERIOD_MS));
}
