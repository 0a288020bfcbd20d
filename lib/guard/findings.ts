import type { GuardMisuseKind, GuardReport, MisusedBuffer } from '../base/misuse.js';
import type { PoolLeakMessage } from '../measure/channels.js';
import { makeReport } from './guard-report.js';
import { type Listeners, publishLeak, publishReport } from './publishing.js';

/** A lease as reports know it. */
export interface ReportedLease {
  /** Its stacks are kept for as long as this is set. */
  isReported: boolean;
  misuse(): MisusedBuffer;
}

/** Something that was found wrong with a lease. Its words are made when it is told. */
export interface Finding {
  readonly kind: GuardMisuseKind;
  readonly lease: ReportedLease;
  readonly offset: number;
  readonly bytes: string;
  /** An error tells of it, too. */
  readonly isThrown: boolean;
  report?: GuardReport;
}

/**
 * What is to be told to listeners, subscribers and the log. Who finds something is in the midst of an operation, and
 * who is told may use pools, close them, throw: so it is told when the operation is done.
 */
export class Findings {
  /** Who listens to the pool; weak, because listeners may hold the pool, which must stay collectable. */
  listeners: WeakRef<Listeners> | undefined;
  readonly #entries: (Finding | PoolLeakMessage)[] = [];

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  add(finding: Finding): Finding {
    finding.lease.isReported = true; // its stacks are kept
    this.#entries.push(finding);
    return finding;
  }

  addLeak(leak: PoolLeakMessage): void {
    this.#entries.push(leak);
  }

  /**
   * Tells listeners, subscribers and the log, in the order in which it was found. Called where nothing is in hand, as the
   * last thing that is done: the program may do anything then.
   */
  deliver(): void {
    if (!this.isEmpty) this.#tell();
  }

  #tell(): void {
    while (this.#entries.length > 0) {
      const entry = this.#entries.shift()!;
      const listeners = this.listeners?.deref();
      if ('kind' in entry) publishReport(reportOf(entry), listeners, entry.isThrown);
      else publishLeak(entry, listeners);
    }
  }
}

/** In words. */
export function reportOf(finding: Finding): GuardReport {
  const { kind, lease, offset, bytes } = finding;
  finding.report ??= makeReport({ kind, ...lease.misuse(), offset, bytes });
  lease.isReported = false;
  return finding.report;
}
