import { CLAIMED, STORED } from '../../addon/generated/codes.js';
import { CACHE_MAX_TAGS } from '../../addon/generated/memory.js';
import { builtins, lengthOf } from '../../base/builtins.js';
import { makeError, show } from '../../base/errors.js';
import { areLost, lostError } from '../../base/lost-bytes.js';
import type { CacheCore } from './core.js';
import { busyError, bytesError, keyError, tooLong } from './errors.js';
import type { SetOptions } from './options.js';

/** What remove() and clear() of the native side return when somebody who has a lock does not go on. */
const BUSY = 2;

/** Who may compute a value. */
export class Claim {
  /** A CLAIMED. */
  outcome: number = CLAIMED.other;
  /** A ticket and an epoch, for store(). The ticket is above 0 from the moment on in which the claim is held. */
  readonly ticket = new builtins.Float64Array(2);
}

function aTag(tag: unknown): string {
  if (typeof tag === 'string') return tag;
  throw makeError('ERR_SUPERSLAB_ARGUMENT', `a tag must be a string, got ${show(tag)}`, TypeError);
}

/** Stores values and takes them out. */
export class Writer {
  readonly #core: CacheCore;
  readonly #tags = new builtins.Float64Array(1 + CACHE_MAX_TAGS);

  constructor(core: CacheCore) {
    this.#core = core;
  }

  #hashesOf(tags: readonly string[] | undefined): Float64Array | undefined {
    if (tags === undefined || tags.length === 0) return undefined;
    const hashes = this.#tags;
    hashes[0] = 0;
    for (const tag of tags) {
      if (this.#core.native.hashTag(tag, hashes)) continue;
      throw makeError(
        'ERR_SUPERSLAB_ARGUMENT',
        `a value has at most ${CACHE_MAX_TAGS} tags, got ${tags.length}`,
        RangeError,
      );
    }
    return hashes;
  }

  /** Whether the value is there now. `ticket`: of a claim that ends with this. The options were checked. */
  set(key: string, value: Uint8Array, options: SetOptions | undefined, ticket?: Float64Array): boolean {
    const { native, compression, settings } = this.#core;
    if (typeof key !== 'string') throw keyError(key);
    if (!builtins.isUint8Array(value)) throw bytesError('a value', value);
    if (areLost(value)) throw lostError('set()', value);
    const { bytes, codec } = compression.compress(value);
    const ttlMs = options?.ttlMs ?? settings.ttlMs;
    const tags = this.#hashesOf(options?.tags);
    const stored = native.store(key, bytes, ttlMs, tags, ticket, codec, lengthOf(value));
    if (stored === STORED.done) return true;
    if (stored < 0) throw this.#core.error(stored, key);
    if (stored === STORED.tooLong) throw tooLong(lengthOf(bytes), native.stats().maxValueBytes);
    if (stored === STORED.busy) throw busyError('set()', settings.path);
    return false;
  }

  delete(key: string): boolean {
    if (typeof key !== 'string') throw keyError(key);
    const removed = this.#core.checked(this.#core.native.remove(key), key);
    if (removed === BUSY) throw busyError('delete()', this.#core.settings.path);
    return removed === 1;
  }

  deleteTag(tag: string): void {
    this.#core.checked(this.#core.native.removeTag(aTag(tag)));
  }

  /** The epoch in which `tag` was deleted last; without one, that of now. */
  tagVersion(tag: string | undefined): number {
    return this.#core.checked(this.#core.native.tagVersion(tag === undefined ? tag : aTag(tag)));
  }

  clear(): void {
    const cleared = this.#core.checked(this.#core.native.clear());
    if (cleared === BUSY) throw busyError('clear()', this.#core.settings.path);
  }

  /** @throws ERR_SUPERSLAB_CORRUPT, ERR_SUPERSLAB_TIMEOUT */
  check(): void {
    const checked = this.#core.native.check();
    if (typeof checked === 'number') throw this.#core.error(checked);
    const { path } = this.#core.settings;
    if (checked.wrong > 0) {
      throw makeError(
        'ERR_SUPERSLAB_CORRUPT',
        `${path} contradicted itself in ${checked.wrong} places, and was repaired: something wrote to memory that is not its own`,
      );
    }
    if (!checked.isComplete) throw busyError('check()', path);
  }

  /** Fills `claim`. Who made it ends it. */
  claim(key: string, claim: Claim): void {
    claim.outcome = this.#core.checked(this.#core.native.claim(key, claim.ticket), key);
  }

  /** Nothing was stored under the claim, if it was held at all. Does nothing when it has ended. */
  endClaim(key: string, { ticket }: Claim): void {
    if (ticket[0]! > 0) this.#core.native.endClaim(key, ticket[0]!);
  }
}
