import { EventEmitter } from 'node:events';
import { builtins } from '../base/builtins.js';
import { makeError, show } from '../base/errors.js';
import type { Listeners, PoolEvents } from '../guard/publishing.js';

/** Who finds what is told: gets a weak reference to those who listen, so that a listener may hold the pool. */
interface Source {
  listeners: unknown;
}

/** Those who listen to one pool. */
export class PoolListeners<Events extends PoolEvents = PoolEvents> {
  readonly #sources: readonly (Source | undefined)[];
  readonly #names: readonly string[];
  #listeners: Listeners | undefined;

  /** One of `sources` is undefined when nothing is watched: then there is nothing to tell. */
  constructor(
    sources: readonly (Source | undefined)[],
    names: readonly (keyof Events & string)[] = ['leak', 'guard', 'pressure'],
  ) {
    this.#sources = sources;
    this.#names = names;
  }

  /**
   * The emitter of the event `name`.
   * @throws ERR_SUPERSLAB_ARGUMENT when there is no such event
   */
  of(name: string): Listeners {
    if (!this.#names.includes(name)) {
      const names = this.#names.map(show);
      const known = `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
      throw makeError(
        'ERR_SUPERSLAB_ARGUMENT',
        `a pool has the events ${known}, no ${show(name)}`,
        TypeError,
      );
    }
    if (this.#listeners === undefined) {
      this.#listeners = new EventEmitter() as Listeners;
      for (const source of this.#sources)
        if (source !== undefined) source.listeners = new builtins.WeakRef(this.#listeners);
    }
    return this.#listeners;
  }
}
