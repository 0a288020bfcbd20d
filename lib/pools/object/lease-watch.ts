import type { NativePool } from '../../addon/binding.js';
import { now } from '../../addon/clock.js';
import { LEAK_DETECTION } from '../../addon/generated/choices.js';
import { builtins } from '../../base/builtins.js';
import { CapturedStack, ownRealm } from '../../base/stack.js';
import { publishLeak } from '../../guard/publishing.js';
import { sampleBudget } from '../../guard/sample-budget.js';
import { type StackHolder, settleLater } from '../../guard/stack-settler.js';
import type { Holder } from './errors.js';
import { Lease } from './lease.js';
import type { Shelf } from './shelf.js';
import { type Slot, STATE } from './slot.js';
import type { ObjectPoolTeller } from './telling.js';

/** Gets until a sample is asked for again when the budget for them is used up. */
const REST = 4096;

/** Watches leases of one pool: who has them, for how long, and whether the collector took what was lent. */
export class LeaseWatch<T> implements StackHolder {
  /** Whether each lease is watched, and not only samples. */
  readonly watchesAll: boolean;
  readonly samples: boolean;
  readonly #name: string;
  readonly #native: NativePool;
  readonly #shelf: Shelf<T>;
  readonly #slots: ReadonlySet<Slot<T>>;
  readonly #teller: ObjectPoolTeller;
  readonly #timeoutMs: number;
  readonly #reportsLeaks: boolean;

  constructor(
    name: string,
    native: NativePool,
    shelf: Shelf<T>,
    slots: ReadonlySet<Slot<T>>,
    teller: ObjectPoolTeller,
    timeoutMs: number,
  ) {
    const { leakDetection } = native;
    this.#name = name;
    this.#native = native;
    this.#shelf = shelf;
    this.#slots = slots;
    this.#teller = teller;
    this.#timeoutMs = timeoutMs;
    this.#reportsLeaks = leakDetection !== LEAK_DETECTION.off;
    this.watchesAll = leakDetection > LEAK_DETECTION.sampled || Number.isFinite(timeoutMs);
    this.samples = this.#reportsLeaks && !this.watchesAll;
    if (this.#reportsLeaks) native.watch(name);
    // Made now: it takes milliseconds.
    if (this.watchesAll && native.leakFrames > 0) ownRealm();
    if (this.samples) this.#setNext();
  }

  /** From 1 to twice the mean, less one. */
  #setNext(): void {
    this.#shelf.untilSample = 1 + Math.floor(builtins.random() * (2 * this.#native.leakSample - 1));
  }

  /** The stack of the caller of `hidden`, which must be under way. */
  stackOf(hidden: (...args: never[]) => unknown): CapturedStack | undefined {
    const { leakFrames } = this.#native;
    if (leakFrames === 0) return undefined;
    const stack = new CapturedStack(leakFrames, hidden);
    settleLater(this);
    return stack;
  }

  /** For a lease of somebody who waited: by the stack of his acquire(). */
  leaseForWaiter(stack: CapturedStack | undefined): Lease | undefined {
    return this.watchesAll ? new Lease(stack) : undefined;
  }

  /** For a lease that its taker begins off the hot path, which may have been for a sample. */
  leaseForCaller(): Lease | undefined {
    if (this.watchesAll) return new Lease(this.stackOf(this.leaseForCaller));
    if (!this.samples) return undefined;
    const shelf = this.#shelf;
    if (shelf.untilSample > 0) shelf.untilSample--;
    if (shelf.untilSample > 0) return undefined;
    if (!sampleBudget.isOpen) {
      shelf.untilSample = REST;
      return undefined;
    }
    const start = now();
    const lease = new Lease(this.stackOf(this.leaseForCaller));
    this.#setNext();
    sampleBudget.spend(start, now());
    return lease;
  }

  settleStacks(before: number, end: number): boolean {
    let none = true;
    for (const { lease } of this.#slots) {
      if (lease?.stack?.isRaw !== true) continue;
      if (lease.since > before) {
        none = false;
        continue;
      }
      lease.stack.settle();
      if (now() > end) return false;
    }
    return none;
  }

  /** Tells of leases that last too long, each once. */
  lookForOverdue(): void {
    if (!Number.isFinite(this.#timeoutMs)) return;
    const time = now();
    for (const { state, lease } of [...this.#slots]) {
      if (state !== STATE.lent || lease === undefined || lease.isOverdue) continue;
      const heldMs = time - lease.since;
      if (heldMs < this.#timeoutMs) continue;
      lease.isOverdue = true;
      this.#shelf.count('leaseTimeouts');
      this.#teller.tellLeaseTimeout({ pool: this.#name, heldMs, stack: lease.text });
    }
  }

  /** Who has had an object for longest, as far as leases are watched. */
  oldest(): Holder | undefined {
    let found: Lease | undefined;
    for (const { state, lease } of this.#slots) {
      if (state !== STATE.lent || lease === undefined) continue;
      if (found === undefined || lease.since < found.since) found = lease;
    }
    return found === undefined ? undefined : { lease: found, heldMs: now() - found.since };
  }

  /** The collector took what was lent by this lease. */
  noteLeak(lease: Lease | undefined): void {
    if (!this.#reportsLeaks) return;
    const stack = lease?.text ?? '';
    const ageMs = lease === undefined ? 0 : now() - lease.since;
    const about = { tag: '', stack, size: 0, ageMs };
    const count = this.#native.noteLeak({ ...about, bytes: 0, estimated: 1 });
    const references = { references: 1, retains: 0, sharedReferences: 0 };
    const leak = { what: 'object' as const, pool: this.#name, count, ...about, ...references };
    publishLeak(leak, this.#teller.listeners?.deref());
  }
}
