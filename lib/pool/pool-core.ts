import { constants } from 'node:buffer';
import type { BlockNumber, Failure, HeapId, NativePool, PoolId, SliceTag } from '../addon/binding.js';
import { environment, facts } from '../addon/environment.js';
import { RELIEF_STEP } from '../addon/generated/codes.js';
import { GRANULE_MASK, GRANULE_SHIFT, MAGAZINE_SHIFT, SLICE_SHIFT } from '../addon/generated/memory.js';
import { builtins, fill } from '../base/builtins.js';
import { makeError, sizeError } from '../base/errors.js';
import { type Core, closingCores, openCores, type ThreadFigures } from './cores.js';
import { Exhaustion } from './exhaustion.js';
import { Fetcher } from './fetcher.js';
import { HugeMagazine } from './huge-magazine.js';
import { hugeWindow } from './huge-windows.js';
import type { Lending } from './lending.js';
import {
  clearsAtRelease,
  forgetLender,
  type Lender,
  type Magazines,
  type ReleaseStart,
} from './magazines.js';
import type { LeaseMeter, Observers, PoolTeller, PoolWatcher, WatchedPool } from './observers.js';
import { leases, type PooledBuffer } from './pooled-buffer.js';
import { SecrecyWatch } from './secrecy.js';
import { SlowPathHistogram } from './slow-path-histogram.js';
import { begin, finish, giveUp, HeldBlock, HeldBuffers, type Lent, within } from './unfinished.js';
import { scheduleUpkeep } from './upkeep.js';
import { Waiters, type Wish } from './waiters.js';
import { currentWindow, ensureWindow, windows } from './windows.js';

const { tagOfGranules, bytesOfTag, maxBlockBytes } = facts;
const MAX_CLASS_BYTES = (tagOfGranules.length - 1) << GRANULE_SHIFT;
const MAX_SIZE = Math.min(maxBlockBytes, constants.MAX_LENGTH);

/** Of a release that gives no block to the native side, or of which nobody wants to know. */
const UNTOLD: ReleaseStart = { committed: -1, time: 0 };

/** One pool in this environment: its magazines and everything that happens off the hot path. */
export class PoolCore<Watcher extends PoolWatcher = PoolWatcher, Buf extends Lent = PooledBuffer>
  implements Core, Lender, WatchedPool
{
  readonly name: string;
  readonly id: PoolId;
  readonly native: NativePool;
  readonly heapId: HeapId;
  readonly magazines: Magazines;
  readonly #waiters: Waiters<Buf>;
  closed = false;
  #lastMaxBytes = 0;
  readonly slowPath = new SlowPathHistogram();
  readonly #teller: PoolTeller;
  readonly #meter: LeaseMeter;
  /** Watches leases; undefined when leak detection and guards are off. */
  readonly watcher: Watcher | undefined;
  listeners: Core['listeners'];
  readonly zeroAtRelease: boolean;
  readonly align: number;
  #purgeDelayMs: number;
  readonly #exhaustion: Exhaustion<Buf>;
  readonly #lending: Lending<Buf>;
  readonly #fetcher: Fetcher;
  readonly #huge: HugeMagazine<Buf>;
  readonly #tags: Uint8Array;
  /**
   * All shares of one pool in this thread, each with magazines of its own over the same heap: the first, which leads, and
   * the others. Those who wait do so in one queue, and the leading share does for all what is done once a pool.
   */
  readonly #shares: PoolCore<Watcher, Buf>[];
  /** Of the leading share: the one that those who wait are served from. */
  #serving: PoolCore<Watcher, Buf> = this;

  /** `leading`: the share that this one follows, if it is not the first of its pool. */
  constructor(
    name: string,
    native: NativePool,
    magazines: Magazines,
    observers: Observers<Watcher>,
    lending: Lending<Buf>,
    leading?: PoolCore<Watcher, Buf>,
  ) {
    this.name = name;
    this.id = native.id;
    this.native = native;
    this.heapId = native.heapId;
    this.#purgeDelayMs = native.purgeDelayMs();
    this.zeroAtRelease = clearsAtRelease(native);
    this.magazines = magazines;
    this.#huge = new HugeMagazine(magazines, native);
    this.#lending = lending;
    this.align = lending.align;
    this.#tags = lending.tags ?? tagOfGranules;
    this.#shares = leading === undefined ? [this] : leading.#shares;
    this.#waiters = leading === undefined ? this.#makeWaiters(lending.waitName) : leading.#waiters;
    this.#teller = observers.teller;
    this.#fetcher = new Fetcher(this, observers.teller, SecrecyWatch.of(native, name));
    this.#exhaustion = new Exhaustion(this, native, observers.teller);
    this.#meter = observers.meter;
    this.watcher = observers.watch(this, native);
    openCores.set(this.id, this);
    if (leading !== undefined) this.#shares[this.#shares.length] = this;
  }

  #makeWaiters(waitName: string): Waiters<Buf> {
    return new Waiters({
      waitName,
      tryAcquire: (size) => this.#serving.tryAcquire(size),
      startWaiting: () => this.native.startWaiting(),
      // A share that blocks the thread waits by itself.
      stopWaiting: () => {
        for (const share of this.#shares) share.native.stopWaiting();
      },
    });
  }

  /** From now on those who wait are served from this share. */
  serveFromHere(): void {
    this.#shares[0]!.#serving = this;
  }

  /** As the last turn of upkeep found it: each slow path asks, and another thread changes it hardly ever. */
  get purgeDelayMs(): number {
    return this.#purgeDelayMs;
  }

  /** Another thread may have changed it. */
  get maxBytes(): number {
    return this.closed ? this.#lastMaxBytes : this.native.maxBytes();
  }

  /** Throws when the pool is closed. To be called after each call out: what was called may have closed it. */
  checkOpen(): void {
    if (this.closed) throw makeError('ERR_SUPERSLAB_CLOSED', `pool "${this.name}" is closed`);
  }

  checkSize(size: number): void {
    this.checkOpen();
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > MAX_SIZE) {
      throw sizeError(size, MAX_SIZE);
    }
  }

  acquireSlow(size: number): Buf {
    const lent = this.#lendHugeAgain(size);
    if (lent !== undefined) return lent;
    this.checkSize(size);
    if (size === 0) return this.makePlain(0);
    const held = begin(new HeldBuffers<Buf>());
    try {
      // Those who wait in acquireAsync() came first.
      if (this.#waiters.length === 0) held.buf = this.tryAcquire(size);
      if (held.buf === undefined) this.#exhaustion.acquire(size, held);
      else if (!this.watcher?.watchesAll && this.#meter.isDue(this)) {
        // A meter measures PooledBuffers alone.
        this.#meter.begin(this, leases.blockOf(held.buf as unknown as PooledBuffer), size);
      }
    } catch (error) {
      giveUp(held);
      throw error;
    }
    const { buf } = held;
    finish(held);
    return buf!;
  }

  /** A lease beyond 2 MiB like the one before, of a block that lies at hand, when nobody watches or measures leases. */
  #lendHugeAgain(size: number): Buf | undefined {
    if (!this.#huge.knows(size) || this.closed || this.watcher !== undefined) return undefined;
    if (this.#meter.isWaiting()) return undefined;
    return this.#huge.lend(size, this.#lending.make!);
  }

  /** For acquireAsync(): in turn with those who came before. */
  acquireInTurn<Result>(wish: Wish<Buf, Result>): Promise<Result> {
    this.checkSize(wish.size);
    return this.#acquireAtOnce(wish) ?? this.#waiters.wait(wish);
  }

  /** undefined when it is to wait. */
  #acquireAtOnce<Result>({ size, ready }: Wish<Buf, Result>): Promise<Result> | undefined {
    return within(new HeldBuffers<Lent>(), (held) => {
      let buf: Buf | undefined;
      if (size === 0) buf = this.makePlain(0);
      else if (this.#waiters.length === 0) buf = this.tryAcquire(size);
      buf ??= this.#exhaustion.acquireUnlessWaiting(size);
      held.buf = buf;
      if (buf === undefined) return undefined;
      return builtins.promiseResolve(ready(buf, held)) as Promise<Result>;
    });
  }

  makePlain(size: number): Buf {
    return this.#lending.lend!(leases.makePlain(this, size));
  }

  exhaustedText(size: number, never: boolean): string {
    return this.#lending.exhaustedText(size, this.maxBytes, never);
  }

  /** The class for a lease of up to 2 MiB. */
  #tagFor(size: number): SliceTag {
    return this.#lending.tag ?? this.#tags[(size + 63) >>> GRANULE_SHIFT]!;
  }

  /** Bytes of the block that a lease of `size` bytes takes. */
  capacityFor(size: number): number {
    if (this.watcher?.watchesAll) return this.watcher.capacityFor(size);
    return size > MAX_CLASS_BYTES ? this.native.hugeCapacity(size) : bytesOfTag[this.#tagFor(size)]!;
  }

  /** undefined when maxBytes are in use. */
  tryAcquire(size: number): Buf | undefined {
    const { watcher } = this;
    if (watcher?.watchesAll) return this.#tryWatched(watcher, size, 1);
    return size > MAX_CLASS_BYTES ? this.#tryHuge(size) : this.#tryClass(size);
  }

  /** What the watcher acquires, or samples, as this kind of pool lends it. Few functions deep: stacks show so many frames. */
  #tryWatched(watcher: Watcher, size: number, weight: number, sampled?: SliceTag): Buf | undefined {
    const held = begin(new HeldBuffers());
    try {
      held.buf = sampled === undefined ? watcher.tryAcquire(size, weight) : watcher.trySample(size, sampled);
      const buf = held.buf === undefined ? undefined : this.#lending.lend!(held.buf);
      finish(held);
      return buf;
    } catch (error) {
      giveUp(held);
      throw error;
    }
  }

  #tryClass(size: number): Buf | undefined {
    const tag = this.#tagFor(size);
    const { watcher } = this;
    const { idle, make } = this.#lending;
    if (watcher?.sampler.isDue(tag)) {
      // Its block makes room for the sample, which has a buffer of its own.
      idle?.drop(this.magazines.idle[tag]! - 1);
      const buf = this.#tryWatched(watcher, size, 1, tag);
      if (buf !== undefined) return buf;
    }
    const known = idle?.take();
    if (known !== undefined || make === undefined) return known;
    const { depth, acquired, blocks } = this.magazines;
    for (let block = this.#topBlock(tag); block !== undefined; block = this.#topBlock(tag)) {
      const top = depth[tag]!;
      const offset = (block & GRANULE_MASK) << GRANULE_SHIFT;
      const buf = make(windows[block >>> SLICE_SHIFT]!, offset, size, block);
      if (depth[tag] !== top || blocks[(tag << MAGAZINE_SHIFT) + top - 1] !== block) continue;
      // Nothing is called any more, so that nothing can be cut off, until the buffer is the caller's.
      depth[tag] = top - 1;
      acquired[tag]!++;
      return buf;
    }
    return undefined;
  }

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
      if (depth[tag] === 0 && !this.#fetcher.refill(tag)) return undefined;
      this.checkOpen();
      const top = depth[tag]!;
      if (top === 0) continue; // a subscriber took all that came
      const block = blocks[(tag << MAGAZINE_SHIFT) + top - 1]!;
      ensureWindow(block >>> SLICE_SHIFT); // user code may have detached it
      if (depth[tag] === top && blocks[(tag << MAGAZINE_SHIFT) + top - 1] === block) return block;
    }
  }

  /** Blocks that the guard holds back may be what is missing. */
  unpark(): boolean {
    if (this.watcher === undefined) return false;
    let count = 0;
    for (const share of this.#shares) count += share.watcher!.unpark(true);
    return count > 0;
  }

  #tryHuge(size: number): Buf | undefined {
    const { watcher } = this;
    if (watcher?.sampler.isHugeDue()) return this.#tryWatched(watcher, size, watcher.sampler.hugeWeight);
    const { make } = this.#lending;
    const lent = this.#huge.lend(size, make!);
    if (lent !== undefined) return lent;
    const held = begin(new HeldBlock(this.native));
    try {
      const block = this.#fetcher.takeHuge(size, held);
      const buf =
        block === undefined ? undefined : make!(this.#huge.welcome(block, size).window, 0, size, block);
      finish(held);
      return buf;
    } catch (error) {
      giveUp(held);
      throw error;
    }
  }

  takeHugeBlock(bytes: number): BlockNumber | undefined {
    const free = this.#huge.takeBlock(bytes);
    if (free !== undefined) return free;
    return within(new HeldBlock(this.native), (held) => {
      const block = this.#fetcher.takeHuge(bytes, held);
      if (block !== undefined) this.#huge.welcome(block, bytes);
      return block;
    });
  }

  /** Has the pool go by other values from now on; what is wrong with them, and then none is applied. */
  tune(options: [string, string | number][]): Failure | undefined {
    this.checkOpen();
    const failure = this.native.tune(options);
    for (const share of this.#shares) share.#huge.forgetSizes();
    this.#purgeDelayMs = this.native.purgeDelayMs();
    // Who waits may find room: the native side tells by a signal.
    scheduleUpkeep();
    return failure;
  }

  threadFigures(): ThreadFigures {
    let fallbacks = 0;
    for (const share of this.#shares) fallbacks += share.#exhaustion.fallbacks;
    return { fallbacks, waiting: this.#waiters.length };
  }

  hasWaiters(): boolean {
    return this.#waiters.length > 0;
  }

  serveWaiters(): void {
    this.#waiters.serve();
  }

  prepareRelease(block: BlockNumber, tag: SliceTag): ReleaseStart | undefined {
    if (this.zeroAtRelease) this.clear(block);
    const { depth, nativeLimit } = this.magazines;
    const limit = nativeLimit[tag]!;
    if (depth[tag]! < limit) return undefined;
    // putHome() will give it back.
    if (limit === 0) return { committed: this.#teller.committedForTrim(this), time: this.slowPath.start() };
    const start = this.slowPath.start();
    this.native.spill(tag);
    this.slowPath.stop(start);
    return UNTOLD;
  }

  putHome(block: BlockNumber, tag: SliceTag): void {
    const { depth, blocks, nativeLimit } = this.magazines;
    const top = depth[tag]!;
    if (top < nativeLimit[tag]!) {
      blocks[(tag << MAGAZINE_SHIFT) + top] = block;
      depth[tag] = top + 1;
    } else {
      // Beyond 2 MiB; or the pool is closed; or somebody waits for room.
      this.native.give(block);
    }
  }

  afterRelease({ committed, time } = UNTOLD): void {
    this.slowPath.stop(time);
    this.#teller.tellTrim(this, committed);
    scheduleUpkeep();
    if (this.#waiters.length > 0) this.#waiters.serve();
    if (this.closed) {
      // Not the guard, which may be what gives back.
      this.#purge();
      this.settle();
    }
  }

  /** Fills a leased block with zeros. */
  clear(block: BlockNumber): void {
    const capacity = environment.capacity(block);
    if (capacity > MAX_CLASS_BYTES) {
      fill(new builtins.Uint8Array(hugeWindow(block)), 0);
      return;
    }
    const offset = (block & GRANULE_MASK) << GRANULE_SHIFT;
    fill(new builtins.Uint8Array(currentWindow(block), offset, capacity), 0);
  }

  releasePlain(buf: Uint8Array): void {
    if (this.zeroAtRelease) fill(buf, 0);
  }

  tick(): boolean {
    this.#huge.forgetSizes();
    this.#purgeDelayMs = this.native.purgeDelayMs();
    this.watcher?.tick();
    this.#lending.idle?.tick();
    this.#lending.upkeep?.();
    const again = this.#purge();
    this.#teller.tellLearned(this);
    return again;
  }

  #purge(): boolean {
    return this.#teller.tellingTrim(this, () => this.native.tick());
  }

  /**
   * Gives idle memory back to the operating system now, until at most `targetBytes` are committed.
   * @returns the bytes given back
   */
  trim(targetBytes: number): number {
    for (const share of this.#shares) {
      share.watcher?.unpark();
      if (share !== this) share.native.flush();
    }
    // What lies in caches goes first, then the buffers that wait to be lent again.
    const bytes = this.#teller.tellingTrim(this, () => {
      const cached = this.native.trim(targetBytes);
      const { idle } = this.#lending;
      if (idle === undefined || this.native.committedBytes() <= targetBytes) return cached;
      idle.drop(0);
      return cached + this.native.trim(targetBytes);
    });
    for (const share of this.#shares) share.watcher?.deliver();
    return bytes;
  }

  relieve(step: number): number {
    this.#teller.tellingTrim(this, () => {
      const { idle } = this.#lending;
      if (step === RELIEF_STEP.caches) this.watcher?.unpark();
      // Whose buffers end with their lease has caches and nothing else.
      else if (idle === undefined) return;
      idle?.relieve(step);
      this.native.relieve(step);
    });
    this.watcher?.deliver();
    return 0;
  }

  close(): void {
    scheduleUpkeep();
    const maxBytes = this.native.maxBytes();
    for (const share of this.#shares) share.#beginClosing(maxBytes);
    for (const share of this.#shares) share.endClosing();
    for (const share of this.#shares) share.settle();
    for (const share of this.#shares) share.watcher?.deliver();
  }

  #beginClosing(maxBytes: number): void {
    closingCores.add(this);
    this.#lastMaxBytes = maxBytes;
    this.closed = true; // nothing comes between: upkeep does the rest of what is cut off from here on
  }

  endClosing(): void {
    for (const share of this.#shares) if (!share.closed) share.#beginClosing(this.#lastMaxBytes);
    openCores.delete(this.id);
    this.#waiters.rejectAll(this.name);
    this.watcher?.unpark();
    this.#lending.idle?.drop(0);
    this.#teller.tellingTrim(this, () => this.native.close());
  }

  noteLeaksAtEnd(): void {
    this.watcher?.noteLeaksAtEnd();
    this.#lending.idle?.noteLeaksAtEnd?.();
  }

  settle(): void {
    if (!this.native.isSettled()) return;
    openCores.delete(this.id); // if endClosing() was cut off
    closingCores.delete(this);
    forgetLender(this.id);
  }
}
