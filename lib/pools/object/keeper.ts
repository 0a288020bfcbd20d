import { now } from '../../addon/clock.js';
import { RELIEF_STEP } from '../../addon/generated/codes.js';
import { OBJECT_COUNT } from '../../addon/generated/memory.js';
import type { ObjectSettings } from './options.js';
import type { Shelf } from './shelf.js';
import { type Slot, STATE } from './slot.js';

/** The pool that is looked after. */
export interface KeeperHost<T> {
  readonly closed: boolean;
  readonly settings: ObjectSettings<T>;
  readonly shelf: Shelf<T>;
  readonly slots: ReadonlySet<Slot<T>>;
  /** Whether put() leaves it to upkeep to say since when an object is idle. */
  readonly putsPlainly: boolean;
  retireIdle(place: number): void;
  testIdle(place: number): void;
}

/** Now and then looks at what lies idle: for too long, too old, or due to be tested. */
export class Keeper<T> {
  readonly #host: KeeperHost<T>;

  constructor(host: KeeperHost<T>) {
    this.#host = host;
  }

  lookAtIdle(): void {
    const time = now();
    this.#noteIdle(time);
    const { shelf } = this.#host;
    for (const slot of shelf.slots.slice(0, shelf.depth)) {
      // What was done for another may have changed it.
      if (slot.state === STATE.idle && !this.#host.closed) this.#lookAt(slot, time);
    }
  }

  /** What was put since the last time lies above what was not touched. */
  #noteIdle(time: number): void {
    const host = this.#host;
    const { slots, depth, lowSinceTick } = host.shelf;
    if (host.putsPlainly) for (let i = lowSinceTick; i < depth; i++) slots[i]!.idleSince = time;
    host.shelf.lowSinceTick = depth;
  }

  /** Destroys idle objects, the oldest first, while the pool has more than `target` and more than `minIdle` are idle; how many. */
  dropIdle(target: number, minIdle: number): number {
    const { shelf, slots } = this.#host;
    let dropped = 0;
    // Others may be made in their place.
    for (let left = shelf.depth; left > 0 && shelf.depth > minIdle; left--) {
      if (slots.size <= target) break;
      this.#host.retireIdle(0);
      dropped++;
    }
    return dropped;
  }

  /** The same of those that the pool is not to keep, while memory is scarce. */
  relieve(step: number): number {
    if (step !== RELIEF_STEP.idle) return 0;
    const { settings, shelf } = this.#host;
    const dropped = this.dropIdle(settings.min, settings.minIdle);
    shelf.counts[OBJECT_COUNT.relieved]! += dropped;
    return dropped;
  }

  #lookAt(slot: Slot<T>, time: number): void {
    const { settings, shelf, slots } = this.#host;
    const { idleMs, min, minIdle, validateEveryMs } = settings;
    const isTooMany = slots.size > min && shelf.depth > minIdle;
    const place = shelf.slots.indexOf(slot);
    if (time >= slot.expiresAt || (isTooMany && time - slot.idleSince >= idleMs))
      this.#host.retireIdle(place);
    else if (time - slot.testedAt >= validateEveryMs) this.#host.testIdle(place);
  }
}
