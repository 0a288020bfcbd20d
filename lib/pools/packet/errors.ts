// What is thrown for operations with packets that cannot be done.
import { noteThrown } from '../../addon/misuse-sites.js';
import { makeError, type SuperslabError, show } from '../../base/errors.js';
import { showCaller } from '../../base/stack.js';

/** What is known of a packet that is not lent. */
export interface LostPacket {
  readonly pool: string;
  /** Length of its memory. Unit: bytes. */
  readonly size: number;
}

/** For an operation with a packet that was released. */
export function releasedPacketError({ pool, size }: LostPacket, what: string): Error {
  const about = { pool, tag: '', size, acquired: '', released: '' };
  noteThrown(what === 'release' ? 'released-twice' : 'used-after-release', about, releasedPacketError);
  const error = makeError(
    'ERR_SUPERSLAB_RELEASED',
    `cannot ${what} a packet (pool "${pool}") that was already released; ` +
      'each get, clone, copy, slice and split is paired with one release; ' +
      'with a guard each packet is an object of its own, so that this is always found',
  );
  return showCaller(error, releasedPacketError);
}

/** For an operation with a packet that was appended to another one. */
export function segmentError({ pool, size }: LostPacket, what: string): Error {
  const about = { pool, tag: '', size, acquired: '', released: '' };
  noteThrown(what === 'release' ? 'released-twice' : 'used-after-release', about, segmentError);
  const error = makeError(
    'ERR_SUPERSLAB_RELEASED',
    `cannot ${what} a packet (pool "${pool}") that was appended to another one; use that, which is released with all of its segments`,
  );
  return showCaller(error, segmentError);
}

/** For an operation with what is no packet. */
export function foreignPacketError(value: unknown, what: string): Error {
  noteThrown('foreign', { pool: '', tag: '', size: 0, acquired: '', released: '' }, foreignPacketError);
  const error = makeError(
    'ERR_SUPERSLAB_FOREIGN',
    `cannot ${what} ${show(value)}: it is no packet of a PacketPool`,
    TypeError,
  );
  return showCaller(error, foreignPacketError);
}

export const argumentError = (
  message: string,
  Class: typeof TypeError | typeof RangeError = TypeError,
): SuperslabError => makeError('ERR_SUPERSLAB_ARGUMENT', message, Class);

/** Throws unless `n` is a whole number from 0 to `limit`; `limitText` says what that is, and what to do about it. */
export function checkBytes(what: string, n: unknown, limit: number, limitText: string): asserts n is number {
  if (typeof n !== 'number') {
    throw makeError('ERR_SUPERSLAB_SIZE', `${what} takes a number of bytes, got ${show(n)}`, TypeError);
  }
  if (Number.isInteger(n) && n >= 0 && n <= limit) return;
  throw makeError(
    'ERR_SUPERSLAB_SIZE',
    `${what} takes a whole number of bytes from 0 to ${limit}, ${limitText}, got ${n}`,
    RangeError,
  );
}
