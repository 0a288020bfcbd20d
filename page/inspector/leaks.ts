/** Where buffers were acquired that nobody released. */
import { el } from './dom.js';
import type { InspectorLeak, LeakSites } from './protocol.js';
import { framesOf, type Site, SiteList, stackText } from './site-list.js';
import { bytes, count, duration } from './units.js';

export class Leaks {
  readonly #list = new SiteList('leak', 'leak site');
  #shown = '';

  /** Another process: nothing of the one before counts as known. */
  reset(): void {
    this.#shown = '';
    this.#list.reset();
  }

  show(news: LeakSites): void {
    const text = JSON.stringify(news);
    if (text === this.#shown) return;
    this.#shown = text;
    const sorted = [...news.sites].sort((a, b) => b.bytes - a.bytes);
    this.#list.show(sorted.map(siteOf), nothing(news.detection));
  }
}

function siteOf(site: InspectorLeak): Site {
  const frames = framesOf(site.stack);
  const estimate = site.estimated > site.count ? `, about ${count(site.estimated)} in all` : '';
  return {
    key: `${site.pool}\0${site.tag}\0${site.stack}`,
    count: site.count,
    what: bytes(site.bytes),
    where: frames[0] ?? '',
    facts: [
      `pool “${site.pool}”`,
      ...(site.tag === '' ? [] : [`tag “${site.tag}”`]),
      `last of ${bytes(site.size)}`,
      `oldest held for ${duration(site.oldestMs)}${estimate}`,
    ],
    body: [
      frames.length === 0
        ? el('p', {}, 'No stack was taken; ', el('code', {}, 'SUPERSLAB_LEAK_DETECTION=full'), ' takes one.')
        : stackText(frames, 'Stack that acquired it'),
    ],
  };
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
