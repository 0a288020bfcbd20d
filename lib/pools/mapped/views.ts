import { FILE_COUNT } from '../../addon/generated/memory.js';
import { begin, finish, giveUp, HeldBuffers } from '../../pool/unfinished.js';
import type { MappedCore } from './core.js';
import { type Plaintext, ShownPlaintext } from './encryption/plaintext.js';
import type { Vault } from './encryption/vault.js';
import { type MappedBuffer, type MappedHome, mappedBuffers } from './mapped-buffer.js';
import type { ViewInterval } from './shared-views.js';
import type { ViewLease } from './view-watch.js';
import { MappedWindows } from './windows.js';

type Hidden = (...args: never[]) => unknown;

/** Makes the buffers of one file, and counts them. */
export class Views {
  readonly #home: MappedHome;
  readonly #core: MappedCore;
  readonly #windows: MappedWindows;

  constructor(home: MappedHome, core: MappedCore) {
    this.#home = home;
    this.#core = core;
    this.#windows = new MappedWindows(core.file);
  }

  get areNone(): boolean {
    return this.#core.counts[FILE_COUNT.views]! <= 0;
  }

  /**
   * `place`: handle, offset in the data and length of a block. `vault`: opens it, where blocks are sealed. `hidden` is under way, and not to be
   * seen in the stack of the view.
   */
  bufferOf(place: Float64Array, vault: Vault | undefined, isNew: boolean, hidden: Hidden): MappedBuffer {
    if (vault !== undefined) return this.#openedBufferOf(vault, place, isNew, hidden);
    return this.partOf(place, 0, place[2]!, isNew, hidden);
  }

  /** Shows `length` bytes of the block as they lie in the file, from `at` on. */
  partOf(place: Float64Array, at: number, length: number, isNew: boolean, hidden: Hidden): MappedBuffer {
    const handle = place[0]!;
    const offset = place[1]!;
    const window = this.#windows.of(offset, place[2]!);
    const start = offset - MappedWindows.startOf(offset, place[2]!) + at;
    const buf = mappedBuffers.make(this.#home, handle, window, start, length);
    this.#count(buf, handle, length, isNew, hidden);
    return buf;
  }

  /** Shows plain bytes of a sealed block. */
  #openedBufferOf(vault: Vault, found: Float64Array, isNew: boolean, hidden: Hidden): MappedBuffer {
    const [handle, offset, sealed] = found as unknown as [number, number, number];
    const held = begin(new HeldBuffers<Plaintext>());
    try {
      const { memory, offset: start, length } = vault.plaintext({ handle, offset, sealed }, isNew, held);
      const buf = mappedBuffers.make(this.#home, handle, memory, start, length);
      const shown = new ShownPlaintext(held.buf!);
      shown.watch(buf);
      // The collector of the view releases it from here on.
      held.buf = undefined;
      mappedBuffers.show(buf, shown);
      this.#count(buf, handle, length, isNew, hidden);
      finish(held);
      return buf;
    } catch (error) {
      giveUp(held);
      throw error;
    }
  }

  #count(buf: MappedBuffer, handle: number, length: number, isNew: boolean, hidden: Hidden): void {
    const { counts, views } = this.#core;
    counts[FILE_COUNT.views]!++;
    mappedBuffers.count(buf, this.#core.sharedViews.add());
    if (views.isDue()) mappedBuffers.watch(buf, views.begin(buf, handle, length, isNew, hidden));
  }

  ended(lease: ViewLease | undefined, interval: ViewInterval | undefined): void {
    const { counts, sharedViews, views } = this.#core;
    if (lease !== undefined) views.end(lease);
    counts[FILE_COUNT.views]!--;
    sharedViews.end(interval, this.areNone);
  }
}
