// What is thrown by pools of objects.
import { noteThrown } from '../../addon/misuse-sites.js';
import { makeError, type SuperslabError, show } from '../../base/errors.js';
import { showCaller } from '../../base/stack.js';
import { duration } from '../../base/text.js';
import type { Lease } from './lease.js';

const about = (pool: string) => ({ pool, tag: '', size: 0, acquired: '', released: '' });

/** The object is idle, or in the pool's hand, or was destroyed. */
export function putTwiceError(pool: string, what: string): Error {
  noteThrown('released-twice', about(pool), putTwiceError);
  const error = makeError(
    'ERR_SUPERSLAB_RELEASED',
    `cannot ${what} an object (pool "${pool}") that was already put; ` +
      'each get is paired with one put, or with one destroy',
  );
  return showCaller(error, putTwiceError);
}

/** The object is none that the pool has lent. */
export function strangerError(pool: string, value: unknown, what: string): Error {
  noteThrown('foreign', about(pool), strangerError);
  const error = makeError(
    'ERR_SUPERSLAB_FOREIGN',
    `cannot ${what} ${show(value)}, which is no object that pool "${pool}" has made; put what get() gave`,
    TypeError,
  );
  return showCaller(error, strangerError);
}

export const closedError = (pool: string, then = ''): SuperslabError =>
  makeError('ERR_SUPERSLAB_CLOSED', `pool "${pool}" ${then === '' ? 'is closed' : then}`);

/** What is wrong with what the program's create made. */
export const wrongObjectError = (pool: string, value: unknown, why: string): SuperslabError =>
  makeError('ERR_SUPERSLAB_ARGUMENT', `create of pool "${pool}" made ${show(value)}, ${why}`, TypeError);

export function createError(pool: string, cause: unknown): SuperslabError {
  const why = cause instanceof Error ? cause.message : show(cause);
  return makeError(
    'ERR_SUPERSLAB_CREATE',
    `create of pool "${pool}" failed: ${why}; see the error's cause`,
    Error,
    { cause },
  );
}

/** get() met a function of the program that returned a promise. */
export const promiseError = (pool: string, what: string): SuperslabError =>
  makeError(
    'ERR_SUPERSLAB_ASYNC',
    `${what} of pool "${pool}" returned a promise, for which get() cannot wait; use acquire()`,
    TypeError,
  );

/** One of the program's functions took too long. */
export const overdueError = (pool: string, what: string, ms: number): SuperslabError =>
  makeError(
    'ERR_SUPERSLAB_TIMEOUT',
    `${what} of pool "${pool}" did not settle within ${ms} ms; raise factoryTimeoutMs, or see why it hangs`,
  );

/** Who has had an object for longest, of those leases that are watched. */
export interface Holder {
  readonly lease: Lease;
  readonly heldMs: number;
}

function heldText(holder: Holder | undefined): string {
  if (holder === undefined) return '';
  const { lease, heldMs } = holder;
  const since = `\n  the oldest lease is ${duration(heldMs * 1e6)} old`;
  return lease.text === '' ? since : `${since}; it was taken\n${lease.text}`;
}

export const exhaustedError = (pool: string, max: number, holder: Holder | undefined): SuperslabError =>
  makeError(
    'ERR_SUPERSLAB_EXHAUSTED',
    `pool "${pool}" has its max of ${max} objects, and none is idle; ` +
      `release objects by put(), raise max or use acquire()${heldText(holder)}`,
  );

export const waitTimeoutError = (
  pool: string,
  ms: number,
  inUse: number,
  holder: Holder | undefined,
): SuperslabError =>
  makeError(
    'ERR_SUPERSLAB_TIMEOUT',
    `pool "${pool}" had no object within ${ms} ms: ${inUse} are lent; ` +
      `release objects by put(), raise max or wait longer${heldText(holder)}`,
  );

export const tooManyWaitingError = (pool: string, most: number): SuperslabError =>
  makeError(
    'ERR_SUPERSLAB_EXHAUSTED',
    `${most} wait for an object of pool "${pool}" already; release objects by put(), raise max or maxWaiting`,
  );
