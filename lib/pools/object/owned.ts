// By which slot an object is known.
import type { Shelf } from './shelf.js';
import { type Slot, type SlotOwner, STATE } from './slot.js';

/** Gives an object to the constructor of a subclass as its `this`. */
const Given = function Given(object: object) {
  return object;
} as unknown as new (
  object: object,
) => object;

/** What {@link Stamp} does. Not on the class, where anybody could forge a put with it. */
interface Stamps {
  slotOf(object: unknown): Slot<unknown> | undefined;
  stamp(object: object, slot: Slot<unknown>): void;
  bindPut<T>(shelf: Shelf<T>, owner: SlotOwner<T>): (object: T) => void;
}

let ofClass: Stamps;

/**
 * Adds a private field to any object, a frozen one too, that the program cannot see: to read it takes a nanosecond, a
 * WeakMap ten.
 */
class Stamp extends Given {
  #slot: Slot<unknown>;

  constructor(object: object, slot: Slot<unknown>) {
    super(object);
    this.#slot = slot;
  }

  static {
    ofClass = {
      slotOf: (object) =>
        ((typeof object === 'object' && object !== null) || typeof object === 'function') && #slot in object
          ? (object as Stamp).#slot
          : undefined,
      stamp: (object, slot) => {
        if (#slot in object) object.#slot = slot;
        else new Stamp(object, slot);
      },
      bindPut: Stamp.#bindPut,
    };
  }

  /** The hot path of put: one closure a pool. */
  static #bindPut<T>(shelf: Shelf<T>, owner: SlotOwner<T>): (object: T) => void {
    const { slots } = shelf;
    return (object) => {
      if (typeof object === 'object' && object !== null && #slot in object) {
        const slot = (object as unknown as Stamp).#slot as Slot<T>;
        if (slot.owner === owner && slot.state === STATE.lent && shelf.putsFast) {
          const top = shelf.depth;
          slot.object = object;
          slot.state = STATE.idle;
          slots[top] = slot;
          shelf.depth = top + 1;
          return;
        }
      }
      owner.putSlow(object);
    };
  }
}

export const stamps = ofClass!;

const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

/** Told when the collector has taken an object that a pool has made and not destroyed. */
const registry = new FinalizationRegistry<Slot<unknown>>((slot) => slot.owner.collected(slot));

/** What one pool has made. */
export class Owned<T> {
  /** Objects that cannot be stamped, or that are of another pool as well; and what is no object. */
  readonly #objects = new WeakMap<object, Slot<T>>();
  readonly #values = new Map<unknown, Slot<T>>();

  /** The slot of what the program says is an object of this pool; undefined for a stranger. */
  slotOf(value: unknown, owner: SlotOwner<T>): Slot<T> | undefined {
    const stamped = stamps.slotOf(value) as Slot<T> | undefined;
    if (stamped?.owner === owner) return stamped;
    return isObject(value) ? this.#objects.get(value) : this.#values.get(value);
  }

  /** The pool that it goes back to when it is put into this one; undefined for this one, and for a stranger. */
  otherOwnerOf(value: unknown, owner: SlotOwner<T>): SlotOwner<T> | undefined {
    const stamped = stamps.slotOf(value) as Slot<T> | undefined;
    if (stamped === undefined || stamped.owner === owner) return undefined;
    return this.slotOf(value, owner) === undefined ? stamped.owner : undefined;
  }

  /** Whether `value` is that of a slot which is not gone. */
  has(value: unknown, owner: SlotOwner<T>): boolean {
    const slot = this.slotOf(value, owner);
    return slot !== undefined && slot.state !== STATE.gone;
  }

  add(value: T, slot: Slot<T>): void {
    if (!isObject(value)) {
      this.#values.set(value, slot);
      return;
    }
    registry.register(value, slot as Slot<unknown>, slot);
    const other = stamps.slotOf(value);
    if (other === undefined || other.state === STATE.gone) {
      try {
        stamps.stamp(value, slot as Slot<unknown>);
        return;
      } catch {
        // This version of V8 gives no private fields to what is frozen.
      }
    }
    this.#objects.set(value, slot);
  }

  /** The slot is gone. */
  remove(value: unknown, slot: Slot<T>): void {
    registry.unregister(slot);
    if (!isObject(value) && this.#values.get(value) === slot) this.#values.delete(value);
  }
}
