/**
 * Where the map shows what. Arenas stand one under the other, each with a line of text above it; in an arena,
 * superslabs go from left to right in address order. A superslab is 8 x 4 slices. All lengths are device pixels.
 */
import { SUPERSLABS_PER_ARENA } from './map-format.js';

export const COLUMNS = 8;
export const ROWS = 4;

export interface Measures {
  readonly width: number;
  readonly height: number;
  /** Device pixels of one CSS pixel. */
  readonly scale: number;
}

export interface ArenaPlace {
  readonly ordinal: number;
  /** Superslabs of it that are shown. */
  readonly count: number;
  /** Top of its first row, from the map's top. */
  readonly top: number;
  readonly height: number;
}

export interface Layout {
  /** Width and height of a slice. */
  readonly sliceX: number;
  readonly sliceY: number;
  /** From a superslab to the next one. */
  readonly stepX: number;
  readonly stepY: number;
  readonly perRow: number;
  readonly left: number;
  readonly arenas: readonly ArenaPlace[];
  readonly height: number;
}

/** Heights of a slice that can be chosen, in CSS pixels. */
export const ZOOMS = [1, 2, 3, 4, 6, 8, 10, 14, 20] as const;

/** Superslabs in a row: rows of a round number of bytes make the offsets beside them easier to read. */
const PER_ROW = [
  256, 192, 160, 128, 112, 96, 80, 72, 64, 56, 48, 40, 32, 24, 20, 16, 12, 10, 8, 6, 5, 4, 3, 2, 1,
];

const GUTTER = 74;
const HEADING = 26;
const MARGIN = 10;

/** `counts[i]`: superslabs of arena i; `zoom`: height of a slice in CSS pixels. */
export function layOut(counts: readonly number[], measures: Measures, zoom: number): Layout {
  const sliceY = Math.max(1, Math.round(zoom * measures.scale));
  const gap = gapAt(sliceY, measures);
  const room = Math.max(1, Math.floor((widthOf(measures) + gap) / (COLUMNS * sliceY + gap)));
  return arrange(counts, measures, PER_ROW.find((n) => n <= room)!, sliceY);
}

/** As large as everything in sight can be; the smallest zoom where it cannot. */
export function fitAll(counts: readonly number[], measures: Measures): Layout {
  const smallest = layOut(counts, measures, ZOOMS[0]);
  let best = smallest;
  for (const perRow of PER_ROW) {
    const largest = Math.round(LARGEST_FIT * measures.scale);
    const maxX = arrange(counts, measures, perRow, largest).sliceX;
    for (let sliceY = Math.min(maxX, largest); sliceY > maxX / 2; sliceY--) {
      const layout = arrange(counts, measures, perRow, sliceY);
      const isTooWide =
        layout.left + perRow * layout.stepX > measures.width + layout.stepX - COLUMNS * layout.sliceX;
      if (isTooWide) break;
      if (layout.height > measures.height) continue;
      if (layout.sliceX * layout.sliceY > best.sliceX * best.sliceY || best.height > measures.height)
        best = layout;
      break;
    }
  }
  return best;
}

/** More makes a process of few superslabs look like a poster. */
const LARGEST_FIT = 20;

const gapAt = (sliceY: number, { scale }: Measures) => {
  const zoom = sliceY / scale;
  return Math.max(1, Math.round((zoom >= 6 ? 4 : zoom >= 3 ? 3 : zoom >= 2 ? 2 : 1) * scale));
};

const widthOf = ({ width, scale }: Measures) => width - Math.round(GUTTER * scale) - MARGIN * scale;

function arrange(counts: readonly number[], measures: Measures, perRow: number, sliceY: number): Layout {
  const { scale } = measures;
  const gap = gapAt(sliceY, measures);
  const stepY = ROWS * sliceY + gap;
  // What is left of the row makes its slices wider than high.
  const widest = Math.floor(((widthOf(measures) + gap) / perRow - gap) / COLUMNS);
  const sliceX = Math.max(1, Math.min(widest, 2 * sliceY));
  let top = 0;
  const arenas: ArenaPlace[] = [];
  counts.forEach((count, ordinal) => {
    if (count === 0) return;
    top += Math.round(HEADING * scale);
    const height = Math.ceil(count / perRow) * stepY;
    arenas.push({ ordinal, count, top, height });
    top += height + Math.round(6 * scale);
  });
  const left = Math.round(GUTTER * scale);
  return { sliceX, sliceY, stepX: COLUMNS * sliceX + gap, stepY, perRow, left, arenas, height: top };
}

/** The next step up or down. */
export function nextZoom(zoom: number, direction: 1 | -1): number {
  const wanted = (one: number) => (direction === 1 ? one > zoom + 0.01 : one < zoom - 0.01);
  return direction === 1 ? (ZOOMS.find(wanted) ?? zoom) : (ZOOMS.findLast(wanted) ?? zoom);
}

export interface Hit {
  readonly superslab: number;
  readonly slice: number;
}

/** What lies at a point of the map; undefined between superslabs and beyond the last. */
export function hit(layout: Layout, x: number, y: number): Hit | undefined {
  const arena = layout.arenas.find((one) => y >= one.top && y < one.top + one.height);
  if (arena === undefined || x < layout.left) return undefined;
  const column = Math.floor((x - layout.left) / layout.stepX);
  const row = Math.floor((y - arena.top) / layout.stepY);
  const place = row * layout.perRow + column;
  if (column >= layout.perRow || place >= arena.count) return undefined;
  const sliceX = Math.floor((x - layout.left - column * layout.stepX) / layout.sliceX);
  const sliceY = Math.floor((y - arena.top - row * layout.stepY) / layout.sliceY);
  if (sliceX >= COLUMNS || sliceY >= ROWS) return undefined;
  return { superslab: arena.ordinal * SUPERSLABS_PER_ARENA + place, slice: sliceY * COLUMNS + sliceX };
}

/** Left and top of a superslab; undefined when it is not shown. */
export function placeOf(layout: Layout, superslab: number): { x: number; y: number } | undefined {
  const ordinal = Math.floor(superslab / SUPERSLABS_PER_ARENA);
  const place = superslab % SUPERSLABS_PER_ARENA;
  const arena = layout.arenas.find((one) => one.ordinal === ordinal);
  if (arena === undefined || place >= arena.count) return undefined;
  return {
    x: layout.left + (place % layout.perRow) * layout.stepX,
    y: arena.top + Math.floor(place / layout.perRow) * layout.stepY,
  };
}
