// What is thrown for the misuse of handles, and when there is no room.
import { noteThrown } from '../../addon/misuse-sites.js';
import { makeError, show } from '../../base/errors.js';
import { type MisusedBuffer, misuseText } from '../../base/misuse.js';
import { showCaller } from '../../base/stack.js';
import { isHandle } from './handles.js';

const HOW_TO_LEARN_MORE = '; SUPERSLAB_LEAK_DETECTION=full tells where it was pinned';

const unwatched = (pool: string, size: number): MisusedBuffer => ({
  pool,
  tag: '',
  size,
  acquired: '',
  released: '',
});

/** For a handle whose value has ended. */
export function staleError(handle: number, what: string, pool: string): Error {
  const isFree = what === 'free';
  noteThrown(isFree ? 'released-twice' : 'used-after-release', unwatched(pool, 0), staleError);
  const error = makeError(
    isFree ? 'ERR_SUPERSLAB_RELEASED' : 'ERR_SUPERSLAB_STALE',
    `cannot ${what} the value of handle ${handle} of pool "${pool}": the handle is stale, the value was freed or evicted, or ended with its pool; ` +
      (isFree ? 'each put is paired with one free' : 'put() the value again, and keep the new handle'),
  );
  return showCaller(error, staleError);
}

/** For what is no handle of the pool. */
export function foreignHandleError(value: unknown, what: string, pool: string): Error {
  noteThrown('foreign', unwatched('', 0), foreignHandleError);
  const why = isHandle(value)
    ? `handle ${value} is none of pool "${pool}"; use it with the pool that gave it`
    : `${show(value)} is no handle of pool "${pool}"; use what put() returned`;
  const error = makeError('ERR_SUPERSLAB_FOREIGN', `cannot ${what} a value: ${why}`, TypeError);
  return showCaller(error, foreignHandleError);
}

/** A release without an access. */
export function notPinnedError(handle: number, pool: string, length: number, misuse?: MisusedBuffer): Error {
  noteThrown('released-twice', misuse ?? unwatched(pool, length), notPinnedError);
  const error = makeError(
    'ERR_SUPERSLAB_RELEASED',
    `cannot release the value of handle ${handle} (${length} B, pool "${pool}") that nobody has pinned; ` +
      `each access is paired with one release${misuse === undefined ? HOW_TO_LEARN_MORE : `${misuseText(misuse)}\n  now`}`,
    Error,
    { misuse },
  );
  return showCaller(error, notPinnedError);
}

export const argumentError = (message: string, Class: typeof TypeError | typeof RangeError = TypeError) =>
  makeError('ERR_SUPERSLAB_ARGUMENT', message, Class);

export const pinnedError = (handle: number, pool: string, pins: number) =>
  argumentError(
    `cannot free the value of handle ${handle} of pool "${pool}" while it is pinned ${pins === 1 ? 'once' : `${pins} times`}; release() it first`,
  );

export const tooManyPinsError = (handle: number, pool: string) =>
  argumentError(
    `the value of handle ${handle} of pool "${pool}" is pinned 65535 times, and no more pins are counted; release() what is done with`,
    RangeError,
  );

export const corruptError = (handle: number, pool: string) =>
  makeError(
    'ERR_SUPERSLAB_CORRUPT',
    `the compressed bytes of handle ${handle} of pool "${pool}" were changed: memory was overwritten, by native code or by faulty hardware; ` +
      'free() the value, and put it again',
  );

/** A codec of the program failed, and the value is still there. */
export const codecError = (codec: string, handle: number, pool: string, what: string, cause?: unknown) =>
  makeError(
    'ERR_SUPERSLAB_CODEC',
    `codec "${codec}" of pool "${pool}" cannot decompress the value of handle ${handle}: ${what}; the compressed bytes are kept`,
    Error,
    { cause },
  );

export const tooLargeError = (pool: string, length: number, limit: number) =>
  makeError(
    'ERR_SUPERSLAB_SIZE',
    `a value of pool "${pool}" has up to ${limit} B, its hotBytes or 2 MiB, got ${length} B; divide it, or raise hotBytes`,
    RangeError,
  );

export const tooManyValuesError = (pool: string) =>
  makeError(
    'ERR_SUPERSLAB_NO_MEMORY',
    `pool "${pool}" has no slot for one more value: the operating system gives no memory, or there are 16777216; free values`,
  );
