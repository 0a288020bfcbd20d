import type { FileCheck } from '../../addon/file-binding.js';
import { makeError, show } from '../../base/errors.js';
import { MappedCore } from './core.js';
import type { MappedBuffer } from './mapped-buffer.js';
import {
  type AccessPattern,
  type CommitOptions,
  checkMappedOptions,
  checkPath,
  commitLevel,
  type MappedPoolOptions,
  patternCode,
} from './options.js';
import type { MappedPoolStats } from './stats.js';

const NO_HANDLE = 0;

/**
 * A heap in a file: blocks that are there again when the program is started again, whatever ended it.
 *
 * Changes happen together, with the next commit() or at the end of a transaction(); until then they are undone by the end
 * of the process. Bytes that the program stores into a buffer are in the file at once, and durable with a commit.
 *
 * A pool belongs to the thread that opened it, and a file to one pool at a time, or to several that only read.
 *
 * @example
 * const pool = MappedPool.open('state.slab');
 * let counter = pool.root('counter');
 * if (counter === undefined) pool.setRoot('counter', (counter = pool.alloc(8).fill(0)));
 * counter.writeDoubleLE(counter.readDoubleLE(0) + 1, 0);
 * pool.commit();
 * pool.close();
 */
export class MappedPool implements Disposable {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly #core: MappedCore;

  private constructor(core: MappedCore, name: string) {
    if (!(core instanceof MappedCore)) {
      throw makeError('ERR_SUPERSLAB_ARGUMENT', 'a MappedPool is made by MappedPool.open(path)', TypeError);
    }
    this.#core = core;
    this.name = name;
    this.path = core.path;
  }

  /**
   * Opens the file, or makes it. Only a regular file of this process's user is opened, never through a symbolic link; a
   * file of another kind is left as it is. What an earlier process did not commit is not there.
   * @throws ERR_SUPERSLAB_FILE, ERR_SUPERSLAB_FILE_IN_USE, ERR_SUPERSLAB_FILE_FORMAT, ERR_SUPERSLAB_FILE_DAMAGED
   * @throws ERR_SUPERSLAB_OPTION, ERR_SUPERSLAB_ARGUMENT
   */
  static open(path: string | URL, options: MappedPoolOptions = {}): MappedPool {
    checkMappedOptions(options);
    const absolute = checkPath(path);
    return new MappedPool(new MappedCore(absolute, options), options.name ?? absolute);
  }

  /** Whether close() was called. */
  get closed(): boolean {
    return this.#core.closed;
  }

  /**
   * A block of `size` bytes, whose contents are whatever lay there before. It is there for good once a commit has succeeded.
   * @throws ERR_SUPERSLAB_EXHAUSTED at maxBytes, ERR_SUPERSLAB_FILE_SPACE when the disk is full
   * @throws ERR_SUPERSLAB_COMMIT when one commit has no room for more changes
   */
  alloc(size: number): MappedBuffer {
    return this.#core.alloc(size);
  }

  /**
   * The block of a handle.
   * @throws ERR_SUPERSLAB_STALE when it was freed
   */
  at(handle: number): MappedBuffer {
    return this.#core.at(handle);
  }

  /** The same; undefined when it was freed. */
  tryAt(handle: number): MappedBuffer | undefined {
    return this.#core.find(handle);
  }

  /**
   * Frees a block, named by a handle or by one of its buffers. Its handle is stale at once; its memory is used again after a
   * commit that lasts.
   * @throws ERR_SUPERSLAB_STALE
   */
  free(block: MappedBuffer | number): void {
    this.#core.freeBlock(this.#core.handleOf(block));
  }

  /**
   * Every block, in order of its place in the file. Blocks may come and go meanwhile.
   * @throws ERR_SUPERSLAB_FILE_DAMAGED where the file is damaged
   */
  entries(): Generator<MappedBuffer, void, undefined> {
    return this.#core.entries();
  }

  /** The block of that name; undefined when there is none. */
  root(name: string): MappedBuffer | undefined {
    const handle = this.#core.root(checkName(name));
    return handle === NO_HANDLE ? undefined : this.#core.find(handle);
  }

  /**
   * Gives a block a name, by which it is found again; `null` ends the name. Up to 256, of 48 bytes each.
   * @throws ERR_SUPERSLAB_STALE, ERR_SUPERSLAB_EXHAUSTED, ERR_SUPERSLAB_ARGUMENT
   */
  setRoot(name: string, block: MappedBuffer | number | null): void {
    this.#core.setRoot(checkName(name), block === null ? NO_HANDLE : this.#core.handleOf(block));
  }

  /** The names that are in use. */
  rootNames(): string[] {
    return this.#core.rootNames();
  }

  /**
   * Has the next commit put `bytes` into a block, from `offset` on: with all other changes, or not at all. Until then
   * the block shows its former bytes. The bytes go through the journal, and such a commit is as durable as the pool's `sync`.
   * @throws ERR_SUPERSLAB_STALE, ERR_SUPERSLAB_ARGUMENT, ERR_SUPERSLAB_COMMIT
   */
  write(block: MappedBuffer | number, offset: number, bytes: Uint8Array): void {
    this.#core.write(this.#core.handleOf(block), offset, bytes);
  }

  /**
   * Makes all changes since the last commit happen. With `sync` 'data' or 'full' they are durable when this returns, and
   * so are the bytes of all blocks.
   * @throws ERR_SUPERSLAB_FILE_FAILED when the disk fails; then nothing is changed any more, until the file is opened again
   */
  commit(options?: CommitOptions): void {
    this.#core.commit(commitLevel(options));
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
    return this.#core.transaction(work, level);
  }

  /**
   * Gives the space of free pages back to the file system, and cuts the file behind its last block.
   * @returns bytes
   * @throws ERR_SUPERSLAB_COMMIT when there are changes that are not committed
   */
  trim(): number {
    return this.#core.trim();
  }

  /** Tells the kernel how a block, or all of the file, will be used: see madvise(2). */
  advise(pattern: AccessPattern, block?: MappedBuffer | number): void {
    this.#core.advise(patternCode(pattern), block);
  }

  /** Walks all structures of the file and compares them with each other and with their checksums. */
  check(): FileCheck {
    return this.#core.check();
  }

  /** Once the pool is closed, its last figures. */
  stats(): MappedPoolStats {
    const { name, path, closed } = this;
    return { name, path, closed, ...this.#core.native.stats() };
  }

  /**
   * Undoes what was not committed, and ends the pool. Buffers of it show zeros from then on. A second close() does nothing.
   * @throws ERR_SUPERSLAB_FILE_FAILED when the disk failed and no call has said so yet; the pool is closed nevertheless, and
   * what was committed is safe
   */
  close(): void {
    this.#core.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function checkName(name: unknown): string {
  if (typeof name === 'string') return name;
  throw makeError(
    'ERR_SUPERSLAB_ARGUMENT',
    `the name of a root must be a string, got ${show(name)}`,
    TypeError,
  );
}
