import { environment } from '../../addon/environment.js';
import { LEASE_FAULT } from '../../addon/generated/codes.js';
import { makeError, show } from '../../base/errors.js';
import { adoptBlock } from '../../pool/adopt.js';
import type { PoolCore } from '../../pool/pool-core.js';
import { leases, type PooledBuffer } from '../../pool/pooled-buffer.js';
import { begin, finish, giveUp, HeldReference } from '../../pool/unfinished.js';

declare const shareToken: unique symbol;

/**
 * The right to adopt a buffer, once, in any thread of the process: a short string with 128 random bits, so
 * that it cannot be made up. Post it to a worker instead of the buffer. A copy of a token is the same token.
 */
export type ShareToken = string & { readonly [shareToken]: true };

/** Throws what a LEASE_FAULT means. */
function checkLease(fault: number, token?: unknown): void {
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

/** What NativeEnvironment.adopt() writes to: block and length. */
const adopted = new Float64Array(2);

export function shareBuffer(buf: PooledBuffer): ShareToken {
  const token = leases.share(buf);
  if (typeof token === 'number') checkLease(token);
  return token as ShareToken;
}

/** The buffer that a token stands for, as one of `core`'s. */
export function adoptToken(core: PoolCore, token: ShareToken): PooledBuffer {
  core.checkOpen();
  const held = begin(new HeldReference());
  try {
    const fault = environment.adopt(token, adopted);
    if (fault === LEASE_FAULT.none) held.block = adopted[0]!;
    const length = adopted[1]!;
    checkLease(fault, token);
    held.buf = adoptBlock(core, held, length);
  } catch (error) {
    giveUp(held);
    throw error;
  }
  const { buf } = held;
  finish(held);
  return buf;
}

export function revokeToken(token: ShareToken): void {
  checkLease(environment.revoke(token), token);
}
