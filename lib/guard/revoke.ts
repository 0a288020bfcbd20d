import { environment } from '../addon/environment.js';
import { sizeOf } from '../base/builtins.js';

type Transfer = (this: ArrayBuffer, length: number) => ArrayBuffer;

/** From Node 21 on; the program may have put another one in its place later. */
const transfer = (ArrayBuffer.prototype as { transfer?: Transfer }).transfer;

/**
 * Detaches an ArrayBuffer, so that every view of it has length 0 from now on.
 * @returns false when it cannot be detached: the program marked it untransferable
 */
export function revoke(memory: ArrayBuffer): boolean {
  if (sizeOf(memory) === 0) return true;
  if (transfer === undefined) {
    // Only here: newer versions abort when the ArrayBuffer is marked, where transfer() throws.
    environment.detach(memory);
  } else {
    try {
      transfer.call(memory, 0);
    } catch {
      return false;
    }
  }
  return sizeOf(memory) === 0;
}
