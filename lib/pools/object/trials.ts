import { now } from '../../addon/clock.js';
import { begin, finish } from '../../pool/unfinished.js';
import type { Awaited } from './awaited.js';
import { call, type Outcome } from './calls.js';
import { Moving, type SlotTaker } from './moving.js';
import type { ObjectSettings } from './options.js';
import type { Shelf } from './shelf.js';
import { type Slot, STATE } from './slot.js';

/** The pool whose objects are tested and reset. */
export interface TrialsHost<T> extends SlotTaker<T> {
  readonly name: string;
  readonly settings: ObjectSettings<T>;
  readonly shelf: Shelf<T>;
  readonly awaited: Awaited;
  /** The object in hand may be lent. */
  arrived(slot: Slot<T>, moving: Moving<T>): void;
  /** It may not. */
  retireInvalid(moving: Moving<T>): void;
}

/** Whether a test was passed. */
export const isYes = (outcome: Outcome<unknown>): boolean => 'value' in outcome && Boolean(outcome.value);

/** What objects go through on their way to the next caller: reset, and validate. */
export class Trials<T> {
  readonly #host: TrialsHost<T>;

  constructor(host: TrialsHost<T>) {
    this.#host = host;
  }

  /** Has an object in hand validated: it arrives, or goes. */
  test(moving: Moving<T>): void {
    const slot = moving.slot!;
    const returned = call(this.#host.settings.validate!, slot.object as T);
    if ('promise' in returned) this.awaitTest(slot, returned.promise);
    else this.#tested(returned, moving);
  }

  /** The same of a test that was begun. */
  awaitTest(slot: Slot<T>, promise: PromiseLike<unknown>): void {
    this.#host.shelf.expect(slot);
    this.#await('validate', slot, promise, (outcome, moving) => this.#tested(outcome, moving));
  }

  #tested(outcome: Outcome<unknown>, moving: Moving<T>): void {
    const slot = moving.slot!;
    this.#host.shelf.expectNoMore(slot);
    if (!isYes(outcome)) {
      this.#host.retireInvalid(moving);
      return;
    }
    slot.isFresh = true;
    slot.testedAt = now();
    this.#host.arrived(slot, moving);
  }

  /** Makes an object that came back fit for the next caller: it arrives, or goes. */
  reset(moving: Moving<T>): void {
    const { reset } = this.#host.settings;
    if (reset === undefined) {
      this.#afterReset(undefined, moving);
      return;
    }
    const slot = moving.slot!;
    moving.isSound = false;
    const returned = call(reset, slot.object as T);
    if ('promise' in returned) {
      this.#await('reset', slot, returned.promise, (outcome, later) => this.#afterReset(outcome, later));
    } else this.#afterReset(returned, moving);
  }

  #afterReset(outcome: Outcome<unknown> | undefined, moving: Moving<T>): void {
    if (outcome !== undefined && 'error' in outcome) {
      this.#host.retireInvalid(moving);
      return;
    }
    moving.isSound = true;
    if (this.#host.settings.validateOnPut) this.test(moving);
    else this.#host.arrived(moving.slot!, moving);
  }

  /** Goes on with a slot in hand once a promise has settled, unless what began it was cut off, and undone. */
  #await(
    what: string,
    slot: Slot<T>,
    promise: PromiseLike<unknown>,
    goOn: (outcome: Outcome<unknown>, moving: Moving<T>) => void,
  ): void {
    slot.waits++;
    const { waits } = slot;
    const { name, settings } = this.#host;
    const deadline = { pool: name, what, ms: settings.checkTimeoutMs };
    this.#host.awaited.when(promise, deadline, (outcome, awaiting) => {
      if (slot.state !== STATE.busy || slot.waits !== waits) {
        awaiting.isTaken = true;
        return;
      }
      const moving = begin(new Moving<T>(this.#host));
      moving.slot = slot;
      awaiting.isTaken = true;
      goOn(outcome, moving);
      finish(moving);
    });
  }
}
