// Where values were put, and where they ended: with full leak detection or a guard.
import type { NativePool } from '../../addon/binding.js';
import { GUARD, LEAK_DETECTION } from '../../addon/generated/choices.js';
import type { MisusedBuffer } from '../../base/misuse.js';
import { CapturedStack } from '../../base/stack.js';

/** Values that have ended of which it is still known where. */
const MOST_ENDED = 4096;

type Hidden = (...args: never[]) => unknown;

interface Life {
  readonly size: number;
  readonly acquired: string;
  released: string;
}

export class ValueWatch {
  readonly #pool: string;
  readonly #frames: number;
  readonly #lives = new Map<number, Life>();
  /** Handles of those that have ended, the oldest first. */
  readonly #ended: number[] = [];

  constructor(pool: string, frames: number) {
    this.#pool = pool;
    this.#frames = frames;
  }

  /** The stack of the caller of `hidden`, which must be under way. */
  stack(hidden: Hidden): string {
    return this.#frames === 0 ? '' : new CapturedStack(this.#frames, hidden).text;
  }

  began(handle: number, size: number, acquired: string): void {
    this.#lives.set(handle, { size, acquired, released: '' });
  }

  ended(handle: number, released: string): void {
    const life = this.#lives.get(handle);
    if (life === undefined) return;
    life.released = released;
    this.#ended.push(handle);
    if (this.#ended.length < 2 * MOST_ENDED) return;
    for (const old of this.#ended.splice(0, MOST_ENDED)) this.#lives.delete(old);
  }

  /** What is known of the value that a handle names, or named. */
  misuse(handle: number): MisusedBuffer | undefined {
    const life = this.#lives.get(handle);
    return life && { pool: this.#pool, tag: '', ...life };
  }
}

/** undefined where only samples are watched, or nothing: a number cannot be found by the collector. */
export function watchOf(pool: string, native: NativePool): ValueWatch | undefined {
  const watchesAll = native.guard !== GUARD.off || native.leakDetection > LEAK_DETECTION.sampled;
  return watchesAll ? new ValueWatch(pool, native.leakFrames) : undefined;
}
