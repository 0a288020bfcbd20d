import type { Entry } from './entry.js';
import { foreignPage, releasedPage } from './errors.js';

/** Who has lent a page. */
interface PageHome {
  /** Of its cache. */
  readonly name: string;
  unpin(state: PageState, buffer: Buffer): void;
  isCurrent(entry: Entry): boolean;
}

/** Where a value was found, and what pin() has given out of it last. */
export interface PageEntry extends Entry {
  page: CachePage | undefined;
  pageState: PageState | undefined;
}

/** What its home knows of a page. */
export interface PageState {
  readonly home: PageHome;
  readonly key: string;
  readonly entry: PageEntry;
  /** Where its pin is; 0: it needs none, being a copy. */
  place: number;
  /** How often it is pinned. */
  pins: number;
  /** How often it was pinned when the cache was closed: as many releases are still in order. */
  late: number;
  /** Of the note of its pin, where pins are watched; 0 otherwise. */
  handle: number;
}

/**
 * A value of a {@link SharedCache} where it lies, which stays as it is until release(): also when its key gets another value, or is
 * deleted. It is other processes' memory, too: do not write to it, and do not use it after release().
 */
export class CachePage {
  /** The value. Its `buffer` has other values as well; do not transfer or clone that. */
  readonly buffer: Buffer;
  readonly #state: PageState;

  /** Made by pin() alone. */
  constructor(buffer: Buffer, state: PageState) {
    this.buffer = buffer;
    this.#state = state;
  }

  get key(): string {
    return this.#state.key;
  }

  /** Whether the key still has this value: it was not replaced, deleted or evicted. */
  get isCurrent(): boolean {
    return this.#state.home.isCurrent(this.#state.entry);
  }

  /** Whether it was released as often as it was pinned, or the cache was closed. */
  get released(): boolean {
    return this.#state.pins === 0;
  }

  /**
   * Takes a pin back.
   * @throws ERR_SUPERSLAB_RELEASED when it is not pinned
   */
  release(): void {
    if (!CachePage.#isPage(this)) throw foreignPage(this);
    const state = this.#state;
    if (state.pins > 1) state.pins--;
    else if (state.pins === 1) state.home.unpin(state, this.buffer);
    else if (state.late > 0) state.late--;
    else throw releasedPage(state.key, state.home.name, this.buffer.length);
  }

  /** For `using`: the same as release(). */
  [Symbol.dispose](): void {
    this.release();
  }

  /** Of what a method was called on, whatever that is. */
  static #isPage(value: unknown): value is CachePage {
    return typeof value === 'object' && value !== null && #state in value;
  }
}
