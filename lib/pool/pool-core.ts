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
import { hostError, makeError, sizeError } from '../base/errors.js';
import { makeGuard, type PoolGuard } from '../guard/pool-guard.js';
import { SLOT, type Slot } from '../guard/slot.js';
import {
  channels,
  committedForTrim,
  type PoolExhaustedMessage,
  tellingGrowth,
  tellingTrim,
  tellTrim,
} from '../measure/channels.js';
import { beginSample, isSampleDue } from '../measure/lease-sampling.js';
import { SlowPathHistogram } from '../measure/slow-path-histogram.js';
import { forgetMagazines, LARGE_TAG, MAGAZINE_SHIFT, MAX_POOLS, Magazines } from './magazines.js';
import { leases, type PooledBuffer } from './pooled-buffer.js';
import { SecrecyWatch } from './secrecy.js';
import './taken-windows.js';
import { begin, finish, giveUp, HeldBlock, HeldBuffers } from './unfinished.js';
import { scheduleUpkeep } from './upkeep.js';
import { Waiters } from './waiters.js';
import {
  currentWindow,
  ensureWindow,
  forgetRecut,
  GRANULE_MASK,
  GRANULE_SHIFT,
  largeWindow,
  SLICE_SHIFT,
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

function tooManyPools(name: string): Error {
  return makeError(
    'ERR_SUPERSLAB_NO_MEMORY',
    `pool "${name}" is one too many: this thread has made ${MAX_POOLS} pools and can tell no more of them apart; ` +
      'keep pools and use them again, or go on in a new worker',
  );
}

/** When a release began, and what the pool had then. */
interface ReleaseStart {
  readonly committed: number;
  readonly time: number;
}

/** Of a release that gives no block to the native side, or of which nobody wants to know. */
const UNTOLD: ReleaseStart = { committed: -1, time: 0 };

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
    if (native.magazines === undefined || native.id >= MAX_POOLS) {
      binding.closePool(native.id);
      throw native.magazines === undefined ? hostError() : tooManyPools(name);
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

  /** Throws when the pool is closed. To be called after each call out: what was called may have closed it. */
  checkOpen(): void {
    if (this.closed) throw makeError('ERR_SUPERSLAB_CLOSED', `pool "${this.name}" is closed`);
  }

  /** Throws unless a lease of `size` bytes could ever be had. */
  checkSize(size: number): void {
    this.checkOpen();
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > MAX_SIZE) {
      throw sizeError(size, MAX_SIZE);
    }
  }

  acquireSlow(size: number): PooledBuffer {
    this.checkSize(size);
    if (size === 0) return leases.makePlain(this, 0);
    const held = begin(new HeldBuffers());
    try {
      // Those who wait in acquireAsync() came first.
      if (this.waiters.length === 0) held.buf = this.#tryAcquire(size);
      if (held.buf === undefined) this.#acquireExhausted(size, held);
      else if (!this.guard?.watchesAll && isSampleDue(this)) {
        beginSample(this, leases.blockOf(held.buf), size);
      }
    } catch (error) {
      giveUp(held);
      throw error;
    }
    const { buf } = held;
    finish(held);
    return buf!;
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
    if (this.guard?.watchesAll) return this.guard.tryAcquire(size);
    return size > MAX_CLASS_BYTES ? this.#tryLarge(size) : this.#tryClass(size);
  }

  #tryClass(size: number): PooledBuffer | undefined {
    const tag = tagOfGranules[(size + 63) >>> GRANULE_SHIFT]!;
    if (this.guard?.sampler.isDue(tag)) {
      const buf = this.guard.trySample(size, tag);
      if (buf !== undefined) return buf;
    }
    const { depth, acquired, blocks } = this.magazines;
    for (let block = this.#topBlock(tag); block !== undefined; block = this.#topBlock(tag)) {
      const top = depth[tag]!;
      const offset = (block & GRANULE_MASK) << GRANULE_SHIFT;
      const buf = leases.make(windows[block >>> SLICE_SHIFT]!, offset, size, block);
      if (depth[tag] !== top || blocks[(tag << MAGAZINE_SHIFT) + top - 1] !== block) continue;
      // Nothing is called any more, so that nothing can be cut off, until the buffer is the caller's.
      depth[tag] = top - 1;
      acquired[tag]!++;
      return buf;
    }
    return undefined;
  }

  /** A block of a class, counted as acquired; undefined when maxBytes are in use. */
  takeBlock(tag: SliceTag): BlockNumber | undefined {
    const block = this.#topBlock(tag);
    if (block !== undefined) {
      this.magazines.depth[tag]!--;
      this.magazines.acquired[tag]!++;
    }
    return block;
  }

  /** The block that is next in the magazine, with a window; undefined when maxBytes are in use. */
  #topBlock(tag: SliceTag): BlockNumber | undefined {
    const { depth, blocks } = this.magazines;
    for (;;) {
      if (depth[tag] === 0 && !this.#refill(tag)) return undefined;
      this.checkOpen();
      const top = depth[tag]!;
      if (top === 0) continue; // a subscriber took all that came
      const block = blocks[(tag << MAGAZINE_SHIFT) + top - 1]!;
      ensureWindow(block >>> SLICE_SHIFT); // user code may have detached it
      if (depth[tag] === top && blocks[(tag << MAGAZINE_SHIFT) + top - 1] === block) return block;
    }
  }

  /** Has blocks put into an empty magazine; false when maxBytes are in use. Subscribers are told of memory taken. */
  #refill(tag: SliceTag): boolean {
    let got = this.#fetch(tag);
    if (got === NO_ROOM && this.#unpark()) {
      // Only an empty magazine may be filled.
      if (this.magazines.depth[tag] !== 0) return true;
      got = this.#fetch(tag);
    }
    if (got === NO_ROOM) return false;
    if (got === NO_MEMORY) throw this.#noMemory(bytesOfTag[tag]!);
    return true;
  }

  #fetch(tag: SliceTag): number {
    scheduleUpkeep();
    const got = tellingGrowth(this, () => {
      const start = this.slowPath.start();
      const count = forgetRecut(binding.refill(this.id, tag));
      this.slowPath.stop(start);
      if (count > 0) this.#publish(tag);
      return count;
    });
    this.#secrecy?.look();
    return got;
  }

  #publish(tag: SliceTag): void {
    try {
      this.magazines.publish(tag);
    } catch (error) {
      binding.flush(this.id); // no window: the blocks must not stay
      throw error;
    }
  }

  #fetchLarge(bytes: number, held: HeldBlock): void {
    scheduleUpkeep();
    tellingGrowth(this, () => {
      const start = this.slowPath.start();
      held.block = binding.takeLarge(this.id, bytes);
      this.slowPath.stop(start);
    });
    this.#secrecy?.look();
  }

  /** Blocks that the guard holds back may be what is missing. */
  #unpark(): boolean {
    return this.guard !== undefined && this.guard.unpark(true) > 0;
  }

  #tryLarge(size: number): PooledBuffer | undefined {
    if (this.guard?.sampler.isLargeDue()) return this.guard.tryAcquire(size, this.guard.sampler.largeWeight);
    const held = begin(new HeldBlock(this.id));
    try {
      if (!this.#takeLarge(size, held)) {
        finish(held);
        return undefined;
      }
      const buf = leases.make(largeWindow(held.block), 0, size, held.block);
      finish(held);
      return buf;
    } catch (error) {
      giveUp(held);
      throw error;
    }
  }

  /** A block beyond 2 MiB; undefined when maxBytes are in use. */
  takeLargeBlock(bytes: number): BlockNumber | undefined {
    const held = begin(new HeldBlock(this.id));
    try {
      const block = this.#takeLarge(bytes, held) ? held.block : undefined;
      finish(held);
      return block;
    } catch (error) {
      giveUp(held);
      throw error;
    }
  }

  /** Whether there was room for it. */
  #takeLarge(bytes: number, held: HeldBlock): boolean {
    this.#fetchLarge(bytes, held);
    if (held.block === NO_ROOM && this.#unpark()) this.#fetchLarge(bytes, held);
    if (held.block === NO_ROOM) return false;
    if (held.block === NO_MEMORY) throw this.#noMemory(bytes);
    this.checkOpen();
    this.magazines.welcome(held.block, LARGE_TAG);
    return true;
  }

  /** A private block comes back that no buffer has. `slot` is gone from the moment on that the block is home. */
  release(block: BlockNumber, tag: SliceTag, slot?: Slot): void {
    const start = this.prepareRelease(block, tag);
    this.putHome(block, tag);
    if (slot !== undefined) slot.state = SLOT.gone;
    if (start !== undefined) this.afterRelease(start);
  }

  /**
   * What is done while the block is still leased, and may be cut off.
   * @returns for afterRelease(); undefined when the block fits into its magazine, and nothing has to be done after it
   */
  prepareRelease(block: BlockNumber, tag: SliceTag): ReleaseStart | undefined {
    if (this.zeroAtRelease) this.#clear(block);
    const { depth, nativeLimit } = this.magazines;
    const limit = nativeLimit[tag]!;
    if (depth[tag]! < limit) return undefined;
    // putHome() will give it back.
    if (limit === 0) return { committed: committedForTrim(this), time: this.slowPath.start() };
    const start = this.slowPath.start();
    binding.spill(this.id, tag);
    this.slowPath.stop(start);
    return UNTOLD;
  }

  /** The block is free. This is not cut off within: what the caller stores next is part of it. */
  putHome(block: BlockNumber, tag: SliceTag): void {
    const { depth, blocks, nativeLimit } = this.magazines;
    const top = depth[tag]!;
    if (top < nativeLimit[tag]!) {
      blocks[(tag << MAGAZINE_SHIFT) + top] = block;
      depth[tag] = top + 1;
    } else {
      // Beyond 2 MiB; or the pool is closed; or somebody waits for room.
      binding.give(this.id, block);
    }
  }

  /** One reference in the native lease table ends, and `slot` with it. */
  releaseShared(block: BlockNumber, slot?: Slot): void {
    binding.releaseShared(block);
    if (slot !== undefined) slot.state = SLOT.gone;
    this.afterRelease();
  }

  /** What was released is free already: if this is cut off, upkeep does it. */
  afterRelease({ committed, time } = UNTOLD): void {
    this.slowPath.stop(time);
    tellTrim(this, committed);
    scheduleUpkeep();
    if (this.waiters.length > 0) this.waiters.serve();
    if (this.closed) {
      // Not the guard, which may be what gives back.
      this.#purge();
      this.settle();
    }
  }

  #clear(block: BlockNumber): void {
    const capacity = binding.capacity(block);
    if (capacity > MAX_CLASS_BYTES) {
      fill(new builtins.Uint8Array(largeWindow(block)), 0);
      return;
    }
    const offset = (block & GRANULE_MASK) << GRANULE_SHIFT;
    fill(new builtins.Uint8Array(currentWindow(block), offset, capacity), 0);
  }

  /** A buffer that is not from the pool comes back: the collector takes its memory as it is then. */
  releasePlain(buf: PooledBuffer): void {
    if (this.zeroAtRelease) fill(buf, 0);
  }

  #acquireExhausted(size: number, held: HeldBuffers): void {
    if (this.#onExhausted === EXHAUSTED_FALLBACK) {
      held.buf = this.#fallBack(size);
      return;
    }
    const capacity = this.capacityFor(size);
    if (this.#onExhausted === EXHAUSTED_WAIT && capacity <= this.maxBytes && this.waiters.length === 0) {
      this.#tellExhausted(size, 'wait');
      this.#waitBlocking(size, capacity, held);
    }
    if (held.buf === undefined) throw this.#exhausted(size);
  }

  #waitBlocking(size: number, capacity: number, held: HeldBuffers): void {
    const end = now() + this.#waitMs;
    try {
      for (;;) {
        this.checkOpen();
        binding.startWaiting(this.id);
        held.buf = this.#tryAcquire(size);
        const left = end - now();
        if (held.buf !== undefined || left <= 0) return;
        binding.waitForRoom(this.id, capacity, Math.ceil(Math.min(left, WAIT_SLICE_MS)));
      }
    } finally {
      if (this.waiters.length === 0) binding.stopWaiting(this.id);
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
    this.checkOpen();
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
    return this.#purge();
  }

  #purge(): boolean {
    return tellingTrim(this, () => binding.tick(this.id));
  }

  /** From the event loop: repairs what was cut off, and serves those whom nobody served for that. */
  serveWaiters(): void {
    this.waiters.serve();
  }

  close(): void {
    scheduleUpkeep();
    this.closed = true;
    closingCaches.add(this);
    openCaches.delete(this.id);
    this.endClosing();
    this.settle();
    this.guard?.deliver();
  }

  /** What close() does with others. Each part may be done again, by upkeep, when close() was cut off. */
  endClosing(): void {
    this.waiters.rejectAll(this.name);
    this.guard?.unpark();
    tellingTrim(this, () => binding.closePool(this.id));
  }

  /** Once the closed pool has everything back, nothing of it is kept. */
  settle(): void {
    if (!binding.isSettled(this.id)) return;
    closingCaches.delete(this);
    forgetMagazines(this.id);
  }
}
