import { Alarm } from '../addon/alarm.js';
import { closingCaches, openCaches } from '../addon/environment.js';
import { hasUnfinished, undoInterrupted } from './unfinished.js';
import { dropStaleWindows, noteTakenWindows } from './windows.js';

const SHORTEST_PERIOD_MS = 20;
/** Also for pools that keep idle memory for longer: what was cut off is repaired at this time. */
const LONGEST_PERIOD_MS = 10_000;

const alarm = new Alarm(() => {
  // First of all: whatever is cut off or throws below, this comes again.
  scheduleUpkeep();
  undoInterrupted();
  let again = false;
  for (const cache of openCaches.values()) {
    again = cache.tick() || again;
    cache.serveWaiters();
  }
  for (const cache of closingCaches) {
    cache.endClosing();
    cache.tick();
    cache.settle();
  }
  noteTakenWindows();
  dropStaleWindows();
  for (const cache of [...openCaches.values(), ...closingCaches]) cache.guard?.deliver();
  if (!again && closingCaches.size === 0 && !hasUnfinished()) alarm.stop();
});

/**
 * Gives idle memory back from time to time, for as long as there is any. Called from slow paths, before they take
 * what has to be given back.
 */
export function scheduleUpkeep(): void {
  let period = LONGEST_PERIOD_MS;
  for (const cache of openCaches.values()) period = Math.min(period, cache.purgeDelayMs / 2);
  // A pool that was opened since may be in more of a hurry.
  alarm.ringWithin(Math.max(period, SHORTEST_PERIOD_MS));
}
