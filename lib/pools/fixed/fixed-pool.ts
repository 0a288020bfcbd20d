import { check } from '../../addon/binding.js';
import { environment, facts } from '../../addon/environment.js';
import { ZERO } from '../../addon/generated/choices.js';
import { fill } from '../../base/builtins.js';
import { makeError, show } from '../../base/errors.js';
import { tagAlignedTo } from '../../pool/aligned-tags.js';
import type { Lending } from '../../pool/lending.js';
import { magazinesOf } from '../../pool/magazines.js';
import { leases } from '../../pool/pooled-buffer.js';
import { begin, finish, giveUp, HeldBuffers } from '../../pool/unfinished.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import { CorePool } from '../core-pool.js';
import { acquireInTurn, cleared } from '../in-turn.js';
import { type ObservedCore, observe } from '../observed-core.js';
import { closeWhenDropped, rememberPool } from '../open-pools.js';
import { OpeningPool } from '../opening-pool.js';
import { poolName } from '../pool-options.js';
import { bindPrepared } from '../prepared.js';
import { touchPages, type WarmProgress, warm } from '../warm.js';
import { otherKindError, putTwiceError } from './errors.js';
import { type FixedPoolOptions, type FixedSettings, fixedSettings } from './options.js';
import { type FixedBuffer, type ReusedBuffer, type ReusedShelf, reused } from './reused-buffer.js';
import { Shelf } from './shelf.js';

const { bytesOfTag } = facts;
/** Whoever has only a bound function of a pool has the pool. */
const OWNER = Symbol('pool');
/** The cores of all fixed pools of this thread, by which watched buffers are told from those of a BufferPool. */
const cores = new WeakSet<object>();

function lendingOf(shelf: ReusedShelf, { max, align }: FixedSettings): Lending<FixedBuffer> {
  return {
    make: (window, byteOffset, _, block) => reused.make(shelf, window, byteOffset, block),
    lend: (buf) => buf,
    align,
    tag: shelf.tag,
    tags: undefined,
    idle: reused.idleOf(shelf),
    waitName: 'getAsync()',
    exhaustedText: (size) =>
      `cannot give another buffer of ${size} B beyond its max of ${max}; release buffers by put(), raise max or use getAsync()`,
  };
}

/** Puts what is no buffer that a FixedPool lends again: one that is watched goes back, the rest is refused. */
function putOther(buf: unknown): void {
  const lender = leases.lenderOf(buf);
  if (lender !== undefined && !cores.has(lender)) {
    throw otherKindError(lender.name, (buf as Uint8Array).length);
  }
  leases.releaseFirst(buf as Uint8Array);
}

function bindGet(core: ObservedCore<FixedBuffer>, shelf: ReusedShelf): () => FixedBuffer {
  if (core.watcher === undefined) return reused.bindGet(shelf);
  if (!core.watcher.watchesAll) return reused.bindGetSampled(shelf);
  return () => core.acquireSlow(shelf.size);
}

const argumentError = (message: string, Class: typeof TypeError | typeof RangeError = TypeError) =>
  makeError('ERR_SUPERSLAB_ARGUMENT', message, Class);

function checkCount(what: string, count: number): void {
  if (!Number.isInteger(count) || count < 0) {
    throw argumentError(`${what} must be a whole number, got ${show(count)}`, RangeError);
  }
}

/**
 * A pool of buffers of one size that hands out the same Buffer objects again and again, so that neither get() nor put()
 * makes a view. docs/pools/FIXED.md tells when to use it, and when not to.
 *
 * A pool belongs to the thread that made it, and so do its buffers. With a guard or full leak detection each get() gives a
 * fresh object, so that the use of one that was put is found.
 *
 * @example
 * const pool = new FixedPool({ size: 2048, max: 10_000, initial: 1000 });
 * const packet = pool.get();
 * socket.send(packet, port, () => pool.put(packet));
 */
export class FixedPool extends CorePool<FixedBuffer> {
  /** Length of each buffer. Unit: bytes. */
  readonly size: number;

  /** Most buffers that the pool has; 0 is no limit. */
  readonly max: number;

  /**
   * A buffer with undefined contents: those of its last use, unless `zero` says otherwise. Bound: it may be passed around.
   * @throws ERR_SUPERSLAB_EXHAUSTED when all `max` are out
   * @throws ERR_SUPERSLAB_NO_MEMORY when the operating system gives no more
   * @throws ERR_SUPERSLAB_CLOSED
   */
  readonly get: () => FixedBuffer;

  /**
   * Gives a buffer back, to the FixedPool that it came from. Bound. It must not be used from then on: the next get()
   * may give it to somebody else.
   * @throws ERR_SUPERSLAB_RELEASED when it was put before and not got again since
   * @throws ERR_SUPERSLAB_FOREIGN when it is no buffer of a FixedPool
   */
  readonly put: (buf: Uint8Array) => void;

  readonly #core: ObservedCore<FixedBuffer>;
  readonly #shelf: ReusedShelf;
  readonly #getsFast: boolean;
  readonly #zeroAtAcquire: boolean;

  /** @throws ERR_SUPERSLAB_OPTION for an unknown option or an impossible value */
  constructor(options: FixedPoolOptions) {
    const settings = fixedSettings(options);
    const { size, max, initial, align, colour } = settings;
    const name = poolName(options);
    scheduleUpkeep();
    const opening = begin(new OpeningPool());
    opening.opened = environment.openPool(settings.pairs, name, !colour);
    const native = check(opening.opened);
    const magazines = magazinesOf(native, name);
    const shelf = new Shelf<FixedBuffer, ReusedBuffer>(
      native,
      magazines,
      tagAlignedTo(size, align),
      size,
      initial,
    );
    const core = observe(name, native, magazines, lendingOf(shelf, settings), false);
    shelf.core = core;
    cores.add(core);
    super(core);
    this.#core = core;
    this.#shelf = shelf;
    this.size = size;
    this.max = max;
    this.#zeroAtAcquire = native.zero === ZERO.acquire;
    this.#getsFast = core.watcher === undefined && !this.#zeroAtAcquire;
    const got = bindGet(core, shelf);
    const cleared = bindPrepared(got, (buf) => fill(buf, 0));
    this.get = this.#zeroAtAcquire ? () => cleared(size) : got;
    this.put = reused.bindPut(shelf, putOther);
    for (const bound of [got, this.get, this.put]) Object.defineProperty(bound, OWNER, { value: this });
    try {
      if (initial > 0) this.warm(initial);
    } catch (error) {
      giveUp(opening);
      throw error;
    }
    closeWhenDropped(this, core);
    rememberPool(this);
    finish(opening);
  }

  /**
   * A buffer as soon as one is free, first come first served. Rejects with `signal.reason` when aborted, and like
   * {@link get} for what waiting cannot change.
   * @throws ERR_SUPERSLAB_OPTION (rejects) for a wrong option
   */
  getAsync(options: { signal?: AbortSignal } = {}): Promise<FixedBuffer> {
    const ready = this.#zeroAtAcquire ? cleared<FixedBuffer> : (buf: FixedBuffer) => buf;
    return acquireInTurn(this.#core, 'getAsync()', options, { size: this.size, pool: this, ready });
  }

  /**
   * `count` buffers, or none: if one cannot be had, the others go back and it throws what {@link get} throws.
   * @param into an array to use again: it has exactly those buffers afterwards, and none if this throws
   * @throws ERR_SUPERSLAB_ARGUMENT for anything but a whole number, and for what is no array
   */
  getBulk(count: number, into: FixedBuffer[] = []): FixedBuffer[] {
    checkCount('count of getBulk()', count);
    if (!Array.isArray(into)) throw argumentError(`into must be an array, got ${show(into)}`);
    if (into.length > count) into.length = count;
    if (this.#getsFast && reused.tryGetBulk(this.#shelf, count, into)) return into;
    into.length = 0;
    const bufs: FixedBuffer[] = [];
    const held = begin(new HeldBuffers(bufs));
    try {
      while (bufs.length < count) bufs[bufs.length] = this.get();
      for (let i = 0; i < count; i++) into[i] = bufs[i]!;
    } catch (error) {
      giveUp(held);
      into.length = 0;
      throw error;
    }
    finish(held);
    return into;
  }

  /**
   * Puts every buffer of an array, or none: if one is no buffer of a FixedPool that is out, or is there twice, it throws
   * what {@link put} throws, and all are still out.
   * @throws ERR_SUPERSLAB_ARGUMENT for what is no array
   */
  putBulk(bufs: readonly Uint8Array[]): void {
    if (!Array.isArray(bufs)) throw argumentError(`putBulk() takes an array of buffers, got ${show(bufs)}`);
    if (reused.tryPutBulk(this.#shelf, bufs)) return;
    // A copy, which no code of the program changes meanwhile.
    const all: Uint8Array[] = [];
    for (let i = 0; i < bufs.length; i++) all[i] = bufs[i]!;
    this.#checkAllOut(all);
    let first: unknown;
    for (const buf of all) {
      try {
        this.put(buf);
      } catch (error) {
        // A guard found bytes behind it overwritten: it was put all the same.
        first ??= error;
      }
    }
    if (first !== undefined) throw first;
  }

  /**
   * Sees to it that `count` buffers are idle and that their memory has been touched, so that their first use waits for
   * nothing. Calls `onProgress` now and then, and at the end.
   * @throws what {@link get} throws when there cannot be so many; then none was taken
   * @throws ERR_SUPERSLAB_ARGUMENT
   */
  warm(count: number, onProgress?: WarmProgress): void {
    warm(this.get, touchPages, count, onProgress);
  }

  /** Whether `buf` is out of this pool. */
  owns(buf: Uint8Array): boolean {
    return reused.isOutOf(this.#shelf, buf) || leases.lenderOf(buf) === this.#core;
  }

  protected override contradiction(): string | undefined {
    return reused.contradiction(this.#shelf, bytesOfTag[this.#shelf.tag]!);
  }

  /** Throws what put() would throw for the first of them that cannot be put. */
  #checkAllOut(bufs: readonly Uint8Array[]): void {
    const seen = new Set<Uint8Array>();
    for (const buf of bufs) {
      const isOut = reused.isReused(buf) ? !buf.released : cores.has(leases.lenderOf(buf) ?? bufs);
      if (!isOut) this.put(buf);
      else if (seen.has(buf)) throw putTwiceError(this.name, this.size);
      seen.add(buf);
    }
  }
}
