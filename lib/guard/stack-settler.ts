import { Alarm } from '../addon/alarm.js';
import { now } from '../addon/clock.js';

/** Leases that live longer than this get their stacks made into text; most are released before. */
const PERIOD_MS = 250;

/** Longest pause for it, in each period. */
const MAX_MS = 5;

/** Has stacks that keep functions alive, and with them perhaps leaked buffers: see CapturedStack. */
export interface StackHolder {
  /**
   * Settles stacks older than `before`, until `end`; times of now().
   * @returns whether none is left, old or new
   */
  settleStacks(before: number, end: number): boolean;
}

const holders = new Set<StackHolder>();

const alarm = new Alarm(() => {
  const time = now();
  for (const holder of holders) {
    if (holder.settleStacks(time - PERIOD_MS, time + MAX_MS)) holders.delete(holder);
  }
  if (holders.size > 0) alarm.ringWithin(PERIOD_MS);
});

/** Asks for the stacks of `holder` to be settled in a while. */
export function settleLater(holder: StackHolder): void {
  holders.add(holder);
  if (!alarm.isSet) alarm.ringWithin(PERIOD_MS);
}
