/** Pools and their classes, what the map shows as a table, and the knobs. */
import { bar, byId, el, td, th } from './dom.js';
import { histogram } from './histogram.js';
import { SLICE_BYTES, SLICES, SUPERSLAB_BYTES, TAG_FREE, USE } from './map-format.js';
import { type MemoryModel, NO_POOL, shareOf, UNTOUCHED } from './memory-model.js';
import type { Palette } from './palette.js';
import { css } from './palette.js';
import type { ClassRow, InspectorStats, KnobRow, PoolFigures } from './protocol.js';
import type { Naming } from './slab-facts.js';
import { bytes, count, NONE, percent, plural } from './units.js';

function table(caption: string, head: readonly HTMLElement[], rows: readonly HTMLElement[]): HTMLElement {
  return el(
    'table',
    {},
    el('caption', { class: 'visually-hidden' }, caption),
    el('thead', {}, el('tr', {}, ...head)),
    el('tbody', {}, ...rows),
  );
}

const ratio = (part: number, whole: number) => (whole === 0 ? undefined : part / whole);

export class Pools {
  readonly #body = byId('pools-body');
  readonly #open = new Set<string>();
  #isUntouched = true;
  #figures: InspectorStats | undefined;
  #rates = new Map<string, number>();

  /** Every second, shown or not: a rate is the difference of two. */
  take(figures: InspectorStats): void {
    const before = this.#figures;
    const seconds = before === undefined ? 0 : (figures.uptimeMs - before.uptimeMs) / 1000;
    this.#rates.clear();
    if (before !== undefined && seconds > 0) {
      const counts = new Map(before.pools.map((pool, i) => [keyOf(pool, i), pool.acquires]));
      figures.pools.forEach((pool, i) => {
        const from = counts.get(keyOf(pool, i));
        if (from !== undefined) this.#rates.set(keyOf(pool, i), Math.max(pool.acquires - from, 0) / seconds);
      });
    }
    this.#figures = figures;
  }

  show(): void {
    if (this.#figures === undefined) return;
    const { pools } = this.#figures;
    if (this.#isUntouched && pools.length > 0) {
      this.#isUntouched = false;
      this.#open.add(keyOf(pools[0]!, 0));
    }
    const focused = this.#body.contains(document.activeElement)
      ? (document.activeElement as HTMLElement).dataset.key
      : undefined;
    const rows = pools.flatMap((pool, i) => {
      const key = keyOf(pool, i);
      const row = this.#row(pool, key, this.#rates.get(key));
      return this.#open.has(key) ? [row, classes(pool)] : [row];
    });
    this.#body.replaceChildren(
      table(
        'Pools',
        [
          th('Pool'),
          th('In use', true),
          th('Cached', true),
          th('Committed', true),
          th('Limit'),
          th('Acquires/s', true),
          th('Hit rate', true),
          th('Threads', true),
          th('Refused', true),
        ],
        rows,
      ),
    );
    if (focused !== undefined) {
      this.#body.querySelector<HTMLElement>(`button[data-key="${CSS.escape(focused)}"]`)?.focus();
    }
  }

  #row(pool: PoolFigures, key: string, rate: number | undefined): HTMLElement {
    const isOpen = this.#open.has(key);
    const button = el(
      'button',
      { class: 'opener', 'aria-expanded': String(isOpen), 'data-key': key, type: 'button' },
      pool.name,
    );
    button.addEventListener('click', () => {
      if (this.#open.has(key)) this.#open.delete(key);
      else this.#open.add(key);
      this.show();
    });
    const limit = limitOf(pool);
    const name = el(
      'th',
      { scope: 'row' },
      button,
      pool.closed ? el('span', { class: 'soft' }, ' closed') : undefined,
    );
    return el(
      'tr',
      {},
      name,
      td(pool.objects === undefined ? bytes(pool.inUseBytes) : plural(pool.objects.inUse, 'object'), true),
      td(pool.objects === undefined ? bytes(pool.cachedBytes) : count(pool.objects.idle), true),
      td(bytes(pool.committedBytes), true),
      td(limit),
      td(count(rate), true),
      td(percent(ratio(pool.hits, pool.acquires)), true),
      td(count(pool.threads), true),
      td(count(pool.exhausted), true),
    );
  }
}

/** How much of its limit a pool has. */
function limitOf({ maxBytes, inUseBytes, cachedBytes, objects }: PoolFigures): HTMLElement {
  if (objects !== undefined && objects.max > 0) return bar(objects.inUse / objects.max, count(objects.max));
  if (maxBytes > 0) return bar((inUseBytes + cachedBytes) / maxBytes, bytes(maxBytes));
  return el('span', { class: 'soft' }, 'none');
}

const keyOf = (pool: PoolFigures, ordinal: number) => `${ordinal} ${pool.name}`;

function classes(pool: PoolFigures): HTMLElement {
  const used = pool.classes.filter((one) => one.acquires > 0);
  const rows = used.map((one) => {
    const { occupancy } = one;
    return el(
      'tr',
      {},
      el('th', { scope: 'row', class: 'number' }, bytes(one.blockBytes)),
      td(count(one.inUseBlocks), true),
      td(bytes(one.inUseBlocks * one.blockBytes), true),
      td(count(one.cachedBlocks), true),
      td(occupancy === undefined ? NONE : bar(occupancy, percent(occupancy))),
      td(count(one.acquires), true),
      td(percent(one.hitRate), true),
    );
  });
  const inner =
    rows.length === 0
      ? el('p', { class: 'empty' }, 'Nothing was acquired from it.')
      : table(
          `Size classes of ${pool.name}`,
          [
            th('Block', true),
            th('In use', true),
            th('Bytes in use', true),
            th('Cached', true),
            th('Occupancy of its slabs'),
            th('Acquires', true),
            th('Hit rate', true),
          ],
          rows,
        );
  const shapes = el(
    'div',
    { class: 'histograms' },
    histogram('Sizes asked for', pool.sizes),
    histogram('Lifetimes', pool.lifetimes),
  );
  return el(
    'tr',
    { class: 'inner' },
    el('td', { colspan: '9' }, el('div', { class: 'split' }, inner, shapes)),
  );
}

interface Sum {
  slices: number;
  /** Sum over the slices of the share of blocks that are out. */
  out: number;
  hot: number;
}

/** The map in words and numbers: what slabs of each class there are. */
export function showSlabs(model: MemoryModel, naming: Naming, palette: Palette, now: number): void {
  const sums = new Map<string, Sum>();
  let [spare, free, freeKept] = [0, 0, 0];
  for (let index = 0; index < model.end; index++) {
    if (model.isPresent[index] !== 1) continue;
    if (model.use[index] === USE.spare) {
      spare++;
      continue;
    }
    for (let at = index * SLICES; at < (index + 1) * SLICES; at++) {
      const tag = model.tag[at]!;
      if (tag === TAG_FREE) {
        free++;
        if (model.changedAt[at] !== UNTOUCHED) freeKept++;
        continue;
      }
      const key = `${tag} ${model.pool[index]}`;
      let sum = sums.get(key);
      if (sum === undefined) {
        sum = { slices: 0, out: 0, hot: 0 };
        sums.set(key, sum);
      }
      sum.slices++;
      sum.out += shareOf(model.fullness[at]!);
      if (model.restedMs(at, now) <= 10_000) sum.hot++;
    }
  }
  const sorted = [...sums].map(([key, sum]) => ({
    key: key.split(' ').map(Number) as [number, number],
    sum,
  }));
  sorted.sort((a, b) => a.key[1] - b.key[1] || a.key[0] - b.key[0]);
  const rows = sorted.map(({ key: [tag, pool], sum }) => {
    const cut: ClassRow | undefined = naming.classOfTag.get(tag);
    const swatch = el('i', { class: 'swatch' });
    swatch.style.background = css(palette.classes[tag]!);
    const share = sum.out / sum.slices;
    const slabs = cut?.slices === undefined ? undefined : sum.slices / cut.slices;
    return el(
      'tr',
      {},
      el('th', { scope: 'row' }, swatch, cut === undefined ? 'beyond 2\u202fMiB' : bytes(cut.bytes)),
      td(pool === NO_POOL ? NONE : (naming.pools.get(pool) ?? NONE)),
      td(count(slabs), true),
      td(bytes(sum.slices * SLICE_BYTES), true),
      td(bar(share, percent(share))),
      td(percent(sum.hot / sum.slices), true),
    );
  });
  const other = (name: string, size: number) =>
    el(
      'tr',
      { class: 'soft' },
      el('th', { scope: 'row' }, name),
      td(''),
      td(''),
      td(bytes(size), true),
      td(''),
      td(''),
    );
  byId('slabs-body').replaceChildren(
    table(
      'Slabs by class and pool',
      [
        th('Blocks of'),
        th('Pool'),
        th('Slabs', true),
        th('Memory', true),
        th('Fullness'),
        th('Changed in the last 10 s', true),
      ],
      [
        ...rows,
        other('free slices that keep memory', freeKept * SLICE_BYTES),
        other('free slices without memory', (free - freeKept) * SLICE_BYTES),
        other('spare superslabs', spare * SUPERSLAB_BYTES),
      ],
    ),
  );
}

export function showKnobs(knobs: readonly KnobRow[]): void {
  const rows = knobs.map((knob) => {
    const isChanged = knob.value !== knob.default;
    const value = el('td', { class: 'value' }, el('code', {}, knob.value));
    if (isChanged) value.append(el('span', { class: 'changed' }, `default ${knob.default}`));
    const name = el('th', { scope: 'row' }, el('code', {}, knob.variable));
    if (knob.option !== '') name.append(el('span', { class: 'soft' }, knob.option));
    return el(
      'tr',
      isChanged ? { class: 'is-changed' } : {},
      name,
      value,
      el('td', { class: 'meaning' }, ...withCode(knob.meaning), hint(knob)),
    );
  });
  byId('knobs-body').replaceChildren(
    table('Knobs', [th('Variable, and option of a pool'), th('Value here'), th('Meaning')], rows),
  );
}

function hint(knob: KnobRow): HTMLElement | undefined {
  const choices = knob.words?.split('|').join(', ');
  const text = choices ? choices : knob.unit;
  return text ? el('span', { class: 'soft' }, ` ${text}`) : undefined;
}

/** The list writes code between backquotes. */
const withCode = (text: string) =>
  text.split('`').map((part, i) => (i % 2 === 1 ? el('code', {}, part) : part));
