import { isMainThread } from 'node:worker_threads';
import { type BlockNumber, binding, type NativePool, type SliceTag } from '../addon/binding.js';
import { now } from '../addon/clock.js';
import { closingCaches, facts, onceUnseen, openCaches } from '../addon/environment.js';
import { atExit } from '../base/at-exit.js';
import { sizeOf } from '../base/builtins.js';
import { hostError, makeError } from '../base/errors.js';
import type { GuardFault, GuardReport, Misuse } from '../base/misuse.js';
import { CapturedStack, ownRealm, showCaller } from '../base/stack.js';
import { endSample, recordLease } from '../measure/lease-sampling.js';
import type { LeaseCache } from '../pool/lease-cache.js';
import { LARGE_TAG } from '../pool/magazines.js';
import { leases, type PooledBuffer } from '../pool/pooled-buffer.js';
import { GRANULE_SHIFT, refuseTransfers } from '../pool/windows.js';
import { EndedLeases } from './ended-leases.js';
import { type Finding, Findings, reportOf } from './findings.js';
import { giveUp, lookLater, noteOperations, operationsOn, whenOver } from './in-flight.js';
import { LeaseSampler } from './lease-sampler.js';
import { ParkedSlots } from './parked-slots.js';
import type { Listeners } from './reports.js';
import { revoke } from './revoke.js';
import { sampleBudget } from './sampler.js';
import { LeaseRecord, makeMemory, noteMemory, SLOT, Slot } from './slot.js';
import { SlotBook } from './slot-book.js';
import { settleLater } from './stack-settler.js';

const { tagOfGranules, bytesOfTag } = facts;
const MAX_CLASS_BYTES = (tagOfGranules.length - 1) << GRANULE_SHIFT;
const LEAST_TAG = tagOfGranules[1]!;

const SAMPLED = 1;
const POISON = 1;
const CANARY = 2;
const DETACH = 3;

/** How a lease that leaks comes to its end. */
const LEAK_END = {
  collected: 0,
  /** The thread ends, and the native side takes the block back, which counts the leaks that nobody watched by it. */
  blockReclaimed: 1,
  /** The thread ends, and only its reference does. */
  referenceDropped: 2,
} as const;

/** What released blocks are filled with, unless the pool clears them. */
const POISON_BYTE = 0xdb;

/** Least bytes behind each buffer that no one should touch. */
const CANARY_BYTES = 16;
/** Most of them: a block of many MiB may have half a MiB to spare, which is not brought in for this. */
const MOST_CANARY_BYTES = 4096;

/** Idle slots of one size class where only some leases are watched. */
const MOST_SAMPLED_SLOTS = 16;

/** Whether the program took the ArrayBuffer of a slot that has no lease. */
function wasTaken({ memory, isRevoked }: Slot): boolean {
  return memory !== undefined && !isRevoked && sizeOf(memory) === 0;
}

const isLoose = ({ state }: Slot) => state === SLOT.loose || state === SLOT.looseShared;
const isBusy = ({ state }: Slot) => state === SLOT.busy || state === SLOT.busyShared;
const isLeased = ({ state }: Slot) => state === SLOT.leased || state === SLOT.shared;

/** Told when an ArrayBuffer of a slot is collected, see Slot; of its last one, or of one before. */
const registry = new FinalizationRegistry<{ slot: Slot; window: number }>(({ slot, window }) => {
  if (slot.window === window) slot.guard.collected(slot);
});

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
export class PoolGuard {
  /** Whether each lease is watched, and not only samples. */
  readonly watchesAll: boolean;
  readonly sampler: LeaseSampler;

  readonly #cache: LeaseCache;
  readonly #level: number;
  readonly #findsLeaks: boolean;
  readonly #frames: number;
  readonly #quarantineBytes: number;
  readonly #pageBytes: number;
  /** What a parked block is filled with; -1 for nothing. */
  readonly #filling: number;

  readonly #book: SlotBook;
  readonly #parked: ParkedSlots;
  readonly #ended: EndedLeases;
  readonly #findings = new Findings();
  #releases = 0;
  #releasesAtLastLook = 0;

  constructor(cache: LeaseCache, native: NativePool) {
    this.#cache = cache;
    this.#level = native.guard;
    this.watchesAll = native.guard !== 0 || native.leakDetection > SAMPLED;
    // Samples must stay cheap.
    this.#ended = new EndedLeases(this.watchesAll);
    this.#findsLeaks = native.leakDetection !== 0;
    this.#frames = native.leakFrames;
    if (this.#frames > 0) ownRealm(); // made now: it takes milliseconds
    this.#quarantineBytes = native.guard >= POISON ? native.quarantineBytes : 0;
    if (this.#level >= DETACH) noteOperations();
    this.#filling = cache.zeroAtRelease ? 0 : native.guard >= POISON ? POISON_BYTE : -1;
    this.#book = new SlotBook(cache.magazines);
    this.#parked = new ParkedSlots(this.#book);
    this.sampler = new LeaseSampler(cache.magazines, native.leakSample);
    if (!this.watchesAll) for (let tag = 1; tag < bytesOfTag.length; tag++) this.sampler.setNext(tag);
    this.#pageBytes = binding.watchPool(cache.id, this.#findsLeaks ? cache.name : '');
  }

  set listeners(listeners: WeakRef<Listeners>) {
    this.#findings.listeners = listeners;
  }

  // Acquiring ------------------------------------------------------------------------------------

  /** Bytes of memory that a lease of `size` bytes needs. */
  bytesFor(size: number): number {
    const bytes = this.#level >= CANARY ? size + CANARY_BYTES : size;
    // Pages of its own, so that what is revoked is nobody else's.
    return this.#level >= DETACH ? Math.ceil(bytes / this.#pageBytes) * this.#pageBytes : bytes;
  }

  /** The class for `bytes`; with `detach` one whose blocks are whole pages. */
  #tagFor(bytes: number): SliceTag {
    let tag = tagOfGranules[(bytes + 63) >>> GRANULE_SHIFT]!;
    // The last class, of 2 MiB, is a multiple of every page size.
    if (this.#level >= DETACH) while (bytesOfTag[tag]! % this.#pageBytes !== 0) tag++;
    return tag;
  }

  /** Bytes of the block that a lease of `size` bytes takes. */
  capacityFor(size: number): number {
    const bytes = this.bytesFor(size);
    return bytes > MAX_CLASS_BYTES
      ? binding.largeCapacity(this.#cache.id, bytes)
      : bytesOfTag[this.#tagFor(bytes)]!;
  }

  /** A watched lease; undefined when maxBytes are in use. */
  tryAcquire(size: number, weight = 1): PooledBuffer | undefined {
    this.#settleLater();
    const stack = this.#stack(this.tryAcquire);
    const slot = this.#slotToLend(size);
    return slot === undefined ? undefined : this.#lend(slot, size, weight, stack);
  }

  /** A lease that is due to be sampled; undefined when there is no room. */
  trySample(size: number, tag: SliceTag): PooledBuffer | undefined {
    this.#settleLater();
    const start = now();
    const stack = this.#stack(this.trySample);
    const batch = this.sampler.batchOf(tag);
    const weight = this.sampler.weightOfNext(batch, tag);
    const slot = this.#slotToLend(size);
    this.sampler.setNext(tag);
    return slot === undefined ? undefined : this.#lend(slot, size, weight, stack, batch, start);
  }

  /** A loose slot for a lease of `size` bytes; what was found when it was looked for is told before. */
  #slotToLend(size: number): Slot | undefined {
    const bytes = this.bytesFor(size);
    const slot = this.#slotFor(bytes);
    if (this.#findings.isEmpty) return slot;
    if (slot !== undefined) this.#parked.addIdle(slot);
    this.deliver();
    this.#cache.checkSize(size); // a listener may have closed the pool
    return this.#slotFor(bytes);
  }

  #slotFor(bytes: number): Slot | undefined {
    const cache = this.#cache;
    const isLarge = bytes > MAX_CLASS_BYTES;
    const tag = isLarge ? LARGE_TAG : this.#tagFor(bytes);
    for (let slot = this.#parked.takeIdle(tag); slot !== undefined; slot = this.#parked.takeIdle(tag)) {
      if (wasTaken(slot) && this.#leaveTaken(slot, 'detached-after-release')) continue;
      // Blocks beyond 2 MiB are of any size: the heap finds one that fits.
      if (isLarge) {
        this.#giveBack(slot);
        continue;
      }
      this.#verify(slot);
      cache.magazines.acquired[tag]!++;
      return slot;
    }
    const slot = new Slot(this, tag);
    const block = isLarge ? cache.takeLargeBlock(bytes) : cache.takeBlock(tag);
    if (block === undefined) return undefined;
    // The slot has the block from here on: nothing comes between.
    slot.block = block;
    slot.capacity = isLarge ? binding.capacity(block) : bytesOfTag[tag]!;
    slot.state = SLOT.loose;
    this.#book.loose++;
    this.#book.all.add(slot);
    return slot;
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
    let canaryEnd = size;
    if (this.#level >= CANARY) {
      canaryEnd = Math.min(slot.capacity, size + MOST_CANARY_BYTES);
      binding.writeCanary(slot.block, size, canaryEnd);
    }
    const time = now();
    const lease = new LeaseRecord(slot, size, canaryEnd, time, stack, weight, batch);
    const buf = leases.makeWatched(this.#cache, memory, lease, false);
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

  /** The caller's stack. */
  #stack(hidden: (...args: never[]) => unknown): CapturedStack | undefined {
    return this.#frames === 0 ? undefined : new CapturedStack(this.#frames, hidden);
  }

  /** Has stacks settled later. Called where no slot is in hand: timers may run hooks of the program. */
  #settleLater(): void {
    if (this.#frames !== 0) settleLater(this);
  }

  /** An ArrayBuffer over the slot's block, when it has none. */
  #memoryFor(slot: Slot): ArrayBuffer {
    const memory = makeMemory(slot);
    if (memory === undefined) {
      if (slot.state === SLOT.loose) this.#giveBack(slot);
      else this.#dropReference(slot);
      throw hostError();
    }
    refuseTransfers(memory); // unmarked, because it may have to be revoked
    noteMemory(memory, slot);
    slot.isRevoked = false;
    if (this.#findsLeaks) this.#register(slot, memory);
    return memory;
  }

  #register(slot: Slot, memory: ArrayBuffer): void {
    this.#unregister(slot);
    registry.register(memory, { slot, window: slot.window }, slot);
    slot.registered = true;
  }

  #unregister(slot: Slot): void {
    if (!slot.registered) return;
    registry.unregister(slot);
    slot.registered = false;
  }

  /** Whether the next adopted lease is to be watched: adopting is dear anyway, so samples are not sparse. */
  watchesAdopted(): boolean {
    return this.watchesAll || sampleBudget.isOpen;
  }

  /** Takes over a block that the lease table has given to this environment, `size` bytes of it. */
  hold(block: BlockNumber, size: number): Slot {
    this.#settleLater();
    const slot = new Slot(this, LARGE_TAG);
    slot.block = block;
    // Exactly the bytes of the lease: what is behind them is the business of who shared it.
    slot.capacity = size;
    slot.state = SLOT.looseShared;
    this.#book.loose++;
    this.#book.all.add(slot);
    return slot;
  }

  /** The lease of what hold() took over, which comes back by itself if this fails. */
  adopt(slot: Slot): PooledBuffer {
    const start = now();
    const stack = this.#stack(this.adopt);
    const memory = this.#memoryFor(slot);
    const { capacity } = slot;
    const lease = new LeaseRecord(slot, capacity, capacity, start, stack, 1);
    const buf = leases.makeWatched(this.#cache, memory, lease, true);
    sampleBudget.spend(start, now());
    this.#begin(lease, SLOT.shared);
    return buf;
  }

  /** The lease is in the native lease table from now on. */
  share({ slot }: LeaseRecord): void {
    if (slot.state === SLOT.leased) this.#book.move(slot, SLOT.shared);
  }

  /** It is not after all. */
  unshare({ slot }: LeaseRecord): void {
    if (slot.state === SLOT.shared) this.#book.move(slot, SLOT.leased);
  }

  // Releasing ------------------------------------------------------------------------------------
  // In three steps, because the buffer itself must be marked as released in the midst of it.

  /** The last reference of a watched lease is about to be given back. May run code of the program. */
  beforeRelease(lease: LeaseRecord, memory: ArrayBuffer): void {
    if (this.#level >= DETACH) lease.wait = operationsOn(memory, lease.acquiredAt);
    this.#settleLater();
    if (this.watchesAll) lease.released = this.#stack(this.beforeRelease);
  }

  /** Ends the lease: all of it, or, if it is cut off, nothing. `memory` is what its buffer shows. */
  endLease({ slot }: LeaseRecord, memory: ArrayBuffer): void {
    this.#book.move(slot, slot.state === SLOT.shared ? SLOT.looseShared : SLOT.loose);
    slot.memory = memory;
  }

  /**
   * The rest of the release.
   * @throws ERR_SUPERSLAB_OVERFLOW when bytes behind the buffer were overwritten; it is released all the same
   */
  afterRelease(lease: LeaseRecord): void {
    const { slot } = lease;
    if (lease.isRaw) this.#ended.add(lease);
    this.#releases++;
    if (this.watchesAll) {
      recordLease(this.#cache, lease.size, slot.capacity, (now() - lease.acquiredAt) * 1000);
    } else {
      endSample(slot.block);
    }
    const overflow = this.#findOverflow(lease, true);
    if (!wasTaken(slot) || !this.#leaveTaken(slot, 'detached')) this.#comeHome(slot);
    this.deliver();
    if (overflow !== undefined) throw overflowError(overflow, this.afterRelease);
  }

  /** The block of a loose slot that has no lease any more. */
  #comeHome(slot: Slot): void {
    const { memory } = slot;
    if (memory !== undefined && this.#level >= DETACH) {
      this.#unregister(slot);
      if (this.#goBusy(slot)) return;
      slot.isRevoked = true;
      // What cannot be detached, the program can see for as long as it likes.
      if (!revoke(memory) && this.#goStray(slot)) return;
      slot.memory = undefined;
    }
    if (slot.state === SLOT.looseShared) this.#dropReference(slot);
    else this.#park(slot);
  }

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
    this.deliver();
  }

  #endWait(slot: Slot): void {
    if (!isBusy(slot)) return;
    slot.lease!.wait = undefined;
    this.#book.move(slot, slot.state === SLOT.busy ? SLOT.loose : SLOT.looseShared);
    if (!wasTaken(slot) || !this.#leaveTaken(slot, 'detached-after-release')) this.#comeHome(slot);
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

  /** One reference of the native lease table is given back; the rest of the block is none of ours. */
  #dropReference(slot: Slot): void {
    this.#unregister(slot);
    this.#ended.letGo(slot.lease);
    slot.memory = undefined;
    this.#cache.releaseShared(slot.block, slot);
    this.#forget(slot);
  }

  /** Its block was handed on. Not before: who is cut off in between leaves a slot that is gone, which does no harm. */
  #forget(slot: Slot): void {
    this.#book.all.delete(slot);
    this.#book.loose--;
  }

  /**
   * Somebody took the ArrayBuffer of a loose slot, and has its memory still: then it is not free yet. False, and the
   * slot is loose, when nothing shows it any more.
   */
  #leaveTaken(slot: Slot, fault: 'detached' | 'detached-after-release'): boolean {
    this.#find(fault, slot.lease!, -1);
    return this.#waitForLast(slot);
  }

  /** True, and the slot is stray, if anything still shows the memory that was taken. */
  #waitForLast(slot: Slot): boolean {
    this.#unregister(slot);
    if (this.#goStray(slot)) return true;
    slot.memory = undefined;
    this.#fill(slot); // what the program wrote into it meanwhile is no second mistake
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
    this.#comeHome(slot);
    this.deliver();
  }

  #fill(slot: Slot, from = 0): void {
    if (this.#filling >= 0 && slot.state !== SLOT.looseShared)
      binding.fillBytes(slot.block, from, slot.capacity, this.#filling);
  }

  /** A loose block: to the quarantine, or at once to the idle ones. */
  #park(slot: Slot): void {
    this.#fill(slot);
    if (!this.#mayPark()) {
      this.#giveBack(slot);
    } else if (slot.capacity > this.#quarantineBytes) {
      this.#toIdle(slot);
    } else {
      this.#parked.addToQuarantine(slot);
      while (this.#book.quarantinedBytes > this.#quarantineBytes) {
        const oldest = this.#parked.leaveQuarantine();
        if (oldest === undefined) break;
        this.#toIdle(oldest);
      }
    }
  }

  /** No: the pool is closed, or somebody waits for room under maxBytes. */
  #mayPark(): boolean {
    return this.#cache.magazines.nativeLimit[LEAST_TAG]! !== 0;
  }

  /** A loose slot, from the quarantine or past it. */
  #toIdle(slot: Slot): void {
    const limit = this.#cache.magazines.nativeLimit[slot.tag]!; // 0 for blocks beyond 2 MiB
    const most = this.watchesAll ? limit : Math.min(limit, MOST_SAMPLED_SLOTS);
    if (this.#parked.idleCount(slot.tag) >= most || wasTaken(slot)) {
      this.#dissolve(slot);
      return;
    }
    this.#verify(slot);
    this.#parked.addIdle(slot);
  }

  /** A loose slot that was parked becomes a plain free block. */
  #dissolve(slot: Slot): void {
    if (wasTaken(slot)) {
      if (this.#leaveTaken(slot, 'detached-after-release')) return;
    } else {
      this.#verify(slot);
    }
    this.#giveBack(slot);
  }

  /** The block of a loose slot goes to where the pool's other free blocks are. */
  #giveBack(slot: Slot): void {
    this.#unregister(slot);
    this.#ended.letGo(slot.lease);
    slot.memory = undefined;
    this.#cache.release(slot.block, slot.tag, slot);
    this.#forget(slot);
  }

  /**
   * Gives up all parked blocks. `isRoomWanted`: also those that wait for what is only perhaps at work on them.
   * @returns how many there were
   */
  unpark(isRoomWanted = false): number {
    this.#sweep();
    if (isRoomWanted) this.#endGuesses();
    let count = 0;
    for (;;) {
      const slot = this.#parked.take();
      if (slot === undefined) return count;
      this.#dissolve(slot);
      count++;
    }
  }

  /** Brings home what operations that were cut off had in hand. */
  #sweep(): void {
    if (this.#book.loose === 0) return;
    for (const slot of this.#book.all) {
      if (slot.state === SLOT.gone) this.#book.all.delete(slot);
      if (!isLoose(slot)) continue;
      if (!wasTaken(slot) || !this.#leaveTaken(slot, 'detached-after-release')) this.#comeHome(slot);
    }
    this.#book.loose = [...this.#book.all].filter(isLoose).length;
  }

  /** Now and then: gives up idle slots that nobody needed since the last call, and after a rest everything. */
  tick(): void {
    const isResting = this.#releases === this.#releasesAtLastLook;
    this.#releasesAtLastLook = this.#releases;
    if (isResting) {
      this.unpark();
      return;
    }
    lookLater();
    this.#sweep();
    this.#parked.dropSpare((slot) => this.#dissolve(slot));
  }

  // Finding misuse -------------------------------------------------------------------------------

  /** Looks whether a parked block was written to. */
  #verify(slot: Slot): Finding | undefined {
    if (this.#level < POISON || slot.lease === undefined) return undefined;
    const offset = binding.firstOther(slot.block, 0, slot.capacity, this.#filling);
    if (offset < 0) return undefined;
    const finding = this.#find('written-after-release', slot.lease, offset);
    binding.fillBytes(slot.block, offset, slot.capacity, this.#filling);
    return finding;
  }

  /** Whether somebody wrote behind the buffer of a lease. */
  #findOverflow(lease: LeaseRecord, isThrown = false): Finding | undefined {
    if (lease.canaryEnd === lease.size) return undefined;
    const offset = binding.brokenCanary(lease.slot.block, lease.size, lease.canaryEnd);
    return offset < 0 ? undefined : this.#find('overflow', lease, offset, isThrown);
  }

  /**
   * Looks at everything at once: behind each live buffer, and at each parked block. What it finds is
   * reported once: a second look, or the release, finds it no more.
   */
  check(): GuardReport[] {
    const found: Finding[] = [];
    const note = (finding: Finding | undefined) => {
      if (finding !== undefined) found.push(finding);
    };
    this.#sweep();
    for (const slot of [...this.#book.all]) {
      if (isLeased(slot)) {
        const lease = slot.lease!;
        const finding = this.#findOverflow(lease);
        note(finding);
        if (finding !== undefined) binding.writeCanary(slot.block, lease.size, lease.canaryEnd);
      } else if (slot.state === SLOT.quarantined || slot.state === SLOT.idle) {
        if (!wasTaken(slot)) {
          note(this.#verify(slot));
          continue;
        }
        this.#book.move(slot, SLOT.loose);
        note(this.#find('detached-after-release', slot.lease!, -1));
        if (!this.#waitForLast(slot)) this.#giveBack(slot);
      }
    }
    const reports = found.map(reportOf);
    this.deliver();
    return reports;
  }

  #find(fault: GuardFault, lease: LeaseRecord, offset: number, isThrown = false): Finding {
    const { slot } = lease;
    const end = Math.min(offset + 16, fault === 'overflow' ? lease.canaryEnd : slot.capacity);
    // What a pool clears at release must not live on in strings: of reports, warnings, errors, the page.
    const isShown = offset >= 0 && !this.#cache.zeroAtRelease;
    const bytes = isShown ? binding.hexBytes(slot.block, offset, end) : '';
    binding.countGuardReport(this.#cache.id, fault === 'written-after-release');
    return this.#findings.add({ fault, lease, offset, bytes, isThrown });
  }

  /**
   * Tells listeners, subscribers and the log what was found. Whoever called the guard calls this when nothing is in
   * hand, as the last thing that it does: the program may do anything then.
   */
  deliver(): void {
    if (!this.#findings.isEmpty) this.#findings.tell();
  }

  /** What errors say of a lease. */
  misuseOf(lease: LeaseRecord): Misuse {
    return {
      pool: this.#cache.name,
      tag: lease.tag,
      size: lease.size,
      acquired: lease.acquired?.text ?? '',
      released: lease.released?.text ?? '',
    };
  }

  // Leaks ----------------------------------------------------------------------------------------

  /** The ArrayBuffer of a slot was collected, and with it the buffer: nobody can release it any more. */
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
    this.#findOverflow(lease);
    this.#noteLeak(lease, LEAK_END.collected, isShared ? binding.sharedReferences(slot.block) : 0);
    if (isShared) this.#dropReference(slot);
    else this.#giveBack(slot);
    this.deliver();
  }

  #noteLeak(lease: LeaseRecord, end: number, sharedReferences = 0): void {
    const { size, tag } = lease;
    const stack = lease.acquired?.text ?? '';
    const ageMs = now() - lease.acquiredAt;
    const count = binding.noteLeak(
      this.#cache.id,
      tag,
      stack,
      end,
      lease.slot.capacity,
      size,
      ageMs,
      // Those that nobody watched are counted themselves when a thread ends.
      end === LEAK_END.collected ? this.sampler.weightOf(lease) : 1,
    );
    if (end !== LEAK_END.collected) return;
    const { references, retains } = lease;
    const pool = this.#cache.name;
    this.#findings.addLeak({ pool, tag, size, ageMs, stack, count, references, retains, sharedReferences });
  }

  /** The thread ends: what is leased now, nobody will release. */
  noteLeaksAtEnd(): void {
    if (!this.#findsLeaks) return;
    for (const slot of [...this.#book.all]) {
      if (!isLeased(slot)) continue;
      const isShared = slot.state === SLOT.shared;
      this.#noteLeak(slot.lease!, isShared ? LEAK_END.referenceDropped : LEAK_END.blockReclaimed);
    }
  }

  settleStacks(before: number, end: number): boolean {
    // Half of the time at most for those that have ended.
    const noneEnded = this.#ended.settleStacks(before, (now() + end) / 2);
    return this.#settleLive(before, end) && noneEnded;
  }

  #settleLive(before: number, end: number): boolean {
    let none = true;
    for (const slot of this.#book.all) {
      const stack = isLeased(slot) ? slot.lease!.acquired : undefined;
      if (stack?.isRaw !== true) continue;
      if (slot.lease!.acquiredAt > before) {
        none = false;
        continue;
      }
      stack.settle();
      if (now() > end) return false;
    }
    return none;
  }
}

function overflowError(finding: Finding, hidden: (...args: never[]) => unknown): Error {
  const report = reportOf(finding);
  const error = makeError('ERR_SUPERSLAB_OVERFLOW', report.message, Error, { misuse: report });
  return showCaller(error, hidden);
}

/** The main thread's end is that of the process: there leases are no leaks. */
if (!isMainThread) {
  atExit(() => {
    for (const cache of [...openCaches.values(), ...closingCaches]) cache.guard?.noteLeaksAtEnd();
  });
}

/** undefined when neither leak detection nor a guard is on. */
export function makeGuard(cache: LeaseCache, native: NativePool): PoolGuard | undefined {
  return native.leakDetection === 0 && native.guard === 0 ? undefined : new PoolGuard(cache, native);
}
