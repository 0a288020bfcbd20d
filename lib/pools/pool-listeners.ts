import { EventEmitter } from 'node:events';
import { builtins } from '../base/builtins.js';
import { makeError, show } from '../base/errors.js';
import type { Listeners } from '../guard/publishing.js';

/** Who finds what is told. Weakly, so that a listener may hold the pool. */
interface Source {
  listeners: WeakRef<Listeners> | undefined;
}

/** Those who listen to one pool. */
export class PoolListeners {
  readonly #source: Source | undefined;
  #listeners: Listeners | undefined;

  /** `source` is undefined when nothing is watched: then there is nothing to tell. */
  constructor(source: Source | undefined) {
    this.#source = source;
  }

  /**
   * The emitter of the event `name`.
   * @throws ERR_SUPERSLAB_ARGUMENT when there is no such event
   */
  of(name: string): Listeners {
    if (name !== 'leak' && name !== 'guard') {
      throw makeError(
        'ERR_SUPERSLAB_ARGUMENT',
        `a pool has the events "leak" and "guard", no ${show(name)}`,
        TypeError,
      );
    }
    if (this.#listeners === undefined) {
      this.#listeners = new EventEmitter() as Listeners;
      if (this.#source !== undefined) this.#source.listeners = new builtins.WeakRef(this.#listeners);
    }
    return this.#listeners;
  }
}
