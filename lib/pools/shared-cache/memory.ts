// The file of a shared cache as this thread sees it, without native calls.
import type { NativeSharedCache } from '../../addon/cache-binding.js';
import { CACHE_COUNTERS_AT, CACHE_PINS, CACHE_PINS_AT } from '../../addon/generated/memory.js';
import { builtins } from '../../base/builtins.js';
import { hostError } from '../../base/errors.js';
import { usable } from '../../pool/windows.js';

/** Places of counters that JavaScript adds to, in numbers of 64 bits. */
export const HITS = 0;
export const MISSES = 1;

/** A shard, as words and as bytes. */
export interface ShardWindow {
  readonly memory: ArrayBuffer;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
}

export class CacheMemory {
  readonly #native: NativeSharedCache;
  readonly #shards: (ShardWindow | undefined)[] = [];
  /** The pins of this member: start and granules of each, at 2 x place. A start of 0 is none. */
  readonly pins: Int32Array;
  /** By HITS and MISSES. */
  readonly counters: Float64Array;
  /** Not all 0 once a page of the file was missing. */
  readonly lost: Int32Array;

  /** @throws ERR_SUPERSLAB_HOST */
  constructor(native: NativeSharedCache) {
    this.#native = native;
    const member = usable(native.memberWindow());
    const lost = native.lostWindow();
    if (lost === undefined) throw hostError();
    this.pins = new builtins.Int32Array(member, CACHE_PINS_AT, 2 * CACHE_PINS);
    this.counters = new builtins.Float64Array(member, CACHE_COUNTERS_AT, 2);
    this.lost = new builtins.Int32Array(usable(lost));
  }

  /**
   * A program may detach the memory under a page; then there is another window.
   * @throws ERR_SUPERSLAB_HOST, also once the cache has failed
   */
  shard(index: number): ShardWindow {
    const known = this.#shards[index];
    if (known !== undefined && known.words.length !== 0) return known;
    const memory = usable(this.#native.window(index));
    const made = { memory, words: new builtins.Int32Array(memory), bytes: new builtins.Uint8Array(memory) };
    this.#shards[index] = made;
    return made;
  }
}
