// Who has values pinned, and where: with full leak detection or a guard. Each access has a Buffer over an ArrayBuffer of its own then, so
// that the collector tells when nobody has it any more.
import type { BlockNumber, NativePool, WindowKey } from '../../addon/binding.js';
import { now } from '../../addon/clock.js';
import { GUARD, LEAK_DETECTION } from '../../addon/generated/choices.js';
import { builtins } from '../../base/builtins.js';
import { hostError } from '../../base/errors.js';
import type { GuardReport, MisusedBuffer } from '../../base/misuse.js';
import { CapturedStack, ownRealm } from '../../base/stack.js';
import { Findings } from '../../guard/findings.js';
import type { Listeners } from '../../guard/publishing.js';
import { makeMemory } from '../../guard/slot.js';

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

/** The end of an access. */
interface PinEnd {
  readonly pin: Pin;
  readonly released: string;
}

const registry = new FinalizationRegistry<Pin>((pin) => pin.watch.collected(pin));

export class PinWatch {
  readonly #pool: string;
  readonly #native: NativePool;
  readonly #frames: number;
  readonly #unpinned: () => void;
  readonly #findings = new Findings();
  /** By handle, the oldest first. */
  readonly #pins = new Map<number, Pin[]>();
  readonly #ended = new Map<number, MisusedBuffer>();

  /** `unpinned` is told when a pin that nobody has any more was taken back. */
  constructor(pool: string, native: NativePool, unpinned: () => void) {
    this.#pool = pool;
    this.#native = native;
    this.#frames = native.leakFrames;
    this.#unpinned = unpinned;
    if (this.#frames > 0) ownRealm(); // made now: it takes milliseconds
    native.watch(pool);
  }

  set listeners(listeners: WeakRef<Listeners> | undefined) {
    this.#findings.listeners = listeners;
  }

  /** A Buffer for one access of a value that is pinned. `held` has its note before anything else does. */
  pinned(
    handle: number,
    block: BlockNumber,
    size: number,
    held: { pin: Pin | undefined },
    hidden: Hidden,
  ): Buffer {
    const own: { block: BlockNumber; capacity: number; window: WindowKey } = {
      block,
      capacity: Math.max(size, 1),
      window: 0,
    };
    const memory = makeMemory(own);
    if (memory === undefined) throw hostError();
    const stack = this.#stack(hidden);
    const buffer = builtins.bufferOf(memory, 0, size);
    const pin: Pin = { watch: this, handle, size, stack, sinceMs: now(), isOver: false };
    held.pin = pin;
    const known = this.#pins.get(handle);
    if (known === undefined) this.#pins.set(handle, [pin]);
    else known.push(pin);
    registry.register(memory, pin, pin);
    return buffer;
  }

  #stack(hidden: Hidden): string {
    return this.#frames === 0 ? '' : new CapturedStack(this.#frames, hidden).text;
  }

  /** What ends when the value is released; which access of several, nobody can tell: the oldest. */
  ending(handle: number, hidden: Hidden): PinEnd | undefined {
    const pin = this.#oldestOf(handle);
    return pin && { pin, released: this.#stack(hidden) };
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
    this.#native.unpinValue(pin.handle);
    pin.isOver = true;
    this.forget(pin);
    const { size, stack } = pin;
    const ageMs = now() - pin.sinceMs;
    const leak = { tag: '', stack, bytes: size, size, ageMs };
    const count = this.#native.noteLeak({ ...leak, estimated: 1 });
    this.#unpinned();
    this.#findings.addLeak({
      what: 'value',
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

/** undefined where only samples are watched, or nothing: values have the same buffer for every access then. */
export function pinWatchOf(pool: string, native: NativePool, unpinned: () => void): PinWatch | undefined {
  const watchesAll = native.guard !== GUARD.off || native.leakDetection > LEAK_DETECTION.sampled;
  return watchesAll ? new PinWatch(pool, native, unpinned) : undefined;
}
