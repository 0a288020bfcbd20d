import { now } from '../addon/clock.js';
import { builtins } from '../base/builtins.js';

/** Leases that live longer than this get their stacks made into text; most are released before. */
const PERIOD_MS = 250;

/** Longest pause for it, in each period. */
const MOST_MS = 5;

/** Has stacks that keep functions alive, and with them perhaps leaked buffers: see CapturedStack. */
export interface StackHolder {
  /**
   * Settles stacks older than `before`, until `end`; times of now().
   * @returns whether none is left, old or new
   */
  settleStacks(before: number, end: number): boolean;
}

const holders = new Set<StackHolder>();
let timer: NodeJS.Timeout | undefined;

function run(): void {
  timer = undefined;
  const time = now();
  for (const holder of holders) {
    if (holder.settleStacks(time - PERIOD_MS, time + MOST_MS)) holders.delete(holder);
  }
  if (holders.size > 0) start();
}

function start(): void {
  if (timer === undefined) timer = builtins.setTimeout(run, PERIOD_MS).unref();
}

/** Asks for the stacks of `holder` to be settled in a while. The timer never keeps the process alive. */
export function settleLater(holder: StackHolder): void {
  holders.add(holder);
  start();
}
