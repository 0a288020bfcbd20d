import { makeError, show } from './errors.js';

/**
 * The right to adopt a buffer, once, in any thread of the process. Plain numbers: post it to a worker
 * instead of the buffer. A copy of a token is the same token.
 */
export interface ShareToken {
  /** Version of this shape. */
  readonly superslab: 1;
  /** Length of the buffer in bytes, for whoever wants to know before adopting it. */
  readonly length: number;
  readonly id: number;
  /** 128 random bits, so that a token cannot be made up. */
  readonly n0: number;
  readonly n1: number;
  readonly n2: number;
  readonly n3: number;
}

const TWO_32 = 2 ** 32;

/** Reads the ticket that Binding.share() wrote. */
export function tokenFrom(scratch: Uint32Array, length: number): ShareToken {
  return {
    superslab: 1,
    length,
    id: scratch[0]! + scratch[1]! * TWO_32,
    n0: scratch[2]!,
    n1: scratch[3]!,
    n2: scratch[4]!,
    n3: scratch[5]!,
  };
}

/** Writes a token as the ticket that the native side knows; throws for anything that is no token. */
export function ticketInto(scratch: Uint32Array, token: ShareToken): void {
  if (typeof token !== 'object' || token === null || token.superslab !== 1) throw notAToken(token);
  const { id, n0, n1, n2, n3 } = token;
  if (!Number.isSafeInteger(id) || id < 0) throw notAToken(token);
  for (const word of [n0, n1, n2, n3]) {
    if (typeof word !== 'number' || word >>> 0 !== word) throw notAToken(token);
  }
  scratch[0] = id % TWO_32;
  scratch[1] = Math.floor(id / TWO_32);
  scratch[2] = n0;
  scratch[3] = n1;
  scratch[4] = n2;
  scratch[5] = n3;
}

function notAToken(token: unknown): Error {
  return makeError(
    'ERR_SUPERSLAB_TOKEN',
    `${show(token)} is no token of share(); post the object that share() returned, whole`,
  );
}
