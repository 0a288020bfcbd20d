import { check, type NativePool } from '../../addon/binding.js';
import { environment } from '../../addon/environment.js';
import { RELIEF_STEP } from '../../addon/generated/codes.js';
import { aCount, anAbortSignal, checkOptions } from '../../addon/option-checks.js';
import { builtins } from '../../base/builtins.js';
import { makeError, show } from '../../base/errors.js';
import { tagAlignedTo } from '../../pool/aligned-tags.js';
import type { Lending } from '../../pool/lending.js';
import { magazinesOf } from '../../pool/magazines.js';
import { begin, finish, giveUp } from '../../pool/unfinished.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import { CorePool } from '../core-pool.js';
import { checkNotAborted } from '../in-turn.js';
import { type ObservedCore, observe } from '../observed-core.js';
import { closeWhenDropped, rememberPool } from '../open-pools.js';
import { OpeningPool } from '../opening-pool.js';
import { pinWatchOf } from '../pin-watch.js';
import { poolName } from '../pool-options.js';
import { type WarmProgress, warm } from '../warm.js';
import { Checkpoints } from './checkpoints.js';
import { argumentError, pageFileError, readOnlyError } from './errors.js';
import { figuresOf, figuresText, type PageCacheFigures } from './figures.js';
import { Frame } from './frame.js';
import { Frames } from './frames.js';
import { type PageCacheOptions, type PageSettings, pageSettings } from './options.js';
import type { Page } from './page.js';
import type { PinOrder } from './pin-order.js';
import { Pins } from './pins.js';
import { PageScan, type ScanOptions } from './scan.js';

/** What the text of an error names of pages that are pinned. */
const NAMED_PINS = 4;
/** Blocks begin at multiples of it, as O_DIRECT asks for. */
const ALIGNMENT = 4096;
const MOST_PAGES = 2 ** 32 - 1;
const OWNER = Symbol('cache');

/** Why there is no frame, and what to do. */
function exhaustedText({ native, settings, watch }: Frames<Page>): string {
  const what = `has no frame for another page within its cacheBytes of ${settings.frames * settings.pageSize}`;
  const pinned = native.pinnedPages(NAMED_PINS + 1);
  const holders = pinned.slice(0, NAMED_PINS).map(({ page, pins }) => {
    const stack = watch?.stackOf(page) ?? '';
    return `page ${page} (pinned ${pins === 1 ? 'once' : `${pins} times`}${stack === '' ? '' : `,\n${stack}\n  `})`;
  });
  const more = pinned.length > NAMED_PINS ? ' and others' : '';
  return `${what}: all pinned, by ${holders.join(', ')}${more}; release() what is done with, raise cacheBytes, or use pin(), which waits`;
}

function lendingOf(
  frames: Frames<Page>,
  pins: Pins,
  checkpoints: Checkpoints,
  core: () => ObservedCore<Frame>,
): Lending<Frame> {
  const { native, tag } = frames;
  return {
    make: (_window, _byteOffset, _size, block) => new Frame(frames, core, block),
    lend: undefined,
    align: Math.min(frames.settings.pageSize, ALIGNMENT),
    tag,
    tags: undefined,
    idle: {
      take() {
        const frame = new Frame(frames, core, 0);
        return frame.lend(false) ? frame : undefined;
      },
      drop(keep) {
        if (core().closed) {
          native.closePages();
          checkpoints.end();
          pins.reads.end();
        }
        frames.drop(keep);
      },
      tick() {
        pins.reads.tick();
        checkpoints.proceed();
      },
      needsUpkeep: () => !core().closed,
      relieve(step) {
        if (step === RELIEF_STEP.cold) frames.drop(0, 0);
        if (step === RELIEF_STEP.idle) frames.drop(0);
      },
    },
    waitName: 'pin()',
    exhaustedText: () => exhaustedText(frames),
  };
}

/** The frames of a pool that was just opened, over the file. */
function framesOf(name: string, native: NativePool, settings: PageSettings): Frames<Page> {
  const magazines = magazinesOf(native, name);
  const { path, pageSize, frames, mode, reads, direct, checksum } = settings;
  const tag = tagAlignedTo(pageSize, Math.min(pageSize, ALIGNMENT));
  const failure = native.holdPages({
    path,
    pageBytes: pageSize,
    frames,
    tag,
    mode,
    reads,
    direct,
    checksum,
  });
  if (failure !== undefined) throw pageFileError(failure, settings, 0);
  return new Frames<Page>(name, native, magazines, settings, tag, (owner) =>
    pinWatchOf('page', name, native, owner),
  );
}

/**
 * Pages of a file in memory: pinned while they are used, read when they are not there, written back later. docs/PAGE-CACHE.md tells how,
 * when to use it and when not to.
 *
 * A cache belongs to the thread that opened it, and a file to one cache at a time, or to several that only read.
 *
 * @example
 * const cache = PageCache.open({ file: 'table.pages', cacheBytes: 64 << 20 });
 * using page = await cache.pin(7);
 * page.buffer.writeUInt32LE(42, 0);
 * page.markDirty();
 * await cache.checkpoint();
 */
export class PageCache extends CorePool<Frame> {
  /** Absolute. */
  readonly path: string;
  /** Length of a page in the file; `page.buffer` is 8 bytes shorter with checksums. Unit: bytes. */
  readonly pageSize: number;

  /**
   * Pins a page: at once if it is in memory, else after reading it on this thread, which waits for the disk. Bound. A page that is
   * there costs no native call and leaves no garbage.
   * @throws ERR_SUPERSLAB_ARGUMENT for what is no page of the file
   * @throws ERR_SUPERSLAB_EXHAUSTED when all pages that there is room for are pinned; the message names them
   * @throws ERR_SUPERSLAB_FILE_DAMAGED, ERR_SUPERSLAB_FILE_FAILED, ERR_SUPERSLAB_FILE_SPACE
   * @throws ERR_SUPERSLAB_NO_MEMORY, ERR_SUPERSLAB_CLOSED
   */
  readonly pinSync: (no: number) => Page;

  /**
   * Pins a page for which nobody has to wait: one that is in memory, or that the kernel has. Else undefined: then the page is read on
   * another thread, if there is room for it, and {@link pin} waits for that. Bound. A page that is there costs no native call, no
   * promise and no garbage.
   * @throws what {@link pinSync} throws, other than ERR_SUPERSLAB_EXHAUSTED
   */
  readonly tryPin: (no: number) => Page | undefined;

  readonly #core: ObservedCore<Frame>;
  readonly #pins: Pins;
  readonly #settings: PageSettings;
  readonly #checkpoints: Checkpoints;

  private constructor(options: PageCacheOptions) {
    const settings = pageSettings(options);
    const name = options.name === undefined ? settings.path : poolName(options);
    scheduleUpkeep();
    const opening = begin(new OpeningPool());
    let pins: Pins;
    let checkpoints: Checkpoints;
    let core!: ObservedCore<Frame>;
    let frames: Frames<Page>;
    try {
      opening.opened = environment.openPool(settings.pairs, name, true);
      const native = check(opening.opened);
      frames = framesOf(name, native, settings);
      pins = new Pins(frames, () => new Frame(frames, () => core, 0));
      checkpoints = new Checkpoints(native, (failure) => pins.reasonOf(failure));
      const lending = lendingOf(frames, pins, checkpoints, () => core);
      core = observe<Frame>(name, native, frames.magazines, lending, false, false);
      frames.core = core;
      pins.core = core;
    } catch (error) {
      giveUp(opening);
      throw error;
    }
    super(core, frames.watch);
    this.path = settings.path;
    this.pageSize = settings.pageSize;
    // Whoever has it has the cache.
    this.pinSync = Object.defineProperty(pins.bindPinSync(), OWNER, { value: this });
    this.tryPin = Object.defineProperty(pins.bindTryPin(), OWNER, { value: this });
    this.#core = core;
    this.#pins = pins;
    this.#checkpoints = checkpoints;
    this.#settings = settings;
    closeWhenDropped(this, {
      get closed() {
        return core.closed;
      },
      close() {
        if (!settings.reads) frames.native.checkpoint(true);
        core.close();
      },
    });
    rememberPool(this);
    finish(opening);
  }

  /**
   * Opens the file, or makes it. Only a regular file of this process's user is opened, never through a symbolic link.
   * @throws ERR_SUPERSLAB_FILE, ERR_SUPERSLAB_FILE_IN_USE; ERR_SUPERSLAB_FILE_FORMAT when its length is no multiple of `pageSize`
   * @throws ERR_SUPERSLAB_OPTION, ERR_SUPERSLAB_ARGUMENT, ERR_SUPERSLAB_NO_MEMORY
   */
  static open(options: PageCacheOptions): PageCache {
    return new PageCache(options);
  }

  /** Most bytes of pages in memory. */
  get maxBytes(): number {
    return this.#settings.frames * this.#settings.pageSize;
  }

  /** Pages of the file. */
  get pageCount(): number {
    return this.#pins.frames.native.pageCount();
  }

  /**
   * Pins a page. One that is not in memory is read without waiting where the kernel has it, else on another thread; those who want the
   * same page wait for one read. While all that there is room for is pinned it waits for a release, first come first served.
   * Rejects with `signal.reason` when aborted while it waits for that, and like {@link pinSync}.
   */
  pin(no: number, options?: { signal?: AbortSignal }): Promise<Page> {
    try {
      if (options === undefined) {
        return this.#pins.pinResident(no) ?? this.#pins.pin(this.#orderOf(no, undefined));
      }
      checkOptions('pin()', options, { signal: anAbortSignal });
      const { signal } = options;
      checkNotAborted(signal);
      return this.#pins.pin(this.#orderOf(no, signal));
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }

  /**
   * The pages of a range one after the other, through few frames, so that what others use stays in memory. Each is pinned until the next
   * one comes.
   * @throws ERR_SUPERSLAB_OPTION, ERR_SUPERSLAB_CLOSED, and what {@link pinSync} throws
   */
  scan(options: ScanOptions = {}): PageScan {
    this.#core.checkOpen();
    return new PageScan(this.#pins, options);
  }

  /**
   * Has pages read on other threads that are not in memory, so that pins find them there. At most a quarter of cacheBytes at once; pages
   * beyond the file are left out.
   * @returns how many are read
   * @throws ERR_SUPERSLAB_ARGUMENT, ERR_SUPERSLAB_CLOSED
   */
  prefetch(first: number, count = 1): number {
    this.#pins.checkNumber(first, 'prefetch()');
    this.#checkCount(count, 'prefetch()');
    return this.#pins.prefetch(first, count);
  }

  /**
   * Makes the file longer by `count` pages of zeros, with space on the disk behind them.
   * @returns the number of the first
   * @throws ERR_SUPERSLAB_FILE_SPACE when the disk is full: then nothing was changed
   * @throws ERR_SUPERSLAB_FILE_READ_ONLY, ERR_SUPERSLAB_FILE_FAILED, ERR_SUPERSLAB_ARGUMENT, ERR_SUPERSLAB_CLOSED
   */
  grow(count: number): number {
    this.#core.checkOpen();
    this.#checkCount(count, 'grow()');
    return this.#checked(this.#pins.frames.native.growPages(count));
  }

  /**
   * Writes a page that is dirty, as it is now, pinned or not. Not durably: see {@link checkpoint}.
   * @returns whether there was need to
   * @throws ERR_SUPERSLAB_FILE_SPACE, ERR_SUPERSLAB_FILE_FAILED, ERR_SUPERSLAB_ARGUMENT, ERR_SUPERSLAB_CLOSED
   */
  flush(no: number): boolean {
    this.#pins.checkNumber(no, 'flush()');
    return this.#checked(this.#pins.frames.native.flushPage(no)) === 1;
  }

  /**
   * Writes every page that is dirty now, as it is now, and makes all that was written durable. What is marked dirty later is the next
   * one's. One that is called while another is under way begins when that has ended.
   * @throws (rejects) ERR_SUPERSLAB_FILE_SPACE when the disk is full: what could not be written is dirty still
   * @throws (rejects) ERR_SUPERSLAB_FILE_FAILED when writing or syncing failed: never tried again, until the file is opened anew
   * @throws (rejects) ERR_SUPERSLAB_FILE_READ_ONLY, ERR_SUPERSLAB_CLOSED
   */
  checkpoint(): Promise<void> {
    try {
      this.#core.checkOpen();
      if (this.#settings.reads) throw readOnlyError(this.path);
      return this.#checkpoints.wait();
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }

  /** What is in memory, and what was read and written. */
  figures(): PageCacheFigures {
    return figuresOf(this.#pins.frames);
  }

  override report(): string {
    return `${super.report()}\n${figuresText(this.figures(), this.pageSize)}`;
  }

  /**
   * Makes `count` frames whose memory has been touched, so that the first pages wait for nothing but the disk. Calls `onProgress` now and
   * then, and at the end.
   * @throws ERR_SUPERSLAB_EXHAUSTED when there cannot be so many; then none was made
   * @throws ERR_SUPERSLAB_ARGUMENT, ERR_SUPERSLAB_NO_MEMORY
   */
  warm(count: number, onProgress?: WarmProgress): void {
    warm(() => this.#core.acquireSlow(this.pageSize), touchFrame, count, onProgress);
  }

  /**
   * Writes what is dirty, makes it durable, and ends the cache. Pages that are pinned stay in memory until they are released. A second
   * close() does nothing.
   * @throws ERR_SUPERSLAB_FILE_SPACE, ERR_SUPERSLAB_FILE_FAILED when that could not be; the cache is closed all the same
   */
  override close(): void {
    if (this.closed) return;
    const { native } = this.#pins.frames;
    const fault = this.#settings.reads ? 0 : (native.checkpoint(true) as number);
    const error = fault < 0 ? this.#pins.errorOf() : undefined;
    super.close();
    if (error !== undefined) throw error;
  }

  protected override contradiction(): string | undefined {
    return this.#pins.frames.native.pageContradiction();
  }

  #orderOf(no: number, signal: AbortSignal | undefined): PinOrder {
    return { no, ring: undefined, signal, stack: this.#pins.stackOf(this.pin), keeper: undefined };
  }

  #checkCount(count: number, what: string): void {
    if (aCount(0, MOST_PAGES)(count) === undefined) return;
    throw argumentError(
      `${what} takes a whole number of pages, got ${show(count)}`,
      typeof count === 'number' ? RangeError : TypeError,
    );
  }

  /** The value of a call that returns a fault below 0. */
  #checked(result: number): number {
    if (result < 0) throw this.#pins.errorOf();
    return result;
  }
}

function touchFrame(frame: Frame): void {
  if (!frame.enter()) throw makeError('ERR_SUPERSLAB_CLOSED', 'the cache was closed while it was warmed');
  frame.touch();
}
