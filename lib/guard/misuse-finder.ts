import { environment } from '../addon/environment.js';
import type { GuardMisuseKind } from '../base/misuse.js';
import type { WatchedPool } from '../pool/observers.js';
import type { Finding, Findings } from './findings.js';
import type { GuardSettings } from './settings.js';
import type { LeaseRecord, Slot } from './slot.js';

/** Most bytes of what is wrong that a report shows. */
const MAX_SHOWN_BYTES = 16;

/** Looks at the bytes of one pool's slots for what nobody should have written. */
export class MisuseFinder {
  readonly #pool: WatchedPool;
  readonly #settings: GuardSettings;
  readonly #findings: Findings;

  constructor(pool: WatchedPool, settings: GuardSettings, findings: Findings) {
    this.#pool = pool;
    this.#settings = settings;
    this.#findings = findings;
  }

  /** Looks whether a parked block was written to. */
  verify(slot: Slot): Finding | undefined {
    const { poisons, filling } = this.#settings;
    if (!poisons || slot.lease === undefined) return undefined;
    const offset = environment.firstOther(slot.block, 0, slot.capacity, filling);
    if (offset < 0) return undefined;
    const finding = this.add('written-after-release', slot.lease, offset);
    environment.fillBytes(slot.block, offset, slot.capacity, filling);
    return finding;
  }

  /** Whether somebody wrote behind the buffer of a lease. */
  overflowOf(lease: LeaseRecord, isThrown = false): Finding | undefined {
    if (lease.canaryEnd === lease.size) return undefined;
    const offset = environment.brokenCanary(lease.slot.block, lease.size, lease.canaryEnd);
    return offset < 0 ? undefined : this.add('overflow', lease, offset, isThrown);
  }

  /** Notes what was found. `offset` is that of the first wrong byte; -1 when it is not about bytes. */
  add(kind: GuardMisuseKind, lease: LeaseRecord, offset: number, isThrown = false): Finding {
    const { slot } = lease;
    const end = Math.min(offset + MAX_SHOWN_BYTES, kind === 'overflow' ? lease.canaryEnd : slot.capacity);
    // What a pool clears at release must not live on in strings: of reports, warnings, errors, the page.
    const isShown = offset >= 0 && !this.#pool.zeroAtRelease;
    const bytes = isShown ? environment.hexBytes(slot.block, offset, end) : '';
    this.#pool.native.countGuardReport(kind === 'written-after-release');
    return this.#findings.add({ kind, lease, offset, bytes, isThrown });
  }
}
