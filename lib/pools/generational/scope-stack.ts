import { builtins, copyInAt, lengthOf } from '../../base/builtins.js';
import { makeError } from '../../base/errors.js';
import { type Chunk, footprint, NO_CHUNK, SCOPE } from './chunk.js';
import type { ChunkStore } from './chunk-store.js';
import { nextHandle, SCOPED, SLOT_MASK } from './handles.js';
import { checkLength, notBytesError } from './input.js';
import type { SlotTable } from './slot-table.js';
import type { ValueWatch } from './value-watch.js';

/** The pool that the scopes are of. */
interface ScopeHost {
  readonly pool: string;
  readonly store: ChunkStore;
  readonly watch: ValueWatch | undefined;
  readonly wiping: number;
  readonly maxShared: number;
  readonly owner: { readonly closed: boolean; checkOpen(): void };
}

/** A scope: where the stack was when it began. */
export interface ScopeMark {
  readonly outer: ScopeMark | undefined;
  readonly at: number;
  readonly used: number;
  readonly top: number;
  /** What was made in it lasts as long as its outer scope, through which something was put meanwhile. */
  isMerged: boolean;
  isOver: boolean;
}

/**
 * The values of all scopes of a pool, in a stack of chunks and a stack of slots: a scope ends by the stores that set both back to
 * where it began. A handle of a slot at or above `top` is stale, and the slot's next one is another.
 *
 * A scope that was cut off stays in the stack. An outer one takes it along when it ends; otherwise {@link reset} does.
 */
export class ScopeStack {
  readonly slots: SlotTable;
  readonly #host: ScopeHost;
  readonly #isUnwatched: boolean;
  readonly #chunks: Chunk[] = [];
  /** Where values are made now: a place in #chunks, -1 for none. */
  #at = -1;
  #current: Chunk = NO_CHUNK;
  #top = 0;
  #innermost: ScopeMark | undefined = undefined;
  /** Scopes that were begun, and how many of them when tick() came last. */
  #begun = 0;
  #begunBefore = 0;

  constructor(host: ScopeHost, slots: SlotTable) {
    this.#host = host;
    this.#isUnwatched = host.watch === undefined;
    this.slots = slots;
  }

  get isOpen(): boolean {
    return this.#innermost !== undefined;
  }

  /** Of values that are there; some may have been freed. */
  get used(): { readonly values: number; readonly bytes: number } {
    let bytes = 0;
    for (let at = 0; at <= this.#at; at++) bytes += this.#chunks[at]!.used;
    return { values: this.#top, bytes };
  }

  begin(): ScopeMark {
    const mark: ScopeMark = {
      outer: this.#innermost,
      at: this.#at,
      used: this.#current.used,
      top: this.#top,
      isMerged: false,
      isOver: false,
    };
    this.#begun++;
    this.#innermost = mark;
    return mark;
  }

  /** What is to be done before a scope ends where values are watched or overwritten. */
  beforeEnd(mark: ScopeMark): void {
    const { watch, wiping } = this.#host;
    if (mark.isMerged) return;
    if (watch !== undefined) {
      const stack = watch.stack(this.beforeEnd);
      const { handles } = this.slots;
      for (let slot = mark.top; slot < this.#top; slot++) {
        if (handles[slot]! > 0) watch.ended(handles[slot]!, stack);
      }
    }
    for (let at = Math.max(mark.at, 0); wiping >= 0 && at <= this.#at; at++) {
      const chunk = this.#chunks[at]!;
      chunk.wipe(at === mark.at ? mark.used : 0, chunk.used, wiping);
    }
  }

  /** Stores alone: what was made in it has ended. */
  end(mark: ScopeMark): void {
    mark.isOver = true;
    if (mark.isMerged) return;
    // The first chunk stays, so that the next scope finds it.
    const at = mark.at < 0 && this.#chunks.length > 0 ? 0 : mark.at;
    this.#top = mark.top;
    this.#at = at;
    this.#current = at < 0 ? NO_CHUNK : this.#chunks[at]!;
    if (at >= 0) this.#current.used = mark.at < 0 ? 0 : mark.used;
    this.#innermost = mark.outer;
  }

  put(mark: ScopeMark, bytes: Uint8Array): number {
    if (!builtins.isUint8Array(bytes)) throw notBytesError('put', bytes);
    if (this.#innermost !== mark) this.#surface(mark);
    const length = lengthOf(bytes);
    const size = footprint(length);
    const chunk = this.#current;
    const hasRoom = size <= chunk.capacity - chunk.used && this.#top < this.slots.length;
    if (hasRoom && length !== 0 && this.#isUnwatched && chunk.bytes.length !== 0) {
      return this.#write(chunk, bytes, length, size);
    }
    return this.#putSlow(mark, bytes);
  }

  #putSlow(mark: ScopeMark, bytes: Uint8Array): number {
    const { watch, owner, pool } = this.#host;
    const stack = watch?.stack(this.#putSlow);
    // What a subscriber does is looked at again.
    for (;;) {
      owner.checkOpen();
      if (this.#innermost !== mark) this.#surface(mark);
      const length = lengthOf(bytes);
      checkLength(bytes, length);
      if (this.#top === this.slots.length) this.slots.grow(pool);
      const chunk = this.#current;
      if (footprint(length) > chunk.capacity - chunk.used) {
        this.#advance(footprint(length));
        continue;
      }
      if (chunk.bytes.length === 0) {
        chunk.refresh();
        continue;
      }
      const handle = this.#write(chunk, bytes, length, footprint(length));
      if (stack !== undefined) watch!.began(handle, length, stack);
      return handle;
    }
  }

  #write(chunk: Chunk, bytes: Uint8Array, length: number, size: number): number {
    const { slots } = this;
    const slot = this.#top;
    const offset = chunk.used;
    const handle = nextHandle(Math.abs(slots.handles[slot]!));
    copyInAt(chunk.bytes, bytes, offset);
    // Nothing is called any more: it happens, or it does not.
    chunk.used = offset + size;
    slots.chunks[slot] = chunk.index;
    slots.offsets[slot] = offset;
    slots.lengths[slot] = length;
    slots.handles[slot] = handle;
    this.#top = slot + 1;
    if (slot >= slots.made) slots.made = slot + 1;
    return handle;
  }

  /** Goes on in a chunk that has room for so many bytes. Calls subscribers. */
  #advance(bytes: number): void {
    const { store, maxShared } = this.#host;
    const next = this.#chunks[this.#at + 1];
    if (next === undefined || next.capacity < bytes) {
      const added = store.add(SCOPE, bytes > maxShared ? bytes : store.chunkBytes, true);
      this.#chunks.splice(this.#at + 1, 0, added);
      return;
    }
    next.used = 0;
    this.#current = next;
    this.#at++;
  }

  /**
   * Something is put through a scope within which another one was begun: the scopes within end with it from now on.
   * @throws ERR_SUPERSLAB_CLOSED when it has ended
   */
  #surface(mark: ScopeMark): void {
    let scope = mark;
    while (scope.isMerged && !scope.isOver) scope = scope.outer!;
    let open = this.#innermost;
    while (open !== undefined && open !== scope) open = open.outer;
    if (mark.isOver || open === undefined) {
      throw makeError(
        'ERR_SUPERSLAB_CLOSED',
        `the scope of pool "${this.#host.pool}" has ended: nothing can be put through it; scopes end when their function returns`,
      );
    }
    for (open = this.#innermost!; open !== scope; open = open.outer!) open.isMerged = true;
    this.#innermost = scope;
  }

  has(handle: number): boolean {
    const slot = (handle & SLOT_MASK) - SCOPED;
    return slot < this.#top && this.slots.handles[slot] === handle;
  }

  /** Ends one value before its scope; its memory comes back with the scope. */
  free(handle: number): void {
    const { slots } = this;
    const { watch, wiping, store } = this.#host;
    const slot = (handle & SLOT_MASK) - SCOPED;
    if (wiping >= 0) {
      const start = slots.offsets[slot]!;
      store.chunks[slots.chunks[slot]!]!.wipe(start, start + slots.lengths[slot]!, wiping);
    }
    watch?.ended(handle, watch.stack(this.free));
    slots.handles[slot] = -handle;
  }

  /** Ends all scopes. Only where the stack is empty: then those that are still open were cut off. */
  reset(): void {
    for (let open = this.#innermost; open !== undefined; open = open.outer) open.isOver = true;
    this.#top = 0;
    this.#innermost = undefined;
    this.#at = -1;
    this.#current = NO_CHUNK;
  }

  /** Scopes that are still open when the stack is empty were cut off. */
  resetLater(): void {
    builtins.queueMicrotask(() => {
      if (this.isOpen) this.reset();
    });
  }

  /** Gives the chunks back in which no open scope has values. Calls subscribers. */
  drop(): void {
    const { store, owner } = this.#host;
    if (!this.isOpen) {
      this.#at = -1;
      this.slots.shrink(this.#top);
    }
    // A scope of a closed pool gets no more values.
    if (!this.isOpen || owner.closed) this.#current = NO_CHUNK;
    this.#chunks.length = this.#at + 1;
    for (let index = 0; index < store.chunks.length; index++) {
      const chunk = store.chunks[index];
      if (chunk?.generation === SCOPE && !this.#chunks.includes(chunk)) store.retire(chunk);
    }
  }

  /** From the event loop: after a rest the chunks go back. */
  tick(): void {
    if (this.isOpen) this.reset();
    if (this.#begun === this.#begunBefore) this.drop();
    this.#begunBefore = this.#begun;
  }
}
