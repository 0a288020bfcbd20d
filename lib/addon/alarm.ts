import { builtins } from '../base/builtins.js';
import { binding } from './binding.js';
import { now } from './clock.js';

/** Those that are set. */
const alarms = new Set<Alarm>();

/**
 * Calls a function at a time, by a timer of the event loop that is ours: fake timers, and jsdom's, do not reach it. It
 * keeps neither the process alive nor an evaluation of the package that nothing else holds.
 */
export class Alarm {
  readonly #run: () => void;
  /** Of now(). */
  #due = Number.POSITIVE_INFINITY;

  constructor(run: () => void) {
    this.#run = run;
  }

  get isSet(): boolean {
    return alarms.has(this);
  }

  /** Rings within `ms` from now on, or before, if that was asked for already. */
  ringWithin(ms: number): void {
    const time = now();
    const due = time + ms;
    // One that should have rung by now may have been cut off.
    if (this.#due <= due && this.#due > time) return;
    this.#due = Math.min(this.#due, due);
    alarms.add(this);
    binding.ringWithin(Math.ceil(ms));
  }

  stop(): void {
    this.#due = Number.POSITIVE_INFINITY;
    alarms.delete(this);
  }

  /** Calls the function if it is time, else has the timer come again. */
  check(time: number): void {
    if (this.#due > time) {
      binding.ringWithin(Math.ceil(this.#due - time));
      return;
    }
    this.stop();
    this.#run();
  }
}

/** When the timer may have rung. */
export function ringAlarms(): void {
  const time = now();
  for (const alarm of [...alarms]) {
    try {
      alarm.check(time);
    } catch (error) {
      // Told when all is done: the other alarms ring first.
      builtins.nextTick(() => {
        throw error;
      });
    }
  }
}
