import type { LeakSite } from '../../addon/figures.js';
import type { FileCheck } from '../../addon/file-binding.js';
import { anAbortSignal, checkOptions } from '../../addon/option-checks.js';
import { builtins } from '../../base/builtins.js';
import { makeError, show } from '../../base/errors.js';
import type { GuardReport } from '../../base/misuse.js';
import { finish } from '../../pool/unfinished.js';
import type { Advice } from '../../stats/advice/advice.js';
import { checkNotAborted, type WaitOptions } from '../in-turn.js';
import { ListenedPool } from '../listened-pool.js';
import { closeWhenUnheld, forgetPool, rememberPool } from '../open-pools.js';
import type { Pool } from '../pool.js';
import { PoolFigures } from '../pool-figures.js';
import { PoolListeners } from '../pool-listeners.js';
import { checkTarget } from '../pool-options.js';
import type { WarmProgress } from '../warm.js';
import { withAudit } from './audit.js';
import { Changes } from './changes.js';
import { slidesSealed } from './encryption/errors.js';
import { damagedBooks } from './errors.js';
import type { MappedBuffer } from './mapped-buffer.js';
import { MappedFile } from './mapped-file.js';
import { type NamedLock, takeLock, takeLockLater } from './named-lock.js';
import { openFile } from './open-file.js';
import {
  type AccessPattern,
  type BackupOptions,
  type CommitOptions,
  checkBackupOptions,
  checkLockOptions,
  checkMappedOptions,
  checkPath,
  checkRestoreOptions,
  checkRotationOptions,
  checkSlideOptions,
  commitLevel,
  keyProblem,
  type LockOptions,
  type MappedPoolOptions,
  patternCode,
  type RestoreOptions,
  type RotationOptions,
  type SlideOptions,
} from './options.js';
import { slide } from './slide.js';
import { fileStats, type MappedPoolStats } from './stats.js';
import { warmFile } from './warm-file.js';

const NO_HANDLE = 0;
const DEFAULT_SLIDE_BYTES = 2 ** 20;

/** Opens a file to be read. Blocks of an encrypted one are seen as they lie there: no key is needed. */
export let openSealed: (path: string | URL) => MappedPool;

/**
 * A heap in a file: blocks that are there again when the program is started again, whatever ended it.
 *
 * Changes happen together, with the next commit() or at the end of a transaction(); until then they are undone by the end
 * of the process. Bytes that the program stores into a buffer are in the file at once, and durable with a commit.
 *
 * A pool belongs to the thread that opened it, and a file to one pool at a time, to several that only read, or to all that open it with
 * `shared`. Then one of them changes it at a time, from its first change to its commit.
 *
 * @example
 * const pool = MappedPool.open('state.slab');
 * let counter = pool.root('counter');
 * if (counter === undefined) pool.setRoot('counter', (counter = pool.alloc(8).fill(0)));
 * counter.writeDoubleLE(counter.readDoubleLE(0) + 1, 0);
 * pool.commit();
 * pool.close();
 */
export class MappedPool extends ListenedPool implements Pool {
  /** The pool's name, in errors and reports. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** Bytes for blocks that the file may ever have. */
  readonly maxBytes: number;
  readonly #file: MappedFile;
  readonly #figures: PoolFigures;

  private constructor(file: MappedFile) {
    if (!(file instanceof MappedFile)) {
      throw makeError('ERR_SUPERSLAB_ARGUMENT', 'a MappedPool is made by MappedPool.open(path)', TypeError);
    }
    super(new PoolListeners([file.core.views, file.core]));
    this.#file = file;
    this.name = file.name;
    this.path = file.path;
    this.maxBytes = file.maxBytes;
    this.#figures = new PoolFigures(file.core);
  }

  /**
   * Opens the file, or makes it. Only a regular file of this process's user is opened, never through a symbolic link; a
   * file of another kind is left as it is. What an earlier process did not commit is not there.
   * @throws ERR_SUPERSLAB_FILE, ERR_SUPERSLAB_FILE_IN_USE, ERR_SUPERSLAB_FILE_FORMAT, ERR_SUPERSLAB_FILE_DAMAGED
   * @throws ERR_SUPERSLAB_OPTION, ERR_SUPERSLAB_ARGUMENT
   */
  static open(path: string | URL, options: MappedPoolOptions = {}): MappedPool {
    return MappedPool.#open(path, options, false);
  }

  static {
    openSealed = (path) => MappedPool.#open(path, { access: 'read', mode: 0o777 }, true);
  }

  static #open(path: string | URL, options: MappedPoolOptions, isKeyless: boolean): MappedPool {
    checkMappedOptions(options);
    const absolute = checkPath(path);
    const { file, opening } = openFile(absolute, options, isKeyless);
    const pool = new MappedPool(file);
    // Buffers of a pool that nobody has any more are the program's still.
    closeWhenUnheld(pool, file, file.core);
    rememberPool(pool);
    finish(opening);
    return pool;
  }

  /**
   * Makes a file of a backup, or of any file that nobody has open for writing: looks whether it is whole, and copies it to `to`, a new file.
   * A file of that name is left as it is.
   * @returns the bytes of data in it
   * @throws ERR_SUPERSLAB_CORRUPT (rejects) when it is damaged, and what {@link open} and {@link backup} throw (rejects)
   */
  static restore(from: string | URL, to: string | URL, options: RestoreOptions = {}): Promise<number> {
    try {
      checkRestoreOptions(options);
      const { audit, ...how } = options;
      const path = checkPath(to);
      return withAudit(audit === undefined ? undefined : checkPath(audit), path, (log) => {
        log?.write('restore', path, { from: checkPath(from) });
        const pool = openSealed(from);
        try {
          pool.check();
          return pool.#file.backup(path, how, () => pool.close());
        } catch (error) {
          pool.close();
          throw error;
        }
      });
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }

  /** Whether the file was made with a key. */
  get isEncrypted(): boolean {
    return this.#file.native.isEncrypted();
  }

  /** Whether close() was called. */
  get closed(): boolean {
    return this.#file.closed;
  }

  /**
   * A block of `size` bytes, whose contents are whatever lay there before. It is there for good once a commit has succeeded.
   * @throws ERR_SUPERSLAB_EXHAUSTED at maxBytes, ERR_SUPERSLAB_FILE_SPACE when the disk is full
   * @throws ERR_SUPERSLAB_COMMIT when one commit has no room for more changes
   */
  alloc(size: number): MappedBuffer {
    return this.#file.alloc(size, this.alloc);
  }

  /**
   * The same; where there is no room under maxBytes, as soon as there is: when a commit has made blocks free. Who waits is served in
   * turn, right after that commit, and what he gets is committed with the next one. Rejects with `signal.reason` when aborted.
   * @throws ERR_SUPERSLAB_CLOSED (rejects), and what {@link alloc} throws for what waiting cannot change (rejects)
   */
  allocAsync(size: number, options: WaitOptions = {}): Promise<MappedBuffer> {
    try {
      checkOptions('allocAsync()', options, { signal: anAbortSignal });
      const { signal } = options;
      checkNotAborted(signal);
      return this.#file.allocInTurn(size, signal);
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }

  /**
   * Has the file grow to where `count` more blocks of `size` bytes have room, and its pages be in memory: takes as many, touches
   * them, and undoes that. Calls `onProgress` now and then, and at the end.
   * @throws what {@link alloc} throws when there cannot be so many; ERR_SUPERSLAB_ARGUMENT
   */
  warm(count: number, size: number, onProgress?: WarmProgress): void {
    warmFile(this.#file, count, size, onProgress);
  }

  /**
   * The block of a handle.
   * @throws ERR_SUPERSLAB_STALE when it was freed
   */
  at(handle: number): MappedBuffer {
    return this.#file.at(handle, this.at);
  }

  /** The same; undefined when it was freed. */
  tryAt(handle: number): MappedBuffer | undefined {
    return this.#file.find(handle, this.tryAt);
  }

  /**
   * Frees a block, named by a handle or by one of its buffers. Its handle is stale at once; its memory is used again after a
   * commit that lasts.
   * @throws ERR_SUPERSLAB_STALE when a handle's block is gone, ERR_SUPERSLAB_RELEASED when a buffer was ended before
   * @throws ERR_SUPERSLAB_FOREIGN for what is no block of this pool
   */
  free(block: MappedBuffer | number): void {
    this.#file.free(block, this.free);
  }

  /**
   * Ends a view, as `buf.release()` does. The block stays.
   * @throws ERR_SUPERSLAB_RELEASED, ERR_SUPERSLAB_FOREIGN
   */
  release(buf: MappedBuffer): void {
    this.#file.release(buf, this.release);
  }

  /**
   * Every block, in order of its place in the file. Blocks may come and go meanwhile.
   * @throws ERR_SUPERSLAB_FILE_DAMAGED where the file is damaged
   */
  entries(): Generator<MappedBuffer, void, undefined> {
    return this.#file.entries(this.entries);
  }

  /**
   * Views that go along a block, one after the other and without a copy, for blocks that are larger than what memory they shall take: each is
   * released when the next one is asked for, or when the loop is left; what lies behind has left this process's memory then, and what comes next is being read.
   * @throws ERR_SUPERSLAB_STALE, also from within the loop, when the block is freed; ERR_SUPERSLAB_KEY for an encrypted file; ERR_SUPERSLAB_OPTION
   * @example
   * for (const view of pool.slide(log, { size: 1 << 20 })) hash.update(view);
   */
  slide(block: MappedBuffer | number, options: SlideOptions = {}): Generator<MappedBuffer, void, undefined> {
    checkSlideOptions(options);
    if (this.#file.isSealed) throw slidesSealed(this.path);
    const { size = DEFAULT_SLIDE_BYTES, step = size } = options;
    return slide(this.#file, this.#file.handleOf(block), size, step);
  }

  /** The block of that name; undefined when there is none. */
  root(name: string): MappedBuffer | undefined {
    const handle = this.#file.root(checkName(name));
    return handle === NO_HANDLE ? undefined : this.#file.find(handle, this.root);
  }

  /**
   * Gives a block a name, by which it is found again; `null` ends the name. Up to 256, of 48 bytes each.
   * @throws ERR_SUPERSLAB_STALE, ERR_SUPERSLAB_EXHAUSTED, ERR_SUPERSLAB_ARGUMENT
   */
  setRoot(name: string, block: MappedBuffer | number | null): void {
    this.#file.setRoot(checkName(name), block === null ? NO_HANDLE : this.#file.handleOf(block));
  }

  /** The names that are in use. */
  rootNames(): string[] {
    return this.#file.rootNames();
  }

  /**
   * Has the next commit put `bytes` into a block, from `offset` on: with all other changes, or not at all. Until then
   * the block shows its former bytes. The bytes go through the journal, and such a commit is as durable as the pool's `sync`.
   * @throws ERR_SUPERSLAB_STALE, ERR_SUPERSLAB_ARGUMENT, ERR_SUPERSLAB_COMMIT
   */
  write(block: MappedBuffer | number, offset: number, bytes: Uint8Array): void {
    this.#file.write(this.#file.handleOf(block), offset, bytes);
  }

  /**
   * Makes all changes since the last commit happen. With `sync` 'data' or 'full' they are durable when this returns, and
   * so are the bytes of all blocks.
   * @throws ERR_SUPERSLAB_FILE_FAILED when the disk fails; then nothing is changed any more, until the file is opened again
   */
  commit(options?: CommitOptions): void {
    this.#file.commit(commitLevel(options));
  }

  /**
   * The same, without waiting for the disk: the changes happen at once, and the promise is resolved when they are durable. Commits
   * that come in the same turn, or while the disk is at work, share what it does, so that many at a time cost little more
   * than one. With write() pending it is commit(), since those bytes cannot wait. What fails fails for all who wait.
   * @throws ERR_SUPERSLAB_COMMIT (rejects) within transaction(); what {@link commit} throws (rejects)
   */
  commitAsync(options?: CommitOptions): Promise<void> {
    try {
      return this.#file.commitAsync(commitLevel(options));
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }

  /**
   * Calls `work` and commits: what it allocates, frees, names and writes happens together, or not at all, when it throws or
   * the process ends. Changes before it that were not committed are committed with it, and stay if it fails. A transaction
   * within another is undone alone, and committed with that. What `work` stores into buffers directly is not undone.
   * @throws ERR_SUPERSLAB_ASYNC when it returns a promise
   */
  transaction<T>(work: () => T, options?: CommitOptions): T {
    const level = commitLevel(options);
    if (typeof work !== 'function') {
      throw makeError(
        'ERR_SUPERSLAB_ARGUMENT',
        `transaction() takes a function, got ${show(work)}`,
        TypeError,
      );
    }
    return this.#file.transaction(work, level);
  }

  /**
   * Gives the space of free pages back to the file system, and cuts the file behind its last block, until it takes at most
   * `targetBytes` of the file system or nothing free is left.
   * @returns the bytes given back
   * @throws ERR_SUPERSLAB_COMMIT when there are changes that are not committed
   */
  trim(targetBytes = 0): number {
    checkTarget(targetBytes);
    return this.#file.trim(Math.floor(Math.min(targetBytes, Number.MAX_SAFE_INTEGER)));
  }

  /**
   * Copies the file to `path`, a new file, while the program goes on. The copy is the file at the end of it, as the last commit left it;
   * of what the program stores into committed blocks directly meanwhile, it may have any part. It has its name when it is whole and durable, and
   * can be opened as it is. One at a time.
   * @returns the bytes of data in it
   * @throws ERR_SUPERSLAB_FILE (rejects) when there is such a file, or it cannot be made; ERR_SUPERSLAB_CLOSED (rejects) when the pool is
   * closed before; ERR_SUPERSLAB_OPTION, ERR_SUPERSLAB_ARGUMENT (reject)
   */
  backup(path: string | URL, options: BackupOptions = {}): Promise<number> {
    try {
      checkBackupOptions('backup()', options);
      return this.#file.backup(checkPath(path), options, () => {});
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }

  /**
   * Has all blocks of an encrypted file sealed with new keys, which `key` opens, while the program goes on: a part of them in each turn of the event
   * loop, and never in the midst of a batch, whose end it waits for. From the beginning on the file is opened with `key` alone. When the
   * process ends before that is done, call it again with the same key: it goes on. With the key that the file has it does nothing. `key` has
   * to keep its bytes until the promise is settled.
   * @returns the blocks that were resealed
   * @throws ERR_SUPERSLAB_KEY (rejects) for a file that was made without a key; ERR_SUPERSLAB_COMMIT (rejects) while there are changes that are not
   * committed, or another rotation is under way; what {@link commit} throws; ERR_SUPERSLAB_OPTION, ERR_SUPERSLAB_CLOSED (reject)
   */
  rotateKey(key: Uint8Array, options: RotationOptions = {}): Promise<number> {
    try {
      const problem = keyProblem(key);
      if (problem !== undefined) throw problem;
      checkRotationOptions(options);
      return this.#file.rotateKey(key, options.keyId, options.progress);
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }

  /**
   * A lock for the program's own things, which every process knows by that name that has the file open with `shared`: one has it, or
   * several with `shared`. It has nothing to do with blocks, and ends with its process at the latest. Waits on this thread.
   * @throws ERR_SUPERSLAB_TIMEOUT when others have it for longer than `timeoutMs`, or this pool has it already
   * @throws ERR_SUPERSLAB_OPTION, ERR_SUPERSLAB_ARGUMENT, ERR_SUPERSLAB_CLOSED
   * @example
   * using lock = pool.lock('migration');
   */
  lock(name: string, options: LockOptions = {}): NamedLock {
    checkLockOptions('lock()', options);
    return takeLock(this.#file.core, checkName(name), options);
  }

  /** The same, waiting without this thread. Rejects with what {@link lock} throws, or with `signal.reason`. */
  lockAsync(name: string, options: LockOptions = {}): Promise<NamedLock> {
    try {
      checkLockOptions('lockAsync()', options);
      checkNotAborted(options.signal);
      return takeLockLater(this.#file.core, checkName(name), options);
    } catch (error) {
      return builtins.promiseReject(error);
    }
  }

  /** The commits of all processes that share the file, counted, and a way to wait for the next one. */
  changes(): Changes {
    return new Changes(this.#file);
  }

  /** Tells the kernel how a block, or all of the file, will be used: see madvise(2). */
  advise(pattern: AccessPattern, block?: MappedBuffer | number): void {
    this.#file.advise(patternCode(pattern), block);
  }

  /** Walks all structures of the file, compares them with each other and with their checksums, and tells what is wrong. */
  verify(): FileCheck {
    return this.#file.verify();
  }

  /**
   * The same as every pool has it: looks whether all books agree with each other.
   * @returns nothing: there are no guards of blocks in files
   * @throws ERR_SUPERSLAB_CORRUPT when the file contradicts itself; verify() tells more
   */
  check(): readonly GuardReport[] {
    if (this.closed) return [];
    this.#file.core.publish();
    const { wrong, messages } = this.#file.verify();
    if (wrong !== 0) throw damagedBooks(this.name, this.path, wrong, messages);
    return this.#file.core.views.check();
  }

  /** The pool's figures now. Once it is closed, nothing is in use, and `file` has the last ones. */
  stats(): MappedPoolStats {
    const { core } = this.#file;
    core.publish();
    return { ...this.#figures.stats(), path: this.path, file: fileStats(core.counts) };
  }

  /** Those figures as a text, with advice that follows from them. For people: its form may change. */
  report(): string {
    this.#file.core.publish();
    return this.#figures.report();
  }

  /** The advice alone, the most urgent first; empty when all is well. */
  advice(): readonly Advice[] {
    this.#file.core.publish();
    return this.#figures.advice();
  }

  /**
   * The places in the program that lose views of blocks, or allocate blocks that nobody commits before the pool is closed, as far as
   * `leakDetection` has found them. Of 'sampled', views alone.
   */
  leaks(): readonly LeakSite[] {
    return this.#figures.leaks();
  }

  /**
   * Overwrites all of the file with zeros, removes it, and ends the pool, whether the file is sensitive or not. Copies, and other names of the file, are
   * for the program to remove. File systems that write to another place than before (btrfs, snapshots, flash) may keep what was there.
   * @throws ERR_SUPERSLAB_FILE_IN_USE while others share the file, ERR_SUPERSLAB_FILE_READ_ONLY; then nothing was done
   * @throws ERR_SUPERSLAB_FILE when its path leads to it no more, ERR_SUPERSLAB_FILE_FAILED when the disk failed; the pool is closed nevertheless
   * @throws ERR_SUPERSLAB_COMMIT within transaction(), ERR_SUPERSLAB_CLOSED
   */
  destroy(): void {
    try {
      this.#file.destroy();
    } finally {
      if (this.closed) forgetPool(this);
    }
  }

  /**
   * Undoes what was not committed, and ends the pool. Buffers of it show zeros from then on. A second close() does nothing.
   * @throws ERR_SUPERSLAB_FILE_FAILED when the disk failed and no call has said so yet; the pool is closed nevertheless, and
   * what was committed is safe
   */
  close(): void {
    if (this.closed) return;
    this.stats();
    try {
      this.#file.close();
    } finally {
      if (this.closed) forgetPool(this);
    }
  }
}

function checkName(name: unknown): string {
  if (typeof name === 'string') return name;
  throw makeError(
    'ERR_SUPERSLAB_ARGUMENT',
    `the name of a root or lock must be a string, got ${show(name)}`,
    TypeError,
  );
}
