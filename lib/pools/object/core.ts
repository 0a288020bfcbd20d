import type { HeapId, NativePool, PoolId } from '../../addon/binding.js';
import { now } from '../../addon/clock.js';
import { MAGAZINES, OBJECT_COUNT } from '../../addon/generated/memory.js';
import { builtins } from '../../base/builtins.js';
import { hostError } from '../../base/errors.js';
import { NotWithinItself } from '../../base/not-within-itself.js';
import { poolTeller } from '../../measure/pool-teller.js';
import { type Core, closingCores, openCores, type ThreadFigures } from '../../pool/cores.js';
import { begin, finish, giveUp } from '../../pool/unfinished.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import { Awaited } from './awaited.js';
import { call } from './calls.js';
import { Destroyer } from './destroyer.js';
import { closedError, exhaustedError, promiseError, putTwiceError, strangerError } from './errors.js';
import { Keeper, type KeeperHost } from './keeper.js';
import type { Lease } from './lease.js';
import { LeaseWatch } from './lease-watch.js';
import { Maker, type MakerHost } from './maker.js';
import { Moving } from './moving.js';
import type { ObjectSettings } from './options.js';
import { Owned } from './owned.js';
import { Rest } from './rest.js';
import { Shelf } from './shelf.js';
import { isWorn, type Slot, STATE } from './slot.js';
import type { ObjectPoolTeller } from './telling.js';
import { isYes, Trials, type TrialsHost } from './trials.js';
import { type ObjectWaiter, ObjectWaiters } from './waiting.js';

/**
 * One pool of objects: its slots, and everything that happens off the hot path.
 *
 * Functions of the program run in the midst of it, and may do anything with the pool. So they are called while the slot
 * that they are about is in hand (STATE.busy or making) and nothing else is half done, and after each everything is
 * looked at again.
 */
export class ObjectCore<T> implements Core, MakerHost<T>, TrialsHost<T>, KeeperHost<T> {
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
  readonly awaited = new Awaited();
  readonly teller: ObjectPoolTeller;
  readonly waiters: ObjectWaiters<T>;
  readonly watch: LeaseWatch<T>;
  readonly destroyer: Destroyer<T>;
  readonly maker: Maker<T>;
  closed = false;
  listeners: Core['listeners'];
  /** Nobody new is served, and no object is made ahead. */
  isDraining = false;
  /** Whether `min` and `minIdle` are kept by now. */
  makesAhead = true;
  readonly rest = new Rest();
  readonly #trials: Trials<T>;
  readonly #keeper: Keeper<T>;
  /** Whether the options let the hot paths do all there is to do. */
  readonly #getsPlainly: boolean;
  readonly putsPlainly: boolean;
  readonly #serving = new NotWithinItself();

  constructor(name: string, native: NativePool, settings: ObjectSettings<T>, teller: ObjectPoolTeller) {
    const memory = native.magazines;
    if (memory === undefined) throw hostError();
    const { at, length } = MAGAZINES.objects;
    this.name = name;
    this.id = native.id;
    this.native = native;
    this.heapId = native.heapId;
    this.settings = settings;
    this.teller = teller;
    this.shelf = new Shelf(new Float64Array(memory, at * 4, length / 2), this.slots);
    this.waiters = new ObjectWaiters(settings.priorities);
    this.watch = new LeaseWatch(name, native, this.shelf, this.slots, teller, settings.leaseTimeoutMs);
    this.destroyer = new Destroyer(name, settings, this.shelf, teller, this.awaited, () => this.changed());
    this.maker = new Maker<T>(this);
    this.#trials = new Trials<T>(this);
    this.#keeper = new Keeper<T>(this);
    const { counts } = this.shelf;
    counts[OBJECT_COUNT.max] = Number.isFinite(settings.max) ? settings.max : 0;
    counts[OBJECT_COUNT.isCounted] = 1;
    const isPlain =
      !settings.isFirstIn && !Number.isFinite(settings.maxUses) && !Number.isFinite(settings.maxAgeMs);
    this.#getsPlainly = isPlain && !this.watch.watchesAll && !settings.validateOnGet;
    this.putsPlainly =
      isPlain && settings.reset === undefined && !settings.validateOnPut && !settings.notesIdle;
    this.#setFast();
    openCores.set(this.id, this);
  }

  // What the hot paths may do ----------------------------------------------------------------------

  /** When somebody has begun to wait, nobody waits any more, or the pool was closed. */
  #setFast(): void {
    const isOpen = !this.closed && !this.isDraining && this.waiters.length === 0;
    this.shelf.getsFast = isOpen && this.#getsPlainly;
    this.shelf.putsFast = isOpen && this.putsPlainly;
  }

  publish(): void {
    this.shelf.publish();
  }

  checkOpen(): void {
    if (this.closed) throw closedError(this.name);
    if (this.isDraining) throw closedError(this.name, 'is draining');
  }

  // Lending ----------------------------------------------------------------------------------------

  /** An object at once, or an error. */
  getSlow(): T {
    this.checkOpen();
    this.shelf.note();
    const moving = begin(new Moving<T>(this));
    try {
      // Those who wait came first.
      while (this.waiters.length === 0 && this.#takeIdle(moving)) {
        if (this.#mayLendNow(moving)) return this.#lend(moving, this.watch.leaseForCaller());
      }
      if (this.slots.size < this.settings.max) {
        if (!this.maker.makeNow(moving)) throw promiseError(this.name, 'create');
        this.checkOpen(); // create may have closed it
        return this.#lend(moving, this.watch.leaseForCaller());
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
    this.shelf.note();
    const moving = begin(new Moving<T>(this));
    while (this.#takeIdle(moving)) {
      if (!isWorn(moving.slot!, this.settings)) return this.#lend(moving, this.watch.leaseForCaller());
      this.retire(moving);
    }
    finish(moving);
    return undefined;
  }

  #takeIdle(moving: Moving<T>): boolean {
    return this.shelf.pop(this.settings.isFirstIn, moving) !== undefined;
  }

  /** Whether an idle object in hand may be lent; otherwise it has gone. */
  #mayLendNow(moving: Moving<T>): boolean {
    const slot = moving.slot!;
    if (isWorn(slot, this.settings)) {
      this.retire(moving);
      return false;
    }
    if (!this.settings.validateOnGet || slot.isFresh) return true;
    const returned = call(this.settings.validate!, slot.object as T);
    if ('promise' in returned) {
      this.#trials.awaitTest(slot, returned.promise);
      moving.slot = undefined;
      throw promiseError(this.name, 'validate');
    }
    this.checkOpen();
    if (isYes(returned)) return true;
    this.retireInvalid(moving);
    return false;
  }

  /** Nothing is called from the end of the moving, or the call of the waiter's promise, until the object is the caller's. */
  #lend(moving: Moving<T>, lease: Lease | undefined, waiter?: ObjectWaiter<T>): T {
    const slot = moving.slot!;
    const { object } = slot;
    if (waiter === undefined) finish(moving);
    else waiter.resolve!(object as T);
    moving.slot = undefined;
    slot.object = undefined;
    slot.lease = lease;
    slot.uses++;
    slot.isFresh = false;
    slot.state = STATE.lent;
    this.shelf.pending--;
    this.shelf.counts[OBJECT_COUNT.acquires]!++;
    return object as T;
  }

  /** A slot in hand has an object that may be lent: the first who waits gets it, or it is idle. */
  arrived(slot: Slot<T>, moving: Moving<T>): void {
    if (this.closed) {
      this.retire(moving);
      return;
    }
    this.shelf.note();
    const waiter = this.waiters.first();
    if (waiter === undefined) {
      this.#makeIdle(slot, moving);
      this.changed();
    } else if (this.settings.validateOnGet && !slot.isFresh) this.#trials.test(moving);
    else this.#hand(waiter, moving);
  }

  /** A slot in hand has a new object. */
  made(slot: Slot<T>, moving: Moving<T>): void {
    if (this.closed || !this.settings.idlesNew) {
      this.arrived(slot, moving);
      return;
    }
    this.shelf.note();
    this.#makeIdle(slot, moving);
    builtins.queueMicrotask(this.changed.bind(this));
  }

  #makeIdle(slot: Slot<T>, moving: Moving<T>): void {
    slot.isFresh = false;
    slot.idleSince = now();
    this.shelf.push(slot);
    finish(moving);
  }

  #hand(waiter: ObjectWaiter<T>, moving: Moving<T>): void {
    const object = this.#lend(moving, this.watch.leaseForWaiter(waiter.stack), waiter);
    if (!waiter.isSettled) this.waiters.length--; // a getter `then` of the object may have aborted it
    waiter.isSettled = true;
    if (waiter.isEntering) waiter.object = object;
    finish(moving);
    waiter.leave();
    // So that nothing of the pool holds the promise, and with that the object.
    this.waiters.first();
    if (this.waiters.length === 0) this.#setFast();
    this.rest.look();
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
    this.rest.look();
  }

  serveWaiters(): void {
    if (!this.#canServe() || !this.#serving.enter()) return;
    try {
      while (this.#canServe()) this.#serveOne();
    } finally {
      this.#serving.leave();
    }
  }

  /** Whether somebody waits for whom something can be done, and for whom nothing comes already. */
  #canServe(): boolean {
    if (this.closed || this.waiters.length <= this.shelf.coming) return false;
    return this.shelf.depth > 0 || this.maker.mayMake;
  }

  #serveOne(): void {
    if (this.shelf.depth === 0) {
      this.maker.make();
      return;
    }
    const moving = begin(new Moving<T>(this));
    if (this.#takeIdle(moving)) this.#testAndHand(moving);
    finish(moving);
  }

  #testAndHand(moving: Moving<T>): void {
    const slot = moving.slot!;
    if (isWorn(slot, this.settings)) this.retire(moving);
    else if (!this.settings.validateOnGet) this.arrived(slot, moving);
    else this.#trials.test(moving);
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
    this.shelf.note();
    const moving = begin(new Moving<T>(this));
    this.#take(slot, object, moving);
    if (this.closed || isWorn(slot, this.settings)) this.retire(moving);
    else this.#trials.reset(moving);
    finish(moving);
    this.serveWaiters();
  }

  /** Gives a lent object back that is not to be lent again. */
  destroyLent(object: T): void {
    const slot = this.#lentSlot(object, 'destroy');
    this.shelf.note();
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

  // The end of objects -----------------------------------------------------------------------------

  retireInvalid(moving: Moving<T>): void {
    this.shelf.count('invalid');
    this.retire(moving);
  }

  /** The slot in hand goes, and its object is destroyed. */
  retire(moving: Moving<T>): void {
    const slot = moving.slot!;
    this.shelf.note();
    this.slots.delete(slot);
    slot.state = STATE.gone;
    this.shelf.pending--;
    this.shelf.counts[OBJECT_COUNT.destroyed]!++;
    this.owned.remove(slot.object, slot);
    this.destroyer.destroySlot(slot);
    moving.slot = undefined;
    this.changed();
  }

  takeBack(slot: Slot<T>, isSound: boolean): void {
    this.shelf.expectNoMore(slot);
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
    this.shelf.note();
    const { lease } = slot;
    this.slots.delete(slot);
    slot.isDestroyed = true;
    slot.state = STATE.gone;
    this.shelf.counts[OBJECT_COUNT.destroyed]!++;
    this.shelf.counts[OBJECT_COUNT.collected]!++;
    slot.lease = undefined;
    this.watch.noteLeak(lease);
    this.changed();
  }

  gaveUp(error: Error): void {
    for (const waiter of this.waiters.all()) waiter.fail(error);
    this.waitEnded();
  }

  /** There is room again, or an object: whoever wants it gets it. */
  changed(): void {
    this.serveWaiters();
    this.maker.fill();
    if (this.closed) this.settle();
    this.rest.look();
  }

  /** Destroys objects that are idle now, the oldest first, until the pool has at most `target`. */
  dropIdle(target: number): number {
    return this.#keeper.dropIdle(target, 0);
  }

  relieve(step: number): number {
    return this.#keeper.relieve(step);
  }

  /** Validates the idle object at a place of the shelf. */
  testIdle(place: number): void {
    const moving = begin(new Moving<T>(this));
    this.shelf.removeAt(place, moving);
    this.#trials.test(moving);
    finish(moving);
  }

  /** Destroys the idle object at a place of the shelf. */
  retireIdle(place: number): void {
    this.shelf.note();
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
    this.awaited.look();
    this.rest.lookNow();
    this.#keeper.lookAtIdle();
    this.watch.lookForOverdue();
    this.maker.fill();
    return this.slots.size > 0 || this.waiters.length > 0 || this.rest.isBusy;
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

  close(): void {
    scheduleUpkeep();
    closingCores.add(this);
    this.closed = true;
    this.shelf.getsFast = false;
    this.shelf.putsFast = false;
    this.endClosing();
    this.settle();
  }

  endClosing(): void {
    openCores.delete(this.id);
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
    openCores.delete(this.id); // if endClosing() was cut off
    closingCores.delete(this);
  }
}
