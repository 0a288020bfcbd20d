// Whether what a pool of values knows of them agrees with itself.
import { footprint, SCOPE } from './chunk.js';
import type { Values } from './values.js';

interface Sum {
  bytes: number;
  values: number;
  pinned: number;
}

function sumsOf({ slots, store }: Values): Map<number, Sum> | string {
  const sums = new Map<number, Sum>();
  for (let slot = 0; slot < slots.made; slot++) {
    if (slots.handles[slot]! <= 0) continue;
    const index = slots.chunks[slot]!;
    const chunk = store.chunks[index];
    const size = footprint(slots.lengths[slot]!);
    if (chunk === undefined) return `the value of slot ${slot} lies in no chunk`;
    if (slots.offsets[slot]! + size > chunk.used) return `the value of slot ${slot} ends behind its chunk's`;
    const sum = sums.get(index) ?? { bytes: 0, values: 0, pinned: 0 };
    sum.bytes += size;
    sum.values++;
    if (slots.pins[slot]! > 0) sum.pinned++;
    sums.set(index, sum);
  }
  return sums;
}

function wrongFreeSlots({ slots }: Values): string | undefined {
  const free = new Set<number>();
  for (let slot = slots.free; slot >= 0; slot = slots.offsets[slot]! | 0) {
    if (slot >= slots.made || slots.handles[slot]! > 0) return `slot ${slot} is free and has a value`;
    if (free.has(slot)) return `slot ${slot} is free twice`;
    free.add(slot);
  }
  let ended = 0;
  for (let slot = 0; slot < slots.made; slot++) if (slots.handles[slot]! <= 0) ended++;
  return ended === free.size ? undefined : `${ended} slots have no value, ${free.size} are free`;
}

/** What contradicts itself, in words. */
export function contradictionOf(values: Values): string | undefined {
  const { store } = values;
  const wrong = wrongFreeSlots(values);
  if (wrong !== undefined) return wrong;
  const sums = sumsOf(values);
  if (typeof sums === 'string') return sums;
  const held = store.held.map(() => 0);
  for (const [index, chunk] of store.chunks.entries()) {
    if (chunk === undefined) continue;
    if (chunk.index !== index) return `chunk ${index} takes itself for chunk ${chunk.index}`;
    held[chunk.generation]! += chunk.capacity;
    const { bytes, values: count, pinned } = sums.get(index) ?? { bytes: 0, values: 0, pinned: 0 };
    if (chunk.generation === SCOPE) continue;
    if (chunk.liveValues !== count || chunk.liveBytes !== bytes || chunk.pinned !== pinned) {
      return `chunk ${index} counts ${chunk.liveValues} values of ${chunk.liveBytes} B, ${chunk.pinned} pinned; it has ${count} of ${bytes} B, ${pinned} pinned`;
    }
    if (chunk.used > chunk.capacity)
      return `chunk ${index} is used up to ${chunk.used} of ${chunk.capacity} B`;
  }
  const off = held.findIndex((bytes, generation) => bytes !== store.held[generation]);
  return off < 0 ? undefined : `generation ${off} counts ${store.held[off]} B of chunks, it has ${held[off]}`;
}
