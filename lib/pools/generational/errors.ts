// What is thrown for the misuse of handles and values.
import { noteThrown } from '../../addon/misuse-sites.js';
import { makeError, show } from '../../base/errors.js';
import { type MisusedBuffer, misuseText } from '../../base/misuse.js';
import { showCaller } from '../../base/stack.js';
import { isHandle } from './handles.js';

const HOW_TO_LEARN_MORE = '; SUPERSLAB_LEAK_DETECTION=full tells where it was put and where it ended';

/** A handle whose value has ended, as far as that is known. */
export interface EndedValue {
  readonly pool: string;
  readonly isScoped: boolean;
  readonly misuse: MisusedBuffer | undefined;
}

/** For a handle whose value was freed, or ended with its scope. A second free is one release too many. */
export function staleError(handle: number, what: string, { pool, isScoped, misuse }: EndedValue): Error {
  const about = misuse ?? { pool, tag: '', size: 0, acquired: '', released: '' };
  const isFree = what === 'free';
  noteThrown(isFree ? 'released-twice' : 'used-after-release', about, staleError);
  const ended = isScoped ? 'ended with its scope, or was freed in it' : 'was freed';
  const advice = isFree
    ? 'each put is paired with one free'
    : isScoped
      ? 'promote() in the scope what is to outlive it'
      : 'put() the value again, and keep the new handle';
  const error = makeError(
    isFree ? 'ERR_SUPERSLAB_RELEASED' : 'ERR_SUPERSLAB_STALE',
    `cannot ${what} the value of handle ${handle} of pool "${pool}": the handle is stale, the value ${ended}; ${advice}` +
      (misuse === undefined ? HOW_TO_LEARN_MORE : `${misuseText(misuse)}\n  now`),
    Error,
    { misuse },
  );
  return showCaller(error, staleError);
}

/** For what is no handle of the pool. */
export function foreignHandleError(value: unknown, what: string, pool: string): Error {
  noteThrown('foreign', { pool: '', tag: '', size: 0, acquired: '', released: '' }, foreignHandleError);
  const why = isHandle(value)
    ? `handle ${value} is none of pool "${pool}"; use it with the pool that gave it`
    : `${show(value)} is no handle of pool "${pool}"; use what put() returned`;
  const error = makeError('ERR_SUPERSLAB_FOREIGN', `cannot ${what} a value: ${why}`, TypeError);
  return showCaller(error, foreignHandleError);
}

export const argumentError = (message: string, Class: typeof TypeError | typeof RangeError = TypeError) =>
  makeError('ERR_SUPERSLAB_ARGUMENT', message, Class);
