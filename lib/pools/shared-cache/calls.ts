// Calls of getOrCompute(), and the computations that a thread has under way for them.
import { abortReason } from '../../addon/option-checks.js';
import { builtins, copyInto, lengthOf } from '../../base/builtins.js';
import { Deferred } from '../../pool/deferred.js';
import { Unfinished } from '../../pool/unfinished.js';
import type { Outcome } from '../object/calls.js';
import type { SetOptions } from './options.js';
import { Claim } from './writer.js';

export type Compute = (key: string) => Uint8Array | PromiseLike<Uint8Array>;

/** What somebody wants of getOrCompute(). */
export interface ComputeWish {
  readonly key: string;
  readonly compute: Compute;
  readonly options: SetOptions;
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
  /** Keeps the cache from being collected, and closed, while somebody waits. */
  readonly keeper: object;
}

/** Who waits for a value. */
export class Call extends Deferred<Buffer> {
  readonly wish: ComputeWish;
  /** From then on it waits for nobody else. Of now(). */
  readonly until: number;
  /** The computation that it has begun itself. */
  own: Computation | undefined = undefined;
  /** How often it has looked what others do; -1 before it is told of what they do. */
  looks = -1;
  /** Ends its listening to the signal. */
  #leave: () => void = () => {};

  constructor(wish: ComputeWish, until: number) {
    super(); // Nothing is called after it.
    this.wish = wish;
    this.until = until;
  }

  /** Whether it has begun no computation that is under way. */
  get isFree(): boolean {
    return this.own === undefined || this.own.isOver;
  }

  /** Has the call fail when the signal is aborted, and `then` called. */
  listen(then: () => void): void {
    const { signal } = this.wish;
    if (signal === undefined) return;
    const onAbort = (): void => {
      try {
        this.failIfAborted();
        then();
      } catch {
        // The stack is too deep: upkeep goes on. Node.js would end the process for what a listener throws.
      }
    };
    this.#leave = () => {
      try {
        signal.removeEventListener('abort', onAbort);
      } catch {
        // It is the program's function. A listener that stays finds nothing to do.
      }
    };
    signal.addEventListener('abort', onAbort, { once: true });
  }

  failIfAborted(): void {
    const { signal } = this.wish;
    if (signal?.aborted !== true) return;
    let reason: unknown;
    try {
      reason = abortReason(signal);
    } catch (error) {
      reason = error;
    }
    this.fail(reason);
  }

  /** Each call gets a buffer of its own. May be called again. */
  give(value: Uint8Array): void {
    if (this.isSettled) return;
    const copy = builtins.allocUnsafe(lengthOf(value));
    copyInto(copy, value);
    this.resolve(copy);
    this.isSettled = true;
    this.#leave();
  }

  override fail(reason: unknown): void {
    super.fail(reason);
    this.#leave();
  }

  override abandon(): void {
    super.abandon();
    this.#leave();
  }
}

/**
 * One computation of this thread. It has a claim, so that no other process computes the same value: until its function has returned it is an
 * entry, which ends the claim if that is cut off; from then on upkeep looks after its promise.
 */
export class Computation extends Unfinished {
  readonly wish: ComputeWish;
  readonly claim = new Claim();
  readonly #drop: (computation: Computation) => void;
  /** What it has come to. */
  outcome: Outcome<Uint8Array> | undefined = undefined;
  /** Nobody waits for it any more, and its claim has ended. */
  isOver = false;

  constructor(wish: ComputeWish, drop: (computation: Computation) => void) {
    super();
    this.wish = wish;
    this.#drop = drop;
  }

  undo(): void {
    this.#drop(this);
  }
}

/** All that concerns one key. */
export class KeyCalls {
  readonly calls = new Set<Call>();
  readonly computations = new Set<Computation>();
  /** For which those wait who have begun none. */
  latest: Computation | undefined = undefined;

  get isComputing(): boolean {
    return this.latest !== undefined && !this.latest.isOver;
  }

  /** The one call that looks what other threads do, for all. */
  get leader(): Call | undefined {
    for (const one of this.calls) if (!one.isSettled && one.isFree) return one;
    return undefined;
  }

  get isIdle(): boolean {
    return this.calls.size === 0 && this.computations.size === 0;
  }
}
