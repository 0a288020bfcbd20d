import { constants } from 'node:buffer';
import {
  type BlockNumber,
  binding,
  type NativePool,
  NO_MEMORY,
  NO_ROOM,
  type SliceTag,
} from '../addon/binding.js';
import { now } from '../addon/clock.js';
import { closingCaches, facts, openCaches } from '../addon/environment.js';
import { builtins, fill } from '../base/builtins.js';
import { hostError, makeError, sizeError } from '../errors.js';
import { makeGuard, type PoolGuard } from '../guard/pool-guard.js';
import { SLOT, type Slot } from '../guard/slot.js';
import { channels, type PoolExhaustedMessage, tellingGrowth, tellingTrim } from '../measure/channels.js';
import { beginSample, endSample, isSampleDue } from '../measure/lease-sampling.js';
import { SlowPathHistogram } from '../measure/slow-path-histogram.js';
import { forgetMagazines, homes, LARGE_TAG, MAGAZINE_SHIFT, Magazines, welcome } from './magazines.js';
import { leases, type PooledBuffer } from './pooled-buffer.js';
import { SecrecyWatch } from './secrecy.js';
import { scheduleUpkeep } from './upkeep.js';
import { Waiters } from './waiters.js';
import {
  ensureWindow,
  GRANULE_MASK,
  GRANULE_SHIFT,
  largeWindow,
  SLICE_SHIFT,
  SUPERSLAB_SHIFT,
  windows,
} from './windows.js';

const { tagOfGranules, bytesOfTag, maxBlockBytes } = facts;
const MAX_CLASS_BYTES = (tagOfGranules.length - 1) << GRANULE_SHIFT;
const MAX_SIZE = Math.min(maxBlockBytes, constants.MAX_LENGTH);

const ZERO_AT_RELEASE = 2;
const EXHAUSTED_WAIT = 1;
const EXHAUSTED_FALLBACK = 2;

/**
 * A synchronous wait is cut into pieces of this length, because a thread that waits natively can
 * neither be terminated nor asked to give up what it caches.
 */
const WAIT_SLICE_MS = 20;

/** One pool in this environment: its magazines and everything that happens off the hot path. */
export class LeaseCache {
  readonly name: string;
  readonly id: number;
  readonly heapId: number;
  readonly magazines: Magazines;
  readonly waiters: Waiters;
  readonly purgeDelayMs: number;
  readonly maxBytes: number;
  /** Buffers that came from outside the pool because it was exhausted. */
  fallbacks = 0;
  closed = false;
  readonly slowPath = new SlowPathHistogram();
  readonly #secrecy: SecrecyWatch | undefined;
  /** Watches leases; undefined when leak detection and guards are off. */
  readonly guard: PoolGuard | undefined;
  readonly zeroAtRelease: boolean;
  readonly #onExhausted: number;
  readonly #waitMs: number;

  constructor(name: string, native: NativePool) {
    this.name = name;
    this.id = native.id;
    this.heapId = native.heapId;
    this.purgeDelayMs = native.purgeDelayMs;
    this.maxBytes = native.maxBytes;
    this.#onExhausted = native.onExhausted;
    this.#waitMs = native.waitMs;
    this.zeroAtRelease = native.zero === ZERO_AT_RELEASE;
    this.#secrecy = SecrecyWatch.of(native, name);
    if (native.magazines === undefined) {
      binding.closePool(native.id);
      throw hostError();
    }
    this.magazines = new Magazines(native.magazines, this, this.zeroAtRelease);
    this.waiters = new Waiters({
      tryAcquire: (size) => this.#tryAcquire(size),
      startWaiting: () => binding.startWaiting(this.id),
      stopWaiting: () => binding.stopWaiting(this.id),
    });
    this.guard = makeGuard(this, native);
    openCaches.set(this.id, this);
  }

  /** Throws unless a lease of `size` bytes could ever be had. */
  checkSize(size: number): void {
    if (this.closed) throw makeError('ERR_SUPERSLAB_CLOSED', `pool "${this.name}" is closed`);
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > MAX_SIZE) {
      throw sizeError(size, MAX_SIZE);
    }
  }

  acquireSlow(size: number): PooledBuffer {
    this.checkSize(size);
    if (size === 0) return leases.makePlain(this, 0);
    // Those who wait in acquireAsync() came first.
    const buf = this.waiters.length === 0 ? this.#tryAcquire(size) : undefined;
    if (buf !== undefined && !this.guard?.watchesAll && isSampleDue(this))
      beginSample(this, leases.blockOf(buf), size);
    return buf ?? this.#acquireExhausted(size);
  }

  /** For acquireAsync(): in turn with those who came before. */
  acquireInTurn(
    size: number,
    signal: AbortSignal | undefined,
    pool: object,
  ): PooledBuffer | Promise<PooledBuffer> {
    this.checkSize(size);
    if (size === 0) return leases.makePlain(this, 0);
    const buf = this.waiters.length === 0 ? this.#tryAcquire(size) : undefined;
    if (buf !== undefined) return buf;
    if (this.#onExhausted === EXHAUSTED_FALLBACK) return this.#fallBack(size);
    if (this.capacityFor(size) > this.maxBytes) throw this.#exhausted(size);
    this.#tellExhausted(size, 'wait');
    return this.waiters.wait(size, signal, pool);
  }

  /** Bytes of the block that a lease of `size` bytes takes. */
  capacityFor(size: number): number {
    if (this.guard?.watchesAll) return this.guard.capacityFor(size);
    return size > MAX_CLASS_BYTES
      ? binding.largeCapacity(this.id, size)
      : bytesOfTag[tagOfGranules[(size + 63) >>> GRANULE_SHIFT]!]!;
  }

  /** undefined when maxBytes are in use. */
  #tryAcquire(size: number): PooledBuffer | undefined {
    return channels.grow.hasSubscribers ? tellingGrowth(this, () => this.#take(size)) : this.#take(size);
  }

  #take(size: number): PooledBuffer | undefined {
    if (this.guard?.watchesAll) return this.guard.tryAcquire(size);
    return size > MAX_CLASS_BYTES ? this.#tryLarge(size) : this.#tryClass(size);
  }

  #tryClass(size: number): PooledBuffer | undefined {
    const tag = tagOfGranules[(size + 63) >>> GRANULE_SHIFT]!;
    if (this.guard?.sampler.isDue(tag)) {
      const buf = this.guard.trySample(size, tag);
      if (buf !== undefined) return buf;
    }
    const block = this.#topBlock(tag);
    if (block === undefined) return undefined;
    const offset = (block & GRANULE_MASK) << GRANULE_SHIFT;
    const buf = leases.make(windows[block >>> SUPERSLAB_SHIFT]!, offset, size, block);
    this.#pop(tag);
    return buf;
  }

  /** A block of a class, counted as acquired; undefined when maxBytes are in use. */
  takeBlock(tag: SliceTag): BlockNumber | undefined {
    const block = this.#topBlock(tag);
    if (block !== undefined) this.#pop(tag);
    return block;
  }

  /** The block that is next in the magazine, with a window; undefined when maxBytes are in use. */
  #topBlock(tag: SliceTag): BlockNumber | undefined {
    const { depth, blocks } = this.magazines;
    if (depth[tag] === 0 && !this.#refill(tag)) return undefined;
    const block = blocks[(tag << MAGAZINE_SHIFT) + depth[tag]! - 1]!;
    ensureWindow(block >>> SUPERSLAB_SHIFT); // user code may have detached it
    return block;
  }

  #pop(tag: SliceTag): void {
    this.magazines.depth[tag]!--;
    this.magazines.acquired[tag]!++;
  }

  #refill(tag: SliceTag): boolean {
    let got = this.#fetch(tag);
    scheduleUpkeep();
    if (got === NO_ROOM && this.#unpark()) {
      // Only an empty magazine may be filled.
      if (this.magazines.depth[tag] !== 0) return true;
      got = this.#fetch(tag);
    }
    if (got === NO_ROOM) return false;
    if (got === NO_MEMORY) throw this.#noMemory(bytesOfTag[tag]!);
    const first = tag << MAGAZINE_SHIFT;
    try {
      for (let i = first; i < first + got; i++) welcome(this.magazines.blocks[i]!, this.magazines, tag);
    } catch (error) {
      binding.flush(this.id); // no window: blocks without one must not stay in the magazine
      throw error;
    }
    return true;
  }

  #fetch(tag: SliceTag): number {
    const start = this.slowPath.start();
    const got = binding.refill(this.id, tag);
    this.slowPath.stop(start);
    this.#secrecy?.look();
    return got;
  }

  #fetchLarge(bytes: number): BlockNumber {
    const start = this.slowPath.start();
    const block = binding.takeLarge(this.id, bytes);
    this.slowPath.stop(start);
    this.#secrecy?.look();
    return block;
  }

  /** Blocks that the guard holds back may be what is missing. */
  #unpark(): boolean {
    return this.guard !== undefined && this.guard.unpark() > 0;
  }

  #tryLarge(size: number): PooledBuffer | undefined {
    if (this.guard?.sampler.isLargeDue()) return this.guard.tryAcquire(size, this.guard.sampler.largeWeight);
    const block = this.takeLargeBlock(size);
    if (block === undefined) return undefined;
    try {
      return leases.make(largeWindow(block), 0, size, block);
    } catch (error) {
      binding.give(this.id, block);
      throw error;
    }
  }

  /** A block beyond 2 MiB; undefined when maxBytes are in use. */
  takeLargeBlock(bytes: number): BlockNumber | undefined {
    let block = this.#fetchLarge(bytes);
    scheduleUpkeep();
    if (block === NO_ROOM && this.#unpark()) block = this.#fetchLarge(bytes);
    if (block === NO_ROOM) return undefined;
    if (block === NO_MEMORY) throw this.#noMemory(bytes);
    welcome(block, this.magazines, LARGE_TAG);
    return block;
  }

  /** A private block comes back, off the hot path. `slot`: is gone from the moment on that the block is home. */
  release(block: BlockNumber, tag: SliceTag, slot?: Slot): void {
    if (this.zeroAtRelease) this.#clear(block);
    const { depth, nativeLimit } = this.magazines;
    const limit = nativeLimit[tag]!;
    if (depth[tag]! < limit) {
      this.#push(block, tag, slot);
      return;
    }
    const start = this.slowPath.start();
    if (limit === 0) {
      // Beyond 2 MiB; or the pool is closed; or somebody waits for room.
      tellingTrim(this, () => {
        if (slot !== undefined) slot.state = SLOT.gone;
        binding.give(this.id, block);
      });
    } else {
      binding.spill(this.id, tag);
      this.#push(block, tag, slot);
    }
    this.slowPath.stop(start);
    this.#afterRelease();
  }

  #push(block: BlockNumber, tag: SliceTag, slot?: Slot): void {
    const { depth, blocks } = this.magazines;
    const top = depth[tag]!;
    if (slot !== undefined) slot.state = SLOT.gone;
    blocks[(tag << MAGAZINE_SHIFT) + top] = block;
    depth[tag] = top + 1;
  }

  /** The last reference of a lease with details is gone. */
  releaseDetailed(block: BlockNumber, shared: boolean): void {
    endSample(block);
    if (!shared) {
      this.release(block, homes.table[block >>> SLICE_SHIFT]! & 255);
      return;
    }
    this.releaseShared(block);
  }

  /** One reference in the native lease table. */
  releaseShared(block: BlockNumber, slot?: Slot): void {
    if (slot !== undefined) slot.state = SLOT.gone;
    binding.releaseShared(block);
    this.#afterRelease();
  }

  #afterRelease(): void {
    scheduleUpkeep();
    if (this.waiters.length > 0) this.waiters.serve();
    if (this.closed) {
      this.tick();
      this.settle();
    }
  }

  #clear(block: BlockNumber): void {
    const capacity = binding.capacity(block);
    if (capacity > MAX_CLASS_BYTES) {
      fill(new builtins.Uint8Array(largeWindow(block)), 0);
      return;
    }
    const superslab = block >>> SUPERSLAB_SHIFT;
    ensureWindow(superslab);
    fill(new builtins.Uint8Array(windows[superslab]!, (block & GRANULE_MASK) << GRANULE_SHIFT, capacity), 0);
  }

  /** A buffer that is not from the pool comes back: the collector takes its memory as it is then. */
  releasePlain(buf: PooledBuffer): void {
    if (this.zeroAtRelease) fill(buf, 0);
  }

  #acquireExhausted(size: number): PooledBuffer {
    if (this.#onExhausted === EXHAUSTED_FALLBACK) return this.#fallBack(size);
    const capacity = this.capacityFor(size);
    if (this.#onExhausted === EXHAUSTED_WAIT && capacity <= this.maxBytes && this.waiters.length === 0) {
      this.#tellExhausted(size, 'wait');
      const buf = this.#waitBlocking(size, capacity);
      if (buf !== undefined) return buf;
    }
    throw this.#exhausted(size);
  }

  #waitBlocking(size: number, capacity: number): PooledBuffer | undefined {
    const end = now() + this.#waitMs;
    binding.startWaiting(this.id);
    try {
      for (;;) {
        const buf = this.#tryAcquire(size);
        const left = end - now();
        if (buf !== undefined || left <= 0) return buf;
        binding.waitForRoom(this.id, capacity, Math.ceil(Math.min(left, WAIT_SLICE_MS)));
      }
    } finally {
      binding.stopWaiting(this.id);
    }
  }

  #fallBack(size: number): PooledBuffer {
    this.#tellExhausted(size, 'fallback');
    try {
      const buf = leases.makePlain(this, size);
      this.fallbacks++;
      return buf;
    } catch {
      throw this.#noMemory(size); // V8 found no memory for an ArrayBuffer
    }
  }

  #tellExhausted(size: number, outcome: PoolExhaustedMessage['outcome']): void {
    if (!channels.exhausted.hasSubscribers) return;
    channels.exhausted.publish({ pool: this.name, size, maxBytes: this.maxBytes, outcome });
  }

  #exhausted(size: number): Error {
    this.#tellExhausted(size, 'throw');
    const never = this.capacityFor(size) > this.maxBytes;
    return makeError(
      'ERR_SUPERSLAB_EXHAUSTED',
      `pool "${this.name}" cannot give ${size} B within its maxBytes of ${this.maxBytes}; ` +
        (never
          ? 'raise maxBytes'
          : 'release buffers, raise maxBytes, use acquireAsync(), or set onExhausted to "fallback"'),
    );
  }

  #noMemory(size: number): Error {
    return makeError(
      'ERR_SUPERSLAB_NO_MEMORY',
      `the operating system gives pool "${this.name}" no memory for ${size} B; ` +
        'look at RLIMIT_AS, the cgroup limit, vm.overcommit_memory and vm.max_map_count',
    );
  }

  /** Gives idle memory back. Whether there is reason to come again. */
  tick(): boolean {
    this.guard?.tick();
    return tellingTrim(this, () => binding.tick(this.id));
  }

  close(): void {
    this.closed = true;
    openCaches.delete(this.id);
    this.waiters.rejectAll(this.name);
    binding.stopWaiting(this.id);
    this.guard?.unpark();
    tellingTrim(this, () => binding.closePool(this.id));
    closingCaches.add(this);
    this.settle();
    this.guard?.deliver();
  }

  /** Once the closed pool has everything back, nothing of it is kept. */
  settle(): void {
    if (!binding.isSettled(this.id)) return;
    closingCaches.delete(this);
    forgetMagazines(this.id);
  }
}
