import type { EventEmitter } from 'node:events';
import { noteMisuse } from '../addon/misuse-sites.js';
import { builtins } from '../base/builtins.js';
import type { GuardMisuseKind, GuardReport } from '../base/misuse.js';
import { channels, type PoolLeakMessage } from '../measure/channels.js';
import type { PoolPressureMessage } from '../pool/pressure.js';
import { detailOf, poolText } from './report-words.js';

/** The events of a pool, for pool.on(): a leak, other misuse that a guard found, and what memory pressure made it give back. */
export interface PoolEvents {
  pressure: [message: PoolPressureMessage];
  leak: [leak: PoolLeakMessage];
  guard: [report: GuardReport];
}

/** Those who listen to one pool. The pool holds it, so that a listener may hold the pool. */
export type Listeners = EventEmitter<PoolEvents>;

const MAX_KEPT = 256;
const kept: GuardReport[] = [];

/** The last 256 reports of guards in this thread, the newest last. For tests: it is not exported. */
export function guardReports(): readonly GuardReport[] {
  return kept;
}

type WarningKind = GuardMisuseKind | 'window-detached' | 'leak';

/** Whether the `count`th of a kind is worth a line: the 1st, 10th, 100th, and so on. */
function isWorthALine(count: number): boolean {
  return Number.isInteger(Math.log10(count));
}

/** So many warnings of one kind come from a thread, each of a place, before only numbers are told. */
const MAX_WARNINGS = 64;

/** How many warnings of each kind this thread has given, and how many it has left out. */
const warned = new Map<WarningKind, { given: number; leftOut: number }>();

/**
 * Warns of the `count`th of a place, if it is worth a line. A program that misuses buffers at thousands of places, or
 * with a tag for each request, must not fill its log: of those that are left out only each tenth, hundredth and so on
 * is told.
 */
export function warn(kind: WarningKind, message: () => string, count: number): void {
  if (!isWorthALine(count)) return;
  const told = warned.get(kind) ?? { given: 0, leftOut: 0 };
  warned.set(kind, told);
  const notes = count === 1 ? [] : [`(${count} of this kind so far)`];
  if (told.given < MAX_WARNINGS) {
    told.given++;
  } else {
    told.leftOut++;
    if (!isWorthALine(told.leftOut)) return;
    notes.push(
      `(warnings left out: ${told.leftOut}; stats().${kind === 'leak' ? 'leaks' : 'misuse'} has all)`,
    );
  }
  const [type, code] =
    kind === 'leak' ? ['SuperslabLeak', 'SUPERSLAB_LEAK'] : ['SuperslabGuard', 'SUPERSLAB_GUARD'];
  withoutThrowing(() => process.emitWarning([message(), ...notes].join('\n'), { type, code }));
}

/**
 * Who reports is in the middle of an operation, a release or a look of the collector, which has to end: what a
 * function of the program throws is thrown when that is done, as diagnostics_channel does.
 */
export function withoutThrowing(call: () => void): void {
  try {
    call();
  } catch (error) {
    builtins.nextTick(() => {
      throw error;
    });
  }
}

function tell<Name extends keyof PoolEvents>(
  listeners: Listeners | undefined,
  name: Name,
  message: PoolEvents[Name][0],
): void {
  withoutThrowing(() => (listeners as EventEmitter | undefined)?.emit(name, message));
}

export function publishReport(
  report: GuardReport,
  listeners: Listeners | undefined,
  isThrown: boolean,
): void {
  kept.push(report);
  if (kept.length > MAX_KEPT) kept.shift();
  const count = noteMisuse(report.kind, report, detailOf(report));
  if (channels.guard.hasSubscribers) channels.guard.publish(report);
  tell(listeners, 'guard', report);
  if (isThrown) return;
  warn(report.kind, () => report.message, count);
}

export function publishLeak(leak: PoolLeakMessage, listeners: Listeners | undefined): void {
  if (channels.leak.hasSubscribers) channels.leak.publish(leak);
  tell(listeners, 'leak', leak);
  warn('leak', () => leakText(leak), leak.count);
}

function leakText(leak: PoolLeakMessage): string {
  if (leak.what === 'object') return leakedObjectText(leak);
  if (leak.what === 'block') return lostBlockText(leak);
  const what = `a ${leak.what === 'view' ? 'view' : 'buffer'} of ${leak.size} B (${poolText(leak.pool, leak.tag)}) was garbage-collected`;
  const age = `${(leak.ageMs / 1000).toFixed(1)} s after it was acquired, without release()${referencesText(leak)}`;
  return leak.stack === '' ? `${what} ${age}` : `${what} ${age}; it was acquired\n${leak.stack}`;
}

/** Of a block in a file. */
function lostBlockText({ pool, size, stack }: PoolLeakMessage): string {
  const what = `a block of ${size} B (${poolText(pool, '')}) was allocated, and not committed before the pool was closed: it is gone`;
  return stack === '' ? what : `${what}; it was allocated\n${stack}`;
}

/** Of an object, whose stack is known if its lease was watched, and with that its age. */
function leakedObjectText({ pool, stack, ageMs }: PoolLeakMessage): string {
  const what = `an object (${poolText(pool, '')}) was garbage-collected without put()`;
  if (stack === '') return `${what}; leakDetection: 'full' tells where it was taken`;
  return `${what}, ${(ageMs / 1000).toFixed(1)} s after it was taken\n${stack}`;
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
