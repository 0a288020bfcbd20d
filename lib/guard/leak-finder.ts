import { now } from '../addon/clock.js';
import { environment, onceUnseen } from '../addon/environment.js';
import type { PoolIdentity } from '../pool/observers.js';
import type { Findings } from './findings.js';
import type { Homecoming } from './homecoming.js';
import type { LeaseSampler } from './lease-sampler.js';
import type { MisuseFinder } from './misuse-finder.js';
import { isLeased, type LeaseRecord, SLOT, type Slot } from './slot.js';
import type { SlotBook } from './slot-book.js';

/** Leases of one pool that nobody can release any more: found when the collector has taken the buffer. */
export class LeakFinder {
  readonly #pool: PoolIdentity;
  readonly #book: SlotBook;
  readonly #sampler: LeaseSampler;
  readonly #finder: MisuseFinder;
  readonly #findings: Findings;
  readonly #home: Homecoming;

  constructor(
    pool: PoolIdentity,
    book: SlotBook,
    sampler: LeaseSampler,
    finder: MisuseFinder,
    findings: Findings,
    home: Homecoming,
  ) {
    this.#pool = pool;
    this.#book = book;
    this.#sampler = sampler;
    this.#finder = finder;
    this.#findings = findings;
    this.#home = home;
  }

  /** See SlotGuard. */
  collected(slot: Slot): void {
    slot.registered = false;
    const { lease } = slot;
    if (lease === undefined || !isLeased(slot)) return;
    // Its memory may have been transferred to another ArrayBuffer, which is a view of it like any other.
    if (!onceUnseen(slot.window, false, () => this.#leaked(lease))) this.#leaked(lease);
  }

  #leaked(lease: LeaseRecord): void {
    const { slot } = lease;
    if (slot.lease !== lease || !isLeased(slot)) return;
    const isShared = slot.state === SLOT.shared;
    this.#book.move(slot, isShared ? SLOT.looseShared : SLOT.loose);
    this.#finder.overflowOf(lease);
    this.#noteLeak(lease, isShared ? environment.sharedReferences(slot.block) : 0);
    if (isShared) this.#home.dropReference(slot);
    else this.#home.giveBack(slot);
    this.#findings.deliver();
  }

  #noteLeak(lease: LeaseRecord, sharedReferences: number): void {
    const { references, retains } = lease;
    const { tag, stack, bytes, size, ageMs } = noted(lease);
    const estimated = this.#sampler.weightOf(lease);
    const count = this.#pool.native.noteLeak({ tag, stack, bytes, size, ageMs, estimated });
    const pool = this.#pool.name;
    this.#findings.addLeak({
      what: 'buffer',
      pool,
      tag,
      size,
      ageMs,
      stack,
      count,
      references,
      retains,
      sharedReferences,
    });
  }

  /** The thread ends: what is leased now, nobody will release. The native side counts it, with what nobody watched. */
  noteLeaksAtEnd(): void {
    for (const slot of [...this.#book.all]) {
      if (isLeased(slot)) this.#pool.native.noteAtEnd({ block: slot.block, ...noted(slot.lease!) });
    }
  }
}

/** What the native side is told of a lease that leaks. */
function noted({ slot, size, tag, acquired, acquiredAt }: LeaseRecord) {
  return { tag, stack: acquired?.text ?? '', bytes: slot.capacity, size, ageMs: now() - acquiredAt };
}
