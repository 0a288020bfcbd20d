import { now } from '../../addon/clock.js';
import { CLAIMED } from '../../addon/generated/codes.js';
import { builtins } from '../../base/builtins.js';
import { isFullStack } from '../../base/errors.js';
import { areLost, lostError } from '../../base/lost-bytes.js';
import { promised } from '../../pool/deferred.js';
import { begin, finish, giveUp } from '../../pool/unfinished.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import { Awaited, type Deadline } from '../object/awaited.js';
import { call, type Outcome } from '../object/calls.js';
import { Call, Computation, type ComputeWish, KeyCalls } from './calls.js';
import { busyError, bytesError, closedWhileComputing } from './errors.js';
import type { News } from './news.js';
import type { Reader } from './reader.js';
import type { Writer } from './writer.js';

/** A computation may take as long as it likes: others have `waitMs`. */
const NO_DEADLINE: Deadline = { pool: '', what: '', ms: Number.POSITIVE_INFINITY };

/**
 * Has each value computed once at a time, by one of all processes. Every step may be done again: what is cut off is gone on with by a timer, by
 * news of others, or by upkeep.
 */
export class Computing {
  readonly #reader: Reader;
  readonly #writer: Writer;
  readonly #news: News;
  /** Promises of the program. */
  readonly #awaited = new Awaited();
  readonly #keys = new Map<string, KeyCalls>();
  #timer: NodeJS.Timeout | undefined = undefined;
  /** When the timer is due; of now(). */
  #timerAt = Number.POSITIVE_INFINITY;
  readonly #drop = (computation: Computation): void => this.#end(computation);

  constructor(reader: Reader, writer: Writer, news: News) {
    this.#reader = reader;
    this.#writer = writer;
    this.#news = news;
    news.tells(this);
  }

  /** Whether somebody waits, or something is computed. */
  get isBusy(): boolean {
    return this.#keys.size > 0;
  }

  /**
   * A buffer of the caller's own.
   * @throws what fails before anybody has the promise
   */
  get(wish: ComputeWish): Promise<Buffer> {
    const known = this.#reader.get(wish.key);
    if (known !== undefined) return builtins.promiseResolve(known);
    const asked = new Call(wish, now() + wish.waitMs);
    if (asked.resolve === undefined) return asked.promise;
    try {
      return promised(asked, () => {
        scheduleUpkeep();
        this.#callsOf(wish.key).calls.add(asked);
        asked.listen(() => this.#forgetSettled());
        this.#serve(asked);
        this.#forgetSettled(wish.key);
      });
    } catch (error) {
      this.#forgetSettled();
      throw error;
    }
  }

  #callsOf(key: string): KeyCalls {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    const made = new KeyCalls();
    this.#keys.set(key, made);
    return made;
  }

  /** Something may have changed for all who wait. */
  proceed(): void {
    for (const { calls } of [...this.#keys.values()]) for (const one of [...calls]) this.#serveAgain(one);
    this.#forgetSettled();
  }

  /** By upkeep. */
  look(): void {
    if (!this.isBusy) return;
    this.#awaited.look();
    for (const { computations } of [...this.#keys.values()])
      for (const one of [...computations]) if (one.outcome !== undefined) this.#end(one);
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.proceed();
  }

  /** The cache was closed: nobody waits any more. */
  close(): void {
    for (const { calls, computations } of [...this.#keys.values()]) {
      for (const one of calls) one.fail(closedWhileComputing(this.#reader.name));
      for (const one of computations) one.isOver = true;
    }
    this.#keys.clear();
    this.#stopTimer();
  }

  #serveAgain(one: Call): void {
    try {
      one.failIfAborted();
      this.#serve(one);
    } catch (error) {
      // Upkeep goes on where the stack was too deep.
      if (!isFullStack(error)) one.fail(error);
    }
  }

  /** Has the call wait for a computation of this thread or of another, or begins one. */
  #serve(asked: Call): void {
    if (asked.isSettled || !asked.isFree) return;
    const ofKey = this.#callsOf(asked.wish.key);
    const hasToWait = ofKey.isComputing || ofKey.leader !== asked;
    if (hasToWait && now() < asked.until) this.#lookAt(asked.until);
    else this.#claim(asked);
  }

  #claim(asked: Call): void {
    const { key } = asked.wish;
    const computation = begin(new Computation(asked.wish, this.#drop));
    try {
      // The first time only to look again: what happened before it listened nobody tells.
      let isOwn = this.#mayCompute(asked, computation);
      if (!isOwn && !asked.isSettled && asked.looks < 0) {
        this.#news.listen();
        asked.looks = 0;
        isOwn = this.#mayCompute(asked, computation);
      }
      if (isOwn) {
        this.#compute(asked, computation);
      } else if (!asked.isSettled) {
        this.#lookAt(Math.min(now() + this.#news.lookAfterMs(asked.looks), asked.until));
        asked.looks++;
      }
    } catch (error) {
      giveUp(computation);
      throw error;
    }
    finish(computation);
    if (computation.isOver) this.#forgetSettled(key);
  }

  /** Gives the value if it is there by now. */
  #mayCompute(asked: Call, { claim }: Computation): boolean {
    const { key } = asked.wish;
    this.#writer.claim(key, claim);
    const value = claim.outcome === CLAIMED.present ? this.#reader.get(key) : undefined;
    if (value !== undefined) for (const one of this.#callsOf(key).calls) if (one.isFree) one.give(value);
    if (asked.isSettled) return false;
    return claim.outcome === CLAIMED.own || claim.outcome === CLAIMED.noPlace || now() >= asked.until;
  }

  #compute(asked: Call, computation: Computation): void {
    const { key, compute } = asked.wish;
    const ofKey = this.#callsOf(key);
    ofKey.computations.add(computation);
    ofKey.latest = computation;
    asked.own = computation;
    const returned = call(compute, key);
    if (!('promise' in returned)) {
      computation.outcome = returned;
      this.#end(computation);
      return;
    }
    this.#awaited.when(returned.promise, NO_DEADLINE, (outcome, awaiting) => {
      computation.outcome = outcome;
      awaiting.isTaken = true;
      this.#end(computation);
    });
  }

  /** Stores what was computed, and tells those who wait. Without an outcome it was cut off: then they go on without it. */
  #end(computation: Computation): void {
    if (computation.isOver) return;
    const { wish, claim } = computation;
    const outcome = this.#stored(computation);
    this.#writer.endClaim(wish.key, claim);
    const ofKey = this.#keys.get(wish.key);
    if (outcome !== undefined && ofKey !== undefined) {
      for (const one of ofKey.calls) if (isFor(one, computation, ofKey)) settle(one, outcome);
    }
    if (ofKey !== undefined) ofKey.computations.delete(computation);
    computation.isOver = true;
    if (outcome === undefined) this.#lookAt(now());
    this.#forgetSettled(wish.key);
  }

  /** The caller has its value, whether there was room for it or not. */
  #stored({ wish, claim, outcome }: Computation): Outcome<Uint8Array> | undefined {
    if (outcome === undefined || 'error' in outcome) return outcome;
    const { value } = outcome;
    try {
      if (!builtins.isUint8Array(value)) throw bytesError('what getOrCompute() has computed', value);
      if (areLost(value)) throw lostError('getOrCompute()', value);
      if (claim.outcome === CLAIMED.own) this.#writer.set(wish.key, value, wish.options, claim.ticket);
    } catch (error) {
      if (isFullStack(error)) throw error;
      const { code } = error as { code?: string };
      if (code !== busyError('', '').code) return { error };
    }
    return outcome;
  }

  #forgetSettled(key?: string): void {
    for (const one of key === undefined ? [...this.#keys.keys()] : [key]) {
      const ofKey = this.#keys.get(one);
      if (ofKey === undefined) continue;
      let haveLeft = false;
      for (const asked of ofKey.calls) if (asked.isSettled) haveLeft = ofKey.calls.delete(asked) || haveLeft;
      if (ofKey.isIdle) this.#keys.delete(one);
      // The one who looked for the others may be gone.
      else if (haveLeft && !ofKey.isComputing) this.#lookAt(now());
    }
    if (this.#keys.size === 0) this.#stopTimer();
  }

  // When it looks again --------------------------------------------------------------------------

  /** Has all looked after at that time of now(), or before. The timer keeps the process alive, which what the system tells does not. */
  #lookAt(at: number): void {
    if (at >= this.#timerAt) return;
    this.#stopTimer();
    this.#timer = builtins.setTimeout(
      () => {
        this.#timerAt = Number.POSITIVE_INFINITY;
        this.proceed();
      },
      Math.max(at - now(), 0),
    );
    this.#timerAt = at;
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) builtins.clearTimeout(this.#timer);
    this.#timerAt = Number.POSITIVE_INFINITY;
  }
}

/** A value is for all who want it; an error for who began the computation, and for those who wait for it. */
function isFor(asked: Call, computation: Computation, { latest }: KeyCalls): boolean {
  return asked.isFree ? latest === computation : asked.own === computation;
}

function settle(asked: Call, outcome: Outcome<Uint8Array>): void {
  if (asked.isSettled) return;
  if ('error' in outcome) asked.fail(outcome.error);
  else asked.give(outcome.value);
}
