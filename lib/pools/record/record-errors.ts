// What is thrown for the misuse of records and handles.
import { noteThrown } from '../../addon/misuse-sites.js';
import { makeError, show } from '../../base/errors.js';
import { type MisusedBuffer, misuseText } from '../../base/misuse.js';
import { showCaller } from '../../base/stack.js';
import { isHandle, leasesOf, placeOf } from './handles.js';
import type { Holder } from './holders.js';

type Hidden = (...args: never[]) => unknown;

/** A lease that is watched, as errors know it. */
export interface ToldLease extends Holder<unknown> {
  misuse(): MisusedBuffer;
}

function aboutOf(holder: Holder<unknown>): { about: MisusedBuffer; misuse: MisusedBuffer | undefined } {
  const { shelf } = holder.chunk;
  const misuse = 'misuse' in holder ? (holder as ToldLease).misuse() : undefined;
  const { recordBytes } = shelf.plan;
  const unwatched = { pool: shelf.name, tag: '', size: recordBytes, acquired: '', released: '' };
  return { about: misuse ?? unwatched, misuse };
}

const moreOf = (misuse: MisusedBuffer | undefined) =>
  misuse === undefined
    ? '; SUPERSLAB_LEAK_DETECTION=full tells where it was got'
    : `${misuseText(misuse)}\n  now`;

function releasedError(
  holder: Holder<unknown>,
  what: string,
  kind: 'released-twice' | 'used-after-release',
  hidden: Hidden,
) {
  const { about, misuse } = aboutOf(holder);
  noteThrown(kind, about, hidden);
  const error = makeError(
    'ERR_SUPERSLAB_RELEASED',
    `cannot ${what} a record (${about.size} B, pool "${about.pool}") that was already put; ` +
      `each get is paired with one put${moreOf(misuse)}`,
    Error,
    { misuse },
  );
  return showCaller(error, hidden);
}

/** The record waits in its pool for the next get(), or the pool has given its memory back. */
export const putTwiceError = (holder: Holder<unknown>): Error =>
  releasedError(holder, 'put', 'released-twice', putTwiceError);

/** The same for anything else that needs a record that is lent. */
export const usedAfterPutError = (holder: Holder<unknown>, what: string): Error =>
  releasedError(holder, what, 'used-after-release', usedAfterPutError);

/** For what is no record of a pool. */
export function strangerError(value: unknown, what: string, hidden: Hidden): Error {
  noteThrown('foreign', { pool: '', tag: '', size: 0, acquired: '', released: '' }, hidden);
  const error = makeError(
    'ERR_SUPERSLAB_FOREIGN',
    `cannot ${what} ${show(value)}: it is no record of a RecordPool; use what get() returned`,
    TypeError,
  );
  return showCaller(error, hidden);
}

export function noHandleError(pool: string, value: unknown): Error {
  return makeError(
    'ERR_SUPERSLAB_ARGUMENT',
    `a handle of pool "${pool}" is a number that handle() returned, got ${show(value)}`,
    typeof value === 'number' ? RangeError : TypeError,
  );
}

/** What is known of the slot that a handle names. */
export interface SlotState {
  readonly pool: string;
  /** Now; undefined when the pool has no such slot. */
  readonly generation: number | undefined;
  /** Where generations began. */
  readonly first: number;
}

/** For a handle whose record is not lent any more, or never was. */
export function handleError(handle: unknown, { pool, generation, first }: SlotState): Error {
  if (!isHandle(handle)) return noHandleError(pool, handle);
  const place = placeOf(handle);
  const foreign = (why: string) =>
    makeError(
      'ERR_SUPERSLAB_FOREIGN',
      `handle ${handle} is none of pool "${pool}": ${why}; use it with the pool that gave it`,
      TypeError,
    );
  if (generation === undefined) return foreign(`there is no slot ${place}`);
  const { had, which } = leasesOf(handle, generation, first);
  if (which > had) return foreign(`slot ${place} was lent ${had} times, and never for the ${which}th time`);
  const now = (generation & 1) !== 0 ? 'lent to somebody else' : 'free';
  return makeError(
    'ERR_SUPERSLAB_STALE',
    `handle ${handle} of pool "${pool}" is stale: it named lease ${which} of slot ${place}, which was put; ` +
      `the slot is ${now} after ${had} leases; get a new handle with the record`,
  );
}
