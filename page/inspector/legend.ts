/** What the colours of the map mean, in the mode that is chosen. */
import { byId, el } from './dom.js';
import { TAG_HUGE } from './map-format.js';
import { css, type Mode, type Palette } from './palette.js';
import type { ClassRow } from './protocol.js';
import { bytes } from './units.js';

export function showLegend(mode: Mode, palette: Palette, classes: readonly ClassRow[]): void {
  const scale = {
    fullness: () => ramp(palette.fullness, ['no block out', 'half out', 'all out']),
    temperature: () => ramp(palette.heat, ['at rest > 1\u202fmin', '10\u202fs', 'changed now']),
    class: () => ramp(classColours(palette, classes), classMarks(classes)),
  }[mode]();
  const huge = mode === 'class' ? [key(palette.classes[TAG_HUGE]!, 'beyond 2\u202fMiB')] : [];
  byId('legend').replaceChildren(
    scale,
    el(
      'span',
      { class: 'meanings' },
      ...huge,
      key(palette.free, 'free, keeps memory'),
      key(palette.untouched, 'free, no memory'),
      key(palette.spare, 'spare superslab'),
      el('span', { class: 'note' }, 'A box is a superslab of 2\u202fMiB, a bar in it a slab of equal blocks'),
    ),
  );
}

const classColours = (palette: Palette, classes: readonly ClassRow[]) =>
  classes.map(({ tag }) => palette.classes[tag]!);

function classMarks(classes: readonly ClassRow[]): string[] {
  if (classes.length === 0) return [];
  const at = (share: number) => bytes(classes[Math.round(share * (classes.length - 1))]!.bytes);
  return [`blocks of ${at(0)}`, at(0.5), at(1)];
}

function key(colour: number, text: string): HTMLElement {
  const swatch = el('i', { class: 'swatch', 'aria-hidden': 'true' });
  swatch.style.background = css(colour);
  return el('span', { class: 'key' }, swatch, text);
}

/** A strip of the scale's own steps: what the map shows is what stands here. */
function ramp(colours: ArrayLike<number>, marks: readonly string[]): HTMLElement {
  const strip = el('span', { class: 'strip', 'aria-hidden': 'true' });
  strip.append(
    ...Array.from(colours, (colour) => {
      const step = el('i');
      step.style.background = css(colour);
      return step;
    }),
  );
  return el(
    'span',
    { class: 'ramp' },
    strip,
    el('span', { class: 'marks' }, ...marks.map((text) => el('span', {}, text))),
  );
}
