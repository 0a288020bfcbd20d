// Promises of the program that a pool waits for.
//
// What goes on when a promise has settled can be cut off as anything can, and V8 then forgets all that was about to go on in its thread. So
// upkeep listens to each promise again, later and later: what was cut off, or forgotten, goes on then.
import { now } from '../../addon/clock.js';
import { builtins, promiseThen } from '../../base/builtins.js';
import type { Outcome } from './calls.js';
import { overdueError } from './errors.js';

/** Says who called what, and how long it may take, for the error of one that takes longer. */
export interface Deadline {
  readonly pool: string;
  readonly what: string;
  readonly ms: number;
}

/** One promise that is waited for. */
export interface Awaiting {
  /** Stored by who is told, together with the first store of what follows: who is cut off before that is told again. */
  isTaken: boolean;
}

/** Is told once what came of a promise. May not throw. */
export type Told<V> = (outcome: Outcome<V>, awaiting: Awaiting) => void;

const nobody = (): void => {};
const NO_DEADLINE: Deadline = { pool: '', what: '', ms: Number.POSITIVE_INFINITY };

class Listener<V> implements Awaiting {
  isTaken = false;
  readonly #deadline: Deadline;
  readonly #promise: Promise<V>;
  readonly #done: Told<V>;
  readonly #late: (value: V) => void;
  readonly #forget: (listener: Listener<V>) => void;
  /** Of now(). */
  readonly #dueAt: number;
  #timer: NodeJS.Timeout | undefined = undefined;
  #isLate = false;
  #looks = 0;

  constructor(
    promise: PromiseLike<V>,
    deadline: Deadline,
    done: Told<V>,
    late: (value: V) => void,
    forget: (listener: Listener<V>) => void,
  ) {
    this.#promise = builtins.promiseResolve(promise) as Promise<V>;
    this.#deadline = deadline;
    this.#dueAt = now() + deadline.ms;
    this.#done = done;
    this.#late = late;
    this.#forget = forget;
  }

  listen(): void {
    promiseThen(
      this.#promise,
      (value) => this.#heard({ value }),
      (error) => this.#heard({ error }),
    );
    if (this.#looks > 0 || this.#deadline.ms === Number.POSITIVE_INFINITY) return;
    this.#timer = builtins.setTimeout(() => this.#overdue(), this.#deadline.ms);
    this.#timer.unref();
  }

  #heard(outcome: Outcome<V>): void {
    if (this.#timer !== undefined) builtins.clearTimeout(this.#timer);
    if (!this.isTaken) this.#done(outcome, this);
    else if (this.#isLate && 'value' in outcome) {
      this.#isLate = false;
      this.#late(outcome.value);
    }
    this.#forget(this);
  }

  #overdue(): void {
    if (this.isTaken) return;
    const { pool, what, ms } = this.#deadline;
    this.#isLate = true;
    this.#done({ error: overdueError(pool, what, ms) }, this);
    // The promise may never settle: from now on it alone leads here.
    this.#forget(this);
  }

  /** From the event loop. Listens after 1, 2, 4, 8 looks, and so on: each time takes memory until the promise has settled. */
  look(): void {
    if (now() >= this.#dueAt) this.#overdue();
    this.#looks++;
    if ((this.#looks & (this.#looks - 1)) === 0) this.listen();
  }

  deref(): this {
    return this;
  }
}

/** What one pool waits for. */
export class Awaited {
  readonly #listeners = new Set<{ deref(): { look(): void } | undefined }>();

  /**
   * Tells `done` when the promise has settled, or with ERR_SUPERSLAB_TIMEOUT when that takes too long. What a promise that is late brings goes
   * to `late`, which may not throw.
   */
  when<V>(
    promise: PromiseLike<V>,
    deadline: Deadline,
    done: Told<V>,
    late: (value: V) => void = nobody,
  ): void {
    const listener = new Listener(promise, deadline, done, late, (one) => this.#listeners.delete(one));
    this.#listeners.add(listener);
    listener.listen();
  }

  /** The same, for as long as somebody has the promise: so that nothing of the pool holds what `done` leads to. */
  whenHeld<V>(promise: PromiseLike<V>, done: Told<V>): void {
    const forget = (): void => void this.#listeners.delete(ref);
    const listener = new Listener(promise, NO_DEADLINE, done, nobody, forget);
    const ref = new builtins.WeakRef(listener);
    this.#listeners.add(ref);
    listener.listen();
  }

  /** From the event loop. */
  look(): void {
    for (const ref of this.#listeners) {
      const listener = ref.deref();
      if (listener === undefined) this.#listeners.delete(ref);
      else listener.look();
    }
  }
}
