import type { HeapId, NativePool, PoolId } from '../../addon/binding.js';
import { now } from '../../addon/clock.js';
import { MAGAZINES, OBJECT_COUNT } from '../../addon/generated/memory.js';
import { builtins } from '../../base/builtins.js';
import { hostError } from '../../base/errors.js';
import { NotWithinItself } from '../../base/not-within-itself.js';
import type { CapturedStack } from '../../base/stack.js';
import { poolTeller } from '../../measure/pool-teller.js';
import { type Core, closingCores, openCores, type ThreadFigures } from '../../pool/cores.js';
import { begin, finish, giveUp } from '../../pool/unfinished.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import { call, type Outcome, whenSettled } from './calls.js';
import { Destroyer } from './destroyer.js';
import { closedError, exhaustedError, promiseError, putTwiceError, strangerError } from './errors.js';
import { LeaseWatch } from './lease-watch.js';
import { Maker, type MakerHost } from './maker.js';
import { Moving } from './moving.js';
import type { ObjectSettings } from './options.js';
import { Owned } from './owned.js';
import { Shelf } from './shelf.js';
import { type Slot, STATE } from './slot.js';
import { ObjectPoolTeller } from './telling.js';
import { type ObjectWaiter, ObjectWaiters } from './waiting.js';

/**
 * One pool of objects: its slots, and everything that happens off the hot path.
 *
 * Functions of the program run in the midst of it, and may do anything with the pool. So they are called while the slot
 * that they are about is in hand (STATE.busy or making) and nothing else is half done, and after each everything is
 * looked at again.
 */
export class ObjectCore<T> implements Core, MakerHost<T> {
  readonly name: string;
  readonly id: PoolId;
  readonly native: NativePool;
  readonly heapId: HeapId;
  readonly magazines = undefined;
  readonly watcher = undefined;
  readonly settings: ObjectSettings<T>;
  readonly shelf: Shelf<T>;
  /** All that count against the limit. */
  readonly slots = new Set<Slot<T>>();
  readonly owned = new Owned<T>();
  readonly teller = new ObjectPoolTeller();
  readonly waiters: ObjectWaiters<T>;
  readonly watch: LeaseWatch<T>;
  readonly destroyer: Destroyer<T>;
  readonly maker: Maker<T>;
  closed = false;
  /** Nobody new is served, and no object is made ahead. */
  isDraining = false;
  /** Those who wait for a state of the pool: see resting(). */
  readonly #resting = new Set<() => void>();
  /** The lowest depth of the shelf since the last tick: what lay below was not lent since. */
  #lowSinceTick = 0;
  readonly #serving = new NotWithinItself();
  readonly #filling = new NotWithinItself();

  constructor(name: string, native: NativePool, settings: ObjectSettings<T>) {
    const memory = native.magazines;
    if (memory === undefined) throw hostError();
    const { at, length } = MAGAZINES.objects;
    this.name = name;
    this.id = native.id;
    this.native = native;
    this.heapId = native.heapId;
    this.settings = settings;
    this.shelf = new Shelf(new Float64Array(memory, at * 4, length / 2));
    this.waiters = new ObjectWaiters(settings.priorities);
    this.watch = new LeaseWatch(name, native, this.shelf, this.slots, this.teller, settings.leaseTimeoutMs);
    this.destroyer = new Destroyer(name, settings, this.shelf, this.teller, () => this.#changed());
    this.maker = new Maker<T>(this);
    const { counts } = this.shelf;
    counts[OBJECT_COUNT.max] = Number.isFinite(settings.max) ? settings.max : 0;
    counts[OBJECT_COUNT.isCounted] = 1;
    this.#setFast();
    openCores.set(this.id, this);
  }

  // What the hot paths may do ----------------------------------------------------------------------

  /** To be called when somebody has begun to wait, nobody waits any more, or the pool was closed. */
  #setFast(): void {
    const { settings, shelf, watch } = this;
    const isOpen = !this.closed && !this.isDraining;
    const isPlain = isOpen && !Number.isFinite(settings.maxUses) && !Number.isFinite(settings.maxAgeMs);
    shelf.getsFast =
      isPlain &&
      !watch.watchesAll &&
      !settings.isFirstIn &&
      !settings.validateOnGet &&
      this.waiters.length === 0;
    shelf.putsFast =
      isPlain &&
      !settings.isFirstIn &&
      settings.reset === undefined &&
      !settings.validateOnPut &&
      this.waiters.length === 0;
  }

  /** Brings the figures up to date that hot paths do not count. Stores alone. */
  #note(): void {
    const { shelf } = this;
    const inUse = this.slots.size - shelf.pending - shelf.low;
    if (inUse > shelf.counts[OBJECT_COUNT.peakInUse]!) shelf.counts[OBJECT_COUNT.peakInUse] = inUse;
    if (shelf.low < this.#lowSinceTick) this.#lowSinceTick = shelf.low;
    shelf.low = shelf.depth;
  }

  /** For stats(), of any thread. */
  publish(): void {
    this.#note();
    const { counts, depth, pending } = this.shelf;
    counts[OBJECT_COUNT.idle] = depth;
    counts[OBJECT_COUNT.pending] = pending;
    counts[OBJECT_COUNT.inUse] = this.slots.size - pending - depth;
  }

  get inUse(): number {
    return this.slots.size - this.shelf.pending - this.shelf.depth;
  }

  get isAwaited(): boolean {
    return this.waiters.length > 0;
  }

  checkOpen(): void {
    if (this.closed) throw closedError(this.name);
    if (this.isDraining) throw closedError(this.name, 'is draining');
  }

  // Lending ----------------------------------------------------------------------------------------

  /** An object at once, or an error. */
  getSlow(): T {
    this.checkOpen();
    this.#note();
    const moving = begin(new Moving<T>(this));
    try {
      // Those who wait came first.
      if (this.waiters.length === 0) {
        while (this.#takeIdle(moving)) if (this.#mayLendNow(moving)) return this.#lend(moving, undefined);
        if (this.slots.size < this.settings.max) {
          if (!this.maker.makeNow(moving)) throw promiseError(this.name, 'create');
          this.checkOpen(); // create may have closed it
          return this.#lend(moving, undefined);
        }
      }
    } catch (error) {
      giveUp(moving);
      throw error;
    }
    finish(moving);
    throw this.#exhausted();
  }

  #exhausted(): Error {
    const { max } = this.settings;
    poolTeller.tellExhausted({ id: this.id, name: this.name, native: this.native, maxBytes: 0 }, 0, 'throw');
    this.checkOpen();
    this.shelf.count('exhausted');
    return exhaustedError(this.name, max, this.watch.oldest());
  }

  /** An object at once without any function of the program; undefined when there is none. */
  tryGetPlain(): T | undefined {
    const { settings, shelf } = this;
    if (settings.validateOnGet || this.waiters.length > 0 || shelf.depth === 0) return undefined;
    this.#note();
    const moving = begin(new Moving<T>(this));
    while (this.#takeIdle(moving)) {
      if (!this.#isWorn(moving.slot!)) return this.#lend(moving, undefined);
      this.retire(moving);
    }
    finish(moving);
    return undefined;
  }

  /** The same by the hot path; what is to be sampled takes the other. */
  tryGetFast(): T | undefined {
    const { shelf } = this;
    const top = shelf.depth;
    if (top === 0 || !shelf.getsFast || shelf.untilSample === 1) return undefined;
    const slot = shelf.slots[top - 1]!;
    const { object } = slot;
    if (shelf.untilSample > 0) shelf.untilSample--;
    slot.object = undefined;
    slot.state = STATE.lent;
    shelf.depth = top - 1;
    if (top <= shelf.low) shelf.low = top - 1;
    shelf.counts[OBJECT_COUNT.acquires]!++;
    return object;
  }

  #takeIdle(moving: Moving<T>): boolean {
    return this.shelf.pop(this.settings.isFirstIn, moving) !== undefined;
  }

  /** Whether an idle object in hand may be lent; otherwise it has gone. */
  #mayLendNow(moving: Moving<T>): boolean {
    const slot = moving.slot!;
    if (this.#isWorn(slot)) {
      this.retire(moving);
      return false;
    }
    if (!this.settings.validateOnGet || slot.isFresh) return true;
    const returned = call(this.settings.validate!, slot.object as T);
    if ('promise' in returned) {
      this.#awaitTest(slot, returned.promise);
      moving.slot = undefined;
      throw promiseError(this.name, 'validate');
    }
    this.checkOpen();
    if (isYes(returned)) return true;
    this.#retireInvalid(moving);
    return false;
  }

  /** Ends the moving: nothing is called from its end until the object is the caller's. */
  #lend(moving: Moving<T>, stack: CapturedStack | undefined): T {
    const slot = moving.slot!;
    const lease = this.watch.leaseFor(stack);
    finish(moving);
    const { object } = slot;
    slot.object = undefined;
    slot.lease = lease;
    slot.uses++;
    slot.isFresh = false;
    slot.state = STATE.lent;
    this.shelf.pending--;
    this.shelf.counts[OBJECT_COUNT.acquires]!++;
    return object as T;
  }

  #isWorn(slot: Slot<T>): boolean {
    const { maxUses, maxAgeMs } = this.settings;
    return slot.uses >= maxUses || (Number.isFinite(maxAgeMs) && now() >= slot.expiresAt);
  }

  /** A slot in hand has an object that may be lent: the first who waits gets it, or it is idle. */
  arrived(slot: Slot<T>, moving: Moving<T>): void {
    if (this.closed) {
      this.retire(moving);
      return;
    }
    this.#note();
    const waiter = this.waiters.first();
    if (waiter === undefined) {
      slot.isFresh = false;
      slot.idleSince = now();
      finish(moving);
      this.shelf.push(slot);
      this.#changed();
      return;
    }
    this.#hand(waiter, moving);
  }

  #hand(waiter: ObjectWaiter<T>, moving: Moving<T>): void {
    const object = this.#lend(moving, waiter.stack);
    waiter.isSettled = true;
    this.waiters.length--;
    waiter.resolve!(object);
    if (waiter.isEntering) waiter.object = object;
    waiter.leave();
    if (this.waiters.length === 0) this.#setFast();
    this.#lookAtRest();
  }

  // Waiting ----------------------------------------------------------------------------------------

  /** Puts somebody into the queue, and serves whom it can. */
  enter(waiter: ObjectWaiter<T>): void {
    this.waiters.add(waiter);
    this.shelf.getsFast = false;
    this.shelf.putsFast = false;
    this.maker.noteAwaited();
    this.serveWaiters();
  }

  /** Somebody waits no more. */
  waitEnded(): void {
    this.waiters.prune();
    if (this.waiters.length === 0) this.#setFast();
    this.#lookAtRest();
  }

  serveWaiters(): void {
    if (this.waiters.length === 0 || !this.#serving.enter()) return;
    try {
      // What is in hand or being made will arrive.
      while (!this.closed && this.waiters.length > this.shelf.pending && this.#serveOne());
    } finally {
      this.#serving.leave();
    }
  }

  /** Whether something was done for who waits. */
  #serveOne(): boolean {
    if (this.shelf.depth > 0) {
      const moving = begin(new Moving<T>(this));
      if (this.#takeIdle(moving)) this.#testAndHand(moving);
      finish(moving);
      return true;
    }
    if (!this.maker.mayMake) return false;
    this.maker.make();
    return true;
  }

  #testAndHand(moving: Moving<T>): void {
    const slot = moving.slot!;
    if (this.#isWorn(slot)) this.retire(moving);
    else if (!this.settings.validateOnGet) this.arrived(slot, moving);
    else this.#test(moving);
  }

  /** Has an object in hand validated: it arrives, or goes. */
  #test(moving: Moving<T>): void {
    const slot = moving.slot!;
    const returned = call(this.settings.validate!, slot.object as T);
    if ('promise' in returned) this.#awaitTest(slot, returned.promise);
    else this.#tested(returned, moving);
  }

  #awaitTest(slot: Slot<T>, promise: PromiseLike<unknown>): void {
    const deadline = { pool: this.name, what: 'validate', ms: this.settings.checkTimeoutMs };
    const wait = ++slot.waits;
    whenSettled(promise, deadline, (outcome) =>
      this.#inHand(slot, wait, (moving) => this.#tested(outcome, moving)),
    );
  }

  #tested(outcome: Outcome<unknown>, moving: Moving<T>): void {
    const slot = moving.slot!;
    if (!isYes(outcome)) {
      this.#retireInvalid(moving);
      return;
    }
    slot.isFresh = true;
    slot.testedAt = now();
    this.arrived(slot, moving);
  }

  /** Goes on with a slot after a wait, unless the wait was begun by an operation that was cut off and undone. */
  #inHand(slot: Slot<T>, wait: number, work: (moving: Moving<T>) => void): void {
    if (slot.state !== STATE.busy || slot.waits !== wait) return;
    const moving = begin(new Moving<T>(this));
    moving.slot = slot;
    work(moving);
    finish(moving);
  }

  // Coming back ------------------------------------------------------------------------------------

  /** The slot of an object that is lent. */
  #lentSlot(object: unknown, what: string): Slot<T> {
    const slot = this.owned.slotOf(object, this);
    if (slot === undefined) throw strangerError(this.name, object, what);
    if (slot.state !== STATE.lent) throw putTwiceError(this.name, what);
    return slot;
  }

  isLent(object: unknown): boolean {
    return this.owned.slotOf(object, this)?.state === STATE.lent;
  }

  putSlow(object: T): void {
    const other = this.owned.otherOwnerOf(object, this);
    if (other !== undefined) {
      other.putSlow(object);
      return;
    }
    const slot = this.#lentSlot(object, 'put');
    this.#note();
    const moving = begin(new Moving<T>(this));
    this.#take(slot, object, moving);
    if (this.closed || this.#isWorn(slot)) this.retire(moving);
    else this.#reset(moving);
    finish(moving);
    this.serveWaiters();
  }

  /** Gives a lent object back that is not to be lent again. */
  destroyLent(object: T): void {
    const slot = this.#lentSlot(object, 'destroy');
    this.#note();
    const moving = begin(new Moving<T>(this));
    this.#take(slot, object, moving);
    this.retire(moving);
    finish(moving);
  }

  /** The lease ends, and the pool has the object in hand. Stores alone. */
  #take(slot: Slot<T>, object: T, moving: Moving<T>): void {
    slot.object = object;
    slot.lease = undefined;
    slot.state = STATE.busy;
    this.shelf.pending++;
    moving.slot = slot;
  }

  #reset(moving: Moving<T>): void {
    const { reset, checkTimeoutMs } = this.settings;
    const slot = moving.slot!;
    if (reset === undefined) {
      this.#afterReset(undefined, moving);
      return;
    }
    moving.isSound = false;
    const returned = call(reset, slot.object as T);
    if (!('promise' in returned)) {
      this.#afterReset(returned, moving);
      return;
    }
    const deadline = { pool: this.name, what: 'reset', ms: checkTimeoutMs };
    const wait = ++slot.waits;
    whenSettled(returned.promise, deadline, (outcome) =>
      this.#inHand(slot, wait, (later) => this.#afterReset(outcome, later)),
    );
  }

  #afterReset(outcome: Outcome<unknown> | undefined, moving: Moving<T>): void {
    if (outcome !== undefined && 'error' in outcome) {
      this.#retireInvalid(moving);
      return;
    }
    moving.isSound = true;
    if (this.settings.validateOnPut) this.#test(moving);
    else this.arrived(moving.slot!, moving);
  }

  // The end of objects -----------------------------------------------------------------------------

  #retireInvalid(moving: Moving<T>): void {
    this.shelf.count('invalid');
    this.retire(moving);
  }

  /** The slot in hand goes, and its object is destroyed. */
  retire(moving: Moving<T>): void {
    const slot = moving.slot!;
    this.#note();
    this.slots.delete(slot);
    slot.state = STATE.gone;
    this.shelf.pending--;
    this.shelf.counts[OBJECT_COUNT.destroyed]!++;
    this.owned.remove(slot.object, slot);
    this.destroyer.destroySlot(slot);
    moving.slot = undefined;
    this.#changed();
  }

  takeBack(slot: Slot<T>, isSound: boolean): void {
    if (slot.state === STATE.gone) {
      this.destroyer.destroySlot(slot);
    } else if (slot.state === STATE.making) {
      this.slots.delete(slot);
      slot.isDestroyed = true;
      slot.state = STATE.gone;
      this.shelf.pending--;
    } else if (slot.state === STATE.busy) {
      if (isSound && !this.closed) this.shelf.push(slot);
      else {
        const moving = begin(new Moving<T>(this));
        moving.slot = slot;
        this.retire(moving);
        finish(moving);
      }
    }
  }

  collected(slot: Slot<T>): void {
    if (slot.state !== STATE.lent) return;
    this.#note();
    const { lease } = slot;
    this.slots.delete(slot);
    slot.isDestroyed = true;
    slot.state = STATE.gone;
    this.shelf.counts[OBJECT_COUNT.destroyed]!++;
    this.shelf.counts[OBJECT_COUNT.collected]!++;
    slot.lease = undefined;
    this.watch.noteLeak(lease);
    this.#changed();
  }

  destroyLate(object: T): void {
    this.destroyer.destroy(object);
  }

  gaveUp(error: Error): void {
    for (const waiter of this.waiters.all()) waiter.fail(error);
    this.waitEnded();
  }

  mayMakeAgain(): void {
    this.#changed();
  }

  /** There is room again, or an object: whoever wants it gets it. */
  #changed(): void {
    this.serveWaiters();
    this.fill();
    if (this.closed) this.settle();
    this.#lookAtRest();
  }

  /** Makes as many as are to be kept ready. */
  fill(): void {
    if (this.closed || this.isDraining || !this.#filling.enter()) return;
    try {
      while (this.#wantsMore() && this.maker.mayMake && !this.closed) this.maker.make();
    } finally {
      this.#filling.leave();
    }
  }

  #wantsMore(): boolean {
    const { min, minIdle } = this.settings;
    if (this.slots.size < min) return true;
    return this.shelf.depth + this.shelf.pending - this.waiters.length < minIdle;
  }

  /** Destroys idle objects, the oldest first, until the pool has at most `target` or none is idle. */
  dropIdle(target: number): number {
    let dropped = 0;
    while (this.shelf.depth > 0 && this.slots.size > target) {
      this.retireIdle(0);
      dropped++;
    }
    return dropped;
  }

  /** Destroys the idle object at a place of the shelf. */
  retireIdle(place: number): void {
    this.#note();
    const moving = begin(new Moving<T>(this));
    this.shelf.removeAt(place, moving);
    this.retire(moving);
    finish(moving);
  }

  // Upkeep -----------------------------------------------------------------------------------------

  /** Upkeep comes twice in this time. */
  get purgeDelayMs(): number {
    const { idleMs, maxAgeMs, leaseTimeoutMs, validateEveryMs } = this.settings;
    return Math.min(idleMs, maxAgeMs, leaseTimeoutMs, validateEveryMs, 40_000) / 2;
  }

  tick(): boolean {
    this.publish();
    const { shelf } = this;
    const time = now();
    // What was put since the last time lies above what was not touched.
    if (!this.settings.isFirstIn) {
      for (let i = this.#lowSinceTick; i < shelf.depth; i++) shelf.slots[i]!.idleSince = time;
    }
    this.#lowSinceTick = shelf.depth;
    if (!this.closed) this.#lookAtIdle(time);
    this.watch.lookForOverdue();
    this.fill();
    return this.slots.size > 0 || this.waiters.length > 0;
  }

  /** What lies idle goes when it is too old or idle for too long, or is tested. */
  #lookAtIdle(time: number): void {
    const { idleMs, min, minIdle, validateEveryMs } = this.settings;
    const idle = this.shelf.slots.slice(0, this.shelf.depth);
    for (const slot of idle) {
      if (slot.state !== STATE.idle || this.closed) continue;
      const place = this.shelf.slots.indexOf(slot);
      const isTooMany = this.slots.size > min && this.shelf.depth > minIdle;
      if (time >= slot.expiresAt || (isTooMany && time - slot.idleSince >= idleMs)) this.retireIdle(place);
      else if (time - slot.testedAt >= validateEveryMs) this.#testIdle(place);
    }
  }

  #testIdle(place: number): void {
    const moving = begin(new Moving<T>(this));
    this.shelf.removeAt(place, moving);
    this.#test(moving);
    finish(moving);
  }

  threadFigures(): ThreadFigures {
    return { fallbacks: 0, waiting: this.waiters.length };
  }

  // The end ----------------------------------------------------------------------------------------

  /** No new object is lent from now on; those who wait are served. */
  drain(): void {
    this.isDraining = true;
    this.#setFast();
  }

  /** Resolved as soon as `isReached` says so, which is asked whenever something has ended. Rejects with what it throws. */
  async resting(isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      await new builtins.Promise<void>((resolve) => {
        this.#resting.add(resolve);
      });
    }
  }

  #lookAtRest(): void {
    for (const resolve of this.#resting) resolve();
    this.#resting.clear();
  }

  close(): void {
    scheduleUpkeep();
    this.closed = true;
    this.#setFast();
    closingCores.add(this);
    openCores.delete(this.id);
    this.endClosing();
    this.settle();
  }

  endClosing(): void {
    this.maker.stop();
    for (const waiter of this.waiters.all()) {
      waiter.fail(closedError(this.name, 'was closed while acquire() waited'));
    }
    this.waitEnded();
    this.dropIdle(0);
  }

  settle(): void {
    if (this.slots.size > 0) return;
    this.publish();
    this.native.close();
    if (!this.native.isSettled()) return;
    closingCores.delete(this);
  }
}

/** Whether a test was passed. */
const isYes = (outcome: Outcome<unknown>): boolean => 'value' in outcome && Boolean(outcome.value);
