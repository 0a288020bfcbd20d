// What operations have in hand that nobody else knows of yet.
//
// JavaScript can be cut off at each call and at each turn of a loop: the stack overflows, a timeout of `vm` comes, somebody
// presses Ctrl-C in the REPL. Neither `catch` nor `finally` runs then, or what they call is cut off again, and the
// environment lives on. So an operation that takes something, and has more to do before its caller gets it, begins an
// entry here and finishes it as its last step. An entry that is found from the event loop belongs to an operation that was
// cut off, since nothing of ours is on the stack there, and is undone. See docs/INTERRUPTION.md.
import type { BlockNumber, NativePool } from '../addon/binding.js';
import { environment } from '../addon/environment.js';
import { isSuperslabError } from '../base/errors.js';
import type { PooledBuffer } from './pooled-buffer.js';

export abstract class Unfinished {
  /** Its place in the stack of entries. */
  place = 0;

  /** Gives back what the operation had. A second call does nothing. */
  abstract undo(): void;
}

/** The entries of the operations on the stack, innermost last; and above those, any that were cut off. */
const entries: (Unfinished | undefined)[] = [];
/** How many there are. A variable of this module, as an operation begins and ends one: there is one stack a thread. */
let count = 0;

/** Entries of operations that were cut off within one that went on. */
const dead: (Unfinished | undefined)[] = [];

/** Enters what an operation is about to take. */
export function begin<Entry extends Unfinished>(entry: Entry): Entry {
  entry.place = count;
  entries[count] = entry;
  count++;
  return entry;
}

function keepDead(from: number): void {
  for (let i = from; i < count; i++) dead[dead.length] = entries[i];
}

/** What the entry has is the caller's from now on. Nothing is called after this but what cannot be cut off. */
export function finish({ place }: Unfinished): void {
  if (count > place + 1) keepDead(place + 1);
  entries[place] = undefined;
  count = place;
}

/** The operation failed: gives back what it had. */
export function giveUp(entry: Unfinished): void {
  try {
    entry.undo();
  } catch {
    return; // left to undoInterrupted(): the stack is too deep for it
  }
  finish(entry);
}

/** What `work` returns. What the entry has is the caller's then; if it throws, that is given back. */
export function within<Entry extends Unfinished, Result>(
  entry: Entry,
  work: (entry: Entry) => Result,
): Result {
  begin(entry);
  try {
    const result = work(entry);
    finish(entry);
    return result;
  } catch (error) {
    giveUp(entry);
    throw error;
  }
}

/** Gives back what was lost by operations that were cut off. Only to be called from the event loop. */
export function undoInterrupted(): void {
  keepDead(0);
  count = 0;
  while (dead.length > 0) {
    try {
      dead[dead.length - 1]?.undo();
    } catch {
      // A guard found an overflow, which it has reported.
    }
    dead.length--;
  }
}

/** What a pool lends, whichever class it is of. */
export interface Lent {
  readonly released: boolean;
  release(): void;
  [Symbol.dispose](): void;
}

function releaseOne(buf: Lent): void {
  if (!buf.released) buf.release();
}

const NONE: never[] = [];

/** Whether there is something to be undone from the event loop. */
export const hasUnfinished = (): boolean => count + dead.length > 0;

/** Buffers that were acquired for somebody. */
export class HeldBuffers<Buf extends Lent = PooledBuffer> extends Unfinished {
  /** One is kept without an array. */
  buf: Buf | undefined = undefined;
  readonly #bufs: (Buf | undefined)[];

  constructor(bufs: (Buf | undefined)[] = NONE) {
    super();
    this.#bufs = bufs;
  }

  undo(): void {
    if (this.buf !== undefined) {
      releaseOne(this.buf);
      this.buf = undefined;
    }
    const error = this.releaseAll();
    if (!this.isEmpty) throw error;
  }

  /** False when one of the array could not be released: releaseAll() may be called again. */
  get isEmpty(): boolean {
    for (let i = 0; i < this.#bufs.length; i++) if (this.#bufs[i] !== undefined) return false;
    return true;
  }

  /**
   * Releases those that are not released, each whatever the release of another throws.
   * @returns the first error, undefined without one
   */
  releaseAll(): unknown {
    let first: unknown;
    for (let i = 0; i < this.#bufs.length; i++) {
      const buf = this.#bufs[i];
      if (buf === undefined) continue;
      try {
        releaseOne(buf);
      } catch (error) {
        first ??= error;
        // What else it is, the buffer was not released.
        if (!isSuperslabError(error)) continue;
      }
      this.#bufs[i] = undefined;
    }
    return first;
  }
}

/** A block that has no buffer yet. */
export class HeldBlock extends Unfinished {
  readonly #pool: NativePool;
  /** Not above 0 for none. */
  block: BlockNumber = 0;

  constructor(pool: NativePool) {
    super();
    this.#pool = pool;
  }

  undo(): void {
    if (this.block <= 0) return;
    this.#pool.give(this.block);
    this.block = 0;
  }
}

/** A reference of the lease table, and the buffer that is made for it. */
export class HeldReference extends Unfinished {
  block: BlockNumber = 0;
  buf: PooledBuffer | undefined = undefined;

  undo(): void {
    if (this.buf !== undefined) {
      this.buf[Symbol.dispose]();
    } else if (this.block > 0) {
      environment.releaseShared(this.block);
      this.block = 0;
    }
  }
}
