import type { HeapId, NativePool, PoolId } from '../../addon/binding.js';
import type { NativeFile } from '../../addon/file-binding.js';
import { FILE_FAULT, RELIEF_STEP } from '../../addon/generated/codes.js';
import { FILE_COUNT, MAGAZINES } from '../../addon/generated/memory.js';
import { builtins } from '../../base/builtins.js';
import { hostError, type SuperslabError } from '../../base/errors.js';
import { type Core, closingCores, openCores, type ThreadFigures } from '../../pool/cores.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import { Waiters } from '../../pool/waiters.js';
import { PoolFigures } from '../pool-figures.js';
import type { Allocation } from './allocation.js';
import type { AuditLog } from './audit.js';
import { Backup } from './backup.js';
import { fileError } from './errors.js';
import { FileTeller } from './file-teller.js';
import { GroupCommit } from './group-commit.js';
import type { BackupOptions } from './options.js';
import { SharedEvents } from './shared-events.js';
import { SharedViews } from './shared-views.js';
import { ViewWatch } from './view-watch.js';

/** Upkeep comes twice in this time, and brings the figures up to date that other threads read. */
const UPKEEP_MS = 2000;

/** After these the pool changes nothing any more. */
const BREAKING: ReadonlySet<number> = new Set([FILE_FAULT.failed, FILE_FAULT.lost, FILE_FAULT.damaged]);

interface CoreOptions {
  /** Permission bits. */
  readonly mode: number;
  readonly isReadOnly: boolean;
  readonly isShared: boolean;
  readonly lockTimeoutMs: number;
}

/** What ends with the file. */
interface Closable {
  close(): void;
}

/** What upkeep asks of the file, which nobody but the program holds: a pool that was dropped is closed. */
export interface OpenFile {
  readonly isInTransaction: boolean;
  /** A new block; undefined when maxBytes are in use. */
  tryAlloc(size: number): Allocation | undefined;
}

/**
 * A MappedPool as signals, upkeep, memory pressure and figures know it. Its heap holds nothing: what is counted stands in
 * `counts`, which the native side reads for whichever thread asks.
 */
export class MappedCore implements Core {
  readonly name: string;
  readonly id: PoolId;
  readonly native: NativePool;
  readonly heapId: HeapId;
  readonly magazines = undefined;
  readonly watcher = undefined;
  readonly purgeDelayMs = UPKEEP_MS;
  readonly file: NativeFile;
  /** By FILE_COUNT. */
  readonly counts: Float64Array;
  readonly views: ViewWatch;
  readonly teller: FileTeller;
  readonly group: GroupCommit;
  readonly events: SharedEvents;
  readonly sharedViews: SharedViews;
  readonly waiters: Waiters<Allocation>;
  listeners: Core['listeners'];
  closed = false;
  /** What the file said when it was closed. */
  closeFault: number = FILE_FAULT.none;
  /** The program was told that the pool changes nothing any more. */
  isBroken = false;
  /** Of an encrypted file. */
  vault: Closable | undefined;
  audit: AuditLog | undefined;
  readonly path: string;
  readonly #options: CoreOptions;
  readonly #figures: PoolFigures;
  #opened: WeakRef<OpenFile> | undefined;
  #backup: Backup | undefined;
  /** Changes since the figures were brought up to date. */
  #isStirred = false;

  constructor(name: string, path: string, native: NativePool, file: NativeFile, options: CoreOptions) {
    const memory = native.magazines;
    if (memory === undefined) throw hostError();
    const { at, length } = MAGAZINES.file;
    this.name = name;
    this.id = native.id;
    this.native = native;
    this.heapId = native.heapId;
    this.file = file;
    this.path = path;
    this.#options = options;
    this.#figures = new PoolFigures(this);
    this.teller = new FileTeller(name, path, file);
    this.sharedViews = new SharedViews(file, options.isShared);
    this.group = new GroupCommit(
      file,
      (fault) => this.errorOf(fault),
      () => this.teller.deliver(),
    );
    this.counts = new Float64Array(memory, at * 4, length / 2);
    this.views = new ViewWatch(name, native, this.counts);
    this.waiters = new Waiters<Allocation>({
      waitName: 'allocAsync()',
      tryAcquire: (size) => this.#opened?.deref()?.tryAlloc(size),
      startWaiting: () => {
        scheduleUpkeep();
        if (options.isShared) this.events.begin();
      },
      stopWaiting: () => {},
    });
    // In a shared file others make room, or write, so that nothing can be changed until they have committed.
    const { waiters } = this;
    this.events = new SharedEvents(file, {
      get areWaiting() {
        return options.isShared && waiters.length > 0;
      },
      serve: () => this.serveWaiters(),
    });
    this.publish();
    openCores.set(this.id, this);
  }

  set opened(file: OpenFile) {
    this.#opened = new builtins.WeakRef(file);
  }

  get isShared(): boolean {
    return this.#options.isShared;
  }

  get isInTransaction(): boolean {
    return this.#opened?.deref()?.isInTransaction === true;
  }

  /** Whether there are changes that are not committed, or may be; then nobody else writes. */
  get isWriting(): boolean {
    return this.isInTransaction || this.file.hasUncommitted();
  }

  get isReadOnly(): boolean {
    return this.#options.isReadOnly;
  }

  get lockTimeoutMs(): number {
    return this.#options.lockTimeoutMs;
  }

  get maxBytes(): number {
    return this.counts[FILE_COUNT.maxBytes]!;
  }

  /** What a fault means. `about`: the file, or the handle, that it speaks of, if that is no other. */
  errorOf(fault: number, about: { readonly path?: string; readonly where?: number } = {}): SuperslabError {
    const { name, maxBytes } = this;
    const { mode, lockTimeoutMs } = this.#options;
    const path = about.path ?? this.path;
    const failure = this.file.failure();
    const where = about.where ?? failure.where;
    const error = fileError({ ...failure, fault, where }, { path, name, maxBytes, mode, lockTimeoutMs });
    if (BREAKING.has(fault) && !this.isBroken) {
      this.isBroken = true;
      this.teller.tellFailure(error);
    }
    return error;
  }

  publish(): void {
    this.file.publish(this.counts);
  }

  /** Something was changed: upkeep looks at it before long. */
  stir(): void {
    if (this.#isStirred) return;
    scheduleUpkeep();
    this.#isStirred = true;
  }

  threadFigures(): ThreadFigures {
    return { fallbacks: 0, waiting: this.waiters.length };
  }

  serveWaiters(): void {
    if (this.closed || this.waiters.length === 0) return;
    // A transaction in the midst of which it happened would undo what they got.
    if (this.#opened?.deref()?.isInTransaction === false) this.waiters.serve();
  }

  tick(): boolean {
    this.#backup?.look();
    if (this.closed) return false;
    this.publish();
    this.group.proceed();
    if (this.teller.tellsAlerts) this.teller.tellAlerts(this.#figures.advice());
    this.events.proceed();
    const hasViews = this.sharedViews.tick();
    const again = this.#isStirred || hasViews || this.counts[FILE_COUNT.undurableBytes]! > 0;
    this.#isStirred = false;
    return again || this.group.isBusy || this.events.isBusy || this.waiters.length > 0 || this.#isCopying;
  }

  get #isCopying(): boolean {
    return this.#backup !== undefined && !this.#backup.isSettled;
  }

  /** Has the file copied, and calls `ended` before the promise is settled. There is one copy at a time: another is refused when it begins. */
  copyTo(path: string, { progress, mode = 0o600 }: BackupOptions, ended: () => void): Promise<number> {
    // Of the copy, and not of the pool's own file.
    const errorOf = (fault: number) => this.errorOf(fault, fault === FILE_FAULT.file ? { path } : undefined);
    const backup = new Backup(this.file, { errorOf, ended }, progress);
    if (backup.resolve === undefined) return backup.promise;
    return backup.run(path, mode, () => {
      if (!this.#isCopying) this.#backup = backup;
    });
  }

  /** Gives free pages back to the file system, whose cache then holds them no more. Not in the midst of a batch. */
  relieve(step: number): number {
    const { isReadOnly, isShared } = this.#options;
    const isAtRest = !isReadOnly && !isShared && this.#opened?.deref()?.isInTransaction === false;
    if (step !== RELIEF_STEP.idle || !isAtRest) return 0;
    const bytes = this.file.trim(0);
    if (bytes > 0) this.native.noteRelief(step, bytes);
    return 0;
  }

  close(): void {
    scheduleUpkeep();
    closingCores.add(this);
    this.closed = true;
    this.endClosing();
    this.settle();
  }

  endClosing(): void {
    openCores.delete(this.id);
    this.vault?.close();
    const fault = this.file.close();
    this.audit?.close();
    if (fault !== FILE_FAULT.none) this.closeFault = fault;
    // All that was committed is durable now, or never will be.
    if (this.closeFault === FILE_FAULT.none) this.group.resolveAll();
    else if (this.group.isBusy) this.group.rejectAll(this.errorOf(this.closeFault));
    this.publish();
    this.waiters.rejectAll(this.name);
    if (this.events.isBusy) this.events.rejectAll(this.errorOf(FILE_FAULT.closed));
  }

  settle(): void {
    this.native.close();
    if (!this.native.isSettled()) return;
    openCores.delete(this.id); // if endClosing() was cut off
    closingCores.delete(this);
  }
}
