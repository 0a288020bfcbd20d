import { OBJECT_COUNT } from '../../addon/generated/memory.js';
import type { Shelf } from './shelf.js';
import { STATE } from './slot.js';

/** What get() needs of a pool. */
interface Getter<T> {
  readonly shelf: Shelf<T>;
  readonly watch: { readonly samples: boolean };
  getSlow(): T;
}

/** The hot path of get: one closure a pool. */
export function bindGet<T>(core: Getter<T>): () => T {
  return core.watch.samples ? bindGetSampled(core) : bindGetPlain(core);
}

function bindGetPlain<T>(core: Getter<T>): () => T {
  const { shelf } = core;
  const { slots, counts } = shelf;
  const get = (): T => {
    const top = shelf.depth;
    if (top !== 0 && shelf.getsFast) {
      const slot = slots[top - 1]!;
      const { object } = slot;
      slot.object = undefined;
      slot.state = STATE.lent;
      shelf.depth = top - 1;
      if (top <= shelf.low) shelf.low = top - 1;
      counts[OBJECT_COUNT.acquires]!++;
      return object as T;
    }
    return core.getSlow();
  };
  return get;
}

/** The same where leases are sampled: some go down the slow path. */
function bindGetSampled<T>(core: Getter<T>): () => T {
  const { shelf } = core;
  const { slots, counts } = shelf;
  const get = (): T => {
    const top = shelf.depth;
    if (top !== 0 && shelf.getsFast && shelf.untilSample > 1) {
      const slot = slots[top - 1]!;
      const { object } = slot;
      shelf.untilSample--;
      slot.object = undefined;
      slot.state = STATE.lent;
      shelf.depth = top - 1;
      if (top <= shelf.low) shelf.low = top - 1;
      counts[OBJECT_COUNT.acquires]!++;
      return object as T;
    }
    return core.getSlow();
  };
  return get;
}

/** What the same would take, for acquire(). undefined when that takes more, or the lease is to be sampled. */
export function topOf<T>(shelf: Shelf<T>): T | undefined {
  const top = shelf.depth;
  if (top === 0 || !shelf.getsFast || shelf.untilSample === 1) return undefined;
  return shelf.slots[top - 1]!.object;
}

/** Takes what topOf() returned. False when it is not on top any more. */
export function takeTop<T>(shelf: Shelf<T>, object: T): boolean {
  if (topOf(shelf) !== object) return false;
  const top = shelf.depth;
  const slot = shelf.slots[top - 1]!;
  if (shelf.untilSample > 0) shelf.untilSample--;
  slot.object = undefined;
  slot.state = STATE.lent;
  shelf.depth = top - 1;
  if (top <= shelf.low) shelf.low = top - 1;
  shelf.counts[OBJECT_COUNT.acquires]!++;
  return true;
}
