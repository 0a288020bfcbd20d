import { isMainThread } from 'node:worker_threads';
import { type BlockNumber, binding, type NativePool, type SliceTag } from '../addon/binding.js';
import { now } from '../addon/clock.js';
import { closingCaches, facts, onceUnseen, openCaches } from '../addon/environment.js';
import { builtins, sizeOf } from '../base/builtins.js';
import { hostError, type Misuse, makeError } from '../errors.js';
import { endSample, recordLease } from '../measure/lease-sampling.js';
import type { LeaseCache } from '../pool/lease-cache.js';
import { GUARD_LEVEL, LARGE_TAG } from '../pool/magazines.js';
import { leases, type PooledBuffer } from '../pool/pooled-buffer.js';
import { GRANULE_SHIFT, refuseTransfers } from '../pool/windows.js';
import { EndedLeases } from './ended-leases.js';
import { makeReport } from './guard-report.js';
import { type Listeners, publishLeak, publishReport } from './reports.js';
import { revoke } from './revoke.js';
import { SampleBatch } from './sample-batch.js';
import { SAMPLE_MASK, sampleBudget } from './sampler.js';
import { LeaseRecord, LiveLeases, makeMemory, noteMemory, SLOT, Slot } from './slot.js';
import { CapturedStack, showCaller } from './stack.js';
import { settleLater } from './stack-settler.js';
import type { GuardFault, GuardReport } from './types.js';

const { tagOfGranules, bytesOfTag } = facts;
const MAX_CLASS_BYTES = (tagOfGranules.length - 1) << GRANULE_SHIFT;
const GRANULE_BYTES = 64;
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

/** Whether the program took the ArrayBuffer of a parked slot. */
function hasLostMemory({ memory }: Slot): boolean {
  return memory !== undefined && sizeOf(memory) === 0;
}

/** Told when the ArrayBuffer of a slot is collected: see Slot. */
const registry = new FinalizationRegistry<Slot>((slot) => slot.guard.collected(slot));

/**
 * Leak detection and guards of one pool in one environment: the leases that are watched.
 *
 * A watched lease has a {@link Slot}: a block with an ArrayBuffer of its own. Released, the slot waits in the
 * quarantine, then among the idle ones of its class for the next lease. Blocks of such *parked* slots count
 * as cached; unpark() puts them where the pool's other free blocks are.
 */
export class PoolGuard {
  /** Whether each lease is watched, and not only samples. */
  readonly watchesAll: boolean;
  /** Who listens to the pool; weak, because listeners may hold the pool, which must stay collectable. */
  listeners: WeakRef<Listeners> | undefined;

  readonly #cache: LeaseCache;
  readonly #level: number;
  readonly #findsLeaks: boolean;
  readonly #frames: number;
  readonly #quarantineBytes: number;
  readonly #pageBytes: number;
  /** Of how many leases one is sampled. */
  readonly #interval: number;
  /** What a parked block is filled with; -1 for nothing. */
  readonly #filling: number;

  readonly #live = new LiveLeases();
  readonly #ended: EndedLeases;
  readonly #idle: Slot[][] = [];
  /** The fewest idle slots of each class since the last look: nobody needs those. */
  readonly #spare = new builtins.Uint32Array(256);
  /** Oldest first, from #quarantineHead on. */
  #quarantine: Slot[] = [];
  #quarantineHead = 0;
  #quarantinedBytes = 0;
  #releases = 0;
  #releasesAtLastLook = 0;

  /** The samples of each class that were taken last. */
  readonly #batches: (SampleBatch | undefined)[] = [];
  /** Classes of which a sample was due since then that there was no time for. */
  readonly #hasMissed = new builtins.Uint8Array(256);
  #largeStep = 1;
  #largeUntilSample = 1;
  /** Leases that the large one sampled last stands for. */
  largeWeight = 1;
  /** Where check() collects. */
  #found: GuardReport[] | undefined;

  constructor(cache: LeaseCache, native: NativePool) {
    this.#cache = cache;
    this.#level = native.guard;
    this.watchesAll = native.guard !== 0 || native.leakDetection > SAMPLED;
    // Samples must stay cheap.
    this.#ended = new EndedLeases(this.watchesAll);
    this.#findsLeaks = native.leakDetection !== 0;
    this.#frames = native.leakFrames;
    this.#quarantineBytes = native.guard >= POISON ? native.quarantineBytes : 0;
    this.#interval = native.leakSample;
    this.#filling = cache.zeroAtRelease ? 0 : native.guard >= POISON ? POISON_BYTE : -1;
    for (let tag = 0; tag < 256; tag++) this.#idle.push([]);
    if (!this.watchesAll) for (let tag = 1; tag < bytesOfTag.length; tag++) this.#setNextSample(tag);
    this.#pageBytes = binding.watchPool(cache.id, this.#findsLeaks ? cache.name : '');
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
  tryAcquire(size: number, weight = 1, batch?: SampleBatch): PooledBuffer | undefined {
    const slot = this.#slotFor(this.bytesFor(size));
    return slot === undefined ? undefined : this.#lend(slot, size, weight, batch);
  }

  #slotFor(bytes: number): Slot | undefined {
    const cache = this.#cache;
    if (bytes > MAX_CLASS_BYTES) {
      const block = cache.takeLargeBlock(bytes);
      return block === undefined ? undefined : new Slot(this, block, LARGE_TAG, binding.capacity(block));
    }
    const tag = this.#tagFor(bytes);
    for (let slot = this.#idle[tag]!.pop(); slot !== undefined; slot = this.#idle[tag]!.pop()) {
      const idle = this.#idle[tag]!.length;
      if (idle < this.#spare[tag]!) this.#spare[tag] = idle;
      this.#unpark(slot);
      if (this.#wasTaken(slot)) continue;
      cache.magazines.acquired[tag]!++;
      this.#verify(slot);
      return slot;
    }
    const block = cache.takeBlock(tag);
    return block === undefined ? undefined : new Slot(this, block, tag, bytesOfTag[tag]!);
  }

  #lend(slot: Slot, size: number, weight: number, batch: SampleBatch | undefined): PooledBuffer {
    const memory = slot.memory ?? this.#memoryFor(slot);
    slot.memory = undefined;
    let canaryEnd = size;
    if (this.#level >= CANARY) {
      canaryEnd = Math.min(slot.capacity, size + MOST_CANARY_BYTES);
      binding.writeCanary(slot.block, size, canaryEnd);
    }
    const stack = this.#stack(this.tryAcquire);
    const lease = new LeaseRecord(slot, size, canaryEnd, now(), stack, weight, batch);
    this.#begin(lease, SLOT.leased);
    return leases.makeWatched(this.#cache, memory, lease, false);
  }

  #begin(lease: LeaseRecord, state: number): void {
    lease.slot.state = state;
    this.#ended.letGo(lease.slot.lease);
    lease.slot.lease = lease;
    this.#live.add(lease);
    this.#countLevel(GUARD_LEVEL.watchedBlocks, lease.slot, 1);
    if (lease.acquired !== undefined) settleLater(this);
  }

  #end(lease: LeaseRecord): void {
    if (this.#live.remove(lease)) this.#countLevel(GUARD_LEVEL.watchedBlocks, lease.slot, -1);
  }

  #stack(hidden: (...args: never[]) => unknown): CapturedStack | undefined {
    return this.#frames === 0 ? undefined : new CapturedStack(this.#frames, hidden);
  }

  /** An ArrayBuffer over the slot's block, when it has none. */
  #memoryFor(slot: Slot): ArrayBuffer {
    const memory = makeMemory(slot);
    if (memory === undefined) {
      this.#giveBack(slot);
      throw hostError();
    }
    this.#show(slot, memory);
    return memory;
  }

  #show(slot: Slot, memory: ArrayBuffer): void {
    refuseTransfers(memory); // unmarked, because it may have to be revoked
    noteMemory(memory, slot);
    if (this.#findsLeaks) this.#register(slot, memory);
  }

  #register(slot: Slot, memory: ArrayBuffer): void {
    this.#unregister(slot);
    registry.register(memory, slot, slot);
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

  /** A lease of a block that the lease table has given to this environment, `size` bytes of it. */
  adopt(block: BlockNumber, size: number): PooledBuffer {
    const start = now();
    // Exactly the bytes of the lease: what is behind them is the business of who shared it.
    const slot = new Slot(this, block, LARGE_TAG, size);
    const memory = makeMemory(slot);
    if (memory === undefined) throw hostError();
    this.#show(slot, memory);
    const lease = new LeaseRecord(slot, size, size, start, this.#stack(this.adopt), 1);
    this.#begin(lease, SLOT.shared);
    sampleBudget.spend(start, now());
    return leases.makeWatched(this.#cache, memory, lease, true);
  }

  /** The lease is in the native lease table from now on. */
  share(lease: LeaseRecord): void {
    lease.slot.state = SLOT.shared;
  }

  // Sampling -------------------------------------------------------------------------------------

  /** Whether the next acquire of a class is one to sample. */
  isDue(tag: SliceTag): boolean {
    if (((this.#cache.magazines.acquired[tag]! + 1) & SAMPLE_MASK) !== 0) return false;
    if (sampleBudget.isOpen) return true;
    this.#hasMissed[tag] = 1;
    return false;
  }

  /**
   * Has the fast path ask for the next sample, of a class, after so many leases as chance will have it: a
   * program whose acquires follow a pattern shows all of it. Without this it asks after SAMPLE_MASK + 1.
   */
  #setNextSample(tag: SliceTag): void {
    const { acquired, skipped } = this.#cache.magazines;
    const next = (acquired[tag]! + this.#drawInterval()) & SAMPLE_MASK;
    const skip = (SAMPLE_MASK + 1 - next) & SAMPLE_MASK;
    acquired[tag]! += skip;
    skipped[tag]! += skip;
  }

  /** From 1 to twice the mean, less one. */
  #drawInterval(): number {
    return 1 + Math.floor(builtins.random() * (2 * this.#interval - 1));
  }

  /** The same for blocks beyond 2 MiB, whose acquires JavaScript does not count. */
  isLargeDue(): boolean {
    if (--this.#largeUntilSample > 0) return false;
    this.largeWeight = this.#largeStep;
    this.#largeStep = this.#drawInterval();
    this.#largeUntilSample = this.#largeStep;
    return true;
  }

  /**
   * A lease that is due to be sampled; undefined when there is no room.
   */
  trySample(size: number, tag: SliceTag): PooledBuffer | undefined {
    const start = now();
    const before = this.#acquiresOf(tag);
    let batch = this.#batches[tag];
    if (batch === undefined || this.#hasMissed[tag] === 1) {
      batch?.end(before);
      batch = new SampleBatch(batch === undefined ? 0 : before);
      this.#batches[tag] = batch;
      this.#hasMissed[tag] = 0;
    }
    const buf = this.tryAcquire(size, batch.add(before + 1), batch);
    this.#setNextSample(tag);
    sampleBudget.spend(start, now());
    return buf;
  }

  /** Those of a size class in this thread. */
  #acquiresOf(tag: SliceTag): number {
    const { acquired, skipped } = this.#cache.magazines;
    return (acquired[tag]! - skipped[tag]!) >>> 0;
  }

  /** How many leases one that is watched stands for. */
  #weightOf({ slot, weight, batch }: LeaseRecord): number {
    return batch === undefined ? weight : batch.share(weight, this.#acquiresOf(slot.tag));
  }

  // Releasing ------------------------------------------------------------------------------------

  /**
   * The last reference of a watched lease was given back. `memory` is what its buffer shows.
   * @throws ERR_SUPERSLAB_OVERFLOW when bytes behind the buffer were overwritten; it is released all the same
   */
  release(lease: LeaseRecord, memory: ArrayBuffer): void {
    const { slot } = lease;
    if (this.watchesAll) lease.released = this.#stack(this.release);
    this.#end(lease);
    if (lease.isRaw) {
      this.#ended.add(lease);
      settleLater(this);
    }
    this.#releases++;
    if (this.watchesAll) {
      const microseconds = (now() - lease.acquiredAt) * 1000;
      recordLease(this.#cache, lease.size, slot.capacity, microseconds);
    } else {
      endSample(slot.block);
    }
    const overflow = this.#findOverflow(lease);
    const isDetached = sizeOf(memory) === 0;
    if (isDetached) this.#report('detached', lease, -1);
    if (slot.state === SLOT.shared || isDetached || this.#level >= DETACH) this.#unregister(slot);
    else slot.memory = memory;
    // The program has its memory still, by what it was transferred to, or because it cannot be detached.
    const mayBeSeen = isDetached || (this.#level >= DETACH && !revoke(memory));
    if (!mayBeSeen || !this.#goStray(slot)) this.#comeHome(slot);
    if (overflow !== undefined) throw overflow;
  }

  /** The block of a slot that has no lease any more. */
  #comeHome(slot: Slot): void {
    if (slot.state === SLOT.shared) {
      slot.state = SLOT.gone;
      this.#cache.releaseShared(slot.block);
    } else {
      this.#park(slot);
    }
  }

  /**
   * A block that an ArrayBuffer may still show: nobody gets it before that is gone. False when nothing shows it.
   * It counts as parked, like others that are free, unless the lease table has it.
   */
  #goStray(slot: Slot): boolean {
    const { state } = slot;
    const seen = onceUnseen(slot.window, state !== SLOT.shared, () => {
      if (state !== SLOT.shared) this.#unpark(slot);
      slot.state = state;
      this.#comeHome(slot);
    });
    if (!seen) return false;
    if (state !== SLOT.shared) {
      this.#fill(slot);
      this.#countParked(slot, 1);
    }
    slot.state = SLOT.stray;
    return true;
  }

  #fill(slot: Slot, from = 0): void {
    if (this.#filling >= 0) binding.fillBytes(slot.block, from, slot.capacity, this.#filling);
  }

  /** Whether the program took the ArrayBuffer after the release and still has its memory: then it is not free yet. */
  #wasTaken(slot: Slot): boolean {
    if (!hasLostMemory(slot)) return false;
    slot.memory = undefined;
    this.#unregister(slot);
    this.#report('detached-after-release', slot.lease!, -1);
    if (this.#goStray(slot)) return true;
    this.#fill(slot); // what the program wrote into it meanwhile is no second mistake
    return false;
  }

  /** A block that no lease has any more: to the quarantine, or at once to the idle ones. */
  #park(slot: Slot): void {
    this.#fill(slot);
    if (!this.#mayPark()) {
      this.#giveBack(slot);
      return;
    }
    slot.state = SLOT.parked;
    this.#countParked(slot, 1);
    if (slot.capacity > this.#quarantineBytes) {
      this.#toIdle(slot);
      return;
    }
    this.#quarantine.push(slot);
    this.#quarantinedBytes += slot.capacity;
    this.#countLevel(GUARD_LEVEL.quarantinedBlocks, slot, 1);
    while (this.#quarantinedBytes > this.#quarantineBytes) this.#toIdle(this.#leaveQuarantine()!);
  }

  /** No: the pool is closed, or somebody waits for room under maxBytes. */
  #mayPark(): boolean {
    return this.#cache.magazines.nativeLimit[LEAST_TAG]! !== 0;
  }

  #countParked(slot: Slot, by: 1 | -1): void {
    const { parked, guardLevels } = this.#cache.magazines;
    parked[slot.tag]! += by;
    if (slot.tag === LARGE_TAG) {
      guardLevels[GUARD_LEVEL.parkedLargeGranules]! += (by * slot.capacity) / GRANULE_BYTES;
    }
  }

  /** One block more or less at a place of guardLevels, and its granules at the next. */
  #countLevel(level: number, slot: Slot, by: 1 | -1): void {
    const { guardLevels } = this.#cache.magazines;
    guardLevels[level]! += by;
    // Of an adopted lease not a whole number.
    guardLevels[level + 1]! += by * Math.ceil(slot.capacity / GRANULE_BYTES);
  }

  /** Takes a slot out of what is parked; the caller has taken it from its list. */
  #unpark(slot: Slot): void {
    slot.state = SLOT.gone;
    this.#countParked(slot, -1);
  }

  #leaveQuarantine(): Slot | undefined {
    if (this.#quarantineHead === this.#quarantine.length) return undefined;
    const slot = this.#quarantine[this.#quarantineHead]!;
    this.#quarantinedBytes -= slot.capacity;
    this.#countLevel(GUARD_LEVEL.quarantinedBlocks, slot, -1);
    this.#quarantineHead++;
    // Half of the array is empty: cut it off.
    if (this.#quarantineHead * 2 >= this.#quarantine.length) {
      this.#quarantine = this.#quarantine.slice(this.#quarantineHead);
      this.#quarantineHead = 0;
    }
    return slot;
  }

  /** From the quarantine, or past it. */
  #toIdle(slot: Slot): void {
    const idle = this.#idle[slot.tag]!;
    const limit = this.#cache.magazines.nativeLimit[slot.tag]!; // 0 for blocks beyond 2 MiB
    const most = this.watchesAll ? limit : Math.min(limit, MOST_SAMPLED_SLOTS);
    if (idle.length < most && !hasLostMemory(slot)) {
      this.#verify(slot);
      idle.push(slot);
    } else {
      this.#dissolve(slot);
    }
  }

  /** A parked slot that is in no list becomes a plain free block. */
  #dissolve(slot: Slot): void {
    this.#unpark(slot);
    if (this.#wasTaken(slot)) return;
    this.#verify(slot);
    this.#giveBack(slot);
  }

  /** Its block goes to where the pool's other free blocks are. */
  #giveBack(slot: Slot): void {
    this.#unregister(slot);
    this.#ended.letGo(slot.lease);
    slot.state = SLOT.gone;
    slot.memory = undefined;
    this.#cache.release(slot.block, slot.tag);
  }

  /**
   * Gives up all parked blocks.
   * @returns how many there were
   */
  unpark(): number {
    let count = 0;
    for (let slot = this.#leaveQuarantine(); slot !== undefined; slot = this.#leaveQuarantine()) {
      this.#dissolve(slot);
      count++;
    }
    for (const idle of this.#idle) {
      for (let slot = idle.pop(); slot !== undefined; slot = idle.pop()) {
        this.#dissolve(slot);
        count++;
      }
    }
    this.#spare.fill(0);
    return count;
  }

  /** Now and then: gives up idle slots that nobody needed since the last call, and after a rest everything. */
  tick(): void {
    const isResting = this.#releases === this.#releasesAtLastLook;
    this.#releasesAtLastLook = this.#releases;
    if (isResting) {
      this.unpark();
      return;
    }
    for (let tag = 0; tag < this.#idle.length; tag++) {
      const idle = this.#idle[tag]!;
      for (const slot of idle.splice(0, this.#spare[tag]!)) this.#dissolve(slot);
      this.#spare[tag] = idle.length;
    }
  }

  // Finding mistakes -----------------------------------------------------------------------------

  /** Looks whether a parked block was written to. */
  #verify(slot: Slot): void {
    if (this.#level < POISON || slot.lease === undefined) return;
    const offset = binding.firstOther(slot.block, 0, slot.capacity, this.#filling);
    if (offset < 0) return;
    this.#report('written-after-release', slot.lease, offset);
    this.#fill(slot, offset);
  }

  /** The error, if somebody wrote behind the buffer of a live lease. */
  #findOverflow(lease: LeaseRecord): Error | undefined {
    if (lease.canaryEnd === lease.size) return undefined;
    const offset = binding.brokenCanary(lease.slot.block, lease.size, lease.canaryEnd);
    if (offset < 0) return undefined;
    const report = this.#report('overflow', lease, offset, true);
    const error = makeError('ERR_SUPERSLAB_OVERFLOW', report.message, Error, { misuse: report });
    return showCaller(error, this.release);
  }

  /**
   * Looks at everything at once: behind each live buffer, and at each parked block. What it finds is
   * reported once: a second look, or the release, finds it no more.
   */
  check(): GuardReport[] {
    const found: GuardReport[] = [];
    this.#found = found;
    try {
      for (const lease of this.#live) {
        const { slot, size, canaryEnd } = lease;
        if (canaryEnd === size) continue;
        const offset = binding.brokenCanary(slot.block, size, canaryEnd);
        if (offset < 0) continue;
        this.#report('overflow', lease, offset);
        binding.writeCanary(slot.block, size, canaryEnd);
      }
      for (const slot of this.#takeOutLost()) this.#dissolve(slot);
      for (let i = this.#quarantineHead; i < this.#quarantine.length; i++) this.#verify(this.#quarantine[i]!);
      for (const idle of this.#idle) for (const slot of idle) this.#verify(slot);
    } finally {
      this.#found = undefined;
    }
    return found;
  }

  /** Takes those whose ArrayBuffer the program took from the lists of parked slots. */
  #takeOutLost(): Slot[] {
    const lost: Slot[] = [];
    const keep = (slot: Slot) => {
      if (!hasLostMemory(slot)) return true;
      lost.push(slot);
      return false;
    };
    this.#quarantine = this.#quarantine.slice(this.#quarantineHead).filter(keep);
    this.#quarantineHead = 0;
    for (const slot of lost) {
      this.#quarantinedBytes -= slot.capacity;
      this.#countLevel(GUARD_LEVEL.quarantinedBlocks, slot, -1);
    }
    for (let tag = 0; tag < this.#idle.length; tag++) this.#idle[tag] = this.#idle[tag]!.filter(keep);
    return lost;
  }

  #report(fault: GuardFault, lease: LeaseRecord, offset: number, isThrown = false): GuardReport {
    const { slot } = lease;
    const end = Math.min(offset + 16, fault === 'overflow' ? lease.canaryEnd : slot.capacity);
    // What a pool clears at release must not live on in strings: of reports, warnings, errors, the page.
    const isShown = offset >= 0 && !this.#cache.zeroAtRelease;
    const bytes = isShown ? binding.hexBytes(slot.block, offset, end) : '';
    const report = makeReport({ fault, ...this.misuseOf(lease), offset, bytes });
    binding.countGuardReport(this.#cache.id, fault === 'written-after-release');
    this.#found?.push(report);
    publishReport(report, this.listeners?.deref(), isThrown);
    return report;
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
    const { lease, state } = slot;
    if (lease === undefined || (state !== SLOT.leased && state !== SLOT.shared)) return;
    // Its memory may have been transferred to another ArrayBuffer, which is a view of it like any other.
    if (!onceUnseen(slot.window, false, () => this.#leaked(lease))) this.#leaked(lease);
  }

  #leaked(lease: LeaseRecord): void {
    const { slot } = lease;
    const { state } = slot;
    this.#end(lease);
    this.#findOverflow(lease); // reported; there is nobody to catch its error
    slot.state = SLOT.gone;
    let sharedReferences = 0;
    if (state === SLOT.shared) {
      sharedReferences = binding.sharedReferences(slot.block);
      this.#cache.releaseShared(slot.block);
    } else {
      this.#cache.release(slot.block, slot.tag);
    }
    this.#noteLeak(lease, LEAK_END.collected, sharedReferences);
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
      end === LEAK_END.collected ? this.#weightOf(lease) : 1,
    );
    if (end !== LEAK_END.collected) return;
    const { references, retains } = lease;
    publishLeak(
      { pool: this.#cache.name, tag, size, ageMs, stack, count, references, retains, sharedReferences },
      this.listeners?.deref(),
    );
  }

  /** The thread ends: what is leased now, nobody will release. */
  noteLeaksAtEnd(): void {
    if (!this.#findsLeaks) return;
    for (const lease of this.#live) {
      const isShared = lease.slot.state === SLOT.shared;
      this.#noteLeak(lease, isShared ? LEAK_END.referenceDropped : LEAK_END.blockReclaimed);
    }
  }

  settleStacks(before: number, end: number): boolean {
    // Half of the time at most for those that have ended.
    const noneEnded = this.#ended.settleStacks(before, (now() + end) / 2);
    return this.#live.settleStacks(before, end) && noneEnded;
  }
}

/** The main thread's end is that of the process: there leases are no leaks. */
if (!isMainThread) {
  process.on('exit', () => {
    for (const cache of [...openCaches.values(), ...closingCaches]) cache.guard?.noteLeaksAtEnd();
  });
}

/** undefined when neither leak detection nor a guard is on. */
export function makeGuard(cache: LeaseCache, native: NativePool): PoolGuard | undefined {
  return native.leakDetection === 0 && native.guard === 0 ? undefined : new PoolGuard(cache, native);
}
