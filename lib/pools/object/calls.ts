// Calls of the program's functions, which may throw, or return promises that never settle.
import { builtins } from '../../base/builtins.js';
import { overdueError } from './errors.js';

export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  typeof (value as Partial<PromiseLike<unknown>>).then === 'function';

/** What a function came to. */
export type Outcome<V> = { readonly value: V } | { readonly error: unknown };

/** What a function returned: an outcome, or the promise of one. */
export type Returned<V> = Outcome<V> | { readonly promise: PromiseLike<V> };

/** Calls a function of the program. */
export function call<Arg, V>(what: (arg: Arg) => V | PromiseLike<V>, arg: Arg): Returned<V> {
  try {
    const value = what(arg);
    return isThenable(value) ? { promise: value as PromiseLike<V> } : { value: value as V };
  } catch (error) {
    return { error };
  }
}

/** Says who called what, and how long it may take, for the error of one that takes longer. */
export interface Deadline {
  readonly pool: string;
  readonly what: string;
  readonly ms: number;
}

/**
 * Calls `done` once: when the promise has settled, or with ERR_SUPERSLAB_TIMEOUT. What a promise that is late brings goes to
 * `late`. Neither may throw.
 */
export async function whenSettled<V>(
  promise: PromiseLike<V>,
  { pool, what, ms }: Deadline,
  done: (outcome: Outcome<V>) => void,
  late: (value: V) => void = () => {},
): Promise<void> {
  let isLate = false;
  const timer = Number.isFinite(ms)
    ? builtins.setTimeout(() => {
        isLate = true;
        done({ error: overdueError(pool, what, ms) });
      }, ms)
    : undefined;
  timer?.unref();
  let outcome: Outcome<V>;
  try {
    outcome = { value: await promise };
  } catch (error) {
    outcome = { error };
  }
  if (!isLate) {
    if (timer !== undefined) builtins.clearTimeout(timer);
    done(outcome);
  } else if ('value' in outcome) late(outcome.value);
}
