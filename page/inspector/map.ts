/** The memory map: layout, painting, pointer and keyboard. What a slab is like is told by its card. */
import { byId, el, setText } from './dom.js';
import { SLICES, SUPERSLAB_BYTES, SUPERSLABS_PER_ARENA } from './map-format.js';
import {
  fitAll,
  type Hit,
  hit,
  type Layout,
  layOut,
  type Measures,
  nextZoom,
  placeOf,
} from './map-layout.js';
import { MapPainter } from './map-painter.js';
import type { MemoryModel } from './memory-model.js';
import { css, type Mode, type Palette, readPalette } from './palette.js';
import { type Naming, slabAt, slabFacts } from './slab-facts.js';
import { bytes, plural } from './units.js';

export class MemoryMap {
  readonly #canvas = byId<HTMLCanvasElement>('map-canvas');
  readonly #context = this.#canvas.getContext('2d', { alpha: false })!;
  readonly #scroller = byId('map-scroller');
  readonly #spacer = byId('map-spacer');
  readonly #card = byId('map-card');
  readonly #spoken = byId('map-spoken');
  readonly #painter: MapPainter;
  #palette: Palette;
  #model: MemoryModel;
  #naming: Naming = { pools: new Map(), classOfTag: new Map() };
  #mode: Mode = 'fullness';
  #pool: number | undefined;
  /** undefined: as large as fits. */
  #zoom: number | undefined;
  #layout: Layout;
  #shape = '';
  #marked: Hit | undefined;
  /** Pointed at with the keyboard, or clicked: stays when the pointer leaves. */
  #pinned = false;
  #isDirty = false;

  constructor(model: MemoryModel) {
    this.#model = model;
    this.#palette = readPalette(getComputedStyle(document.documentElement));
    this.#painter = new MapPainter(this.#palette);
    this.#layout = layOut([], this.#measures(), 1);
    new ResizeObserver(() => this.#resize()).observe(this.#scroller);
    this.#scroller.addEventListener('scroll', () => this.#dirty(), { passive: true });
    this.#canvas.addEventListener('pointermove', (event) => this.#point(event));
    this.#canvas.addEventListener('pointerleave', () => !this.#pinned && this.#mark(undefined));
    this.#canvas.addEventListener('click', (event) => {
      this.#pinned = false;
      this.#point(event);
      this.#pinned = this.#marked !== undefined;
    });
    this.#canvas.addEventListener('keydown', (event) => this.#key(event));
    this.#canvas.addEventListener('blur', () => {
      this.#pinned = false;
      this.#mark(undefined);
    });
    document.addEventListener('superslab:theme', () => {
      this.#palette = readPalette(getComputedStyle(document.documentElement));
      this.#painter.palette = this.#palette;
      this.#dirty();
    });
    this.#resize();
  }

  get palette(): Palette {
    return this.#palette;
  }

  reset(model: MemoryModel, naming: Naming): void {
    this.#model = model;
    this.#naming = naming;
    this.#mark(undefined);
    this.update();
  }

  set naming(naming: Naming) {
    this.#naming = naming;
  }

  set mode(mode: Mode) {
    this.#mode = mode;
    this.#dirty();
  }

  set pool(ordinal: number | undefined) {
    this.#pool = ordinal;
    this.#dirty();
  }

  /** One step larger or smaller; 0: as large as fits. */
  zoom(step: -1 | 0 | 1): void {
    this.#zoom = step === 0 ? undefined : nextZoom(this.#layout.sliceY / devicePixelRatio, step);
    this.#lay();
  }

  /** The model has changed, or a second has passed. */
  update(): void {
    const shape = this.#counts().join();
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#lay();
    }
    this.#dirty();
    if (this.#marked !== undefined) this.#showCard();
  }

  #counts(): number[] {
    const arenas = Math.ceil(this.#model.end / SUPERSLABS_PER_ARENA);
    return Array.from({ length: arenas }, (_, ordinal) => {
      const first = ordinal * SUPERSLABS_PER_ARENA;
      const end = Math.min(this.#model.end, first + SUPERSLABS_PER_ARENA);
      return this.#model.isPresent.subarray(first, end).lastIndexOf(1) + 1;
    });
  }

  #measures(): Measures {
    const scale = devicePixelRatio;
    return {
      width: Math.floor(this.#scroller.clientWidth * scale),
      height: Math.floor(this.#scroller.clientHeight * scale),
      scale,
    };
  }

  #resize(): void {
    const { width, height, scale } = this.#measures();
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#canvas.style.width = `${width / scale}px`;
    this.#canvas.style.height = `${height / scale}px`;
    this.#lay();
  }

  #lay(): void {
    const measures = this.#measures();
    const counts = this.#counts();
    this.#layout = this.#zoom === undefined ? fitAll(counts, measures) : layOut(counts, measures, this.#zoom);
    this.#spacer.style.height = `${Math.max(this.#layout.height, measures.height) / measures.scale}px`;
    this.#dirty();
  }

  #dirty(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#isDirty = false;
    const scrollTop = Math.round(this.#scroller.scrollTop * devicePixelRatio);
    this.#painter.paint(this.#context, {
      model: this.#model,
      layout: this.#layout,
      mode: this.#mode,
      pool: this.#pool,
      now: performance.now(),
      scrollTop,
      marked: this.#marked,
    });
    this.#write(scrollTop);
  }

  /** Names of arenas, and offsets beside the rows. */
  #write(scrollTop: number): void {
    const context = this.#context;
    const scale = devicePixelRatio;
    const style = getComputedStyle(this.#canvas);
    const { stepY, perRow, left, arenas } = this.#layout;
    const height = this.#canvas.height;
    context.textBaseline = 'alphabetic';
    for (const arena of arenas) {
      const top = arena.top - scrollTop;
      if (top > height + 30 * scale || top + arena.height < 0) continue;
      context.textAlign = 'left';
      context.font = `600 ${12 * scale}px ${style.fontFamily}`;
      context.fillStyle = style.color;
      const name = `Arena ${arena.ordinal}`;
      context.fillText(name, 0, top - 9 * scale);
      const wide = context.measureText(name).width;
      context.font = `${12 * scale}px ${style.fontFamily}`;
      context.fillStyle = style.getPropertyValue('--soft');
      const size = `${plural(arena.count, 'superslab')}, ${bytes(arena.count * SUPERSLAB_BYTES)} of 4\u202fGiB`;
      context.fillText(size, wide + 8 * scale, top - 9 * scale);
      // As many rows apart as text needs, and a power of two: the offsets stay round.
      let every = 1;
      while (every * stepY < 15 * scale) every *= 2;
      context.font = `${10.5 * scale}px ${style.fontFamily}`;
      context.textAlign = 'right';
      for (let row = 0; row * perRow < arena.count; row += every) {
        const y = top + row * stepY + 9 * scale;
        if (y < 0 || y > height + 12 * scale) continue;
        context.fillText(`+${bytes(row * perRow * SUPERSLAB_BYTES)}`, left - 8 * scale, y);
      }
    }
  }

  #point(event: MouseEvent): void {
    if (this.#pinned) return;
    const scale = devicePixelRatio;
    const box = this.#canvas.getBoundingClientRect();
    const x = (event.clientX - box.left) * scale;
    const y = (event.clientY - box.top + this.#scroller.scrollTop) * scale;
    const found = hit(this.#layout, x, y);
    this.#mark(found !== undefined && this.#model.isPresent[found.superslab] === 1 ? found : undefined);
  }

  #mark(at: Hit | undefined): void {
    if (at?.superslab === this.#marked?.superslab && at?.slice === this.#marked?.slice) return;
    this.#marked = at;
    this.#dirty();
    this.#showCard();
  }

  #showCard(): void {
    const at = this.#marked;
    const facts = at && slabFacts(this.#model, at.superslab, at.slice, this.#naming, performance.now());
    this.#card.hidden = facts === undefined;
    if (facts === undefined || at === undefined) return;
    const swatch = el('i', { class: 'swatch' });
    swatch.style.background = css(this.#palette.classes[this.#model.tag[at.superslab * SLICES + at.slice]!]!);
    this.#card.replaceChildren(
      el('h3', {}, swatch, facts.title),
      el('dl', {}, ...facts.rows.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])),
    );
    this.#placeCard(at);
  }

  /** Beside the superslab, on the side where there is room. */
  #placeCard(at: Hit): void {
    const place = placeOf(this.#layout, at.superslab);
    if (place === undefined) return;
    const scale = devicePixelRatio;
    const panel = this.#card.offsetParent!.getBoundingClientRect();
    const canvas = this.#canvas.getBoundingClientRect();
    const left = canvas.left - panel.left + place.x / scale;
    const right = left + this.#layout.stepX / scale;
    const top = canvas.top - panel.top + place.y / scale - this.#scroller.scrollTop;
    const { offsetWidth: wide, offsetHeight: high } = this.#card;
    const fitsRight = right + 8 + wide <= panel.width;
    const x = fitsRight ? right + 8 : Math.max(left - wide - 8, 8);
    const y = Math.min(Math.max(top, 8), Math.max(panel.height - high - 8, 8));
    this.#card.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const zooms: Record<string, -1 | 0 | 1> = { '+': 1, '=': 1, '-': -1, '0': 0 };
    if (event.key in zooms) this.zoom(zooms[event.key]!);
    else if (event.key === 'Escape') {
      this.#pinned = false;
      this.#mark(undefined);
    } else {
      const next = this.#neighbour(event.key);
      if (next === undefined) return;
      this.#pinned = true;
      this.#reveal(next);
      this.#mark(next);
      this.#speak(next);
    }
    event.preventDefault();
  }

  /** The slab that a key leads to. */
  #neighbour(key: string): Hit | undefined {
    const model = this.#model;
    const near = (index: number, step: number): Hit | undefined => {
      let to = index;
      while (to >= 0 && to < model.end && model.isPresent[to] !== 1) to += step;
      return to >= 0 && to < model.end ? { superslab: to, slice: 0 } : undefined;
    };
    const at = this.#marked;
    if (key === 'Home' || (at === undefined && key.startsWith('Arrow'))) return near(0, 1);
    if (key === 'End') return near(model.end - 1, -1);
    if (at === undefined) return undefined;
    const { first, slices } = slabAt(model, at.superslab, at.slice);
    switch (key) {
      case 'ArrowRight':
        if (first + slices < SLICES) return { superslab: at.superslab, slice: first + slices };
        return near(at.superslab + 1, 1);
      case 'ArrowLeft': {
        if (first > 0) return { superslab: at.superslab, slice: first - 1 };
        const before = near(at.superslab - 1, -1);
        return before && { ...before, slice: SLICES - 1 };
      }
      case 'ArrowDown':
        return near(at.superslab + this.#layout.perRow, 1);
      case 'ArrowUp':
        return near(at.superslab - this.#layout.perRow, -1);
      default:
        return undefined;
    }
  }

  #reveal(at: Hit): void {
    const place = placeOf(this.#layout, at.superslab);
    if (place === undefined) return;
    const [top, high] = [place.y / devicePixelRatio, this.#layout.stepY / devicePixelRatio];
    const { scrollTop, clientHeight } = this.#scroller;
    if (top < scrollTop + 24) this.#scroller.scrollTop = top - 24;
    else if (top + high > scrollTop + clientHeight) this.#scroller.scrollTop = top + high - clientHeight;
  }

  #speak(at: Hit): void {
    const facts = slabFacts(this.#model, at.superslab, at.slice, this.#naming, performance.now());
    if (facts === undefined) return;
    setText(this.#spoken, [facts.title, ...facts.rows.map(([name, value]) => `${name} ${value}`)].join('. '));
  }
}
