import { constants } from 'node:buffer';
import type { BlockNumber, Failure, HeapId, NativePool, PoolId, SliceTag } from '../addon/binding.js';
import { environment, facts } from '../addon/environment.js';
import { NO_MEMORY, NO_ROOM } from '../addon/generated/codes.js';
import {
  GRANULE_MASK,
  GRANULE_SHIFT,
  HUGE_TAG,
  MAGAZINE_SHIFT,
  SLICE_SHIFT,
} from '../addon/generated/memory.js';
import { builtins, fill } from '../base/builtins.js';
import { makeError, sizeError } from '../base/errors.js';
import { type Core, closingCores, openCores, type ThreadFigures } from './cores.js';
import { Exhaustion, noMemoryError } from './exhaustion.js';
import { HugeMagazine } from './huge-magazine.js';
import { hugeWindow } from './huge-windows.js';
import type { Lending } from './lending.js';
import {
  clearsAtRelease,
  forgetLender,
  type Lender,
  type Magazines,
  type ReleaseStart,
  rememberLender,
} from './magazines.js';
import type { LeaseMeter, Observers, PoolTeller, PoolWatcher, WatchedPool } from './observers.js';
import { leases, type PooledBuffer } from './pooled-buffer.js';
import { SecrecyWatch } from './secrecy.js';
import { SlowPathHistogram } from './slow-path-histogram.js';
import { begin, finish, giveUp, HeldBlock, HeldBuffers, type Lent } from './unfinished.js';
import { scheduleUpkeep } from './upkeep.js';
import { Waiters } from './waiters.js';
import { currentWindow, ensureWindow, forgetRecut, windows } from './windows.js';

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
  readonly #secrecy: SecrecyWatch | undefined;
  readonly #teller: PoolTeller;
  readonly #meter: LeaseMeter;
  /** Watches leases; undefined when leak detection and guards are off. */
  readonly watcher: Watcher | undefined;
  readonly zeroAtRelease: boolean;
  readonly align: number;
  #purgeDelayMs: number;
  readonly #exhaustion: Exhaustion<Buf>;
  readonly #lending: Lending<Buf>;
  readonly #huge: HugeMagazine<Buf>;
  readonly #tags: Uint8Array;

  constructor(
    name: string,
    native: NativePool,
    magazines: Magazines,
    observers: Observers<Watcher>,
    lending: Lending<Buf>,
  ) {
    this.name = name;
    this.id = native.id;
    this.native = native;
    this.heapId = native.heapId;
    this.#purgeDelayMs = native.purgeDelayMs();
    this.zeroAtRelease = clearsAtRelease(native);
    this.#secrecy = SecrecyWatch.of(native, name);
    this.magazines = magazines;
    this.#huge = new HugeMagazine(magazines, native);
    this.#lending = lending;
    this.align = lending.align;
    this.#tags = lending.tags ?? tagOfGranules;
    this.#waiters = new Waiters({
      waitName: lending.waitName,
      tryAcquire: (size) => this.tryAcquire(size),
      startWaiting: () => this.native.startWaiting(),
      stopWaiting: () => this.native.stopWaiting(),
    });
    this.#teller = observers.teller;
    this.#exhaustion = new Exhaustion(this, native, observers.teller);
    this.#meter = observers.meter;
    this.watcher = observers.watch(this, native);
    openCores.set(this.id, this);
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
    if (!this.#huge.knows(size) || this.watcher !== undefined || this.#meter.isWaiting()) return undefined;
    return this.#huge.lend(size, this.#lending.make!);
  }

  /** For acquireAsync(): in turn with those who came before. */
  acquireInTurn(size: number, signal: AbortSignal | undefined, pool: object): Buf | Promise<Buf> {
    this.checkSize(size);
    if (size === 0) return this.makePlain(0);
    const buf = this.#waiters.length === 0 ? this.tryAcquire(size) : undefined;
    return buf ?? this.#exhaustion.acquireUnlessWaiting(size) ?? this.#waiters.wait(size, signal, pool);
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
    if (this.watcher?.watchesAll) return this.#lent(this.watcher.tryAcquire(size));
    return size > MAX_CLASS_BYTES ? this.#tryHuge(size) : this.#tryClass(size);
  }

  #lent(buf: PooledBuffer | undefined): Buf | undefined {
    return buf === undefined ? undefined : this.#lending.lend!(buf);
  }

  #tryClass(size: number): Buf | undefined {
    const tag = this.#tagFor(size);
    const { idle, make } = this.#lending;
    if (this.watcher?.sampler.isDue(tag)) {
      // Its block makes room for the sample, which has a buffer of its own.
      idle?.drop(this.magazines.idle[tag]! - 1);
      const buf = this.watcher.trySample(size, tag);
      if (buf !== undefined) return this.#lending.lend!(buf);
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
    if (got === NO_MEMORY) throw noMemoryError(this.name, bytesOfTag[tag]!);
    return true;
  }

  #fetch(tag: SliceTag): number {
    scheduleUpkeep();
    const got = this.#teller.tellingGrowth(this, () => {
      const start = this.slowPath.start();
      const count = forgetRecut(this.native.refill(tag));
      this.slowPath.stop(start);
      if (count > 0) this.#publish(tag);
      return count;
    });
    this.#secrecy?.look();
    return got;
  }

  #publish(tag: SliceTag): void {
    try {
      rememberLender(this);
      this.magazines.publish(tag);
    } catch (error) {
      this.native.flush(); // no window: the blocks must not stay
      throw error;
    }
  }

  #fetchHuge(bytes: number, held: HeldBlock): void {
    scheduleUpkeep();
    this.#teller.tellingGrowth(this, () => {
      const start = this.slowPath.start();
      held.block = this.native.takeHuge(bytes);
      this.slowPath.stop(start);
    });
    this.#secrecy?.look();
  }

  /** Blocks that the guard holds back may be what is missing. */
  #unpark(): boolean {
    return this.watcher !== undefined && this.watcher.unpark(true) > 0;
  }

  #tryHuge(size: number): Buf | undefined {
    if (this.watcher?.sampler.isHugeDue())
      return this.#lent(this.watcher.tryAcquire(size, this.watcher.sampler.hugeWeight));
    const { make } = this.#lending;
    const lent = this.#huge.lend(size, make!);
    if (lent !== undefined) return lent;
    const held = begin(new HeldBlock(this.native));
    try {
      if (!this.#takeHuge(size, held)) {
        finish(held);
        return undefined;
      }
      const { window } = this.#huge.welcome(held.block, size);
      const buf = make!(window, 0, size, held.block);
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
    const held = begin(new HeldBlock(this.native));
    try {
      const block = this.#takeHuge(bytes, held) ? held.block : undefined;
      if (block !== undefined) this.#huge.welcome(block, bytes);
      finish(held);
      return block;
    } catch (error) {
      giveUp(held);
      throw error;
    }
  }

  /** Whether there was room for it. */
  #takeHuge(bytes: number, held: HeldBlock): boolean {
    this.#fetchHuge(bytes, held);
    if (held.block === NO_ROOM && this.#unpark()) this.#fetchHuge(bytes, held);
    if (held.block === NO_ROOM) return false;
    if (held.block === NO_MEMORY) throw noMemoryError(this.name, bytes);
    this.checkOpen();
    rememberLender(this);
    this.magazines.welcome(held.block, HUGE_TAG);
    return true;
  }

  /** Has the pool go by other values from now on; what is wrong with them, and then none is applied. */
  tune(options: [string, string | number][]): Failure | undefined {
    this.checkOpen();
    const failure = this.native.tune(options);
    this.#huge.forgetSizes();
    this.#purgeDelayMs = this.native.purgeDelayMs();
    // Who waits may find room: the native side tells by a signal.
    scheduleUpkeep();
    return failure;
  }

  threadFigures(): ThreadFigures {
    return { fallbacks: this.#exhaustion.fallbacks, waiting: this.#waiters.length };
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
    return this.#purge();
  }

  #purge(): boolean {
    return this.#teller.tellingTrim(this, () => this.native.tick());
  }

  /**
   * Gives idle memory back to the operating system now, until at most `targetBytes` are committed.
   * @returns the bytes given back
   */
  trim(targetBytes: number): number {
    this.watcher?.unpark();
    // What lies in caches goes first, then the buffers that wait to be lent again.
    const bytes = this.#teller.tellingTrim(this, () => {
      const cached = this.native.trim(targetBytes);
      const { idle } = this.#lending;
      if (idle === undefined || this.native.committedBytes() <= targetBytes) return cached;
      idle.drop(0);
      return cached + this.native.trim(targetBytes);
    });
    this.watcher?.deliver();
    return bytes;
  }

  close(): void {
    scheduleUpkeep();
    this.#lastMaxBytes = this.native.maxBytes();
    this.closed = true;
    closingCores.add(this);
    openCores.delete(this.id);
    this.endClosing();
    this.settle();
    this.watcher?.deliver();
  }

  endClosing(): void {
    this.#waiters.rejectAll(this.name);
    this.watcher?.unpark();
    this.#lending.idle?.drop(0);
    this.#teller.tellingTrim(this, () => this.native.close());
  }

  settle(): void {
    if (!this.native.isSettled()) return;
    closingCores.delete(this);
    forgetLender(this.id);
  }
}
