/** Paints the visible part of the map into ImageData, one pixel write a device pixel. */

import { SLICES, SUPERSLABS_PER_ARENA, TAG_FREE, USE } from './map-format.js';
import { type ArenaPlace, COLUMNS, type Layout, ROWS } from './map-layout.js';
import { type MemoryModel, UNTOUCHED } from './memory-model.js';
import { between, heatStep, type Mode, type Palette } from './palette.js';

export interface Scene {
  readonly model: MemoryModel;
  readonly layout: Layout;
  readonly mode: Mode;
  /** Ordinal of the pool that is shown in full; undefined: all are. */
  readonly pool: number | undefined;
  readonly now: number;
  readonly scrollTop: number;
  /** The slab to point out. */
  readonly marked: { readonly superslab: number; readonly slice: number } | undefined;
}

/** Share of the ground in the colours of pools that are not chosen. */
const DIMMED = 0.82;
/** From this height on a slab's border is drawn, in device pixels. */
const BORDER_FROM = 5;

export class MapPainter {
  #pixels = new Uint32Array(0);
  #image: ImageData | undefined;
  #width = 0;
  #height = 0;
  #palette: Palette;
  #dimmed: Palette;

  constructor(palette: Palette) {
    this.#palette = palette;
    this.#dimmed = dim(palette);
  }

  set palette(palette: Palette) {
    this.#palette = palette;
    this.#dimmed = dim(palette);
  }

  paint(context: CanvasRenderingContext2D, scene: Scene): void {
    const { width, height } = context.canvas;
    if (width === 0 || height === 0) return;
    if (this.#image === undefined || width !== this.#width || height !== this.#height) {
      this.#image = context.createImageData(width, height);
      this.#pixels = new Uint32Array(this.#image.data.buffer);
      this.#width = width;
      this.#height = height;
    }
    this.#pixels.fill(this.#palette.ground);
    for (const arena of scene.layout.arenas) this.#paintArena(scene, arena);
    context.putImageData(this.#image, 0, 0);
  }

  #paintArena(scene: Scene, arena: ArenaPlace): void {
    const { layout, model, scrollTop } = scene;
    const top = arena.top - scrollTop;
    const firstRow = Math.max(0, Math.floor(-top / layout.stepY));
    const lastRow = Math.floor((this.#height - 1 - top) / layout.stepY);
    const first = firstRow * layout.perRow;
    const last = Math.min(arena.count, (lastRow + 1) * layout.perRow);
    for (let place = first; place < last; place++) {
      const index = arena.ordinal * SUPERSLABS_PER_ARENA + place;
      if (model.isPresent[index] !== 1) continue;
      const column = place % layout.perRow;
      const x = layout.left + column * layout.stepX;
      const y = top + ((place - column) / layout.perRow) * layout.stepY;
      this.#paintSuperslab(scene, index, x, y);
    }
  }

  #paintSuperslab(scene: Scene, index: number, x: number, y: number): void {
    const { model, layout, mode, now } = scene;
    const { sliceX: wide, sliceY: high } = layout;
    const isDimmed = scene.pool !== undefined && model.pool[index] !== scene.pool;
    const palette = isDimmed ? this.#dimmed : this.#palette;
    if (model.use[index] === USE.spare) {
      this.#fill(x, y, COLUMNS * wide, ROWS * high, palette.spare);
    } else {
      const base = index * SLICES;
      for (let slice = 0; slice < SLICES; slice++) {
        const at = base + slice;
        const tag = model.tag[at]!;
        let colour: number;
        if (tag === TAG_FREE) colour = model.changedAt[at] === UNTOUCHED ? palette.untouched : palette.free;
        else if (mode === 'class') colour = palette.classes[tag]!;
        else if (mode === 'fullness') colour = palette.fullness[model.fullness[at]!]!;
        else {
          const rested = model.restedMs(at, now);
          colour = rested === Infinity ? palette.untouched : palette.heat[heatStep(rested)]!;
        }
        this.#fill(x + (slice % COLUMNS) * wide, y + (slice >> 3) * high, wide, high, colour);
      }
      if (high >= BORDER_FROM) this.#paintBorders(scene, index, x, y);
    }
    if (scene.marked?.superslab === index) this.#mark(scene, index, x, y);
  }

  /** A thin line of the ground's colour between neighbours of different slabs. */
  #paintBorders({ model, layout }: Scene, index: number, x: number, y: number): void {
    const { sliceX: wide, sliceY: high } = layout;
    const starts = model.start.subarray(index * SLICES, (index + 1) * SLICES);
    for (let slice = 0; slice < SLICES; slice++) {
      const left = x + (slice % COLUMNS) * wide;
      const top = y + (slice >> 3) * high;
      if (slice % COLUMNS > 0 && starts[slice] !== starts[slice - 1]) {
        this.#fill(left, top, 1, high, this.#palette.line);
      }
      if (slice >= COLUMNS && starts[slice] !== starts[slice - COLUMNS]) {
        this.#fill(left, top, wide, 1, this.#palette.line);
      }
    }
  }

  #mark({ model, layout, marked }: Scene, index: number, x: number, y: number): void {
    const { sliceX: wide, sliceY: high } = layout;
    const { mark } = this.#palette;
    const [right, bottom] = [x + COLUMNS * wide, y + ROWS * high];
    this.#fill(x - 1, y - 1, right - x + 2, 1, mark);
    this.#fill(x - 1, bottom, right - x + 2, 1, mark);
    this.#fill(x - 1, y, 1, bottom - y, mark);
    this.#fill(right, y, 1, bottom - y, mark);
    if (model.use[index] !== USE.slabs) return;
    const starts = model.start.subarray(index * SLICES, (index + 1) * SLICES);
    const slab = starts[marked!.slice];
    const line = Math.max(1, Math.round(high / 7));
    for (let slice = 0; slice < SLICES; slice++) {
      if (starts[slice] !== slab) continue;
      const left = x + (slice % COLUMNS) * wide;
      const top = y + (slice >> 3) * high;
      const column = slice % COLUMNS;
      if (column === 0 || starts[slice - 1] !== slab) this.#fill(left, top, line, high, mark);
      if (column === COLUMNS - 1 || starts[slice + 1] !== slab) {
        this.#fill(left + wide - line, top, line, high, mark);
      }
      if (slice < COLUMNS || starts[slice - COLUMNS] !== slab) this.#fill(left, top, wide, line, mark);
      if (slice >= SLICES - COLUMNS || starts[slice + COLUMNS] !== slab) {
        this.#fill(left, top + high - line, wide, line, mark);
      }
    }
  }

  #fill(x: number, y: number, wide: number, high: number, colour: number): void {
    const right = Math.min(x + wide, this.#width);
    const bottom = Math.min(y + high, this.#height);
    const pixels = this.#pixels;
    for (let row = Math.max(y, 0); row < bottom; row++) {
      const start = row * this.#width;
      for (let at = start + Math.max(x, 0); at < start + right; at++) pixels[at] = colour;
    }
  }
}

function dim(palette: Palette): Palette {
  const one = (colour: number) => between(colour, palette.ground, DIMMED);
  return {
    ...palette,
    spare: one(palette.spare),
    free: one(palette.free),
    untouched: one(palette.untouched),
    classes: palette.classes.map(one),
    fullness: palette.fullness.map(one),
    heat: palette.heat.map(one),
  };
}
