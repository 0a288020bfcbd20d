import { RECORDS } from '../../addon/generated/memory.js';
import { isStronglyOrdered } from '../../base/memory-order.js';
import type { Lent } from '../../pool/unfinished.js';
import type { EntryShelf, Holder } from './holders.js';
import { putTwiceError, strangerError } from './record-errors.js';

type OwnedHolder = Holder<OwnedEntry>;
type OwnedShelf = EntryShelf<OwnedEntry>;

/** What a RecordPool does with its entries. Not on the class, where anybody could forge a put with it. */
interface OwnedEntries {
  isOwned(value: unknown): value is OwnedEntry;
  holderOf(entry: OwnedEntry): OwnedHolder;
  slotOf(entry: OwnedEntry): number;
  isOut(entry: OwnedEntry): boolean;
  bindGet(shelf: OwnedShelf): () => OwnedEntry;
  bindGetSampled(shelf: OwnedShelf): () => OwnedEntry;
  bindPut(shelf: OwnedShelf): (entry: unknown) => void;
  /** A put that does everything off the fast path: for pools with a hook, and those that watch. */
  put(entry: unknown): void;
}

let isOwned: (value: unknown) => value is OwnedEntry;
let ofClass: OwnedEntries;

const { idle: IDLE } = RECORDS;

/** What a RecordPool lends: a class of each layout has its fields. An entry is made once, and lent again with its memory. */
export abstract class OwnedEntry implements Lent {
  #holder: OwnedHolder;
  /** In its chunk, from 1 on. */
  #slot: number;

  static {
    isOwned = (value): value is OwnedEntry => typeof value === 'object' && value !== null && #slot in value;
    ofClass = {
      isOwned,
      holderOf: (entry) => entry.#holder,
      slotOf: (entry) => entry.#slot,
      isOut: OwnedEntry.#isOut,
      bindGet: OwnedEntry.#bindGet,
      bindGetSampled: OwnedEntry.#bindGetSampled,
      bindPut: OwnedEntry.#bindPut,
      put: OwnedEntry.#put,
    };
  }

  constructor(holder: OwnedHolder, slot: number) {
    this.#holder = holder;
    this.#slot = slot;
  }

  get released(): boolean {
    return !isOwned(this) || !OwnedEntry.#isOut(this);
  }

  release(): void {
    OwnedEntry.#put(this);
  }

  [Symbol.dispose](): void {
    if (!this.released) this.release();
  }

  static #isOut(entry: OwnedEntry): boolean {
    return (entry.#holder.words[entry.#slot]! & 1) !== 0;
  }

  /** The hot path of get: one closure a pool. */
  static #bindGet(shelf: OwnedShelf): () => OwnedEntry {
    const { tag, core, plan } = shelf;
    const { records, acquired } = shelf.magazines;
    const get = (): OwnedEntry => {
      const top = records[IDLE]!;
      if (top !== 0) {
        const entry = shelf.stack[top - 1]!;
        const { words } = entry.#holder;
        if (isStronglyOrdered) words[entry.#slot]!++;
        else Atomics.add(words, entry.#slot, 1);
        records[IDLE] = top - 1;
        acquired[tag]!++;
        return entry;
      }
      return core.acquireSlow(plan.recordBytes);
    };
    return get;
  }

  /** The same where samples are watched: SAMPLE_MASK (lib/guard/sample-budget.ts) sends some down the slow path. */
  static #bindGetSampled(shelf: OwnedShelf): () => OwnedEntry {
    const { tag, core, plan } = shelf;
    const { records, acquired } = shelf.magazines;
    const get = (): OwnedEntry => {
      const top = records[IDLE]!;
      const count = (acquired[tag]! + 1) | 0;
      if (top !== 0 && (count & 4095) !== 0) {
        const entry = shelf.stack[top - 1]!;
        const { words } = entry.#holder;
        if (isStronglyOrdered) words[entry.#slot]!++;
        else Atomics.add(words, entry.#slot, 1);
        records[IDLE] = top - 1;
        acquired[tag] = count;
        return entry;
      }
      return core.acquireSlow(plan.recordBytes);
    };
    return get;
  }

  /** The hot path of put. It takes entries of every RecordPool. */
  static #bindPut(shelf: OwnedShelf): (entry: unknown) => void {
    const { tag } = shelf;
    const { records, limit } = shelf.magazines;
    const put = (entry: unknown): void => {
      if (isOwned(entry)) {
        const { words, quickShelf } = entry.#holder;
        const slot = entry.#slot;
        const generation = words[slot]!;
        // Without a limit the pool is closed, somebody waits for room, or the record is to be cleared.
        if (quickShelf === shelf && (generation & 1) !== 0 && limit[tag] !== 0) {
          const top = records[IDLE]!;
          shelf.stack[top] = entry;
          if (isStronglyOrdered) words[slot] = generation + 1;
          else Atomics.store(words, slot, generation + 1);
          records[IDLE] = top + 1;
          return;
        }
      }
      OwnedEntry.#put(entry);
    };
    return put;
  }

  static #put(entry: unknown): void {
    if (!isOwned(entry)) throw strangerError(entry, 'put', OwnedEntry.#put);
    const holder = entry.#holder;
    if (!OwnedEntry.#isOut(entry)) throw putTwiceError(holder);
    holder.chunk.shelf.takeBack(entry, holder, entry.#slot);
  }
}

export const owned: OwnedEntries = ofClass;
