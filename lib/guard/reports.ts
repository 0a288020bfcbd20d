import type { EventEmitter } from 'node:events';
import { channels, type PoolLeakMessage } from '../measure/channels.js';
import { detailOf, noteMistake } from './mistakes.js';
import type { GuardReport } from './types.js';

/** What pool.on() takes. */
export interface GuardEvents {
  leak: [leak: PoolLeakMessage];
  guard: [report: GuardReport];
}

/** Those who listen to one pool. The pool holds it, so that a listener may hold the pool. */
export type Listeners = EventEmitter<GuardEvents>;

const MOST_KEPT = 256;
const kept: GuardReport[] = [];

/** The last 256 reports of guards in this thread, the newest last. For tests: it is not exported. */
export function guardReports(): readonly GuardReport[] {
  return kept;
}

/** Whether the `count`th of a kind is worth a line: the 1st, 10th, 100th, and so on. */
function isWorthALine(count: number): boolean {
  return Number.isInteger(Math.log10(count));
}

/**
 * Who reports is in the middle of an operation, a release or a look of the collector, which has to end: what a
 * listener throws is thrown when that is done, as diagnostics_channel does.
 */
function tell<Name extends keyof GuardEvents>(
  listeners: Listeners | undefined,
  name: Name,
  message: GuardEvents[Name][0],
): void {
  try {
    (listeners as EventEmitter | undefined)?.emit(name, message);
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}

export function publishReport(
  report: GuardReport,
  listeners: Listeners | undefined,
  isThrown: boolean,
): void {
  kept.push(report);
  if (kept.length > MOST_KEPT) kept.shift();
  const count = noteMistake(report.fault, report, detailOf(report));
  if (channels.guard.hasSubscribers) channels.guard.publish(report);
  tell(listeners, 'guard', report);
  if (isThrown) return;
  if (isWorthALine(count)) warn(report.message, 'SuperslabGuard', 'SUPERSLAB_GUARD', count);
}

export function publishLeak(leak: PoolLeakMessage, listeners: Listeners | undefined): void {
  if (channels.leak.hasSubscribers) channels.leak.publish(leak);
  tell(listeners, 'leak', leak);
  if (isWorthALine(leak.count)) warn(leakText(leak), 'SuperslabLeak', 'SUPERSLAB_LEAK', leak.count);
}

function leakText(leak: PoolLeakMessage): string {
  const what = `a buffer of ${leak.size} B (${poolText(leak.pool, leak.tag)}) was garbage-collected`;
  const age = `${(leak.ageMs / 1000).toFixed(1)} s after it was acquired, without release()${referencesText(leak)}`;
  return leak.stack === '' ? `${what} ${age}` : `${what} ${age}; it was acquired\n${leak.stack}`;
}

/** Of a buffer that had more than the one of its acquire. */
function referencesText({ references, retains, sharedReferences }: PoolLeakMessage): string {
  const had: string[] = [];
  if (retains > 0) had.push(`retained ${times(retains)}, ${left(references)}`);
  if (sharedReferences > 0) had.push(`shared, ${left(sharedReferences)} in all threads`);
  return had.length === 0 ? '' : ` (${had.join('; ')})`;
}

const times = (count: number) => (count === 1 ? 'once' : `${count} times`);
const left = (references: number) => `${references} ${references === 1 ? 'reference' : 'references'} left`;

export function poolText(pool: string, tag: string): string {
  return tag === '' ? `pool "${pool}"` : `pool "${pool}", tag "${tag}"`;
}

function warn(message: string, type: string, code: string, count: number): void {
  process.emitWarning(count === 1 ? message : `${message}\n(${count} of this kind so far)`, { type, code });
}
