import { now } from '../../addon/clock.js';
import { builtins } from '../../base/builtins.js';
import { NotWithinItself } from '../../base/not-within-itself.js';
import { begin, finish } from '../../pool/unfinished.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import type { Awaited } from './awaited.js';
import { call, type Outcome } from './calls.js';
import { createError, wrongObjectError } from './errors.js';
import { Moving, type SlotTaker } from './moving.js';
import type { ObjectSettings } from './options.js';
import type { Owned } from './owned.js';
import type { Shelf } from './shelf.js';
import { Slot, type SlotOwner, STATE } from './slot.js';
import type { ObjectPoolTeller } from './telling.js';

/** The pool whose objects are made. */
export interface MakerHost<T> extends SlotOwner<T>, SlotTaker<T> {
  readonly closed: boolean;
  readonly isDraining: boolean;
  /** Whether `min` and `minIdle` are kept by now. */
  readonly makesAhead: boolean;
  readonly waiters: { readonly length: number };
  readonly settings: ObjectSettings<T>;
  readonly shelf: Shelf<T>;
  readonly slots: Set<Slot<T>>;
  readonly owned: Owned<T>;
  readonly awaited: Awaited;
  readonly teller: ObjectPoolTeller;
  /** For what it made too late. */
  readonly destroyer: { destroy(object: T): void };
  /** A slot in hand has its object; it goes to whom it is for. */
  made(slot: Slot<T>, moving: Moving<T>): void;
  /** Create failed as often as it is called again: those who wait are told. */
  gaveUp(error: Error): void;
  /** It may be called again. */
  changed(): void;
}

/** Has the program's create called, and after a failure again, later and later. */
export class Maker<T> {
  readonly #host: MakerHost<T>;
  /** In a row. */
  #failures = 0;
  #retry: NodeJS.Timeout | undefined = undefined;
  /** The retry's time; of now(). */
  #retryAt = 0;
  readonly #filling = new NotWithinItself();

  constructor(host: MakerHost<T>) {
    this.#host = host;
  }

  /** Whether there is room for one more, and no failure to wait after. */
  get mayMake(): boolean {
    const { closed, slots, settings } = this.#host;
    if (closed || slots.size >= settings.max) return false;
    return this.#retryAt === 0 || now() >= this.#retryAt;
  }

  /** Makes an object for whom it may concern: the first who waits, or nobody. */
  make(): void {
    const moving = begin(new Moving<T>(this.#host));
    const slot = this.#reserve(moving);
    const returned = call(this.#host.settings.create, undefined as never);
    if ('promise' in returned) this.#await(slot, returned.promise);
    else this.#settle(slot, returned, moving);
    finish(moving);
  }

  /**
   * Makes one at once, in the hand of `moving`.
   * @returns false when create returned a promise: what comes of that is for whom it may concern
   * @throws ERR_SUPERSLAB_CREATE
   */
  makeNow(moving: Moving<T>): boolean {
    const slot = this.#reserve(moving);
    const returned = call(this.#host.settings.create, undefined as never);
    if ('promise' in returned) {
      this.#await(slot, returned.promise);
      moving.slot = undefined;
      return false;
    }
    const failure = this.#enter(slot, returned);
    if (failure === undefined) {
      this.#failures = 0;
      return true;
    }
    this.#drop(slot);
    moving.slot = undefined;
    this.#host.shelf.count('createFailures');
    this.#host.teller.tell('createError', failure.error);
    throw createError(this.#host.name, failure.error);
  }

  /** Makes as many as are to be kept ready. */
  fill(): void {
    const host = this.#host;
    if (host.isDraining || !host.makesAhead || !this.#isToFill() || !this.#filling.enter()) return;
    try {
      while (this.#isToFill()) this.make();
    } finally {
      this.#filling.leave();
    }
  }

  #isToFill(): boolean {
    const { settings, slots, shelf, waiters } = this.#host;
    const isShort =
      slots.size < settings.min || shelf.depth + shelf.pending - waiters.length < settings.minIdle;
    return isShort && this.mayMake;
  }

  /** A slot that counts against the limit from here on. */
  #reserve(moving: Moving<T>): Slot<T> {
    scheduleUpkeep();
    const host = this.#host;
    const slot = new Slot<T>(host);
    host.slots.add(slot);
    host.shelf.pending++;
    moving.slot = slot;
    host.shelf.expect(slot);
    return slot;
  }

  #await(slot: Slot<T>, promise: PromiseLike<T>): void {
    const { name, settings } = this.#host;
    const deadline = { pool: name, what: 'create', ms: settings.createTimeoutMs };
    this.#host.awaited.when(
      promise,
      deadline,
      (outcome, awaiting) => {
        // Who began this was cut off, and was undone.
        if (slot.state !== STATE.making) {
          awaiting.isTaken = true;
          if ('value' in outcome) this.#host.destroyer.destroy(outcome.value);
          return;
        }
        const moving = begin(new Moving<T>(this.#host));
        moving.slot = slot;
        awaiting.isTaken = true;
        this.#settle(slot, outcome, moving);
        finish(moving);
      },
      (object) => this.#host.destroyer.destroy(object),
    );
  }

  /** Ends the making of a slot that is in hand. */
  #settle(slot: Slot<T>, outcome: Outcome<T>, moving: Moving<T>): void {
    const failure = this.#enter(slot, outcome);
    if (failure === undefined) {
      this.#failures = 0;
      this.#host.made(slot, moving);
      return;
    }
    this.#drop(slot);
    moving.slot = undefined;
    this.#failed(failure.error);
  }

  /** The slot has its object, unless there is a failure. */
  #enter(slot: Slot<T>, outcome: Outcome<T>): { readonly error: unknown } | undefined {
    const { name, settings, owned, shelf } = this.#host;
    shelf.expectNoMore(slot);
    if ('error' in outcome) return outcome;
    const { value } = outcome;
    if (value === undefined || value === null) {
      return { error: wrongObjectError(name, value, 'which is no object') };
    }
    if (owned.has(value, this.#host)) {
      return { error: wrongObjectError(name, value, 'which the pool has already; make another each time') };
    }
    const time = now();
    owned.add(value, slot);
    slot.expiresAt = time + settings.maxAgeMs * (1 - settings.maxAgeJitter * builtins.random());
    slot.idleSince = time;
    slot.testedAt = time;
    slot.isFresh = true;
    slot.object = value;
    slot.state = STATE.busy;
    shelf.count('made');
    return undefined;
  }

  /** The slot will have no object. */
  #drop(slot: Slot<T>): void {
    const { slots, shelf } = this.#host;
    slots.delete(slot);
    slot.isDestroyed = true;
    slot.state = STATE.gone;
    shelf.pending--;
  }

  #failed(error: unknown): void {
    const host = this.#host;
    host.shelf.count('createFailures');
    this.#failures++;
    const delay = host.settings.retryDelay(this.#failures);
    this.#retryAfter(delay);
    host.teller.tell('createError', error);
    if (this.#failures <= host.settings.retries) return;
    this.#failures = 0;
    host.gaveUp(createError(host.name, error));
  }

  #retryAfter(ms: number): void {
    this.#retryAt = Math.max(this.#retryAt, now() + ms);
    if (this.#retry !== undefined) return;
    const retry = builtins.setTimeout(() => {
      this.stop();
      this.#host.changed();
    }, ms);
    if (this.#host.waiters.length === 0) retry.unref();
    this.#retry = retry;
  }

  /** Somebody waits from now on: the next try keeps the process alive. */
  noteAwaited(): void {
    this.#retry?.ref();
  }

  /** There is no next try. */
  stop(): void {
    if (this.#retry !== undefined) builtins.clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#retryAt = 0;
  }
}
