/** The few words with which this page writes HTML. Text is always text: nothing from the process is parsed. */

type Child = Node | string | undefined;

export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  for (const child of children) if (child !== undefined) node.append(child);
  return node;
}

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const node = document.getElementById(id);
  if (node === null) throw new Error(`the page has no #${id}`);
  return node as T;
}

/** Writes only what changed: a selection stays, and nothing is laid out anew. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** A header cell; `numeric` ones stand on the right. */
export const th = (text: string, numeric = false) =>
  el('th', { scope: 'col', ...(numeric ? { class: 'number' } : {}) }, text);

export const td = (content: Child, numeric = false) => el('td', numeric ? { class: 'number' } : {}, content);

/** A share from 0 to 1 as a bar with its figure. */
export function bar(share: number | undefined, text: string): HTMLElement {
  const fill = el('i');
  fill.style.width = `${Math.min(Math.max(share ?? 0, 0), 1) * 100}%`;
  return el('span', { class: 'bar' }, el('span', { class: 'track', 'aria-hidden': 'true' }, fill), text);
}
