/** A histogram of power-of-two buckets as a row of bars. */
import { el } from './dom.js';
import type { PoolFigures } from './protocol.js';
import { bytes, nanoseconds, percent, plural } from './units.js';

type Histogram = PoolFigures['sizes'];

const format = (value: number, unit: Histogram['unit']) =>
  unit === 'bytes' ? bytes(value) : nanoseconds(value * 1000);

/** Bucket i counts values from 2^i on. */
export function bounds(bucket: number, unit: Histogram['unit']): string {
  return `${bucket === 0 ? '0' : format(2 ** bucket, unit)} to ${format(2 ** (bucket + 1), unit)}`;
}

/** The bucket below whose end lies `share` of what was counted. */
export function quantileBucket(buckets: readonly number[], share: number): number {
  const total = buckets.reduce((sum, one) => sum + one, 0);
  let seen = 0;
  for (const [i, one] of buckets.entries()) {
    seen += one;
    if (seen >= total * share) return i;
  }
  return buckets.length - 1;
}

/** undefined when nothing was counted. */
export function histogram(title: string, { unit, buckets }: Histogram): HTMLElement | undefined {
  const first = buckets.findIndex((one) => one > 0);
  if (first === -1) return undefined;
  const total = buckets.reduce((sum, one) => sum + one, 0);
  const last = buckets.findLastIndex((one) => one > 0);
  // Some room around, so that a single bar is no wall.
  const from = Math.max(0, Math.min(first - 1, last - 6));
  const to = Math.min(buckets.length - 1, Math.max(last + 1, from + 7));
  const highest = Math.max(...buckets);
  const median = bounds(quantileBucket(buckets, 0.5), unit);
  const bars = buckets.slice(from, to + 1).map((one, i) => {
    const fill = el('i');
    fill.style.height = `${one === 0 ? 0 : Math.max((one / highest) * 100, 2)}%`;
    return el('span', { title: `${bounds(from + i, unit)}: ${percent(one / total)}` }, fill);
  });
  return el(
    'figure',
    { class: 'histogram' },
    el(
      'figcaption',
      {},
      title,
      el('span', { class: 'soft' }, ` half below ${format(2 ** (quantileBucket(buckets, 0.5) + 1), unit)}`),
    ),
    el(
      'div',
      {
        class: 'bars',
        role: 'img',
        'aria-label': `${title}: ${plural(total, 'lease')}, the middle one ${median}`,
      },
      ...bars,
    ),
    el(
      'div',
      { class: 'marks soft', 'aria-hidden': 'true' },
      el('span', {}, from === 0 ? '0' : format(2 ** from, unit)),
      el('span', {}, format(2 ** (to + 1), unit)),
    ),
  );
}
