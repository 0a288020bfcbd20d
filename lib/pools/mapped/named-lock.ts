import type { NativeFile } from '../../addon/file-binding.js';
import { FILE_FAULT, NAME_LOCK } from '../../addon/generated/codes.js';
import { begin, finish, Unfinished } from '../../pool/unfinished.js';
import type { MappedCore } from './core.js';
import { lockBusy, noLocks, releasedLock } from './errors.js';
import type { LockOptions } from './options.js';
import type { Awaited } from './shared-events.js';

/** The native side's lock, apart from the object that the program has, which may be collected. */
class Hold {
  readonly #native: NativeFile;
  readonly #name: string;
  isHeld = false;

  constructor(native: NativeFile, name: string) {
    this.#native = native;
    this.#name = name;
  }

  take(isShared: boolean, waitMs: number): number {
    const result = this.#native.lockName(this.#name, isShared, waitMs);
    if (result === NAME_LOCK.locked) this.isHeld = true;
    return result;
  }

  give(): void {
    if (!this.isHeld) return;
    this.#native.unlockName(this.#name);
    this.isHeld = false;
  }
}

const registry = new FinalizationRegistry<Hold>((hold) => hold.give());

/** A lock that nobody has yet who could release it. */
export class LockAttempt extends Unfinished {
  readonly hold: Hold;

  constructor(native: NativeFile, name: string) {
    super();
    this.hold = new Hold(native, name);
  }

  undo(): void {
    this.hold.give();
  }
}

/** A lock of {@link MappedPool.lock}, until it is released: by the program, by the collector once nobody has it, or by the end of the process. */
export class NamedLock {
  readonly name: string;
  /** Whether others may have it, too. */
  readonly shared: boolean;
  readonly #hold: Hold;

  /** Of an attempt that succeeded. */
  constructor(name: string, shared: boolean, attempt: LockAttempt) {
    this.name = name;
    this.shared = shared;
    this.#hold = attempt.hold;
    registry.register(this, attempt.hold);
  }

  get released(): boolean {
    return !this.#hold.isHeld;
  }

  /** @throws ERR_SUPERSLAB_RELEASED when that was done before */
  release(): void {
    if (!this.#hold.isHeld) throw releasedLock(this.name);
    this.#hold.give();
  }

  /** For `using lock = pool.lock(name)`. */
  [Symbol.dispose](): void {
    this.#hold.give();
  }
}

/** undefined while another pool has it. */
function tryLock(
  core: MappedCore,
  name: string,
  isShared: boolean,
  timeoutMs: number,
  waitMs: number,
): NamedLock | undefined {
  if (core.closed) throw core.errorOf(FILE_FAULT.closed);
  const attempt = begin(new LockAttempt(core.file, name));
  const result = attempt.hold.take(isShared, waitMs);
  const lock = result === NAME_LOCK.locked ? new NamedLock(name, isShared, attempt) : undefined;
  finish(attempt);
  if (result === NAME_LOCK.heldHere) throw lockBusy(core.path, name, timeoutMs, true);
  if (result === NAME_LOCK.failed) throw noLocks(core.path);
  return lock;
}

/** See MappedPool.lock(). */
export function takeLock(core: MappedCore, name: string, options: LockOptions): NamedLock {
  const { shared = false, timeoutMs = core.lockTimeoutMs } = options;
  const lock = tryLock(core, name, shared, timeoutMs, timeoutMs);
  if (lock === undefined) throw lockBusy(core.path, name, timeoutMs, false);
  return lock;
}

/** See MappedPool.lockAsync(). */
export function takeLockLater(core: MappedCore, name: string, options: LockOptions): Promise<NamedLock> {
  const { shared = false, timeoutMs = core.lockTimeoutMs, signal } = options;
  const awaited: Awaited<NamedLock> = {
    look: () => tryLock(core, name, shared, timeoutMs, 0),
    late: () => {
      throw lockBusy(core.path, name, timeoutMs, false);
    },
    giveBack: (lock) => lock[Symbol.dispose](),
  };
  return core.events.wait(awaited, { timeoutMs, signal });
}
