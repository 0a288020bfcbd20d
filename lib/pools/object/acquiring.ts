// acquire(): an object as soon as there is one.
import { abortReason } from '../../addon/option-checks.js';
import { builtins } from '../../base/builtins.js';
import { begin, finish, giveUp, Unfinished, within } from '../../pool/unfinished.js';
import type { ObjectCore } from './core.js';
import { HeldObjects } from './held-objects.js';
import type { Using } from './using.js';
import { ObjectWaiter } from './waiting.js';

/** How somebody waits. */
export interface Wait {
  readonly signal: AbortSignal | undefined;
  /** Infinity for ever. */
  readonly timeoutMs: number;
  readonly priority: number;
  /** Keeps the pool open. */
  readonly pool: object;
  /** What a wait in vain, and one too many, is rejected with. */
  readonly timedOut: () => unknown;
  readonly tooMany: () => unknown;
  /** Makes the promise that the program gets. */
  readonly promised: <Value>(promise: Promise<Value>) => Promise<Value>;
}

/** A wait that may be cut off before anybody has its promise. */
class Entering<T> extends Unfinished {
  readonly #core: ObjectCore<T>;
  readonly #waiter: ObjectWaiter<T>;

  constructor(core: ObjectCore<T>, waiter: ObjectWaiter<T>) {
    super();
    this.#core = core;
    this.#waiter = waiter;
  }

  undo(): void {
    const waiter = this.#waiter;
    const { object } = waiter;
    if (object !== undefined) {
      if (this.#core.isLent(object)) this.#core.putSlow(object);
      waiter.object = undefined;
      return;
    }
    if (waiter.isSettled) return;
    waiter.isSettled = true;
    if (waiter.isQueued) this.#core.waiters.length--;
    waiter.leave();
    this.#core.waitEnded();
  }
}

/**
 * @throws ERR_SUPERSLAB_CLOSED
 * @throws what `wait.tooMany` makes, when too many wait
 */
export function acquireFrom<T>(core: ObjectCore<T>, wait: Wait): Promise<T> {
  core.checkOpen();
  return acquireNow(core, wait) ?? acquireLater(core, wait);
}

/**
 * The same for `using`, which begins when there is one.
 * @returns undefined; or what the program gets instead of the promise of `using`, which a full stack has rejected
 * @throws as {@link acquireFrom}
 */
export function useFrom<T, Result>(
  core: ObjectCore<T>,
  wait: Wait,
  using: Using<T, Result>,
): Promise<never> | undefined {
  const promise = acquireFrom(core, {
    ...wait,
    promised: (coming) => {
      using.comes(coming as Promise<never>);
      return coming;
    },
  });
  using.isBegun = true;
  return using.isComing ? undefined : (promise as Promise<never>);
}

/** undefined when nothing is idle that may be lent. */
function acquireNow<T>(core: ObjectCore<T>, { promised }: Wait): Promise<T> | undefined {
  return within(new HeldObjects<T>(core), ({ objects }) => {
    const object = core.tryGetPlain();
    if (object === undefined) return undefined;
    objects[0] = object;
    return promised(builtins.promiseResolve(object) as Promise<T>);
  });
}

function acquireLater<T>(core: ObjectCore<T>, wait: Wait): Promise<T> {
  const isFull = core.shelf.depth === 0 && core.slots.size >= core.settings.max;
  if (isFull && core.waiters.length >= core.settings.maxWaiting) throw wait.tooMany();
  const stack = core.watch.watchesAll ? core.watch.stackOf(acquireFrom) : undefined;
  const waiter = new ObjectWaiter<T>(core.waiters, wait.priority, wait.pool, stack);
  if (waiter.resolve === undefined) return waiter.promise;
  const entering = begin(new Entering(core, waiter));
  try {
    core.enter(waiter);
    if (!waiter.isSettled) listenTo(core, waiter, wait);
    const promise = wait.promised(waiter.promise);
    finish(entering);
    waiter.isEntering = false;
    waiter.object = undefined;
    return promise;
  } catch (error) {
    giveUp(entering); // the program's signal threw
    throw error;
  }
}

function listenTo<T>(core: ObjectCore<T>, waiter: ObjectWaiter<T>, wait: Wait): void {
  const end = (reason: unknown): boolean => {
    if (!waiter.fail(reason)) return false;
    core.waitEnded();
    return true;
  };
  if (wait.signal !== undefined) {
    waiter.listen(wait.signal, end);
    // A function of the program may have aborted it meanwhile.
    if (wait.signal.aborted && end(abortReason(wait.signal))) return;
  }
  waiter.settleWithin(wait.timeoutMs, () => {
    if (!waiter.isSettled && end(wait.timedOut())) core.shelf.count('waitTimeouts');
  });
}
