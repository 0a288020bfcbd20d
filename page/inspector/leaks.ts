/** Where buffers were acquired that nobody released. */
import { byId, el, setText } from './dom.js';
import type { InspectorLeak, LeakSites } from './protocol.js';
import { bytes, count, duration, plural } from './units.js';

export class Leaks {
  readonly #list = byId('leak-list');
  readonly #badge = byId('leak-badge');
  readonly #spoken = byId('leak-spoken');
  #shown = '';
  /** Count by site, when it was last shown. */
  #known = new Map<string, number>();
  #hasShown = false;
  readonly #open = new Set<string>();

  /** Another process: nothing of the one before counts as known. */
  reset(): void {
    this.#shown = '';
    this.#known.clear();
    this.#hasShown = false;
    this.#list.replaceChildren();
    this.#badge.hidden = true;
  }

  show(news: LeakSites): void {
    const text = JSON.stringify(news);
    if (text === this.#shown) return;
    this.#shown = text;
    const { sites } = news;
    setText(this.#badge, sites.length === 0 ? '' : count(sites.length));
    this.#badge.hidden = sites.length === 0;
    const sorted = [...sites].sort((a, b) => b.bytes - a.bytes);
    // The largest is open at first; from then on the reader decides.
    if (this.#known.size === 0 && sorted[0] !== undefined) this.#open.add(keyOf(sorted[0]));
    const grown = sorted.filter((site) => (this.#known.get(keyOf(site)) ?? 0) < site.count);
    this.#list.replaceChildren(
      ...(sorted.length === 0
        ? [nothing(news.detection)]
        : sorted.map((site) => this.#site(site, this.#hasShown && grown.includes(site)))),
    );
    if (this.#hasShown && grown.length > 0) {
      setText(
        this.#spoken,
        `${plural(grown.length, 'leak site')} changed, ${plural(sites.length, 'site')} in all`,
      );
    }
    for (const site of sites) this.#known.set(keyOf(site), site.count);
    this.#hasShown = true;
  }

  #site(site: InspectorLeak, isNew: boolean): HTMLElement {
    const key = keyOf(site);
    const [top = '', ...rest] = site.stack
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && line !== 'Error');
    const estimate = site.estimated > site.count ? `, about ${count(site.estimated)} in all` : '';
    const facts = [
      `pool “${site.pool}”`,
      ...(site.tag === '' ? [] : [`tag “${site.tag}”`]),
      `last of ${bytes(site.size)}`,
      `oldest held for ${duration(site.oldestMs)}`,
    ];
    const summary = el(
      'summary',
      {},
      el('span', { class: 'times' }, `${count(site.count)}×`),
      el('span', { class: 'lost' }, bytes(site.bytes)),
      el('span', { class: 'where' }, top === '' ? 'acquired at an unknown place' : frameName(top)),
      el('span', { class: 'facts' }, facts.join(' · ') + estimate),
    );
    const stack =
      top === ''
        ? el('p', {}, 'No stack was taken; ', el('code', {}, 'SUPERSLAB_LEAK_DETECTION=full'), ' takes one.')
        : el('pre', { tabindex: '0', 'aria-label': 'Stack that acquired it' }, [top, ...rest].join('\n'));
    const details = el('details', isNew ? { class: 'site new' } : { class: 'site' }, summary, stack);
    details.open = this.#open.has(key);
    details.addEventListener('toggle', () => {
      if (details.open) this.#open.add(key);
      else this.#open.delete(key);
    });
    return details;
  }
}

function nothing(detection: LeakSites['detection']): HTMLElement {
  if (detection === 'off') {
    return el(
      'p',
      { class: 'empty' },
      'Leak detection is off. Start the process with ',
      el('code', {}, 'SUPERSLAB_LEAK_DETECTION=sampled'),
      ' (one lease of 128 is watched, and its stack kept) or ',
      el('code', {}, 'full'),
      '.',
    );
  }
  return el('p', { class: 'empty' }, `No buffer was collected without a release. Detection is ${detection}.`);
}

const keyOf = (site: InspectorLeak) => `${site.pool}\0${site.tag}\0${site.stack}`;

/** `at readBody (file:///app/server.js:10:5)` as `readBody  server.js:10`. */
export function frameName(frame: string): string {
  const [, name, place] = /^at (?:(.*) \()?(.*?)\)?$/.exec(frame) ?? [];
  if (place === undefined) return frame;
  const file = place.replace(/^.*[\\/]/, '').replace(/:\d+$/, '');
  return name === undefined ? file : `${name}  ${file}`;
}
