import { check } from '../../addon/binding.js';
import { environment } from '../../addon/environment.js';
import { ZERO } from '../../addon/generated/choices.js';
import { builtins } from '../../base/builtins.js';
import { makeError, show } from '../../base/errors.js';
import type { Lending } from '../../pool/lending.js';
import { magazinesOf } from '../../pool/magazines.js';
import { begin, finish, giveUp } from '../../pool/unfinished.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import { CorePool } from '../core-pool.js';
import { acquireInTurn } from '../in-turn.js';
import { type ObservedCore, observe } from '../observed-core.js';
import { closeWhenDropped, rememberPool } from '../open-pools.js';
import { OpeningPool } from '../opening-pool.js';
import { poolName } from '../pool-options.js';
import { bindPrepared } from '../prepared.js';
import { PAGE_BYTES, type WarmProgress, warm } from '../warm.js';
import { entryClass, keepOwner, typesIn } from './accessors.js';
import { Column } from './column.js';
import type { Access, EntryClass } from './compile.js';
import {
  type ColumnValue,
  type ColumnView,
  type Fields,
  fitting,
  SCALARS,
  type ScalarNames,
} from './field-types.js';
import { handleOf, isHandle, isOf, placeOf } from './handles.js';
import { layoutError, layoutText, type RecordLayout } from './layout.js';
import { type RecordPoolOptions, type RecordSettings, recordSettings } from './options.js';
import { OwnedEntry, owned } from './owned-entry.js';
import type { RecordEntry } from './record-entry.js';
import { handleError, noHandleError, strangerError, usedAfterPutError } from './record-errors.js';
import { RecordReader } from './record-reader.js';
import { RecordShelf } from './record-shelf.js';
import { isWatched, RecordWatcher } from './record-watcher.js';

/** Whoever has only a bound function of a pool has the pool. */
const OWNER = Symbol('pool');

/** What the native side keeps of a text. */
const MAX_LAYOUT_TEXT = 60_000;

const trusting = (checked: boolean): Access => ({
  look: undefined,
  looksAfter: false,
  admit: checked ? fitting : undefined,
  refuse: undefined,
  keep: undefined,
});

/** For entries that are watched: the use of one that was put is found. */
const looking = (checked: boolean): Access => ({
  ...trusting(checked),
  look: (entry) => {
    const one = entry as OwnedEntry;
    if (!owned.isOut(one)) throw usedAfterPutError(owned.holderOf(one), 'use');
  },
  keep: keepOwner,
});

function lendingOf(shelf: RecordShelf, max: number): Lending<OwnedEntry> {
  return {
    make: undefined,
    lend: undefined,
    align: 1,
    tag: shelf.tag,
    tags: undefined,
    idle: shelf,
    waitName: 'getAsync()',
    exhaustedText: (size) =>
      `cannot give another record of ${size} B beyond its max of ${max}; release records by put(), raise max or use getAsync()`,
  };
}

/** Writes to each page of a record what is there already: a hook may have set it. */
function touch(entry: OwnedEntry): void {
  const { chunk } = owned.holderOf(entry);
  const { rowBytes, columns } = chunk.shelf.plan;
  const bytes = chunk.memory.views.u8 as Uint8Array;
  const i = owned.slotOf(entry) - 1;
  const end = (i + 1) * rowBytes;
  for (let at = i * rowBytes; at < end; at += PAGE_BYTES) bytes[at] = bytes[at]!;
  for (const { type, at } of columns) {
    const cell = at + i * SCALARS[type].bytes;
    bytes[cell] = bytes[cell]!;
  }
}

/**
 * A pool of typed records in slab memory: structs without an object for each lease, which other threads can read.
 * docs/pools/RECORD.md tells when to use it, and when not to.
 *
 * A pool belongs to the thread that made it, and so do its records; other threads read them by {@link RecordPool.open}. With a
 * guard or full leak detection each get() gives a fresh entry, so that the use of one that was put throws.
 *
 * @example
 * const LogEntry = record({ time: 'f64', level: 'u8', host: 'u32', message: bytes(500) });
 * const entries = new RecordPool(LogEntry, { name: 'log', max: 100_000, columns: ['time'] });
 * const entry = entries.get();
 * entry.time = Date.now();
 * entries.put(entry);
 */
export class RecordPool<
  Shape extends Fields = Fields,
  const Columns extends ScalarNames<Shape> = ScalarNames<Shape>,
> extends CorePool<OwnedEntry> {
  /** What each record has. */
  readonly layout: RecordLayout<Shape>;

  /** Most records that the pool has; 0 is no limit. */
  readonly max: number;

  /**
   * A record with undefined contents: those of its last use, unless `zero` or `init` says otherwise. Bound: it may be passed around.
   * @throws ERR_SUPERSLAB_EXHAUSTED when all `max` are lent
   * @throws ERR_SUPERSLAB_NO_MEMORY when the operating system gives no more
   * @throws ERR_SUPERSLAB_CLOSED
   */
  readonly get: () => RecordEntry<Shape>;

  /**
   * Gives a record back, to the RecordPool that it came from. Bound. It must not be used from then on: the next get()
   * may give it to somebody else.
   * @throws ERR_SUPERSLAB_RELEASED when it was put before and not got again since
   * @throws ERR_SUPERSLAB_FOREIGN when it is no record of a RecordPool
   */
  readonly put: (entry: RecordEntry<Shape>) => void;

  readonly #core: ObservedCore<OwnedEntry>;
  readonly #shelf: RecordShelf;
  readonly #prepare: ((entry: OwnedEntry) => void) | undefined;
  readonly #columns = new Map<string, Column>();

  /**
   * @throws ERR_SUPERSLAB_OPTION for an unknown option or an impossible value
   * @throws ERR_SUPERSLAB_ARGUMENT for what is no layout
   */
  constructor(layout: RecordLayout<Shape>, options: RecordPoolOptions<Shape, Columns> = {}) {
    const settings = recordSettings(layout as RecordLayout, options);
    const name = poolName(options);
    scheduleUpkeep();
    const opening = begin(new OpeningPool());
    opening.opened = environment.openPool(settings.pairs, name, false);
    const native = check(opening.opened);
    const magazines = magazinesOf(native, name);
    const firstGeneration = Math.floor(builtins.random() * 2 ** 28) * 2;
    const shelf = new RecordShelf({
      name,
      native,
      magazines,
      plan: settings.plan,
      max: settings.max,
      keep: settings.initial,
      firstGeneration,
      types: typesIn(settings.layout),
      Entry: entryClassOf(settings, trusting(settings.checked)),
      cleanup: settings.cleanup as ((entry: OwnedEntry) => void) | undefined,
    });
    const core = observe(name, native, magazines, lendingOf(shelf, settings.max), false, false);
    shelf.core = core;
    if (isWatched(native)) {
      const Entry = entryClassOf(settings, looking(settings.checked));
      shelf.watcher = new RecordWatcher(shelf, native, Entry, core.zeroAtRelease);
    }
    super(core, shelf.watcher);
    this.#core = core;
    this.#shelf = shelf;
    this.layout = layout;
    this.max = settings.max;
    this.#prepare = preparing(shelf, native.zero === ZERO.acquire, settings);
    const got = this.#bindGet();
    this.get = got as () => RecordEntry<Shape>;
    this.put = this.#bindPut(settings) as (entry: RecordEntry<Shape>) => void;
    for (const bound of [got, this.put]) Object.defineProperty(bound, OWNER, { value: this });
    try {
      holdRecords(shelf, settings);
      if (settings.initial > 0) this.warm(settings.initial);
    } catch (error) {
      giveUp(opening);
      throw error;
    }
    closeWhenDropped(this, core);
    rememberPool(this);
    finish(opening);
  }

  /**
   * The records of the pool of that name, which another thread of this process has open, to be read: the same memory,
   * without a copy. docs/pools/RECORD.md says what a reader can rely on.
   * @param layout that the pool must have
   * @throws ERR_SUPERSLAB_ARGUMENT when no pool of records of that name is open, more than one is, or it has another layout
   */
  static open<Shape extends Fields = Fields>(
    name: string,
    layout?: RecordLayout<Shape>,
  ): RecordReader<Shape> {
    return RecordReader.open(name, layout);
  }

  #bindGet(): () => OwnedEntry {
    const shelf = this.#shelf;
    const core = this.#core;
    const { watcher, plan } = shelf;
    let taken: () => OwnedEntry;
    if (watcher === undefined) taken = owned.bindGet(shelf);
    else if (watcher.watchesAll) taken = () => core.acquireSlow(plan.recordBytes);
    else taken = owned.bindGetSampled(shelf);
    if (this.#prepare === undefined) return taken;
    const prepared = bindPrepared(taken, this.#prepare);
    return () => prepared(plan.recordBytes);
  }

  #bindPut({ cleanup }: RecordSettings): (entry: unknown) => void {
    // Only a put off the fast path calls the hook, and looks who is watched.
    return cleanup === undefined ? owned.bindPut(this.#shelf) : (entry) => owned.put(entry);
  }

  /**
   * A record as soon as one is free, first come first served. Rejects with `signal.reason` when aborted, and like
   * {@link get} for what waiting cannot change.
   * @throws ERR_SUPERSLAB_OPTION (rejects) for a wrong option
   */
  getAsync(options: { signal?: AbortSignal } = {}): Promise<RecordEntry<Shape>> {
    const prepare = this.#prepare;
    const ready = (entry: OwnedEntry) => {
      prepare?.(entry);
      return entry as unknown as RecordEntry<Shape>;
    };
    const wish = { size: this.#shelf.plan.recordBytes, pool: this, ready };
    return acquireInTurn(this.#core, 'getAsync()', options, wish);
  }

  /**
   * A number that names this lease of the record, in every thread: see {@link at}.
   * @throws ERR_SUPERSLAB_RELEASED when it was put
   * @throws ERR_SUPERSLAB_FOREIGN when it is no record of this pool
   */
  handle(entry: RecordEntry<Shape>): number {
    if (!owned.isOwned(entry)) throw strangerError(entry, 'give a handle of', this.handle);
    const holder = owned.holderOf(entry);
    const { chunk } = holder;
    if (chunk.shelf !== this.#shelf) {
      throw makeError(
        'ERR_SUPERSLAB_FOREIGN',
        `the record is one of pool "${chunk.shelf.name}", not of "${this.name}"; ask that pool for its handle`,
        TypeError,
      );
    }
    if (!owned.isOut(entry)) throw usedAfterPutError(holder, 'give a handle of');
    const slot = owned.slotOf(entry);
    return handleOf(holder.words[slot]!, chunk.index * this.#shelf.plan.records + slot - 1);
  }

  /**
   * The record that a handle names.
   * @throws ERR_SUPERSLAB_STALE when it was put since; the message says what it was
   * @throws ERR_SUPERSLAB_FOREIGN when the handle is another pool's, as far as that can be told
   * @throws ERR_SUPERSLAB_ARGUMENT for what is no handle
   */
  at(handle: number): RecordEntry<Shape> {
    const entry = this.tryAt(handle);
    if (entry !== undefined) return entry;
    const { name, firstGeneration } = this.#shelf;
    throw handleError(handle, { pool: name, generation: this.#generationOf(handle), first: firstGeneration });
  }

  /**
   * The same; undefined for a handle that is stale or another pool's.
   * @throws ERR_SUPERSLAB_ARGUMENT for what is no handle
   */
  tryAt(handle: number): RecordEntry<Shape> | undefined {
    if (!isHandle(handle)) throw noHandleError(this.name, handle);
    const generation = this.#generationOf(handle);
    if (generation === undefined || !isOf(handle, generation)) return undefined;
    const place = placeOf(handle);
    const { chunks, plan, watcher } = this.#shelf;
    const watched = watcher?.entryAt(place);
    const index = Math.floor(place / plan.records);
    const entry = watched === undefined ? chunks[index]?.entries[place % plan.records] : watched.entry;
    return entry as RecordEntry<Shape> | undefined;
  }

  #generationOf(handle: number): number | undefined {
    const place = placeOf(handle);
    const { records } = this.#shelf.plan;
    return this.#shelf.wordsOf(Math.floor(place / records))?.[(place % records) + 1];
  }

  /**
   * A field of all records that are lent: one that is named in the option `columns`.
   * @throws ERR_SUPERSLAB_ARGUMENT for any other name
   */
  column<Name extends Columns>(name: Name): Column<ColumnValue<Shape, Name>, ColumnView<Shape, Name>> {
    let column = this.#columns.get(name);
    if (column === undefined) {
      const { columns } = this.#shelf.plan;
      const place = columns.find((one) => one.name === name);
      if (place === undefined) throw this.#columnError(name);
      column = new Column(this.#shelf, place);
      this.#columns.set(name, column);
    }
    return column as Column<ColumnValue<Shape, Name>, ColumnView<Shape, Name>>;
  }

  #columnError(name: unknown): Error {
    const names = this.#shelf.plan.columns.map((one) => one.name);
    const advice =
      names.length === 0 ? 'it has none; name some in the option columns' : `it has ${names.join(', ')}`;
    return makeError(
      'ERR_SUPERSLAB_ARGUMENT',
      `pool "${this.name}" has no column ${show(name)}: ${advice}`,
      TypeError,
    );
  }

  /**
   * Sees to it that `count` records are free and that their memory has been touched, so that their first use waits for
   * nothing. Calls `onProgress` now and then, and at the end.
   * @throws what {@link get} throws when there cannot be so many; then none was taken
   * @throws ERR_SUPERSLAB_ARGUMENT
   */
  warm(count: number, onProgress?: WarmProgress): void {
    warm(this.get as unknown as () => OwnedEntry, touch, count, onProgress);
  }

  /** Whether `entry` is a record of this pool that is lent. */
  owns(entry: unknown): boolean {
    return owned.isOwned(entry) && owned.holderOf(entry).chunk.shelf === this.#shelf && owned.isOut(entry);
  }

  protected override contradiction(): string | undefined {
    return this.#shelf.contradiction();
  }
}

const entryClassOf = ({ layout, plan }: RecordSettings, access: Access): EntryClass<OwnedEntry> =>
  entryClass<OwnedEntry>(layout, plan, OwnedEntry, access);

/** What is done with a record before its caller has it. */
function preparing(
  shelf: RecordShelf,
  isCleared: boolean,
  { init }: RecordSettings,
): ((entry: OwnedEntry) => void) | undefined {
  if (!isCleared) return init as ((entry: OwnedEntry) => void) | undefined;
  return (entry) => {
    shelf.fill(owned.holderOf(entry).chunk, owned.slotOf(entry), 0);
    init?.(entry as never);
  };
}

/** Tells the native side what the pool lends, before it lends anything. */
function holdRecords(shelf: RecordShelf, { layout, columns, plan }: RecordSettings): void {
  const { name, native, firstGeneration } = shelf;
  const { chunkBytes, records: chunkRecords, recordBytes } = plan;
  const text = JSON.stringify({
    fields: layoutText(layout),
    columns,
    align: plan.align,
    chunkBytes,
    chunkRecords,
    firstGeneration,
  });
  if (text.length > MAX_LAYOUT_TEXT) {
    throw layoutError(
      `the layout of pool "${name}" has too many fields for other threads to read it`,
      RangeError,
    );
  }
  if (!native.holdRecords({ name, layout: text, chunkBytes, chunkRecords, recordBytes, firstGeneration })) {
    throw makeError('ERR_SUPERSLAB_CLOSED', `pool "${name}" was closed while it was opened`);
  }
}
