import type { NativePool } from '../addon/binding.js';
import { now } from '../addon/clock.js';
import { ON_EXHAUSTED } from '../addon/generated/choices.js';
import { makeError } from '../base/errors.js';
import type { Lender } from './magazines.js';
import type { PoolTeller } from './observers.js';
import type { HeldBuffers, Lent } from './unfinished.js';

/**
 * A synchronous wait is cut into pieces of this length, because a thread that waits natively can
 * neither be terminated nor asked to give up what it caches.
 */
const WAIT_SLICE_MS = 20;

/** What is asked of a pool that is exhausted. */
interface ExhaustedPool<Buf extends Lent> extends Lender {
  readonly maxBytes: number;
  /** What the pool cannot do, and what to do about it; `never`: whatever is given back. */
  exhaustedText(size: number, never: boolean): string;
  /** A buffer from outside the pool. */
  makePlain(size: number): Buf;
  checkOpen(): void;
  capacityFor(size: number): number;
  /** undefined when there still is no room. */
  tryAcquire(size: number): Buf | undefined;
  hasWaiters(): boolean;
}

/** The operating system refused memory, or V8 did. */
export const noMemoryError = (pool: string, size: number): Error =>
  makeError(
    'ERR_SUPERSLAB_NO_MEMORY',
    `the operating system gives pool "${pool}" no memory for ${size} B; ` +
      'look at RLIMIT_AS, the cgroup limit, vm.overcommit_memory and vm.max_map_count',
  );

/** What a pool does when maxBytes are in use: see the option `onExhausted`. */
export class Exhaustion<Buf extends Lent> {
  readonly #pool: ExhaustedPool<Buf>;
  readonly #teller: PoolTeller;
  readonly #onExhausted: number;
  readonly #waitMs: number;
  #fallbacks = 0;

  constructor(pool: ExhaustedPool<Buf>, native: NativePool, teller: PoolTeller) {
    this.#pool = pool;
    this.#teller = teller;
    this.#onExhausted = native.onExhausted;
    this.#waitMs = native.waitMs;
  }

  /** Buffers from outside the pool so far. */
  get fallbacks(): number {
    return this.#fallbacks;
  }

  /** Puts a buffer into `held`, or throws. */
  acquire(size: number, held: HeldBuffers<Buf>): void {
    if (this.#onExhausted === ON_EXHAUSTED.fallback) {
      held.buf = this.#fallBack(size);
      return;
    }
    const capacity = this.#pool.capacityFor(size);
    const mayWait = this.#onExhausted === ON_EXHAUSTED.wait && capacity <= this.#pool.maxBytes;
    if (mayWait && !this.#pool.hasWaiters()) {
      this.#tell(size, 'wait');
      this.#waitBlocking(size, capacity, held);
    }
    if (held.buf === undefined) throw this.#error(size);
  }

  /** For acquireAsync(): a buffer; undefined when it is to wait. */
  acquireUnlessWaiting(size: number): Buf | undefined {
    if (this.#onExhausted === ON_EXHAUSTED.fallback) return this.#fallBack(size);
    if (this.#pool.capacityFor(size) > this.#pool.maxBytes) throw this.#error(size);
    this.#tell(size, 'wait');
    return undefined;
  }

  #waitBlocking(size: number, capacity: number, held: HeldBuffers<Buf>): void {
    const { native } = this.#pool;
    const end = now() + this.#waitMs;
    try {
      for (;;) {
        this.#pool.checkOpen();
        native.startWaiting();
        held.buf = this.#pool.tryAcquire(size);
        const left = end - now();
        if (held.buf !== undefined || left <= 0) return;
        native.waitForRoom(capacity, Math.ceil(Math.min(left, WAIT_SLICE_MS)));
      }
    } finally {
      if (!this.#pool.hasWaiters()) native.stopWaiting();
    }
  }

  #fallBack(size: number): Buf {
    this.#tell(size, 'fallback');
    try {
      const buf = this.#pool.makePlain(size);
      this.#fallbacks++;
      return buf;
    } catch {
      throw noMemoryError(this.#pool.name, size); // V8 found no memory for an ArrayBuffer
    }
  }

  #tell(size: number, outcome: 'throw' | 'wait' | 'fallback'): void {
    if (this.#teller.tellExhausted(this.#pool, size, outcome)) this.#pool.checkOpen();
  }

  #error(size: number): Error {
    this.#tell(size, 'throw');
    const { name, maxBytes } = this.#pool;
    const never = this.#pool.capacityFor(size) > maxBytes;
    return makeError('ERR_SUPERSLAB_EXHAUSTED', `pool "${name}" ${this.#pool.exhaustedText(size, never)}`);
  }
}
