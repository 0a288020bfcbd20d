/** A list of places in the program where something went wrong, with their stacks: leaks, misuse. */
import { byId, el, setText } from './dom.js';
import { count, plural } from './units.js';

export interface Site {
  /** The same for the same site, whatever its figures are. */
  readonly key: string;
  readonly count: number;
  /** What stands behind the count: how much, or what. */
  readonly what: string;
  /** The frame that is shown while it is closed; '' when no stack was kept. */
  readonly where: string;
  readonly facts: readonly string[];
  /** What opens: stacks and the like. */
  readonly body: readonly HTMLElement[];
}

export class SiteList {
  readonly #list: HTMLElement;
  readonly #badge: HTMLElement;
  readonly #spoken: HTMLElement;
  readonly #noun: string;
  /** Count by site, when it was last shown. */
  readonly #known = new Map<string, number>();
  readonly #open = new Set<string>();
  #hasShown = false;

  /** In the elements #NAME-list, #NAME-badge and #NAME-spoken; `noun` is what one site is called. */
  constructor(name: string, noun: string) {
    this.#list = byId(`${name}-list`);
    this.#badge = byId(`${name}-badge`);
    this.#spoken = byId(`${name}-spoken`);
    this.#noun = noun;
  }

  /** Another process: nothing of the one before counts as known. */
  reset(): void {
    this.#known.clear();
    this.#hasShown = false;
    this.#list.replaceChildren();
    this.#badge.hidden = true;
  }

  /** `nothing` is shown when there are none. The first is open at first; from then on the reader decides. */
  show(sites: readonly Site[], nothing: HTMLElement): void {
    setText(this.#badge, sites.length === 0 ? '' : count(sites.length));
    this.#badge.hidden = sites.length === 0;
    if (this.#known.size === 0 && sites[0] !== undefined) this.#open.add(sites[0].key);
    const grown = sites.filter((site) => (this.#known.get(site.key) ?? 0) < site.count);
    const focused = this.#focused();
    this.#list.replaceChildren(
      ...(sites.length === 0
        ? [nothing]
        : sites.map((site) => this.#entry(site, this.#hasShown && grown.includes(site)))),
    );
    this.#focus(focused);
    if (this.#hasShown && grown.length > 0) {
      setText(
        this.#spoken,
        `${plural(grown.length, this.#noun)} changed, ${plural(sites.length, 'site')} in all`,
      );
    }
    // Sites that are gone may come again, and count as new then.
    this.#known.clear();
    for (const site of sites) this.#known.set(site.key, site.count);
    this.#hasShown = true;
  }

  #entry(site: Site, isNew: boolean): HTMLElement {
    const summary = el(
      'summary',
      {},
      el('span', { class: 'times' }, `${count(site.count)}×`),
      el('span', { class: 'lost' }, site.what),
      el('span', { class: 'where' }, site.where === '' ? 'at an unknown place' : frameName(site.where)),
      el('span', { class: 'facts' }, site.facts.join(' · ')),
    );
    const details = el('details', { class: isNew ? 'site new' : 'site' }, summary, ...site.body);
    details.dataset.key = site.key;
    details.open = this.#open.has(site.key);
    details.addEventListener('toggle', () => {
      if (details.open) this.#open.add(site.key);
      else this.#open.delete(site.key);
    });
    return details;
  }

  /** What the keyboard is at, within the list: the site, and which of what can be focused in it. */
  #focused(): { key: string; at: number } | undefined {
    const { activeElement } = document;
    const details = activeElement?.closest<HTMLElement>('.site');
    if (!activeElement || !details || !this.#list.contains(details)) return undefined;
    return { key: details.dataset.key!, at: focusable(details).indexOf(activeElement as HTMLElement) };
  }

  #focus(focused: { key: string; at: number } | undefined): void {
    if (focused === undefined) return;
    for (const details of this.#list.children) {
      if ((details as HTMLElement).dataset.key === focused.key) focusable(details)[focused.at]?.focus();
    }
  }
}

const focusable = (details: Element): HTMLElement[] => [
  ...details.querySelectorAll<HTMLElement>('summary, pre'),
];

/** Frames of a stack, as they are shown. */
export const framesOf = (stack: string): string[] =>
  stack
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && line !== 'Error');

/** A stack that can be scrolled, by keyboard too. */
export const stackText = (frames: readonly string[], label: string): HTMLElement =>
  el('pre', { tabindex: '0', 'aria-label': label }, frames.join('\n'));

/** `at readBody (file:///app/server.js:10:5)` as `readBody  server.js:10`. */
export function frameName(frame: string): string {
  const [, name, place] = /^at (?:(.*) \()?(.*?)\)?$/.exec(frame) ?? [];
  if (place === undefined) return frame;
  const file = place.replace(/^.*[\\/]/, '').replace(/:\d+$/, '');
  return name === undefined ? file : `${name}  ${file}`;
}
