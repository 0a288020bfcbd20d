import { LEASE_FAULT } from '../../addon/generated/codes.js';
import { makeError, show } from '../../base/errors.js';

declare const shareToken: unique symbol;

/**
 * The right to adopt a buffer, once, in any thread of the process: a short string with 128 random bits, so
 * that it cannot be made up. Post it to a worker instead of the buffer. A copy of a token is the same token.
 */
export type ShareToken = string & { readonly [shareToken]: true };

/** Throws what a LEASE_FAULT means. */
export function checkLease(fault: number, token?: unknown): void {
  switch (fault) {
    case LEASE_FAULT.none:
      return;
    case LEASE_FAULT.forged:
      throw makeError(
        'ERR_SUPERSLAB_TOKEN',
        `${show(token)} is no token that share() of this process gave out; post the string that it returned`,
      );
    case LEASE_FAULT.used:
      throw makeError(
        'ERR_SUPERSLAB_TOKEN_USED',
        'the token was adopted or revoked before; share() the buffer once for each thread that shall have it',
      );
    case LEASE_FAULT.refused:
      throw makeError('ERR_SUPERSLAB_ARGUMENT', 'the buffer is not of its pool any more, or not so long');
    default:
      throw makeError('ERR_SUPERSLAB_NO_MEMORY', 'the operating system gives no random bytes for a token');
  }
}
