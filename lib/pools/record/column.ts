import type { ColumnPlace } from './chunk-plan.js';
import { type ScalarView, VIEWS } from './field-types.js';
import type { EntryChunk } from './holders.js';

/** Where the records of a column lie: in chunks, of which some places are undefined. */
interface ColumnSource {
  readonly chunks: readonly (EntryChunk<unknown> | undefined)[];
  /** Whether every record of every chunk is lent. */
  readonly isFull: boolean;
}

/** Slots that are looked at together. */
const STEP = 8;

/** The end of the slots from `from` on that are lent, one after the other; `words` counts from 1. */
function endOfLent(words: Uint32Array, from: number, count: number): number {
  let end = from;
  while (end + STEP <= count) {
    const all =
      words[end + 1]! &
      words[end + 2]! &
      words[end + 3]! &
      words[end + 4]! &
      words[end + 5]! &
      words[end + 6]! &
      words[end + 7]! &
      words[end + 8]!;
    if ((all & 1) === 0) break;
    end += STEP;
  }
  while (end < count && (words[end + 1]! & 1) !== 0) end++;
  return end;
}

/** The values of records that lie one after the other: those of `values` from `start` on, as far as `end`. */
export interface ColumnRun<View> {
  readonly values: View;
  readonly start: number;
  readonly end: number;
}

/**
 * One field of all records that are lent. Records that are got or put while it is read may be seen or not; one that is
 * lent all the time is seen once.
 */
export class Column<Value = unknown, View = unknown> implements Iterable<Value> {
  readonly #source: ColumnSource;
  readonly #place: ColumnPlace;
  readonly #views = new WeakMap<object, ScalarView>();

  /** @internal */
  constructor(source: ColumnSource, place: ColumnPlace) {
    this.#source = source;
    this.#place = place;
  }

  /**
   * Runs of records that are lent and lie one after the other: a loop over each is the fastest way to read them. The object is
   * the same each time, and its memory is other records' later: it is not to be kept.
   * @example
   * let sum = 0;
   * for (const { values, start, end } of pool.column('time').runs()) {
   *   for (let i = start; i < end; i++) sum += values[i];
   * }
   */
  *runs(): Generator<ColumnRun<View>, undefined> {
    const { chunks } = this.#source;
    const run: { values: View; start: number; end: number } = { values: undefined as View, start: 0, end: 0 };
    for (let i = 0; i < chunks.length; i++) {
      const chunk = chunks[i];
      if (chunk === undefined) continue;
      run.values = this.#viewOf(chunk) as View;
      let start = 0;
      while (start < chunk.records && chunk.words.length !== 0) {
        const { isFull } = this.#source;
        const end = isFull ? chunk.records : endOfLent(chunk.words, start, chunk.records);
        if (end > start) {
          run.start = start;
          run.end = end;
          yield run;
        }
        start = end + 1;
      }
    }
  }

  /** The values of all records that are lent. */
  *[Symbol.iterator](): Generator<Value, undefined> {
    const { chunks } = this.#source;
    const isFlag = this.#place.type === 'bool';
    for (let i = 0; i < chunks.length; i++) {
      const chunk = chunks[i];
      if (chunk === undefined) continue;
      const values = this.#viewOf(chunk);
      for (let at = 0; at < chunk.records; at++) {
        if ((chunk.words[at + 1]! & 1) === 0) continue;
        yield (isFlag ? values[at] !== 0 : values[at]) as Value;
      }
    }
  }

  #viewOf(chunk: EntryChunk<unknown>): ScalarView {
    let view = this.#views.get(chunk);
    if (view === undefined) {
      const { memory, records } = chunk;
      view = VIEWS[this.#place.type](memory.window, memory.start + this.#place.at, records);
      this.#views.set(chunk, view);
    }
    return view;
  }
}
