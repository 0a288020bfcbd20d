import { check, type NativePool } from '../../addon/binding.js';
import { environment } from '../../addon/environment.js';
import { RELIEF_STEP } from '../../addon/generated/codes.js';
import { FIRST_GENERATIONS } from '../../addon/generated/memory.js';
import { builtins } from '../../base/builtins.js';
import { show } from '../../base/errors.js';
import { noMemoryError } from '../../pool/exhaustion.js';
import type { Lending } from '../../pool/lending.js';
import { clearsAtRelease, type Magazines, magazinesOf } from '../../pool/magazines.js';
import { begin, finish } from '../../pool/unfinished.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import type { Held } from '../../pool/waiters.js';
import { CorePool } from '../core-pool.js';
import { checkedSignal } from '../in-turn.js';
import { type ObservedCore, observe } from '../observed-core.js';
import { closeWhenDropped, rememberPool } from '../open-pools.js';
import { OpeningPool } from '../opening-pool.js';
import { poolName } from '../pool-options.js';
import { touchPages, type WarmProgress, warm } from '../warm.js';
import { argumentError } from './errors.js';
import { figuresOf, figuresText, type TierFigures } from './figures.js';
import { type HotBlock, type HotCore, makeHotBlock } from './hot-block.js';
import { type CompressedPoolOptions, type CompressedSettings, compressedSettings } from './options.js';
import { COLD, PLACE } from './slots.js';
import { Values } from './values.js';

/** What is compressed at once while memory is scarce: some milliseconds. */
const RELIEF_BYTES = 4 << 20;

function lendingOf(values: Values, core: () => HotCore): Lending<HotBlock> {
  const { hotBytes, coldBytes } = values.settings;
  return {
    make: makeHotBlock(core),
    lend: undefined,
    align: 1,
    tag: undefined,
    tags: undefined,
    idle: {
      take: () => undefined,
      drop: () => {},
      tick: () => values.tick(),
      relieve: (step) => {
        if (step === RELIEF_STEP.cold) values.native.coolValues(RELIEF_BYTES);
      },
    },
    waitName: 'putAsync()',
    exhaustedText: (size, _, never) => values.room.text(size, hotBytes, coldBytes, never),
  };
}

/** The values of a pool that was just opened. */
function valuesOf(
  name: string,
  native: NativePool,
  magazines: Magazines,
  settings: CompressedSettings,
): Values {
  const firstGeneration = 1 + Math.floor(builtins.random() * (FIRST_GENERATIONS / 2));
  const { codec, hotBytes, coldBytes, minRatio, cpuBudget, watermark } = settings;
  const holds = native.holdValues({
    hotBytes,
    // Memory of secrets, which the environment may ask for, stays as it is: see the options.
    watermark: native.sensitive || native.lockMemory ? 1 : watermark,
    coldBytes,
    minRatio,
    cpuBudget,
    foreignFrom: codec.foreignFrom,
    usesLz4: codec.usesLz4,
    firstGeneration,
    clears: clearsAtRelease(native),
  });
  if (!holds) throw noMemoryError(name, hotBytes);
  return new Values(name, native, magazines, settings, firstGeneration);
}

/**
 * A pool of values of which those that are not used are compressed, in the background: more fits into the same memory. put() copies
 * bytes and gives a handle; access() gives the value's buffer, which is pinned until release(). docs/pools/COMPRESSED.md tells when to use
 * it, and when not to.
 *
 * A pool belongs to the thread that made it, and so do its handles, which are plain numbers.
 *
 * @example
 * const pool = new CompressedPool({ hotBytes: 64 << 20, coldBytes: 256 << 20 });
 * const page = pool.put(bytes);
 * const buf = pool.access(page);
 * send(buf);
 * pool.release(page);
 * pool.free(page);
 */
export class CompressedPool extends CorePool<HotBlock> {
  readonly #core: ObservedCore<HotBlock>;
  readonly #values: Values;

  /**
   * Pins the value, and gives a Buffer over it that is valid until release(). One that is cold is decompressed first. What is written
   * to the buffer is written to the value. Bound.
   *
   * Takes no native call and leaves no garbage while the value is hot: it is the same Buffer each time.
   * @throws ERR_SUPERSLAB_STALE when the value was freed or evicted
   * @throws ERR_SUPERSLAB_FOREIGN for what is no handle of this pool, as far as that can be told
   * @throws ERR_SUPERSLAB_EXHAUSTED when it is cold, and there is no room within hotBytes; the message names who has pinned what
   * @throws ERR_SUPERSLAB_CORRUPT when its compressed bytes were changed; ERR_SUPERSLAB_CODEC when the program's codec failed
   * @throws ERR_SUPERSLAB_NO_MEMORY, ERR_SUPERSLAB_CLOSED for a cold value of a closed pool
   */
  readonly access: (handle: number) => Buffer;

  /**
   * Takes one pin back: the value may be compressed again, and its buffer is not to be used any more. Bound.
   * @throws ERR_SUPERSLAB_RELEASED when it is not pinned
   * @throws ERR_SUPERSLAB_STALE, ERR_SUPERSLAB_FOREIGN as {@link access}
   */
  readonly release: (handle: number) => void;

  /** @throws ERR_SUPERSLAB_OPTION for an unknown option, an impossible value, or a codec that is not there */
  constructor(options: CompressedPoolOptions = {}) {
    const settings = compressedSettings(options);
    const name = poolName(options);
    scheduleUpkeep();
    const opening = begin(new OpeningPool());
    opening.opened = environment.openPool(settings.pairs, name, false);
    const native = check(opening.opened);
    const magazines = magazinesOf(native, name);
    const values = valuesOf(name, native, magazines, settings);
    const core: ObservedCore<HotBlock> = observe<HotBlock>(
      name,
      native,
      magazines,
      lendingOf(values, () => core),
      false,
      false,
    );
    values.core = core;
    super(core, values.watch);
    this.#core = core;
    this.#values = values;
    this.access = values.bindAccess();
    this.release = values.bindRelease();
    closeWhenDropped(this, {
      get closed() {
        return core.closed;
      },
      close() {
        core.close();
        // Its handles went with the pool.
        values.giveUp();
      },
    });
    rememberPool(this);
    finish(opening);
  }

  /** Most bytes of hot and cold values together; 0 without a limit for cold ones. */
  get maxBytes(): number {
    const { hotBytes, coldBytes } = this.#values.settings;
    return coldBytes === 0 ? 0 : hotBytes + coldBytes;
  }

  /** Most bytes of values that are not compressed. */
  get hotBytes(): number {
    return this.#values.settings.hotBytes;
  }

  /** Most bytes that compressed values take; 0 is no limit. */
  get coldBytes(): number {
    return this.#values.settings.coldBytes;
  }

  /** What compresses. */
  get codec(): string {
    return this.#values.settings.codec.name;
  }

  /**
   * A copy of `bytes` that lives until it is freed. Where hotBytes are in use, values that are not pinned are compressed at once, and
   * with `onEvict` old ones end.
   * @returns its handle
   * @throws ERR_SUPERSLAB_ARGUMENT for anything but a Uint8Array
   * @throws ERR_SUPERSLAB_SIZE for more than 2 MiB or hotBytes
   * @throws ERR_SUPERSLAB_EXHAUSTED when hotBytes are in use, and nothing can be compressed; the message names who has pinned what
   * @throws ERR_SUPERSLAB_NO_MEMORY when the operating system gives no more
   * @throws ERR_SUPERSLAB_CLOSED, and what `onEvict` throws
   */
  put(bytes: Uint8Array): number {
    return this.#values.put(bytes);
  }

  /**
   * The same as soon as there is room, first come first served. The bytes are copied when there is. Rejects with `signal.reason` when
   * aborted, and like {@link put} for what waiting cannot change.
   * @throws ERR_SUPERSLAB_OPTION (rejects) for a wrong option
   */
  putAsync(bytes: Uint8Array, options: { signal?: AbortSignal } = {}): Promise<number> {
    try {
      const signal = checkedSignal('putAsync()', options);
      this.#core.checkOpen();
      const values = this.#values;
      const length = values.checkedLength(bytes, 'putAsync');
      if (!this.#core.hasWaiters()) values.room.make(length);
      const ready = (hot: HotBlock, held: Held) => values.putInto(hot, held, bytes, length);
      return this.#core.acquireInTurn({ size: length === 0 ? 1 : length, signal, pool: this, ready });
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }

  /** Bytes of the value. Throws what {@link access} throws for a handle. */
  length(handle: number): number {
    const slot = this.#values.slotOf(handle, 'tell the length of');
    return this.#values.slots.length(slot);
  }

  /** Whether `handle` names a value of this pool that lives. */
  owns(handle: number): boolean {
    return this.#values.owns(handle);
  }

  /** Whether the value is compressed now. Throws what {@link access} throws for a handle. */
  isCold(handle: number): boolean {
    const slot = this.#values.slotOf(handle, 'look at');
    return (this.#values.slots.state(slot) & PLACE) === COLD;
  }

  /**
   * Ends a value, hot or cold.
   * @throws ERR_SUPERSLAB_RELEASED when it was freed before, or evicted
   * @throws ERR_SUPERSLAB_FOREIGN for what is no handle of this pool
   * @throws ERR_SUPERSLAB_ARGUMENT while it is pinned
   */
  free(handle: number): void {
    this.#values.free(handle);
  }

  /**
   * Compresses values that were not used for longest now, on this thread, until `bytes` of them are cold or there is none to
   * compress: for a program that knows that it will rest. A codec of the program's that gives promises is left to the background.
   * @returns the bytes of values that became cold
   * @throws ERR_SUPERSLAB_ARGUMENT, ERR_SUPERSLAB_CLOSED
   */
  cool(bytes: number = Number.MAX_SAFE_INTEGER): number {
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw argumentError(`cool() takes a whole number of bytes, got ${show(bytes)}`, RangeError);
    }
    this.#core.checkOpen();
    const { native, foreign } = this.#values;
    const before = native.valueFigures()?.coldBytes ?? 0;
    native.coolValues(bytes);
    foreign?.coolNow(bytes);
    return (native.valueFigures()?.coldBytes ?? 0) - before;
  }

  /** Where its values are, and what compressing has done. */
  tiers(): TierFigures {
    return figuresOf(this.#values);
  }

  override report(): string {
    return `${super.report()}\n${figuresText(this.tiers())}`;
  }

  /**
   * Gives idle memory back to the operating system now, of hot and cold values. It compresses nothing and ends nothing: see
   * {@link cool}.
   * @returns the bytes given back
   */
  override trim(targetBytes = 0): number {
    const given = super.trim(targetBytes);
    return given + this.#values.native.trimValues();
  }

  /**
   * Sees to it that memory for `count` values of `bytes` is there and was touched, so that the first ones wait for nothing. Calls
   * `onProgress` now and then, and at the end.
   * @throws what {@link put} throws when there cannot be so many; then none was taken
   * @throws ERR_SUPERSLAB_ARGUMENT
   */
  warm(count: number, bytes: number, onProgress?: WarmProgress): void {
    warm(
      () => this.#core.acquireSlow(bytes === 0 ? 1 : bytes),
      ({ buffer }) => touchPages(buffer),
      count,
      onProgress,
    );
  }

  protected override contradiction(): string | undefined {
    return this.#values.native.valueContradiction();
  }
}
