// The records of another thread's pool, to be read.
import type { NativeRecords } from '../../addon/binding.js';
import { environment } from '../../addon/environment.js';
import { builtins } from '../../base/builtins.js';
import { makeError, show } from '../../base/errors.js';
import { isStronglyOrdered } from '../../base/memory-order.js';
import { refuseTransfers } from '../../pool/windows.js';
import { entryClass, typesIn } from './accessors.js';
import { type ChunkMemory, chunkMemory } from './chunk-memory.js';
import { planFor } from './chunk-plan.js';
import type { EntryClass } from './compile.js';
import type { Fields, RecordValues } from './field-types.js';
import { isHandle, isOf, placeOf } from './handles.js';
import { type LayoutText, layoutText, parseLayout, type RecordLayout } from './layout.js';
import { handleError, noHandleError } from './record-errors.js';

/** What holdRecords() was given as a text. */
interface PublishedPool {
  readonly fields: LayoutText;
  readonly columns: readonly string[];
  readonly align: number;
  readonly chunkBytes: number;
  readonly chunkRecords: number;
  readonly firstGeneration: number;
}

/** A chunk as this thread sees it. */
interface SeenChunk {
  readonly placement: number;
  readonly memory: ChunkMemory;
  /** The placement, and then the generations. */
  readonly words: Uint32Array;
}

/** A record of another thread's pool. Each read throws ERR_SUPERSLAB_STALE if it was put meanwhile. */
export type ReadEntry<Shape extends Fields = Fields> = Readonly<RecordValues<Shape>> & {
  /** Whether the record was put: what was read of its bytes, arrays and inner records before may be another's. */
  readonly released: boolean;
};

/**
 * The word now, after everything that was read before. Where the processor may read in another order, an atomic
 * operation that writes keeps it.
 */
const wordAfter = (words: Uint32Array, slot: number): number =>
  isStronglyOrdered ? Atomics.load(words, slot) : Atomics.or(words, slot, 0);

/** Which lease of which slot a record is. */
interface Lease {
  readonly handle: number;
  readonly slot: number;
  readonly generation: number;
}

/** What a record asks of its reader. */
interface Explainer {
  errorFor(handle: number): Error;
}

abstract class ReadRecord {
  readonly #reader: Explainer;
  readonly #words: Uint32Array;
  readonly #lease: Lease;

  constructor(reader: Explainer, words: Uint32Array, lease: Lease) {
    this.#reader = reader;
    this.#words = words;
    this.#lease = lease;
  }

  get released(): boolean {
    return wordAfter(this.#words, this.#lease.slot) !== this.#lease.generation;
  }

  static look(entry: ReadRecord): void {
    if (wordAfter(entry.#words, entry.#lease.slot) === entry.#lease.generation) return;
    throw entry.#reader.errorFor(entry.#lease.handle);
  }
}

function refuse(name: string): never {
  throw makeError(
    'ERR_SUPERSLAB_ARGUMENT',
    `field "${name}" cannot be set here: only the thread that made the pool writes its records`,
    TypeError,
  );
}

function checkLayout(name: string, published: RecordLayout, wanted: RecordLayout): void {
  const [has, should] = [published, wanted].map((layout) => JSON.stringify(layoutText(layout)));
  if (has === should) return;
  throw makeError(
    'ERR_SUPERSLAB_ARGUMENT',
    `pool "${name}" has records of another layout: ${has}, and not ${should}`,
    TypeError,
  );
}

function find(name: string): NativeRecords {
  if (typeof name !== 'string') {
    throw makeError('ERR_SUPERSLAB_ARGUMENT', `open() takes a pool's name, got ${show(name)}`, TypeError);
  }
  const found = environment.findRecords(name);
  if (typeof found !== 'number') return found;
  const what =
    found === 0
      ? `no pool of records named ${show(name)} is open in this process; open it before, or correct the name`
      : `${found} pools of records are named ${show(name)}; give each a name of its own`;
  throw makeError('ERR_SUPERSLAB_ARGUMENT', what, Error);
}

/**
 * The records of a pool that another thread has open: what {@link RecordPool.open} returns. It reads the same memory. It keeps no
 * record from being put, and the pool from nothing: what was put is noticed.
 */
export class RecordReader<Shape extends Fields = Fields> {
  /** Of the pool. */
  readonly name: string;
  readonly layout: RecordLayout<Shape>;
  readonly #native: NativeRecords;
  readonly #published: PublishedPool;
  readonly #rowBytes: number;
  readonly #types: ReturnType<typeof typesIn>;
  readonly #Entry: EntryClass<ReadEntry<Shape>>;
  #chunks: (SeenChunk | undefined)[] = [];
  #isClosed = false;
  /** Not the reader itself, whose method it would be. */
  readonly #explainer: Explainer = { errorFor: (handle) => this.#errorFor(handle) };

  private constructor(name: string, native: NativeRecords, wanted: RecordLayout | undefined) {
    const published = JSON.parse(native.layout) as PublishedPool;
    const layout = parseLayout(published.fields);
    if (wanted !== undefined) checkLayout(name, layout, wanted);
    const plan = planFor(layout, published.columns, published.align, published.chunkBytes);
    const access = { look: ReadRecord.look as (entry: object) => void, looksAfter: true, admit: undefined };
    this.name = name;
    this.layout = layout as RecordLayout as RecordLayout<Shape>;
    this.#native = native;
    this.#published = published;
    this.#rowBytes = plan.rowBytes;
    this.#types = typesIn(layout);
    this.#Entry = entryClass<ReadEntry<Shape>>(layout, plan, ReadRecord, {
      ...access,
      refuse,
      keep: undefined,
    });
  }

  /** @internal */
  static open<Shape extends Fields>(
    name: string,
    layout: RecordLayout<Shape> | undefined,
  ): RecordReader<Shape> {
    return new RecordReader<Shape>(name, find(name), layout as RecordLayout | undefined);
  }

  /** Whether the pool is closed and has everything back, or its thread has ended: then there is nothing to read any more. */
  get ended(): boolean {
    return this.#native.hasEnded();
  }

  /**
   * The record that a handle names. A new object for each call: who reads many fields keeps it.
   * @throws ERR_SUPERSLAB_STALE when it was put since
   * @throws ERR_SUPERSLAB_FOREIGN when the handle is another pool's, as far as that can be told
   * @throws ERR_SUPERSLAB_CLOSED when this reader was closed
   * @throws ERR_SUPERSLAB_ARGUMENT for what is no handle
   */
  at(handle: number): ReadEntry<Shape> {
    const entry = this.tryAt(handle);
    if (entry === undefined) throw this.#errorFor(handle);
    return entry;
  }

  /**
   * The same; undefined for a handle that is stale or another pool's.
   * @throws ERR_SUPERSLAB_ARGUMENT for what is no handle
   * @throws ERR_SUPERSLAB_CLOSED
   */
  tryAt(handle: number): ReadEntry<Shape> | undefined {
    if (!isHandle(handle)) throw noHandleError(this.name, handle);
    if (this.#isClosed) {
      throw makeError('ERR_SUPERSLAB_CLOSED', `this reader of pool "${this.name}" is closed`);
    }
    const place = placeOf(handle);
    const { chunkRecords } = this.#published;
    const i = place % chunkRecords;
    const chunk = this.#chunkAt(Math.floor(place / chunkRecords), i + 1, handle);
    if (chunk === undefined) return undefined;
    const { words, memory } = chunk;
    const lease = { handle, slot: i + 1, generation: Atomics.load(words, i + 1) };
    // Another lease of the same slot may have begun: then it was looked at too late.
    if (!isOf(handle, lease.generation)) return undefined;
    return new this.#Entry(this.#explainer, words, lease, memory, i * this.#rowBytes, i);
  }

  /**
   * The chunk, if the slot has that lease. While it has, the chunk lies where it lay: so if the placement is right after that, the
   * memory is right.
   */
  #chunkAt(index: number, slot: number, handle: number): SeenChunk | undefined {
    const seen = this.#chunks[index] ?? this.#look(index);
    if (seen === undefined || !isOf(handle, Atomics.load(seen.words, slot))) return undefined;
    if (Atomics.load(seen.words, 0) === seen.placement) return seen;
    return this.#look(index);
  }

  #look(index: number): SeenChunk | undefined {
    const place = this.#native.chunk(index);
    if (place === undefined) return undefined;
    const { placement, memory, words } = place;
    refuseTransfers(memory);
    const seen = {
      placement,
      memory: chunkMemory(memory, 0, this.#published.chunkBytes, this.#types),
      words: new builtins.Uint32Array(words),
    };
    this.#chunks[index] = seen;
    return seen;
  }

  #errorFor(handle: number): Error {
    const { chunkRecords, firstGeneration: first } = this.#published;
    const place = placeOf(handle);
    const words = this.#chunks[Math.floor(place / chunkRecords)]?.words;
    if (words === undefined && this.ended) {
      return makeError(
        'ERR_SUPERSLAB_STALE',
        `handle ${handle} of pool "${this.name}" is stale: the pool is closed, or its thread has ended`,
      );
    }
    return handleError(handle, { pool: this.name, generation: words?.[(place % chunkRecords) + 1], first });
  }

  /** Lets go of the pool's memory. Records that were read with it stay readable. */
  close(): void {
    this.#isClosed = true;
    this.#chunks = [];
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
