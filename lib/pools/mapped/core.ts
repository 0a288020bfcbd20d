import { environment } from '../../addon/environment.js';
import type { FileCheck, NativeFile } from '../../addon/file-binding.js';
import { FILE_FAULT } from '../../addon/generated/codes.js';
import { builtins, lengthOf } from '../../base/builtins.js';
import { makeError, type SuperslabError, show, sizeError } from '../../base/errors.js';
import { asyncTransaction, fileError, notAHandle, withinTransaction } from './errors.js';
import { type MappedBuffer, type MappedHome, mappedBuffers } from './mapped-buffer.js';
import { type MappedPoolOptions, syncLevel } from './options.js';
import { MappedWindows } from './windows.js';

const NO_SAVEPOINT = new builtins.Float64Array(0);

/** After these the pool changes nothing any more. */
const BREAKING: ReadonlySet<number> = new Set([FILE_FAULT.failed, FILE_FAULT.lost, FILE_FAULT.damaged]);

/** What a MappedPool does, behind its public face. JavaScript may be cut off anywhere in here: docs/INTERRUPTION.md. */
export class MappedCore implements MappedHome {
  readonly path: string;
  readonly native: NativeFile;
  readonly #mode: number;
  readonly #level: number;
  readonly #windows: MappedWindows;
  readonly #found = new builtins.Float64Array(4);
  /** What alloc() was given; [0] is a handle for as long as nobody has its buffer. */
  readonly #taken = new builtins.Float64Array(4);
  /** Where the outermost transaction began; without one, empty. */
  #transaction: Float64Array = NO_SAVEPOINT;
  /** Transactions within it that have neither succeeded nor been undone. */
  #inner = 0;
  /** The program was told that the pool changes nothing any more. */
  #isBroken = false;
  closed = false;

  constructor(path: string, options: MappedPoolOptions) {
    const { mode = 0o600, sync = 'data', access = 'write', recover = true } = options;
    const { size = 0, maxBytes = 0, growBy = 0 } = options;
    const level = syncLevel(sync);
    const reads = access === 'read';
    const given = { path, size, maxBytes, growBy, mode, reads, sync: level, recovers: recover };
    const native = environment.openFile(given);
    if (native === undefined) throw makeError('ERR_SUPERSLAB_CLOSED', 'the thread ends');
    if ('fault' in native) throw fileError(native, { path, mode });
    this.path = path;
    this.native = native;
    this.#mode = mode;
    this.#level = level;
    this.#windows = new MappedWindows(native);
  }

  #error(fault: number): SuperslabError {
    if (BREAKING.has(fault)) this.#isBroken = true;
    const failure = this.native.failure();
    return fileError({ ...failure, fault }, { path: this.path, mode: this.#mode });
  }

  /** Throws what a fault means. */
  #check(fault: number): void {
    if (fault !== FILE_FAULT.none) throw this.#error(fault);
  }

  /** The value of a call that returns a fault below 0. */
  #checked(result: number): number {
    if (result < 0) throw this.#error(-result);
    return result;
  }

  /** An alloc() was cut off before its caller had the buffer: nobody will ever free that block. */
  #freeLost(): void {
    if (this.#taken[0] === 0) return;
    this.native.free(this.#taken[0]!);
    this.#taken[0] = 0;
  }

  #bufferOf(place: Float64Array): MappedBuffer {
    const offset = place[1]!;
    const length = place[2]!;
    const window = this.#windows.of(offset, length);
    return mappedBuffers.make(
      this,
      place[0]!,
      window,
      offset - MappedWindows.startOf(offset, length),
      length,
    );
  }

  alloc(size: number): MappedBuffer {
    if (!Number.isInteger(size) || size < 0) throw sizeError(size, Number.MAX_SAFE_INTEGER);
    this.#freeLost();
    this.#check(this.native.alloc(size, this.#taken));
    const buf = this.#bufferOf(this.#taken);
    this.#taken[0] = 0;
    return buf;
  }

  /** undefined for a block that is gone. */
  find(handle: unknown): MappedBuffer | undefined {
    if (typeof handle !== 'number') throw notAHandle(handle);
    const fault = this.native.find(handle, this.#found);
    if (fault === FILE_FAULT.stale) return undefined;
    this.#check(fault);
    return this.#bufferOf(this.#found);
  }

  at(handle: unknown): MappedBuffer {
    const buf = this.find(handle);
    if (buf === undefined) throw this.#error(FILE_FAULT.stale);
    return buf;
  }

  /** A handle, or that of a buffer of this pool. */
  handleOf(given: unknown): number {
    if (typeof given === 'number') return given;
    const handle = mappedBuffers.handleOf(this, given);
    if (handle === undefined) throw notAHandle(given);
    return handle;
  }

  freeBlock(handle: number): void {
    this.#check(this.native.free(handle));
  }

  *entries(): Generator<MappedBuffer, void, undefined> {
    const place = new builtins.Float64Array(4);
    for (;;) {
      if (this.closed) throw this.#error(FILE_FAULT.closed);
      if (!this.native.next(place)) break;
      yield this.#bufferOf(place);
    }
    // A walk ends early where the file is damaged.
    const { fault } = this.native.failure();
    if (fault === FILE_FAULT.damaged || fault === FILE_FAULT.lost) throw this.#error(fault);
  }

  root(name: string): number {
    return this.#checked(this.native.root(name));
  }

  setRoot(name: string, handle: number): void {
    this.#check(this.native.setRoot(name, handle));
  }

  rootNames(): string[] {
    if (this.closed) throw this.#error(FILE_FAULT.closed);
    return this.native.rootNames();
  }

  write(handle: number, offset: number, bytes: Uint8Array): void {
    if (!builtins.isUint8Array(bytes) || !Number.isInteger(offset) || offset < 0) {
      throw makeError(
        'ERR_SUPERSLAB_ARGUMENT',
        `write() takes a buffer, an offset and a Uint8Array; got ${show(offset)} and ${show(bytes)}`,
        TypeError,
      );
    }
    if (lengthOf(bytes) !== 0) this.#check(this.native.write(handle, offset, bytes));
  }

  get isInTransaction(): boolean {
    return this.#transaction !== NO_SAVEPOINT;
  }

  #refuseInTransaction(): void {
    if (this.isInTransaction) throw withinTransaction(this.path);
  }

  /** `level` -1: the pool's own. */
  commit(level: number): void {
    this.#refuseInTransaction();
    this.#freeLost();
    this.#check(this.native.commit(level < 0 ? this.#level : level));
  }

  transaction<T>(work: () => T, level: number): T {
    const place = new builtins.Float64Array(4);
    const isInner = this.isInTransaction;
    const inner = this.#inner;
    this.#freeLost();
    // When this is cut off, and so neither commits nor undoes, what it did is undone as soon as the stack is empty.
    if (!isInner) builtins.queueMicrotask(() => this.#undo(place));
    this.native.savepoint(place);
    if (isInner) this.#inner = inner + 1;
    else this.#transaction = place;
    let result: T;
    try {
      result = work();
      if (isThenable(result)) throw asyncTransaction(this.path);
      this.#freeLost();
      if (!isInner) this.#end(level);
    } catch (error) {
      if (!isInner) this.#undo(place);
      // With a full stack this fails, and then nothing of the outer one may be committed either.
      else this.native.rollBack(place);
      this.#inner = inner;
      throw error;
    }
    this.#inner = inner;
    return result;
  }

  #end(level: number): void {
    if (this.#inner !== 0) throw withinTransaction(this.path);
    const fault = this.native.commit(level < 0 ? this.#level : level);
    if (fault === FILE_FAULT.none) this.#transaction = NO_SAVEPOINT;
    else throw this.#error(fault);
  }

  /** Undoes the transaction that began at `place`, if it has not ended. */
  #undo(place: Float64Array): void {
    if (this.#transaction !== place) return;
    this.native.rollBack(place);
    this.#taken[0] = 0;
    this.#inner = 0;
    this.#transaction = NO_SAVEPOINT;
  }

  /** `block` undefined: all of the file. */
  advise(code: number, block: unknown): void {
    if (block === undefined) {
      this.native.advise(0, this.native.stats().dataBytes, code);
      return;
    }
    this.#check(this.native.find(this.handleOf(block), this.#found));
    this.native.advise(this.#found[1]!, this.#found[2]!, code);
  }

  check(): FileCheck {
    if (this.closed) throw this.#error(FILE_FAULT.closed);
    return this.native.check();
  }

  trim(): number {
    this.#refuseInTransaction();
    this.#freeLost();
    return this.#checked(this.native.trim());
  }

  close(): void {
    if (this.closed) return;
    this.#refuseInTransaction();
    const fault = this.native.close();
    this.closed = true;
    // Not what was told before: at the end of a `using` it would hide the error that tells more.
    if (!this.#isBroken) this.#check(fault);
  }
}

function isThenable(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}
