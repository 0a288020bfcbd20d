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

/** One access that was not released. Nothing that it leads to may hold its ArrayBuffer. */
interface Pin {
  readonly watch: PinWatch;
  readonly handle: number;
  readonly size: number;
  readonly stack: string;
  readonly sinceMs: number;
}

const registry = new FinalizationRegistry<Pin>((pin) => pin.watch.collected(pin));

export class PinWatch {
  readonly #what: 'page' | 'value';
  readonly #pool: string;
  readonly #native: NativePool;
  readonly #frames: number;
  readonly #unpin: (handle: number) => void;
  readonly #findings = new Findings();
  /** By handle, the oldest first. */
  readonly #pins = new Map<number, Pin[]>();
  readonly #ended = new Map<number, MisusedBuffer>();

  /** `what`: is pinned. `unpin` takes back a pin that nobody has any more. */
  constructor(what: 'page' | 'value', pool: string, native: NativePool, unpin: (handle: number) => void) {
    this.#what = what;
    this.#pool = pool;
    this.#native = native;
    this.#frames = native.leakFrames;
    this.#unpin = unpin;
    if (this.#frames > 0) ownRealm(); // made now: it takes milliseconds
    native.watch(pool);
  }

  set listeners(listeners: WeakRef<Listeners> | undefined) {
    this.#findings.listeners = listeners;
  }

  /** A Buffer for one access of what is pinned, by whom `stack` says: see {@link capture}. */
  pinned(handle: number, block: BlockNumber, size: number, stack: string): Buffer {
    const own: { block: BlockNumber; capacity: number; window: WindowKey } = {
      block,
      capacity: Math.max(size, 1),
      window: 0,
    };
    const memory = makeMemory(own);
    if (memory === undefined) throw hostError();
    const buffer = builtins.bufferOf(memory, 0, size);
    const pin: Pin = { watch: this, handle, size, stack, sinceMs: now() };
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

  /** One access was released; which of several, nobody can tell: the oldest. */
  unpinned(handle: number, hidden: Hidden): void {
    const pin = this.#take(handle);
    if (pin === undefined) return;
    registry.unregister(pin);
    if (this.#ended.size >= MOST_ENDED) this.#ended.clear();
    this.#ended.set(handle, { ...this.#misuse(pin), released: this.capture(hidden) });
  }

  #take(handle: number, pin = this.#pins.get(handle)?.[0]): Pin | undefined {
    const pins = this.#pins.get(handle);
    const at = pin === undefined || pins === undefined ? -1 : pins.indexOf(pin);
    if (at < 0) return undefined;
    pins!.splice(at, 1);
    if (pins!.length === 0) this.#pins.delete(handle);
    return pin;
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
    return this.#pins.get(handle)?.[0]?.stack ?? '';
  }

  /** The collector has taken the buffer of an access, and every view of it. */
  collected(pin: Pin): void {
    if (this.#take(pin.handle, pin) === undefined) return;
    const { size, stack } = pin;
    const ageMs = now() - pin.sinceMs;
    const leak = { tag: '', stack, bytes: size, size, ageMs };
    const count = this.#native.noteLeak({ ...leak, estimated: 1 });
    this.#unpin(pin.handle);
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

/** undefined where only samples are watched, or nothing: values have the same buffer for every access then. */
export function pinWatchOf(
  what: 'page' | 'value',
  pool: string,
  native: NativePool,
  unpin: (handle: number) => void,
): PinWatch | undefined {
  const watchesAll = native.guard !== GUARD.off || native.leakDetection > LEAK_DETECTION.sampled;
  return watchesAll ? new PinWatch(what, pool, native, unpin) : undefined;
}
