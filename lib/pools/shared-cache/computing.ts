import { now } from '../../addon/clock.js';
import { CLAIMED } from '../../addon/generated/codes.js';
import { builtins, promiseThen } from '../../base/builtins.js';
import { areLost, lostError } from '../../base/lost-bytes.js';
import { busyError, bytesError, keyError } from './errors.js';
import type { News } from './news.js';
import type { SetOptions } from './options.js';
import type { Reader } from './reader.js';
import type { Claim, Writer } from './writer.js';

export type Compute = (key: string) => Uint8Array | PromiseLike<Uint8Array>;

/** Has each value computed once at a time, by one of all processes. */
export class Computing {
  readonly #reader: Reader;
  readonly #writer: Writer;
  /** What this thread computes or waits for. */
  readonly #underWay = new Map<string, Promise<Buffer>>();

  readonly #news: News;

  constructor(reader: Reader, writer: Writer, news: News) {
    this.#reader = reader;
    this.#writer = writer;
    this.#news = news;
  }

  /** A buffer of the caller's own. */
  async get(key: string, compute: Compute, options: SetOptions, waitMs: number): Promise<Buffer> {
    if (typeof key !== 'string') throw keyError(key);
    const known = this.#reader.get(key);
    if (known !== undefined) return known;
    for (let others = this.#underWay.get(key); others !== undefined; others = this.#underWay.get(key)) {
      const value = await within(others, waitMs);
      if (value !== undefined) return copyOf(value);
      if (this.#underWay.get(key) === others) this.#underWay.delete(key);
    }
    const result = this.#find(key, compute, options, waitMs);
    this.#underWay.set(key, result);
    try {
      return copyOf(await result);
    } finally {
      if (this.#underWay.get(key) === result) this.#underWay.delete(key);
    }
  }

  async #find(key: string, compute: Compute, options: SetOptions, waitMs: number): Promise<Buffer> {
    const until = now() + waitMs;
    for (let looks = -1; ; looks++) {
      const claim = this.#writer.claim(key);
      const { outcome } = claim;
      const value = outcome === CLAIMED.present ? this.#reader.get(key) : undefined;
      if (value !== undefined) return value;
      const mayCompute = outcome === CLAIMED.own || outcome === CLAIMED.noPlace;
      if (mayCompute || now() >= until) return this.#compute(key, compute, options, claim);
      // The first time only to look again: what happened before it listened nobody tells.
      this.#news.listen();
      if (looks >= 0) await this.#news.next(until - now(), looks);
    }
  }

  async #compute(key: string, compute: Compute, options: SetOptions, claim: Claim): Promise<Buffer> {
    try {
      const value = await compute(key);
      if (!builtins.isUint8Array(value)) throw bytesError('what getOrCompute() has computed', value);
      if (areLost(value)) throw lostError('getOrCompute()', value);
      this.#store(key, value, options, claim);
      return builtins.bufferOf(value.buffer, value.byteOffset, value.byteLength);
    } finally {
      this.#writer.endClaim(key, claim);
    }
  }

  /** The caller has its value, whether there was room for it or not. */
  #store(key: string, value: Uint8Array, options: SetOptions, { outcome, ticket }: Claim): void {
    try {
      if (outcome === CLAIMED.own) this.#writer.set(key, value, options, ticket);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== busyError('', '').code) throw error;
    }
  }
}

/** What an earlier call of this thread comes to; undefined when that takes longer, since it may have been cut off for good. */
const within = (earlier: Promise<Buffer>, ms: number): Promise<Buffer | undefined> =>
  new builtins.Promise((resolve, reject) => {
    const timer = builtins.setTimeout(() => resolve(undefined), ms);
    const settled = () => builtins.clearTimeout(timer);
    promiseThen(
      earlier,
      (value) => {
        settled();
        resolve(value);
      },
      (error) => {
        settled();
        reject(error);
      },
    );
  });

/** One for each who waits. */
function copyOf(value: Buffer): Buffer {
  const copy = builtins.allocUnsafe(value.length);
  value.copy(copy);
  return copy;
}
