// Options of functions. Those of pools are checked by the native side, which has a list of them.

import { makeError, type SuperslabError, show } from '../base/errors.js';
import { binding } from './binding.js';

export const optionError = (message: string, Class: typeof TypeError | typeof RangeError = TypeError) =>
  makeError('ERR_SUPERSLAB_OPTION', message, Class);

/** What an option must be, when `value` is not that. */
export type OptionCheck = (value: unknown) => string | SuperslabError | undefined;

export const aFlag: OptionCheck = (value) => (typeof value === 'boolean' ? undefined : 'true or false');

export const aFunction: OptionCheck = (value) => (typeof value === 'function' ? undefined : 'a function');

export const aCount =
  (min: number, max: number): OptionCheck =>
  (value) =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : `a whole number from ${min} to ${max}`;

export const aPowerOfTwo =
  (max: number): OptionCheck =>
  (value) =>
    Number.isInteger(value) &&
    (value as number) >= 1 &&
    (value as number) <= max &&
    ((value as number) & ((value as number) - 1)) === 0
      ? undefined
      : `a power of two up to ${max}`;

/** By what it does: polyfills, jsdom and other realms have classes of their own. */
export const anAbortSignal: OptionCheck = (value) => {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return 'an AbortSignal';
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function'
    ? undefined
    : 'an AbortSignal';
};

/** Why an aborted signal was aborted. Polyfills may not know: then it is what a signal of Node.js would say. */
export const abortReason = (signal: AbortSignal): unknown =>
  signal.reason ?? new DOMException('This operation was aborted', 'AbortError');

/**
 * Throws ERR_SUPERSLAB_OPTION unless `options` is an object in which each property is known to `checks` and passes.
 * `undefined` is as good as left out. `where` is the function's name, "collectSuperslab()".
 */
export function checkOptions(
  where: string,
  options: unknown,
  checks: Readonly<Record<string, OptionCheck>>,
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw optionError(`${where} takes an object of options, got ${show(options)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, name)) throw unknownOption(where, name, Object.keys(checks));
    const wanted = value === undefined ? undefined : checks[name]!(value);
    if (typeof wanted === 'string') {
      throw optionError(`${name} of ${where} must be ${wanted}, got ${show(value)}`);
    }
    if (wanted !== undefined) throw wanted;
  }
}

function unknownOption(where: string, name: string, names: readonly string[]): SuperslabError {
  const nearest = binding.nearestName(name, names.join('|'));
  const advice =
    nearest === ''
      ? `there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}`
      : `did you mean "${nearest}"?`;
  return optionError(`Unknown option ${show(name)} of ${where}: ${advice}`);
}
