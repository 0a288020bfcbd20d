// How much of the live bytes of ten production workloads size classes waste, and what finer ones would cost.
import { readFileSync } from 'node:fs';
import type { Row } from '../support/report.js';

interface Objects {
  readonly size: number;
  readonly live: number;
}

const WORKLOADS = 10;
const MAX_CLASS = 2 * 1024 * 1024;
const SLICE = 64 * 1024;
const PAGE = 4096;

/** What one of the workloads has at a time. */
function workload(number: number): Objects[] {
  const file = new URL(`../../../bench/data/size-distributions/TCMALLOC_${number}.csv`, import.meta.url);
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(',').map(Number))
    .map(([size, , live]) => ({ size: size!, live: live! }))
    .filter(({ live }) => live > 0);
}

export const workloads = (): Objects[][] => Array.from({ length: WORKLOADS }, (_, i) => workload(i));

/** Multiples of 16 up to 128, then so many steps per doubling, of 16 bytes at least (native/heap/size_class.h has four). */
export function stepped(steps: number): number[] {
  const sizes = Array.from({ length: 8 }, (_, i) => (i + 1) * 16);
  for (let base = 128; base < MAX_CLASS; base *= 2) {
    const step = Math.max(base / steps, 16);
    for (let size = base + step; size <= base * 2; size += step) sizes.push(size);
  }
  return sizes;
}

/** "A power of two and a bit": for what has a header before a payload of 2^n. */
export function andABit(sizes: readonly number[]): number[] {
  const more = [];
  for (let base = 256; base * 2 <= MAX_CLASS; base *= 2) more.push((base * 17) / 16);
  return [...new Set([...sizes, ...more])].sort((a, b) => a - b);
}

function blockFor(size: number, sizes: readonly number[]): number {
  if (size > MAX_CLASS) return Math.ceil(size / PAGE) * PAGE;
  let low = 0;
  let high = sizes.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sizes[middle]! >= size) high = middle;
    else low = middle + 1;
  }
  return sizes[low]!;
}

/** Slices of a slab of such blocks, as cut() of native/heap/size_class.h chooses them. */
function slicesOf(block: number): number {
  const target = Math.max(Math.min(Math.max(8 * block, SLICE), 512 * 1024), block);
  const min = Math.ceil(target / SLICE);
  let best = min;
  let bestWaste = Number.POSITIVE_INFINITY;
  for (let slices = min; slices <= Math.min(min + Math.floor(min / 2), MAX_CLASS / SLICE); slices++) {
    const waste = ((slices * SLICE) % block) / slices;
    if (waste < bestWaste) {
      best = slices;
      bestWaste = waste;
    }
  }
  return best;
}

/** The part of a slab behind its last block. */
const tailOf = (block: number): number => {
  const bytes = slicesOf(block) * SLICE;
  return (bytes % block) / bytes;
};

export interface Waste {
  readonly classes: number;
  /** Of live bytes, in percent: mean, best and worst of the workloads. */
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  /** Beside that, behind the last blocks of slabs. */
  readonly tails: number;
  /** KiB of slabs that are not full: half a slab of each class that is in use, the mean of the workloads. */
  readonly partialKiB: number;
}

/** What `sizes` waste. */
export function wasteOf(sizes: readonly number[]): Waste {
  const each = workloads().map((objects) => {
    let live = 0;
    let waste = 0;
    let tails = 0;
    const used = new Set<number>();
    for (const { size, live: count } of objects) {
      const block = blockFor(size, sizes);
      live += size * count;
      waste += (block - size) * count;
      if (size > MAX_CLASS) continue;
      used.add(block);
      tails += (block * count * tailOf(block)) / (1 - tailOf(block));
    }
    const partial = [...used].reduce((sum, block) => sum + (slicesOf(block) * SLICE) / 2, 0);
    return { waste: (100 * waste) / live, tails: (100 * tails) / live, partial: partial / 1024 };
  });
  const mean = (of: (one: (typeof each)[number]) => number) =>
    each.reduce((sum, one) => sum + of(one), 0) / each.length;
  const wastes = each.map(({ waste }) => waste);
  return {
    classes: sizes.length,
    mean: mean(({ waste }) => waste),
    min: Math.min(...wastes),
    max: Math.max(...wastes),
    tails: mean(({ tails }) => tails),
    partialKiB: mean(({ partial }) => partial),
  };
}

const schemes: readonly (readonly [string, readonly number[]])[] = [
  ['4 steps per doubling, as today', stepped(4)],
  ['4 steps and 2^n·17/16', andABit(stepped(4))],
  ['8 steps per doubling', stepped(8)],
  ['8 steps and 2^n·17/16', andABit(stepped(8))],
  ['16 steps per doubling', stepped(16)],
];

/** A line for each scheme: superslab is today's. */
export function sizeClassRows(): Row[] {
  const today = wasteOf(stepped(4));
  const of = (unit: string, figure: (waste: Waste) => number): Row => ({
    case: `size classes, ten workloads: ${unit}`,
    unit: unit.startsWith('KiB') ? 'KiB' : unit.startsWith('classes') ? 'classes' : '%',
    superslab: figure(today),
    peers: Object.fromEntries(schemes.slice(1).map(([name, sizes]) => [name, figure(wasteOf(sizes))])),
  });
  return [
    of('classes', ({ classes }) => classes),
    of('waste of live bytes, mean', ({ mean }) => mean),
    of('waste of live bytes, best', ({ min }) => min),
    of('waste of live bytes, worst', ({ max }) => max),
    of('behind the last blocks of slabs', ({ tails }) => tails),
    of('KiB of slabs that are not full', ({ partialKiB }) => partialKiB),
  ];
}
