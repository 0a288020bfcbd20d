import type { PoolNames } from './types.js';

/** Ordinals are one byte in the map; 0 is no pool, and 255 stays free. */
const LAST = 254;

/** Gives the pools of a process small numbers, which stay theirs for as long as they exist. */
export class Ordinals {
  readonly #byHeap = new Map<number, number>();

  /** The pools there are now, in any order. Those beyond the 254th go without. */
  update(pools: readonly { readonly heapId: number; readonly name: string }[]): PoolNames {
    const alive = new Set(pools.map((pool) => pool.heapId));
    for (const heapId of this.#byHeap.keys()) if (!alive.has(heapId)) this.#byHeap.delete(heapId);
    const used = new Set(this.#byHeap.values());
    let free = 1;
    const named: PoolNames['pools'][number][] = [];
    for (const { heapId, name } of pools) {
      let ordinal = this.#byHeap.get(heapId);
      if (ordinal === undefined) {
        while (used.has(free)) free++;
        if (free > LAST) continue;
        ordinal = free;
        used.add(ordinal);
        this.#byHeap.set(heapId, ordinal);
      }
      named.push({ ordinal, name });
    }
    return { pools: named };
  }

  /** heapId, ordinal, heapId, ordinal, ... */
  pairs(): Uint32Array {
    return Uint32Array.from([...this.#byHeap].flat());
  }
}
