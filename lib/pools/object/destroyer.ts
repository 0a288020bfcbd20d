import type { Awaited } from './awaited.js';
import { call } from './calls.js';
import type { ObjectSettings } from './options.js';
import type { Shelf } from './shelf.js';
import type { Slot } from './slot.js';
import type { ObjectPoolTeller } from './telling.js';

/** Has the program's destroy called, once for each object. */
export class Destroyer<T> {
  readonly #pool: string;
  readonly #settings: ObjectSettings<T>;
  readonly #shelf: Shelf<T>;
  readonly #teller: ObjectPoolTeller;
  readonly #awaited: Awaited;
  readonly #settled: () => void;
  /** Calls that have not settled. */
  readonly #running = new Set<object>();

  /** `settled` is told whenever one of them has. It may not throw. */
  constructor(
    pool: string,
    settings: ObjectSettings<T>,
    shelf: Shelf<T>,
    teller: ObjectPoolTeller,
    awaited: Awaited,
    settled: () => void,
  ) {
    this.#pool = pool;
    this.#settings = settings;
    this.#shelf = shelf;
    this.#teller = teller;
    this.#awaited = awaited;
    this.#settled = settled;
  }

  get isBusy(): boolean {
    return this.#running.size > 0;
  }

  /** Tells whether the calls that run now have settled, however. */
  whetherSettled(): () => boolean {
    const all = [...this.#running];
    return () => !all.some((one) => this.#running.has(one));
  }

  /** Destroys what a slot has, unless that was begun before. */
  destroySlot(slot: Slot<T>): void {
    if (slot.isDestroyed) return;
    const object = slot.object as T;
    slot.isDestroyed = true;
    slot.object = undefined;
    this.destroy(object);
  }

  destroy(object: T): void {
    const { destroy, destroyTimeoutMs } = this.#settings;
    if (destroy === undefined) return;
    const returned = call(destroy, object);
    if ('error' in returned) this.#failed(returned.error);
    if (!('promise' in returned)) return;
    const deadline = { pool: this.#pool, what: 'destroy', ms: destroyTimeoutMs };
    this.#awaited.when(returned.promise, deadline, (outcome, awaiting) => {
      this.#running.delete(returned);
      awaiting.isTaken = true;
      if ('error' in outcome) this.#failed(outcome.error);
      this.#settled();
    });
    this.#running.add(returned);
  }

  #failed(error: unknown): void {
    this.#shelf.count('destroyFailures');
    this.#teller.tell('destroyError', error);
  }
}
