// Calls of the program's functions, which may throw, or return promises that never settle.

import { isThenable } from '../../base/thenable.js';

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
