import { now } from '../../addon/clock.js';
import type { FileCheck, NativeFile } from '../../addon/file-binding.js';
import { FILE_FAULT } from '../../addon/generated/codes.js';
import { FILE_COUNT } from '../../addon/generated/memory.js';
import { builtins, lengthOf } from '../../base/builtins.js';
import { makeError, type SuperslabError, show, sizeError } from '../../base/errors.js';
import { areLost, lostError } from '../../base/lost-bytes.js';
import { isThenable } from '../../base/thenable.js';
import { poolTeller } from '../../measure/pool-teller.js';
import { begin, finish, HeldBuffers } from '../../pool/unfinished.js';
import type { Wish } from '../../pool/waiters.js';
import { Allocation } from './allocation.js';
import type { MappedCore, OpenFile } from './core.js';
import { sealedBytes } from './encryption/cipher.js';
import { needsEncryption } from './encryption/errors.js';
import { KEYS_ROOT } from './encryption/key-record.js';
import type { KeySource } from './encryption/key-source.js';
import { SealedFile } from './encryption/sealed-file.js';
import { verifySealed } from './encryption/verify.js';
import { asyncTransaction, noBlockOf, notAHandle, withinTransaction } from './errors.js';
import { mayBeHandle } from './handles.js';
import { type MappedBuffer, type MappedHome, mappedBuffers } from './mapped-buffer.js';
import type { BackupOptions, RotationProgress } from './options.js';
import type { ViewInterval } from './shared-views.js';
import type { ViewLease } from './view-watch.js';
import { Views } from './views.js';
import { MappedWindows } from './windows.js';

const NO_SAVEPOINT = new builtins.Float64Array(0);

type Hidden = (...args: never[]) => unknown;

/** Then destroy() has done nothing. */
const REFUSES_TO_DESTROY: ReadonlySet<number> = new Set([
  FILE_FAULT.readOnly,
  FILE_FAULT.inUseShared,
  FILE_FAULT.opening,
]);

/**
 * What a MappedPool does, behind its public face; the pool and each of its buffers hold it. JavaScript may be cut off anywhere in
 * here: docs/INTERRUPTION.md.
 */
export class MappedFile implements MappedHome, OpenFile {
  readonly name: string;
  readonly path: string;
  readonly core: MappedCore;
  readonly native: NativeFile;
  readonly #level: number;
  readonly #views: Views;
  readonly #found = new builtins.Float64Array(4);
  /** What alloc() was given; [0] is a handle for as long as nobody has its buffer. */
  readonly #taken = new builtins.Float64Array(4);
  /** Where the outermost transaction began; without one, empty. */
  #transaction: Float64Array = NO_SAVEPOINT;
  /** Transactions within it that have neither succeeded nor been undone. */
  #inner = 0;
  /** Of an encrypted file. */
  #sealed: SealedFile | undefined;

  /** `level`: what a commit makes durable unless it says otherwise. */
  constructor(path: string, core: MappedCore, level: number) {
    this.name = core.name;
    this.path = path;
    this.core = core;
    this.native = core.file;
    this.#level = level;
    this.#views = new Views(this, core);
    core.opened = this;
  }

  /** Opens an encrypted file with its key, or gives a new one keys; before anything else is done with it. */
  decrypt(source: KeySource, keyId: string): void {
    this.#sealed = SealedFile.open(this.core, source, keyId);
  }

  get closed(): boolean {
    return this.core.closed;
  }

  get maxBytes(): number {
    return this.core.maxBytes;
  }

  #error(fault: number): SuperslabError {
    return this.core.errorOf(fault);
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

  #bufferOf(place: Float64Array, isNew: boolean, hidden: Hidden): MappedBuffer {
    return this.#views.bufferOf(place, this.#sealed?.vault, isNew, hidden);
  }

  ended(lease: ViewLease | undefined, interval: ViewInterval | undefined): void {
    this.#views.ended(lease, interval);
  }

  get #hasNoViews(): boolean {
    return this.#views.areNone;
  }

  /** A block, or a fault. `isHasty`: it does not wait for other processes. */
  #alloc(size: number, hidden: Hidden, isHasty: boolean): MappedBuffer | number {
    const { core } = this;
    core.teller.listen();
    this.#freeLost();
    const bytes = this.#sealed === undefined ? size : sealedBytes(size);
    // What is left of the batch before is no part of this one.
    this.#sealed?.vault.prune();
    const fault = this.native.alloc(bytes, this.#taken, this.#hasNoViews, isHasty);
    if (fault !== FILE_FAULT.none) {
      core.teller.deliver();
      return fault;
    }
    const buf = this.#bufferOf(this.#taken, true, hidden);
    core.stir();
    if (core.teller.isOn) return this.#told(buf);
    this.#taken[0] = 0;
    return buf;
  }

  /** Tells of what an alloc() has done, before its caller has the buffer. */
  #told(buf: MappedBuffer): MappedBuffer | number {
    const held = begin(new HeldBuffers<Allocation>());
    held.buf = new Allocation();
    held.buf.buf = buf;
    this.#taken[0] = 0;
    this.core.teller.deliver();
    // Subscribers may have closed the pool, with which the block is gone, or have undone what was not committed.
    if (buf.released || this.closed) {
      held.buf = undefined;
      if (!buf.released) buf.release();
      finish(held);
      return FILE_FAULT.closed;
    }
    finish(held);
    return buf;
  }

  checkSize(size: number): void {
    if (!Number.isSafeInteger(size) || size < 0) throw sizeError(size, Number.MAX_SAFE_INTEGER);
  }

  alloc(size: number, hidden: Hidden): MappedBuffer {
    this.checkSize(size);
    const made = this.#alloc(size, hidden, false);
    if (typeof made !== 'number') return made;
    const error = this.#error(made);
    // Subscribers may do anything: the error is made before.
    if (made === FILE_FAULT.full) poolTeller.tellExhausted(this.#identity(), size, 'throw');
    throw error;
  }

  #identity() {
    const { id, name, native } = this.core;
    return { id, name, native, maxBytes: this.maxBytes };
  }

  tryAlloc(size: number): Allocation | undefined {
    const allocation = new Allocation();
    const made = this.#alloc(size, this.tryAlloc, true);
    if (typeof made !== 'number') {
      allocation.buf = made;
      return allocation;
    }
    if (made === FILE_FAULT.busy) return undefined;
    if (made === FILE_FAULT.full && size <= this.maxBytes) return undefined;
    throw this.#error(made);
  }

  allocInTurn(size: number, signal: AbortSignal | undefined): Promise<MappedBuffer> {
    this.checkSize(size);
    if (this.closed) throw this.#error(FILE_FAULT.closed);
    const wish: Wish<Allocation, MappedBuffer> = { size, signal, pool: this, ready: ({ buf }) => buf };
    return this.core.waiters.wait(wish);
  }

  /** A block of an encrypted file whose pages are to be touched, and which nobody opens. */
  allocSealed(size: number, hidden: Hidden): MappedBuffer {
    this.#freeLost();
    this.#check(this.native.alloc(sealedBytes(size), this.#taken, this.#hasNoViews, false));
    const buf = this.#views.bufferOf(this.#taken, undefined, true, hidden);
    this.#taken[0] = 0;
    return buf;
  }

  /** undefined for a block that is gone. */
  find(handle: unknown, hidden: Hidden): MappedBuffer | undefined {
    if (typeof handle !== 'number') throw notAHandle(handle);
    if (this.core.isShared) this.core.stir();
    const fault = this.native.find(handle, this.#found, this.#hasNoViews);
    if (fault === FILE_FAULT.stale || this.#sealed?.vault.hides(handle)) return undefined;
    this.#check(fault);
    try {
      return this.#bufferOf(this.#found, false, hidden);
    } catch (error) {
      // Another process has freed a sealed one meanwhile.
      if ((error as Partial<SuperslabError>).code === 'ERR_SUPERSLAB_STALE') return undefined;
      throw error;
    }
  }

  at(handle: unknown, hidden: Hidden): MappedBuffer {
    const buf = this.find(handle, hidden);
    if (buf === undefined) throw this.core.errorOf(FILE_FAULT.stale, { where: handle as number });
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
    this.core.stir();
    this.#sealed?.checkShown(handle);
    this.#check(this.native.free(handle));
  }

  /** A handle, or a buffer that was not released. `hidden`: as elsewhere. */
  free(block: unknown, hidden: Hidden): void {
    if (mappedBuffers.handleOf(this, block) !== undefined) (block as MappedBuffer).free();
    else if (typeof block === 'number' && mayBeHandle(block)) this.freeBlock(block);
    else throw noBlockOf(this.name, block, 'free', hidden);
  }

  /** Ends a view. */
  release(block: unknown, hidden: Hidden): void {
    if (mappedBuffers.handleOf(this, block) === undefined)
      throw noBlockOf(this.name, block, 'release', hidden);
    (block as MappedBuffer).release();
  }

  *entries(hidden: Hidden): Generator<MappedBuffer, void, undefined> {
    const place = new builtins.Float64Array(4);
    for (;;) {
      if (this.closed) throw this.#error(FILE_FAULT.closed);
      if (!this.native.next(place, this.#hasNoViews)) break;
      if (!this.#sealed?.vault.hides(place[0]!)) yield this.#bufferOf(place, false, hidden);
    }
    // A walk ends early where the file is damaged.
    this.#check(place[2]!);
  }

  root(name: string): number {
    return this.#checked(this.native.root(name));
  }

  setRoot(name: string, handle: number): void {
    this.#sealed?.checkRoot(name, handle);
    this.#check(this.native.setRoot(name, handle));
  }

  rootNames(): string[] {
    if (this.closed) throw this.#error(FILE_FAULT.closed);
    const names = this.native.rootNames();
    return this.#sealed === undefined ? names : names.filter((name) => name !== KEYS_ROOT);
  }

  write(handle: number, offset: number, bytes: Uint8Array): void {
    if (!builtins.isUint8Array(bytes) || !Number.isInteger(offset) || offset < 0) {
      throw makeError(
        'ERR_SUPERSLAB_ARGUMENT',
        `write() takes a buffer, an offset and a Uint8Array; got ${show(offset)} and ${show(bytes)}`,
        TypeError,
      );
    }
    if (areLost(bytes)) throw lostError('write()', bytes);
    if (lengthOf(bytes) === 0) return;
    if (this.#sealed !== undefined) this.#sealed.write(handle, offset, bytes);
    else this.#check(this.native.write(handle, offset, bytes));
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
    this.core.teller.listen();
    this.#freeLost();
    this.#sealed?.vault.seal();
    this.#check(this.native.commit(level < 0 ? this.#level : level));
    this.#committed();
  }

  /** The same; durable when the promise is resolved. Others that are under way share its sync. */
  commitAsync(level: number): Promise<void> {
    this.#refuseInTransaction();
    this.core.teller.listen();
    this.#freeLost();
    this.#sealed?.vault.seal();
    const wanted = level < 0 ? this.#level : level;
    this.#check(wanted === 0 ? this.native.commit(0) : this.native.commitLater(this.#found));
    const sequence = this.#found[0]!;
    if (wanted !== 0) return this.core.group.wait(sequence, wanted, () => this.#committed());
    this.#committed();
    return builtins.promiseResolve(undefined) as Promise<void>;
  }

  /** There may be room for those who wait. */
  #committed(): void {
    this.#sealed?.vault.prune();
    this.core.views.committed();
    this.core.stir();
    this.core.teller.deliver();
    this.core.serveWaiters();
  }

  transaction<T>(work: () => T, level: number): T {
    const place = new builtins.Float64Array(4);
    const isInner = this.isInTransaction;
    this.core.teller.listen();
    const inner = this.#inner;
    this.#freeLost();
    // When this is cut off, and so neither commits nor undoes, what it did is undone as soon as the stack is empty.
    if (!isInner) builtins.queueMicrotask(() => this.#undo(place));
    // In a shared file what it reads is not to be changed before its end.
    if (!isInner) this.#check(this.native.beginBatch());
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
    if (!isInner) this.#committed();
    return result;
  }

  #end(level: number): void {
    if (this.#inner !== 0) throw withinTransaction(this.path);
    this.#sealed?.vault.seal();
    const fault = this.native.commit(level < 0 ? this.#level : level);
    if (fault === FILE_FAULT.none) this.#transaction = NO_SAVEPOINT;
    else throw this.#error(fault);
  }

  /** Undoes the transaction that began at `place`, if it has not ended. */
  #undo(place: Float64Array): void {
    if (this.#transaction !== place) {
      // It was cut off before it began.
      if (!this.isInTransaction) this.native.endBatch();
      return;
    }
    this.native.rollBack(place);
    this.native.endBatch();
    this.#taken[0] = 0;
    this.#inner = 0;
    this.#transaction = NO_SAVEPOINT;
    this.#sealed?.vault.prune();
  }

  /** Whether blocks lie in the file as nobody may see them. */
  get isSealed(): boolean {
    return this.#sealed !== undefined;
  }

  /** A view of up to `size` bytes of a block, from `at` on; undefined behind its end. */
  part(handle: number, at: number, size: number, hidden: Hidden): MappedBuffer | undefined {
    this.#check(this.native.find(handle, this.#found, this.#hasNoViews));
    const length = this.#found[2]!;
    if (at >= length) return undefined;
    return this.#views.partOf(this.#found, at, Math.min(size, length - at), false, hidden);
  }

  /** Of a block with pages of its own; nothing when it is gone. Bytes behind its end are nobody's business. */
  advisePart(handle: number, at: number, bytes: number, code: number): void {
    if (this.native.find(handle, this.#found, false) !== FILE_FAULT.none) return;
    if (MappedWindows.sharesPages(this.#found[2]!)) return;
    const length = Math.min(bytes, this.#found[2]! - at);
    if (length > 0) this.native.advise(this.#found[1]! + at, length, code);
  }

  /** `block` undefined: all of the file. */
  advise(code: number, block: unknown): void {
    if (block === undefined) {
      this.core.publish();
      this.native.advise(0, this.core.counts[FILE_COUNT.dataBytes]!, code);
      return;
    }
    this.#check(this.native.find(this.handleOf(block), this.#found, false));
    this.native.advise(this.#found[1]!, this.#found[2]!, code);
  }

  verify(): FileCheck {
    if (this.closed) throw this.#error(FILE_FAULT.closed);
    const found = this.native.check();
    return this.#sealed === undefined ? found : verifySealed(found, this.native, this.#sealed.vault);
  }

  trim(targetBytes: number): number {
    this.#refuseInTransaction();
    this.core.teller.listen();
    this.#freeLost();
    const returned = this.native.trim(targetBytes);
    this.core.teller.deliver();
    return this.#checked(returned);
  }

  /** Commits of all processes; of a file that is not shared, those of this pool. */
  changeCount(): number {
    if (this.closed) throw this.#error(FILE_FAULT.closed);
    if (this.native.sharedState(this.#found)) return this.#found[1]!;
    this.core.publish();
    return this.core.counts[FILE_COUNT.commits]!;
  }

  backup(path: string, options: BackupOptions, ended: () => void): Promise<number> {
    if (this.closed) throw this.#error(FILE_FAULT.closed);
    const { audit } = this.core;
    const copy = () => this.core.copyTo(path, options, ended);
    if (audit === undefined) return copy();
    audit.write('backup', this.path, { to: path });
    return audit.watching(this.path, copy);
  }

  /** See MappedPool.rotateKey(). */
  rotateKey(key: Uint8Array, keyId?: string, progress?: RotationProgress): Promise<number> {
    if (this.closed) throw this.#error(FILE_FAULT.closed);
    if (this.#sealed === undefined) throw needsEncryption(this.path);
    this.#refuseInTransaction();
    return this.#sealed.rotateKey(this, key, keyId, progress);
  }

  #tellClosed(start: number): void {
    const durationNs = Math.round((now() - start) * 1e6);
    const { teller, views } = this.core;
    teller.deliver();
    teller.tell('close', { durationNs });
    views.deliver();
  }

  /** When it fails the pool is closed all the same, unless nothing was done: others have the file, or it is only read. */
  destroy(): void {
    if (this.closed) throw this.#error(FILE_FAULT.closed);
    this.#refuseInTransaction();
    this.#taken[0] = 0;
    const { core, native } = this;
    core.audit?.write('destroy', this.path);
    core.teller.listen();
    const start = now();
    const fault = native.destroy(this.path);
    const error = fault === FILE_FAULT.none ? undefined : this.#error(fault);
    if (error !== undefined) core.audit?.refuse(this.path, error);
    if (REFUSES_TO_DESTROY.has(fault)) throw error;
    core.close();
    this.#tellClosed(start);
    if (error !== undefined) throw error;
  }

  close(): void {
    if (this.closed) return;
    this.#refuseInTransaction();
    this.#freeLost();
    const { core, native } = this;
    core.views.closing((handle) => native.find(handle, this.#found, false) === FILE_FAULT.none);
    core.teller.listen();
    const start = now();
    core.close();
    this.#tellClosed(start);
    // Not what was told before: at the end of a `using` it would hide the error that tells more.
    if (!this.core.isBroken) this.#check(core.closeFault);
  }
}
