import type { BlockNumber, SliceTag } from '../addon/binding.js';
import { facts } from '../addon/environment.js';
import { NO_MEMORY, NO_ROOM } from '../addon/generated/codes.js';
import { HUGE_TAG } from '../addon/generated/memory.js';
import { noMemoryError } from './exhaustion.js';
import { type Lender, rememberLender } from './magazines.js';
import type { PoolTeller } from './observers.js';
import type { SecrecyWatch } from './secrecy.js';
import type { SlowPathHistogram } from './slow-path-histogram.js';
import type { HeldBlock } from './unfinished.js';
import { scheduleUpkeep } from './upkeep.js';
import { forgetRecut } from './windows.js';

const { bytesOfTag } = facts;

/** Whom blocks are fetched for. */
interface FetchingPool extends Lender {
  readonly slowPath: SlowPathHistogram;
  checkOpen(): void;
  /** Has those who hold free blocks back give them up. False when there were none. */
  unpark(): boolean;
}

/** Fetches blocks from the native side. Subscribers are told of memory taken, and may do anything then. */
export class Fetcher {
  readonly #pool: FetchingPool;
  readonly #teller: PoolTeller;
  readonly #secrecy: SecrecyWatch | undefined;

  constructor(pool: FetchingPool, teller: PoolTeller, secrecy: SecrecyWatch | undefined) {
    this.#pool = pool;
    this.#teller = teller;
    this.#secrecy = secrecy;
  }

  /** Has blocks put into an empty magazine; false when maxBytes are in use. */
  refill(tag: SliceTag): boolean {
    let got = this.#fetch(tag);
    if (got === NO_ROOM && this.#pool.unpark()) {
      // Only an empty magazine may be filled.
      if (this.#pool.magazines.depth[tag] !== 0) return true;
      got = this.#fetch(tag);
    }
    if (got === NO_ROOM) {
      this.#pool.native.countExhausted();
      return false;
    }
    if (got === NO_MEMORY) throw noMemoryError(this.#pool.name, bytesOfTag[tag]!);
    return true;
  }

  #fetch(tag: SliceTag): number {
    scheduleUpkeep();
    const pool = this.#pool;
    const got = this.#teller.tellingGrowth(pool, () => {
      const start = pool.slowPath.start();
      const count = forgetRecut(pool.native.refill(tag));
      pool.slowPath.stop(start);
      if (count > 0) this.#publish(tag);
      return count;
    });
    this.#secrecy?.look();
    return got;
  }

  #publish(tag: SliceTag): void {
    try {
      rememberLender(this.#pool);
      this.#pool.magazines.publish(tag);
    } catch (error) {
      this.#pool.native.flush(); // no window: the blocks must not stay
      throw error;
    }
  }

  /** Puts a block beyond 2 MiB into `held`; undefined when maxBytes are in use. */
  takeHuge(bytes: number, held: HeldBlock): BlockNumber | undefined {
    this.#fetchHuge(bytes, held);
    if (held.block === NO_ROOM && this.#pool.unpark()) this.#fetchHuge(bytes, held);
    if (held.block === NO_ROOM) {
      this.#pool.native.countExhausted();
      return undefined;
    }
    if (held.block === NO_MEMORY) throw noMemoryError(this.#pool.name, bytes);
    this.#pool.checkOpen();
    rememberLender(this.#pool);
    this.#pool.magazines.welcome(held.block, HUGE_TAG);
    return held.block;
  }

  #fetchHuge(bytes: number, held: HeldBlock): void {
    scheduleUpkeep();
    const pool = this.#pool;
    this.#teller.tellingGrowth(pool, () => {
      const start = pool.slowPath.start();
      held.block = pool.native.takeHuge(bytes);
      pool.slowPath.stop(start);
    });
    this.#secrecy?.look();
  }
}
