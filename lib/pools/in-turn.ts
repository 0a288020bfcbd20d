import { abortReason, anAbortSignal, checkOptions } from '../addon/option-checks.js';
import { builtins, fill } from '../base/builtins.js';
import type { Wish } from '../pool/waiters.js';

/** Options of what waits for room. */
export interface WaitOptions {
  readonly signal?: AbortSignal;
}

export const WAIT_CHECKS = { signal: anAbortSignal };

/** Throws what the signal is aborted with, if it is. Signals of other realms and polyfills may lack throwIfAborted(). */
export function checkNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortReason(signal);
}

/** The signal of what waits for room in `call`. Throws for a wrong option, and what it is aborted with. */
export function checkedSignal(call: string, options: WaitOptions): AbortSignal | undefined {
  checkOptions(call, options, WAIT_CHECKS);
  const { signal } = options;
  checkNotAborted(signal);
  return signal;
}

/** For pools that clear what they lend: zeros, before its caller has it. */
export function cleared<Bytes extends Uint8Array>(buf: Bytes): Bytes {
  fill(buf, 0);
  return buf;
}

/**
 * acquireAsync() or getAsync() of a pool, whichever `call` says: first come first served. No async function, which could be cut off
 * between the buffer's coming and its caller.
 */
export function acquireInTurn<Buf, Result>(
  core: { acquireInTurn<Ready>(wish: Wish<Buf, Ready>): Promise<Ready> },
  call: string,
  options: WaitOptions,
  wish: Omit<Wish<Buf, Result>, 'signal'>,
): Promise<Result> {
  try {
    return core.acquireInTurn({ ...wish, signal: checkedSignal(call, options) });
  } catch (error) {
    return builtins.promiseReject(error);
  }
}
