import { Alarm } from '../addon/alarm.js';
import { allCores, closingCores, openCores } from './cores.js';
import { dropStaleHugeWindows } from './huge-windows.js';
import { stopWatchingPressure, watchPressure } from './pressure.js';
import { hasUnfinished, undoInterrupted } from './unfinished.js';
import { dropStaleWindows, noteDetachedWindows } from './windows.js';

const MIN_PERIOD_MS = 20;
/** Also for pools that keep idle memory for longer: what was cut off is repaired at this time. */
const MAX_PERIOD_MS = 10_000;

const alarm = new Alarm(() => {
  // First of all: whatever is cut off or throws below, this comes again.
  scheduleUpkeep();
  undoInterrupted();
  // Before the open ones, among which one may be whose close() was cut off.
  for (const core of closingCores) {
    core.endClosing();
    core.tick();
    core.settle();
  }
  let again = false;
  for (const core of openCores.values()) {
    again = core.tick() || again;
    // Those whom nobody served because that was cut off.
    core.serveWaiters();
  }
  noteDetachedWindows();
  dropStaleWindows();
  dropStaleHugeWindows();
  for (const core of allCores()) core.watcher?.deliver();
  if (again || closingCores.size > 0 || hasUnfinished()) return;
  alarm.stop();
  stopWatchingPressure();
});

/**
 * Gives idle memory back from time to time, for as long as there is any. Called from slow paths, before they take
 * what has to be given back.
 */
export function scheduleUpkeep(): void {
  let period = MAX_PERIOD_MS;
  for (const core of openCores.values()) period = Math.min(period, core.purgeDelayMs / 2);
  // A pool that was opened since may be in more of a hurry.
  alarm.ringWithin(Math.max(period, MIN_PERIOD_MS));
  watchPressure();
}
