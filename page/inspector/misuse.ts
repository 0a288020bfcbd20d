/** Buffers that were used wrongly: what releases found, and what guards did. */
import { el } from './dom.js';
import type { MisuseSite, MisuseSites as News } from './protocol.js';
import { framesOf, type Site, SiteList, stackText } from './site-list.js';
import { bytes, clock } from './units.js';

/** What is said of a kind; one that this page does not know is called by its name. */
const KINDS: Readonly<Record<string, string>> = {
  'released-twice': 'released twice',
  'used-after-release': 'used after release',
  foreign: 'no pooled buffer',
  'written-after-release': 'written after release',
  'window-detached': 'window detached',
  overflow: 'written past its end',
  detached: 'ArrayBuffer detached',
  'detached-after-release': 'ArrayBuffer detached after release',
};

export class MisuseList {
  readonly #list = new SiteList('misuse', 'misuse site');
  #shown = '';

  /** Another process: nothing of the one before counts as known. */
  reset(): void {
    this.#shown = '';
    this.#list.reset();
  }

  show(news: News): void {
    const text = JSON.stringify(news);
    if (text === this.#shown) return;
    this.#shown = text;
    // The newest first; one that goes on stays where it is.
    const sorted = [...news.sites].sort((a, b) => b.firstAt - a.firstAt);
    this.#list.show(sorted.map(siteOf), nothing(news.guard));
  }
}

function siteOf(site: MisuseSite): Site {
  const stacks = [
    { heading: 'Happened at', frames: framesOf(site.noticed) },
    { heading: 'Acquired', frames: framesOf(site.acquired) },
    { heading: 'Released', frames: framesOf(site.released) },
  ].filter(({ frames }) => frames.length > 0);
  const when =
    site.count === 1 ? clock(site.lastAt) : `last ${clock(site.lastAt)}, first ${clock(site.firstAt)}`;
  return {
    key: [site.kind, site.pool, site.tag, site.noticed, site.acquired, site.released].join('\0'),
    count: site.count,
    what: KINDS[site.kind] ?? site.kind,
    where: stacks[0]?.frames[0] ?? '',
    facts: [
      site.pool === '' ? 'of no pool' : `pool “${site.pool}”`,
      ...(site.tag === '' ? [] : [`tag “${site.tag}”`]),
      bytes(site.size),
      when,
    ],
    body: [
      ...(site.detail === '' ? [] : [el('p', {}, `${site.detail[0]!.toUpperCase()}${site.detail.slice(1)}`)]),
      ...stacks.flatMap(({ heading, frames }) => [
        el('h3', {}, heading),
        stackText(frames, `Stack: ${heading.toLowerCase()}`),
      ]),
      ...(site.acquired === '' ? [howToLearnMore()] : []),
    ],
  };
}

const howToLearnMore = () =>
  el(
    'p',
    { class: 'hint' },
    'Where the buffer was acquired and released is known with ',
    el('code', {}, 'SUPERSLAB_LEAK_DETECTION=full'),
    '.',
  );

function nothing(guard: News['guard']): HTMLElement {
  const found = 'No misuse was found. Releases are always checked';
  if (guard !== 'off') return el('p', { class: 'empty' }, `${found}; the guard is ${guard}.`);
  return el(
    'p',
    { class: 'empty' },
    `${found}; writes after the release with `,
    el('code', {}, 'SUPERSLAB_GUARD=poison'),
    ', and past the end with ',
    el('code', {}, 'canary'),
    '.',
  );
}
