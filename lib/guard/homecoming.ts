import { environment, facts, onceUnseen } from '../addon/environment.js';
import { HUGE_TAG } from '../addon/generated/memory.js';
import type { WatchedPool } from '../pool/observers.js';
import { ignoreCollection } from './collection.js';
import type { EndedLeases } from './ended-leases.js';
import type { Findings } from './findings.js';
import { giveUp, lookLater, whenOver } from './in-flight.js';
import type { MisuseFinder } from './misuse-finder.js';
import type { ParkedSlots } from './parked-slots.js';
import { revoke } from './revoke.js';
import type { GuardSettings } from './settings.js';
import { isBusy, isLoose, SLOT, type Slot, wasDetached } from './slot.js';
import type { SlotBook } from './slot-book.js';

const MIN_TAG = facts.tagOfGranules[1]!;

/** Idle slots of one size class where only some leases are watched. */
const MAX_SAMPLED_SLOTS = 16;

/** What a guard's slots have in common. */
export interface SlotStores {
  readonly book: SlotBook;
  readonly parked: ParkedSlots;
  readonly ended: EndedLeases;
}

/**
 * The way of a slot's block from the end of its lease to the pool's other free blocks: by the wait for what may still
 * use or see its memory, the quarantine, and the idle slots of its class.
 *
 * Nothing here calls the program while a slot is loose: see PoolGuard.
 */
export class Homecoming {
  readonly #pool: WatchedPool;
  readonly #settings: GuardSettings;
  readonly #book: SlotBook;
  readonly #parked: ParkedSlots;
  readonly #ended: EndedLeases;
  readonly #finder: MisuseFinder;
  readonly #findings: Findings;

  constructor(
    pool: WatchedPool,
    settings: GuardSettings,
    { book, parked, ended }: SlotStores,
    finder: MisuseFinder,
    findings: Findings,
  ) {
    this.#pool = pool;
    this.#settings = settings;
    this.#book = book;
    this.#parked = parked;
    this.#ended = ended;
    this.#finder = finder;
    this.#findings = findings;
  }

  /** The block of a loose slot that has no lease any more. */
  comeHome(slot: Slot): void {
    const { memory } = slot;
    if (memory !== undefined && this.#settings.detaches) {
      ignoreCollection(slot);
      if (this.#goBusy(slot)) return;
      slot.isRevoked = true;
      // What cannot be detached, the program can see for as long as it likes.
      if (!revoke(memory) && this.#goStray(slot)) return;
      slot.memory = undefined;
    }
    if (slot.state === SLOT.looseShared) this.dropReference(slot);
    else this.#park(slot);
  }

  /** The same, where the program may have taken the ArrayBuffer: `kind` is what it did then. */
  comeHomeUnlessDetached(slot: Slot, kind: 'detached' | 'detached-after-release'): void {
    if (!wasDetached(slot) || !this.leaveDetached(slot, kind)) this.comeHome(slot);
  }

  // Waiting for what may use or see the memory -----------------------------------------------------

  /** Whether an operation may be at work on it: neither detached nor filled, the block waits for its end. */
  #goBusy(slot: Slot): boolean {
    const { wait } = slot.lease!; // what has memory had a lease
    if (wait === undefined) return false;
    whenOver(wait, () => this.#waited(slot));
    this.#book.move(slot, slot.state === SLOT.looseShared ? SLOT.busyShared : SLOT.busy);
    lookLater();
    return true;
  }

  #waited(slot: Slot): void {
    this.#endWait(slot);
    this.#findings.deliver();
  }

  #endWait(slot: Slot): void {
    if (!isBusy(slot)) return;
    slot.lease!.wait = undefined;
    this.#book.move(slot, slot.state === SLOT.busy ? SLOT.loose : SLOT.looseShared);
    this.comeHomeUnlessDetached(slot, 'detached-after-release');
  }

  /** Does not wait any more for operations of which nobody knows that they have the memory. */
  #endGuesses(): void {
    for (const slot of this.#book.all) {
      const wait = isBusy(slot) ? slot.lease!.wait : undefined;
      if (wait === undefined || wait.isCertain) continue;
      giveUp(wait);
      this.#endWait(slot);
    }
  }

  /**
   * Somebody took the ArrayBuffer of a loose slot, and has its memory still: then it is not free yet. False, and the
   * slot is loose, when nothing shows it any more.
   */
  leaveDetached(slot: Slot, kind: 'detached' | 'detached-after-release'): boolean {
    this.#finder.add(kind, slot.lease!, -1);
    return this.waitForLast(slot);
  }

  /** True, and the slot is stray, if anything still shows the memory that was taken. */
  waitForLast(slot: Slot): boolean {
    ignoreCollection(slot);
    if (this.#goStray(slot)) return true;
    slot.memory = undefined;
    this.#fill(slot); // what the program wrote into it meanwhile is not misuse once more
    return false;
  }

  /**
   * A block that an ArrayBuffer may still show: nobody gets it before that is gone. False when nothing shows it.
   * It counts as parked, like others that are free, unless the lease table has it.
   */
  #goStray(slot: Slot): boolean {
    const isShared = slot.state === SLOT.looseShared;
    if (!onceUnseen(slot.window, !isShared, () => this.#unseen(slot))) return false;
    if (!isShared) this.#fill(slot);
    this.#book.move(slot, isShared ? SLOT.strayShared : SLOT.stray);
    slot.memory = undefined;
    return true;
  }

  #unseen(slot: Slot): void {
    const { state } = slot;
    if (state === SLOT.stray || state === SLOT.strayShared) {
      this.#book.move(slot, state === SLOT.stray ? SLOT.loose : SLOT.looseShared);
    }
    if (!isLoose(slot)) return;
    slot.memory = undefined;
    this.comeHome(slot);
    this.#findings.deliver();
  }

  // Parking ----------------------------------------------------------------------------------------

  #fill(slot: Slot): void {
    const { filling } = this.#settings;
    if (filling >= 0 && slot.state !== SLOT.looseShared)
      environment.fillBytes(slot.block, 0, slot.capacity, filling);
  }

  /** A loose block: to the quarantine, or at once to the idle ones. */
  #park(slot: Slot): void {
    const { quarantineBytes } = this.#settings;
    this.#fill(slot);
    if (!this.#mayPark()) {
      this.giveBack(slot);
    } else if (slot.capacity > quarantineBytes) {
      this.#toIdle(slot);
    } else {
      this.#parked.addToQuarantine(slot);
      while (this.#book.quarantinedBytes > quarantineBytes) {
        const oldest = this.#parked.leaveQuarantine();
        if (oldest === undefined) break;
        this.#toIdle(oldest);
      }
    }
  }

  /** No: the pool is closed, or somebody waits for room under maxBytes. */
  #mayPark(): boolean {
    return this.#pool.magazines.nativeLimit[MIN_TAG]! !== 0;
  }

  /** A loose slot, from the quarantine or past it. */
  #toIdle(slot: Slot): void {
    // Those beyond 2 MiB are of many lengths: their magazine finds one that fits.
    const limit = slot.tag === HUGE_TAG ? 0 : this.#pool.magazines.nativeLimit[slot.tag]!;
    const max = this.#settings.watchesAll ? limit : Math.min(limit, MAX_SAMPLED_SLOTS);
    if (this.#parked.idleCount(slot.tag) >= max || wasDetached(slot)) {
      this.#dissolve(slot);
      return;
    }
    this.#finder.verify(slot);
    this.#parked.addIdle(slot);
  }

  /** A loose slot that was parked becomes a plain free block. */
  #dissolve(slot: Slot): void {
    if (wasDetached(slot)) {
      if (this.leaveDetached(slot, 'detached-after-release')) return;
    } else {
      this.#finder.verify(slot);
    }
    this.giveBack(slot);
  }

  /** See PoolWatcher. */
  unpark(isRoomWanted: boolean): number {
    this.sweep();
    if (isRoomWanted) this.#endGuesses();
    let count = 0;
    for (;;) {
      const slot = this.#parked.take();
      if (slot === undefined) return count;
      this.#dissolve(slot);
      count++;
    }
  }

  /** Gives up idle slots that nobody needed since the last call. */
  dropSpare(): void {
    lookLater();
    this.sweep();
    this.#parked.dropSpare((slot) => this.#dissolve(slot));
  }

  /** Brings home what operations that were cut off had in hand. */
  sweep(): void {
    if (this.#book.loose === 0) return;
    for (const slot of this.#book.all) {
      if (slot.state === SLOT.gone) this.#book.all.delete(slot);
      if (!isLoose(slot)) continue;
      this.comeHomeUnlessDetached(slot, 'detached-after-release');
    }
    this.#book.loose = [...this.#book.all].filter(isLoose).length;
  }

  // Home -------------------------------------------------------------------------------------------

  /** The block of a loose slot goes to where the pool's other free blocks are. */
  giveBack(slot: Slot): void {
    this.#leave(slot);
    const start = this.#pool.prepareRelease(slot.block, slot.tag);
    this.#pool.putHome(slot.block, slot.tag);
    slot.state = SLOT.gone;
    if (start !== undefined) this.#pool.afterRelease(start);
    this.#forget(slot);
  }

  /** One reference of the native lease table is given back; the rest of the block is none of ours. */
  dropReference(slot: Slot): void {
    this.#leave(slot);
    environment.releaseShared(slot.block);
    slot.state = SLOT.gone;
    this.#pool.afterRelease();
    this.#forget(slot);
  }

  #leave(slot: Slot): void {
    ignoreCollection(slot);
    this.#ended.letGo(slot.lease);
    slot.memory = undefined;
  }

  /** Its block was handed on. Not before: who is cut off in between leaves a slot that is gone, which does no harm. */
  #forget(slot: Slot): void {
    this.#book.all.delete(slot);
    this.#book.loose--;
  }
}
