import { builtins } from '../../base/builtins.js';
import { isStronglyOrdered } from '../../base/memory-order.js';

/** Where this thread found a value. It is there for as long as its slot in the index has the same word. */
export interface Entry {
  /** Of the shard that it lies in. */
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  /** Where in `words` its slot's word is, and that word. */
  readonly slot: number;
  readonly lower: number;
  readonly upper: number;
  /** Its pin. */
  readonly start: number;
  readonly granules: number;
  readonly mayExpire: boolean;
  /** Of the monotonic clock, in ms. */
  readonly expiresMs: number;
  /** Where in `bytes` its use is noted. */
  readonly usedAt: number;
  /** The value as it lies there. */
  readonly view: Buffer;
  readonly length: number;
  /** Which codec compressed it, 0 for none, and its bytes before that. */
  readonly codec: number;
  readonly plainBytes: number;
  readonly hasTags: boolean;
}

const { load } = builtins.Atomics;

/** Whether the index still names `entry`. To be asked after its pin was set. */
export function isCurrent({ words, slot, lower, upper }: Entry): boolean {
  // Where loads happen in their order plain ones do. Without words a program has detached their memory: then there is no such element.
  if (isStronglyOrdered) return words[slot] === lower && words[slot + 1] === upper;
  return words.length !== 0 && load(words, slot) === lower && load(words, slot + 1) === upper;
}
