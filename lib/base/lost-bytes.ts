// Bytes whose memory is gone. JavaScript shows them as empty: a pool that took them for that would keep nothing in
// place of what the program meant, and a buffer that was used after its release would go unnoticed.
import { fill, lengthOf } from './builtins.js';
import { makeError, type SuperslabError, show } from './errors.js';

/** Whether `bytes` are empty because their memory was detached, or shrunk beneath them: a view's methods throw then. */
export function areLost(bytes: Uint8Array): boolean {
  if (lengthOf(bytes) > 0) return false;
  try {
    fill(bytes, 0);
    return false;
  } catch {
    return true;
  }
}

/** `what` was called with bytes, or an ArrayBuffer, that are lost. */
export const lostError = (what: string, bytes: unknown): SuperslabError =>
  makeError(
    'ERR_SUPERSLAB_ARGUMENT',
    `${what} cannot read ${show(bytes)}: its memory was detached or resized`,
    TypeError,
  );
