import { now } from '../../addon/clock.js';
import { builtins } from '../../base/builtins.js';
import type { ObjectCore } from '../object/core.js';
import type { Slot } from '../object/slot.js';
import type { Config } from './options.js';

/** What an evictor is told of an idle resource. */
export interface IdleResource<T> {
  readonly obj: T;
  /** When it became idle. Unit: ms since 1970. */
  readonly lastIdleTime: number;
}

/** What an evictor goes by. */
export type EvictionConfig = Pick<Config, 'softIdleTimeoutMillis' | 'idleTimeoutMillis' | 'min'>;

/** Says which idle resources go. */
export interface Evictor<T = unknown> {
  /** Whether to destroy `resource`, one of `available` idle ones. */
  evict(config: EvictionConfig, resource: IdleResource<T>, available: number): boolean;
}

/** By the time that a resource was idle, as the options say. */
export class DefaultEvictor implements Evictor {
  evict(config: EvictionConfig, resource: IdleResource<unknown>, available: number): boolean {
    const idleTime = builtins.dateNow() - resource.lastIdleTime;
    const { softIdleTimeoutMillis: soft, idleTimeoutMillis: hard, min } = config;
    return (soft > 0 && soft < idleTime && min < available) || hard < idleTime;
  }
}

/** Looks at a few idle resources at a time, round and round. */
export class EvictionRuns<T> {
  readonly #core: ObjectCore<T>;
  readonly #config: Config;
  readonly #evictor: Evictor<T>;
  /** Where the last run ended. */
  #last: Slot<T> | undefined = undefined;

  constructor(core: ObjectCore<T>, config: Config, evictor: Evictor<T>) {
    this.#core = core;
    this.#config = config;
    this.#evictor = evictor;
  }

  /** Looks at as many as the options say. */
  run(): void {
    const { shelf } = this.#core;
    let left = Math.min(this.#config.numTestsPerEvictionRun, shelf.depth);
    let place = this.#last === undefined ? -1 : shelf.slots.indexOf(this.#last);
    for (; left > 0 && shelf.depth > 0; left--) {
      place = place + 1 < shelf.depth ? place + 1 : 0;
      const slot = shelf.slots[place]!;
      if (!this.#isToGo(slot)) {
        this.#last = slot;
        continue;
      }
      // The evictor is the program's.
      if (shelf.slots[place] !== slot || place >= shelf.depth) return;
      this.#core.retireIdle(place);
      place--;
    }
  }

  #isToGo(slot: Slot<T>): boolean {
    const lastIdleTime = builtins.dateNow() - (now() - slot.idleSince);
    return this.#evictor.evict(this.#config, { obj: slot.object as T, lastIdleTime }, this.#core.shelf.depth);
  }
}
