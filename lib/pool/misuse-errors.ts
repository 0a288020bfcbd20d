// What is thrown for an operation with a buffer that has been released, or with what is no buffer of a pool.
import { noteThrown } from '../addon/misuse-sites.js';
import { builtins, lengthOf, memoryOf } from '../base/builtins.js';
import { makeError, show } from '../base/errors.js';
import { type MisusedBuffer, misuseText } from '../base/misuse.js';
import { showCaller } from '../base/stack.js';
import { hugeSliceOf } from './huge-windows.js';
import { homes, lenderOfHome } from './magazines.js';
import { leaseOfMemory, type WatchedLease } from './watched-lease.js';
import { sliceOf } from './windows.js';

type Hidden = (...args: never[]) => unknown;

/** The slice that the blocks of a window start in; -1 for memory that is no window. */
function sliceShownBy(memory: ArrayBuffer): number {
  const slice = sliceOf(memory);
  return slice >= 0 ? slice : hugeSliceOf(memory);
}

/** The pool that a view's memory was last leased from, as far as that can still be told. */
function poolNameOf(buf: Uint8Array): string {
  const slice = sliceShownBy(memoryOf(buf));
  const home = slice < 0 ? undefined : homes.table[slice];
  const lender = home === undefined ? undefined : lenderOfHome(home);
  return lender?.name ?? '';
}

/** What is known of a buffer that nobody watched. */
const unwatched = (pool: string, size: number): MisusedBuffer => ({
  pool,
  tag: '',
  size,
  acquired: '',
  released: '',
});

const inPool = (name: string) => (name === '' ? '' : `, pool "${name}"`);

/** Ends the message about misuse for which nobody watched the buffer. */
const HOW_TO_LEARN_MORE = '; SUPERSLAB_LEAK_DETECTION=full tells where it was acquired';

/** For an operation with a buffer that has no lease any more; `lease` was its last, if somebody watched that. */
export function releasedError(buf: Uint8Array, what: string, lease: WatchedLease | undefined): Error {
  const misuse = lease?.misuse();
  const about = misuse ?? unwatched(poolNameOf(buf), lengthOf(buf));
  noteThrown(what === 'release' ? 'released-twice' : 'used-after-release', about, releasedError);
  const error = makeError(
    'ERR_SUPERSLAB_RELEASED',
    `cannot ${what} a buffer (${about.size} B${inPool(about.pool)}) that was already released; ` +
      'each acquire, adopt and retain is paired with one release' +
      (misuse === undefined ? HOW_TO_LEARN_MORE : `${misuseText(misuse)}\n  now`),
    Error,
    { misuse },
  );
  return showCaller(error, releasedError);
}

/** For an operation with what is no pooled buffer. `hidden` is under way, and not to be seen in the stacks. */
export function foreignError(buf: unknown, what: string, hidden: Hidden): Error {
  // Not instanceof: that may run code of the program, and throw what it throws.
  if (!builtins.isUint8Array(buf)) return stranger(buf, what, hidden);
  const misuse = leaseOfMemory(memoryOf(buf))?.misuse();
  if (misuse === undefined && sliceShownBy(memoryOf(buf)) < 0) return stranger(buf, what, hidden);
  const about = misuse ?? unwatched(poolNameOf(buf), lengthOf(buf));
  noteThrown('foreign', about, hidden);
  const error = makeError(
    'ERR_SUPERSLAB_FOREIGN',
    `cannot ${what} a view (${lengthOf(buf)} B${inPool(about.pool)}) of a pooled buffer; use the buffer that acquire() returned` +
      (misuse === undefined ? HOW_TO_LEARN_MORE : `${misuseText(misuse)}\n  now`),
    TypeError,
    { misuse },
  );
  return showCaller(error, hidden);
}

function stranger(value: unknown, what: string, hidden: Hidden): Error {
  noteThrown('foreign', unwatched('', builtins.isUint8Array(value) ? lengthOf(value) : 0), hidden);
  const error = makeError(
    'ERR_SUPERSLAB_FOREIGN',
    `cannot ${what} ${show(value)}: it is no buffer of superslab`,
    TypeError,
  );
  return showCaller(error, hidden);
}

/**
 * Throws unless a buffer of `length` bytes has the range. `mayBeEmpty`: it has no block, whose memory may have been detached.
 */
export function checkRange(start: unknown, end: unknown, length: number, mayBeEmpty: boolean): void {
  if (length === 0 && !mayBeEmpty) {
    throw makeError('ERR_SUPERSLAB_ARGUMENT', 'cannot retain a buffer whose ArrayBuffer was detached');
  }
  checkBound('end', end, length);
  checkBound('start', start, end as number);
}

function checkBound(what: string, value: unknown, max: number): void {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max) return;
  throw makeError(
    'ERR_SUPERSLAB_ARGUMENT',
    `${what} of retainedSubarray() must be a whole number from 0 to ${max}, got ${show(value)}`,
    typeof value === 'number' ? RangeError : TypeError,
  );
}

/** For a buffer of which no token can be made. */
export function sharingError(length: number, isPlain: boolean, isWhole: boolean): Error {
  if (!isWhole) {
    return makeError(
      'ERR_SUPERSLAB_ARGUMENT',
      `cannot share a buffer of ${length} B that is a range within another one: share that, or copy the range`,
    );
  }
  if (!isPlain) {
    return makeError('ERR_SUPERSLAB_ARGUMENT', 'cannot share a buffer whose ArrayBuffer was detached');
  }
  return makeError(
    'ERR_SUPERSLAB_ARGUMENT',
    `a buffer of ${length} B that is not in pool memory cannot be shared` +
      (length === 0 ? ': it has no bytes' : ' (it was acquired beyond maxBytes): copy it'),
  );
}
