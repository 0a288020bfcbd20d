// Which pages are asked for, one after the other.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

export interface Sequence {
  readonly numbers: Uint32Array;
  /** Pages of the file. */
  readonly pages: number;
}

/** Of mulberry32: the same numbers each time. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Zipf's law with that exponent: the popular pages lie anywhere in the file. */
export function zipf(pages: number, exponent: number, count: number): Sequence {
  const random = randomOf(1);
  const sums = new Float64Array(pages);
  for (let i = 0, sum = 0; i < pages; i++) sums[i] = sum += (i + 1) ** -exponent;
  const places = Uint32Array.from({ length: pages }, (_, i) => i);
  for (let i = pages - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1));
    [places[i], places[other]] = [places[other]!, places[i]!];
  }
  const numbers = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const wanted = random() * sums[pages - 1]!;
    let low = 0;
    let high = pages - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    numbers[i] = places[low]!;
  }
  return { numbers, pages };
}

/** A trace of bench/data. */
export function trace(name: 'web07' | 'web12'): Sequence {
  const bytes = gunzipSync(readFileSync(new URL(`../../../bench/data/${name}.trace.gz`, import.meta.url)));
  const numbers = new Uint32Array(bytes.length / 4);
  let pages = 0;
  for (let i = 0; i < numbers.length; i++) {
    numbers[i] = bytes.readUInt32BE(i * 4);
    pages = Math.max(pages, numbers[i]! + 1);
  }
  return { numbers, pages };
}
