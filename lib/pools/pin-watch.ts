// Who has values or pages pinned, and where: with full leak detection or a guard. Each access has a Buffer over an ArrayBuffer of its own then, so
// that the collector tells when nobody has it any more.
import type { BlockNumber, NativePool, WindowKey } from '../addon/binding.js';
import { now } from '../addon/clock.js';
import { GUARD, LEAK_DETECTION } from '../addon/generated/choices.js';
import { builtins } from '../base/builtins.js';
import { hostError } from '../base/errors.js';
import type { GuardReport, MisusedBuffer } from '../base/misuse.js';
import { CapturedStack, ownRealm } from '../base/stack.js';
import { Findings } from '../guard/findings.js';
import type { Listeners } from '../guard/publishing.js';
import { makeMemory } from '../guard/slot.js';

/** Values that were unpinned of which it is still known where. */
const MOST_ENDED = 4096;

type Hidden = (...args: never[]) => unknown;

/** The note of one access. Nothing that it leads to may hold its ArrayBuffer. */
export interface Pin {
  readonly watch: PinWatch;
  readonly handle: number;
  readonly size: number;
  readonly stack: string;
  readonly sinceMs: number;
  /** Stored together with the native call that takes the pin back. The note may stay for a while, and says nothing any more. */
  isOver: boolean;
}

/** What has pins in hand until their caller has them. It has their notes before anything else does. */
export interface PinHolder {
  pin: Pin | undefined;
}

/** Whose pins are watched. */
export interface PinOwner {
  /** Takes back a pin that nobody has any more. */
  unpin(handle: number): void;
  /** Is told of it then. */
  afterUnpin(): void;
}

/** The end of an access. */
interface PinEnd {
  readonly pin: Pin;
  readonly released: string;
}

const registry = new FinalizationRegistry<Pin>((pin) => pin.watch.collected(pin));

export class PinWatch {
  readonly #what: 'page' | 'value';
  readonly #pool: string;
  readonly #native: NativePool;
  readonly #frames: number;
  readonly #owner: PinOwner;
  readonly #findings = new Findings();
  /** By handle, the oldest first. */
  readonly #pins = new Map<number, Pin[]>();
  readonly #ended = new Map<number, MisusedBuffer>();

  /** `what` is pinned. */
  constructor(what: 'page' | 'value', pool: string, native: NativePool, owner: PinOwner) {
    this.#what = what;
    this.#pool = pool;
    this.#native = native;
    this.#frames = native.leakFrames;
    this.#owner = owner;
    if (this.#frames > 0) ownRealm(); // made now: it takes milliseconds
    native.watch(pool);
  }

  set listeners(listeners: WeakRef<Listeners> | undefined) {
    this.#findings.listeners = listeners;
  }

  /** A Buffer for one access of what is pinned, by whom `stack` says: see {@link capture}. */
  pinned(handle: number, block: BlockNumber, size: number, stack: string, held: PinHolder): Buffer {
    const own: { block: BlockNumber; capacity: number; window: WindowKey } = {
      block,
      capacity: Math.max(size, 1),
      window: 0,
    };
    return this.pinnedIn(makeMemory(own), handle, size, stack, held);
  }

  /** The same over memory that nothing else shows in this way; undefined where the host gives none. */
  pinnedIn(
    memory: ArrayBuffer | undefined,
    handle: number,
    size: number,
    stack: string,
    held: PinHolder,
  ): Buffer {
    if (memory === undefined) throw hostError();
    const buffer = builtins.bufferOf(memory, 0, size);
    const pin: Pin = { watch: this, handle, size, stack, sinceMs: now(), isOver: false };
    held.pin = pin;
    const known = this.#pins.get(handle);
    if (known === undefined) this.#pins.set(handle, [pin]);
    else known.push(pin);
    registry.register(memory, pin, pin);
    return buffer;
  }

  /** Where `hidden` was called, as reports show it. */
  capture(hidden: Hidden): string {
    return this.#frames === 0 ? '' : new CapturedStack(this.#frames, hidden).text;
  }

  /** What ends when it is released; which access of several, nobody can tell: the oldest. */
  ending(handle: number, hidden: Hidden): PinEnd | undefined {
    const pin = this.#oldestOf(handle);
    return pin && { pin, released: this.capture(hidden) };
  }

  /** The pin is over. */
  ended({ pin, released }: PinEnd): void {
    this.forget(pin);
    if (this.#ended.size >= MOST_ENDED) this.#ended.clear();
    this.#ended.set(pin.handle, { ...this.#misuse(pin), released });
  }

  #oldestOf(handle: number): Pin | undefined {
    return this.#pins.get(handle)?.find(({ isOver }) => !isOver);
  }

  /** Drops a note, if it is there. */
  forget(pin: Pin): void {
    registry.unregister(pin);
    const pins = this.#pins.get(pin.handle);
    const at = pins === undefined ? -1 : pins.indexOf(pin);
    if (at < 0) return;
    pins!.splice(at, 1);
    if (pins!.length === 0) this.#pins.delete(pin.handle);
  }

  #misuse({ size, stack }: Pin): MisusedBuffer {
    return { pool: this.#pool, tag: '', size, acquired: stack, released: '' };
  }

  /** What is known of the last pin of a value that nobody has pinned. */
  lastOf(handle: number): MisusedBuffer | undefined {
    return this.#ended.get(handle);
  }

  /** Where a value was pinned first. */
  stackOf(handle: number): string {
    return this.#oldestOf(handle)?.stack ?? '';
  }

  /** The collector has taken the buffer of an access, and every view of it. */
  collected(pin: Pin): void {
    if (pin.isOver) return;
    this.#owner.unpin(pin.handle);
    pin.isOver = true;
    this.forget(pin);
    const { size, stack } = pin;
    const ageMs = now() - pin.sinceMs;
    const leak = { tag: '', stack, bytes: size, size, ageMs };
    const count = this.#native.noteLeak({ ...leak, estimated: 1 });
    this.#owner.afterUnpin();
    this.#findings.addLeak({
      what: this.#what,
      pool: this.#pool,
      tag: '',
      size,
      ageMs,
      stack,
      count,
      references: 1,
      retains: 0,
      sharedReferences: 0,
    });
    this.#findings.deliver();
  }

  check(): GuardReport[] {
    this.#findings.deliver();
    return [];
  }
}

/** undefined where only samples are watched, or nothing: what is pinned has the same buffer for every access then. */
export function pinWatchOf(
  what: 'page' | 'value',
  pool: string,
  native: NativePool,
  owner: PinOwner,
): PinWatch | undefined {
  const watchesAll = native.guard !== GUARD.off || native.leakDetection > LEAK_DETECTION.sampled;
  return watchesAll ? new PinWatch(what, pool, native, owner) : undefined;
}
