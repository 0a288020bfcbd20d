import type { BlockNumber, NativePool, SliceTag } from '../addon/binding.js';
import { now } from '../addon/clock.js';
import { environment, facts } from '../addon/environment.js';
import { GUARD, LEAK_DETECTION } from '../addon/generated/choices.js';
import { HUGE_TAG } from '../addon/generated/memory.js';
import { hostError, makeError } from '../base/errors.js';
import type { GuardReport } from '../base/misuse.js';
import { type CapturedStack, showCaller } from '../base/stack.js';
import { recordLease } from '../measure/lease-meter.js';
import { endMeasured } from '../pool/measured-leases.js';
import type { PoolWatcher, WatchedPool } from '../pool/observers.js';
import { leases, type PooledBuffer } from '../pool/pooled-buffer.js';
import { HeldBlock, within } from '../pool/unfinished.js';
import { noteMemory } from '../pool/watched-lease.js';
import { refuseTransfers } from '../pool/windows.js';
import { awaitCollection } from './collection.js';
import { EndedLeases } from './ended-leases.js';
import { type Finding, Findings, reportOf } from './findings.js';
import { Homecoming } from './homecoming.js';
import { noteOperations, operationsOn } from './in-flight.js';
import { LeakFinder } from './leak-finder.js';
import { LeaseSampler } from './lease-sampler.js';
import { LeaseSizes } from './lease-sizes.js';
import { LeaseStacks } from './lease-stacks.js';
import { MisuseFinder } from './misuse-finder.js';
import { ParkedSlots } from './parked-slots.js';
import type { Listeners } from './publishing.js';
import { sampleBudget } from './sample-budget.js';
import { beginWatching, type GuardSettings } from './settings.js';
import { isLeased, LeaseRecord, makeMemory, SLOT, Slot, type SlotGuard, wasDetached } from './slot.js';
import { SlotBook } from './slot-book.js';

type Hidden = (...args: never[]) => unknown;

const { bytesOfTag } = facts;

/**
 * Leak detection and guards of one pool in one environment: the leases that are watched.
 *
 * A watched lease has a {@link Slot}: a block with an ArrayBuffer of its own. Released, the slot waits in the
 * quarantine, then among the idle ones of its class for the next lease. Blocks of such *parked* slots count
 * as cached; unpark() puts them where the pool's other free blocks are.
 *
 * Nothing here calls the program while a slot is loose: what is found wrong is told by deliver(), which whoever
 * called the guard calls when it has nothing in hand. See {@link SlotBook} for what happens when an operation is cut off.
 */
export class PoolGuard implements PoolWatcher, SlotGuard {
  readonly watchesAll: boolean;
  readonly sampler: LeaseSampler;
  readonly stacks: LeaseStacks;

  readonly #pool: WatchedPool;
  readonly #settings: GuardSettings;
  readonly #sizes: LeaseSizes;
  readonly #book: SlotBook;
  readonly #parked: ParkedSlots;
  readonly #ended: EndedLeases;
  readonly #findings = new Findings();
  readonly #finder: MisuseFinder;
  readonly #home: Homecoming;
  readonly #leaks: LeakFinder;
  #releases = 0;
  #releasesAtLastLook = 0;

  constructor(pool: WatchedPool, native: NativePool) {
    const settings = beginWatching(pool, native);
    const { watchesAll } = settings;
    if (settings.detaches) noteOperations();
    this.#pool = pool;
    this.#settings = settings;
    this.watchesAll = watchesAll;
    this.#sizes = new LeaseSizes(settings, native);
    this.#book = new SlotBook(pool.magazines);
    this.#parked = new ParkedSlots(this.#book);
    // Samples must stay cheap.
    this.#ended = new EndedLeases(watchesAll);
    this.stacks = new LeaseStacks(settings.frames, this.#book, this.#ended);
    this.sampler = new LeaseSampler(pool.magazines, settings.sampleInterval);
    if (!watchesAll) for (let tag = 1; tag < bytesOfTag.length; tag++) this.sampler.setNext(tag);
    const stores = { book: this.#book, parked: this.#parked, ended: this.#ended };
    this.#finder = new MisuseFinder(pool, settings, this.#findings);
    this.#home = new Homecoming(pool, settings, stores, this.#finder, this.#findings);
    this.#leaks = new LeakFinder(pool, this.#book, this.sampler, this.#finder, this.#findings, this.#home);
  }

  get poolName(): string {
    return this.#pool.name;
  }

  set listeners(listeners: WeakRef<Listeners> | undefined) {
    this.#findings.listeners = listeners;
  }

  // Acquiring ------------------------------------------------------------------------------------

  capacityFor(size: number): number {
    return this.#sizes.capacityFor(size);
  }

  tryAcquire(size: number, weight = 1): PooledBuffer | undefined {
    this.stacks.settleLater();
    const stack = this.stacks.take(this.tryAcquire);
    const slot = this.#slotToLend(size);
    return slot === undefined ? undefined : this.#lend(slot, size, weight, stack);
  }

  trySample(size: number, tag: SliceTag): PooledBuffer | undefined {
    this.stacks.settleLater();
    const start = now();
    const stack = this.stacks.take(this.trySample);
    const batch = this.sampler.batchOf(tag);
    const weight = this.sampler.weightOfNext(batch, tag);
    const slot = this.#slotToLend(size);
    this.sampler.setNext(tag);
    return slot === undefined ? undefined : this.#lend(slot, size, weight, stack, batch, start);
  }

  /** A loose slot for a lease of `size` bytes; what was found when it was looked for is told before. */
  #slotToLend(size: number): Slot | undefined {
    const bytes = this.#sizes.bytesFor(size);
    const slot = this.#slotFor(bytes);
    if (this.#findings.isEmpty) return slot;
    if (slot !== undefined) this.#parked.addIdle(slot);
    this.deliver();
    this.#pool.checkSize(size); // a listener may have closed the pool
    return this.#slotFor(bytes);
  }

  #slotFor(bytes: number): Slot | undefined {
    const pool = this.#pool;
    const tag = this.#sizes.tagFor(bytes);
    const isHuge = tag === HUGE_TAG;
    for (let slot = this.#parked.takeIdle(tag); slot !== undefined; slot = this.#parked.takeIdle(tag)) {
      if (wasDetached(slot) && this.#home.leaveDetached(slot, 'detached-after-release')) continue;
      // Blocks beyond 2 MiB are of any size: the heap finds one that fits.
      if (isHuge) {
        this.#home.giveBack(slot);
        continue;
      }
      this.#finder.verify(slot);
      pool.magazines.acquired[tag]!++;
      return slot;
    }
    return this.#newSlot(bytes, tag);
  }

  #newSlot(bytes: number, tag: SliceTag): Slot | undefined {
    const pool = this.#pool;
    const isHuge = tag === HUGE_TAG;
    return within(new HeldBlock(pool.native), (held) => {
      const slot = new Slot(this, tag);
      const block = isHuge ? pool.takeHugeBlock(bytes) : pool.takeBlock(tag);
      if (block === undefined) return undefined;
      held.block = block;
      slot.block = block;
      slot.capacity = isHuge ? environment.capacity(block) : bytesOfTag[tag]!;
      slot.state = SLOT.loose;
      this.#book.loose++;
      this.#book.all.add(slot);
      held.block = 0; // the slot has the block now
      return slot;
    });
  }

  /** Lends a loose slot. Nothing is called between the last change and the return: who is cut off has no lease. */
  #lend(
    slot: Slot,
    size: number,
    weight: number,
    stack: CapturedStack | undefined,
    batch?: LeaseRecord['batch'],
    sampledAt?: number,
  ): PooledBuffer {
    const memory = slot.memory ?? this.#memoryFor(slot);
    const canaryEnd = this.#sizes.canaryEnd(size, slot.capacity);
    if (this.#settings.hasCanaries) environment.writeCanary(slot.block, size, canaryEnd);
    const time = now();
    const lease = new LeaseRecord(slot, size, canaryEnd, time, stack, weight, batch);
    const buf = leases.makeWatched(this.#pool, memory, lease, false);
    if (sampledAt !== undefined) sampleBudget.spend(sampledAt, now());
    this.#begin(lease, SLOT.leased);
    return buf;
  }

  #begin(lease: LeaseRecord, state: typeof SLOT.leased | typeof SLOT.shared): void {
    const { slot } = lease;
    this.#ended.letGo(slot.lease);
    this.#book.move(slot, state);
    slot.lease = lease;
    slot.memory = undefined;
  }

  /** An ArrayBuffer over the slot's block, when it has none. */
  #memoryFor(slot: Slot): ArrayBuffer {
    const memory = makeMemory(slot);
    if (memory === undefined) {
      if (slot.state === SLOT.loose) this.#home.giveBack(slot);
      else this.#home.dropReference(slot);
      throw hostError();
    }
    refuseTransfers(memory); // unmarked, because it may have to be revoked
    noteMemory(memory, slot);
    slot.isRevoked = false;
    if (this.#settings.findsLeaks) awaitCollection(slot, memory);
    return memory;
  }

  /** Adopting is dear anyway, so samples are not sparse. */
  watchesAdopted(): boolean {
    return this.watchesAll || sampleBudget.isOpen;
  }

  adopt(held: { block: BlockNumber }, size: number): PooledBuffer {
    this.stacks.settleLater();
    const slot = new Slot(this, HUGE_TAG);
    slot.block = held.block;
    // Exactly the bytes of the lease: what is behind them is the business of who shared it.
    slot.capacity = size;
    slot.state = SLOT.looseShared;
    this.#book.loose++;
    this.#book.all.add(slot);
    held.block = 0; // the slot has the reference now
    const start = now();
    const stack = this.stacks.take(this.adopt);
    const memory = this.#memoryFor(slot);
    const lease = new LeaseRecord(slot, size, size, start, stack, 1);
    const buf = leases.makeWatched(this.#pool, memory, lease, true);
    sampleBudget.spend(start, now());
    this.#begin(lease, SLOT.shared);
    return buf;
  }

  share({ slot }: LeaseRecord): void {
    if (slot.state === SLOT.leased) this.#book.move(slot, SLOT.shared);
  }

  unshare({ slot }: LeaseRecord): void {
    if (slot.state === SLOT.shared) this.#book.move(slot, SLOT.leased);
  }

  // Releasing ------------------------------------------------------------------------------------

  beforeRelease(lease: LeaseRecord, memory: ArrayBuffer, hidden: Hidden): void {
    if (this.#settings.detaches) lease.wait = operationsOn(memory, lease.acquiredAt);
    this.stacks.settleLater();
    if (this.watchesAll) lease.released = this.stacks.take(hidden);
  }

  endLease({ slot }: LeaseRecord, memory: ArrayBuffer): void {
    this.#book.move(slot, slot.state === SLOT.shared ? SLOT.looseShared : SLOT.loose);
    slot.memory = memory;
  }

  afterRelease(lease: LeaseRecord, hidden: Hidden): void {
    const { slot } = lease;
    if (lease.isRaw) this.#ended.add(lease);
    this.#releases++;
    if (this.watchesAll) {
      recordLease(this.#pool, lease.size, slot.capacity, (now() - lease.acquiredAt) * 1000);
    } else {
      endMeasured(slot.block);
    }
    const overflow = this.#finder.overflowOf(lease, true);
    this.#home.comeHomeUnlessDetached(slot, 'detached');
    this.deliver();
    if (overflow !== undefined) throw overflowError(overflow, hidden);
  }

  unpark(isRoomWanted = false): number {
    return this.#home.unpark(isRoomWanted);
  }

  /** After a rest everything is given up. */
  tick(): void {
    const isResting = this.#releases === this.#releasesAtLastLook;
    this.#releasesAtLastLook = this.#releases;
    if (isResting) this.unpark();
    else this.#home.dropSpare();
  }

  // Finding misuse and leaks ---------------------------------------------------------------------

  /**
   * Looks at everything at once: behind each live buffer, and at each parked block. What it finds is
   * reported once: a second look, or the release, finds it no more.
   */
  check(): GuardReport[] {
    const found: Finding[] = [];
    this.#home.sweep();
    for (const slot of [...this.#book.all]) {
      const finding = isLeased(slot) ? this.#checkLeased(slot.lease!) : this.#checkParked(slot);
      if (finding !== undefined) found.push(finding);
    }
    const reports = found.map(reportOf);
    this.deliver();
    return reports;
  }

  #checkLeased(lease: LeaseRecord): Finding | undefined {
    const finding = this.#finder.overflowOf(lease);
    if (finding !== undefined) environment.writeCanary(lease.slot.block, lease.size, lease.canaryEnd);
    return finding;
  }

  #checkParked(slot: Slot): Finding | undefined {
    if (slot.state !== SLOT.quarantined && slot.state !== SLOT.idle) return undefined;
    if (!wasDetached(slot)) return this.#finder.verify(slot);
    this.#book.move(slot, SLOT.loose);
    const finding = this.#finder.add('detached-after-release', slot.lease!, -1);
    if (!this.#home.waitForLast(slot)) this.#home.giveBack(slot);
    return finding;
  }

  deliver(): void {
    this.#findings.deliver();
  }

  collected(slot: Slot): void {
    this.#leaks.collected(slot);
  }

  noteLeaksAtEnd(): void {
    if (this.#settings.findsLeaks) this.#leaks.noteLeaksAtEnd();
  }
}

function overflowError(finding: Finding, hidden: Hidden): Error {
  const report = reportOf(finding);
  const error = makeError('ERR_SUPERSLAB_OVERFLOW', report.message, Error, { misuse: report });
  return showCaller(error, hidden);
}

/** undefined when neither leak detection nor a guard is on. */
export function makeGuard(pool: WatchedPool, native: NativePool): PoolGuard | undefined {
  return native.leakDetection === LEAK_DETECTION.off && native.guard === GUARD.off
    ? undefined
    : new PoolGuard(pool, native);
}
