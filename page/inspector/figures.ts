/** The line of figures at the top: how things stand now. */
import { byId, el, setText } from './dom.js';
import type { InspectorLeak } from './protocol.js';
import type { Sample } from './samples.js';
import { bytes, count, nanoseconds, percent, plural } from './units.js';

type Id = 'inUse' | 'rss' | 'throughput' | 'hitRate' | 'slow' | 'faults' | 'leaks';

interface Label {
  readonly label: string;
  /** For who points at it. */
  readonly meaning: string;
}

const LABELS: Readonly<Record<Id, Label>> = {
  inUse: { label: 'In use', meaning: 'Capacity of the buffers that the program holds' },
  rss: { label: 'Resident', meaning: 'Physical memory of the whole process, pools and all else' },
  throughput: { label: 'Acquires per second', meaning: 'Buffers handed out by all pools' },
  hitRate: {
    label: 'Hit rate',
    meaning: 'Share of the acquires that found a free block in their thread, without a native call',
  },
  slow: {
    label: 'Slow path p99',
    meaning: 'Of the acquires that needed a native call, 99 % took at most this long',
  },
  faults: {
    label: 'Minor faults per second',
    meaning: 'First touches of fresh memory, of the whole process; major ones waited for a disk',
  },
  leaks: { label: 'Leaked', meaning: 'Buffers that were lost without a release' },
};

export class Figures {
  readonly #values = new Map<Id, { value: HTMLElement; note: HTMLElement; box: HTMLElement }>();

  constructor() {
    for (const [id, { label, meaning }] of Object.entries(LABELS) as [Id, Label][]) {
      const value = el('dd', { class: 'figure' }, '–');
      const note = el('dd', { class: 'note' });
      const box = el('div', { id: `figure-${id}`, title: meaning }, el('dt', {}, label), value, note);
      this.#values.set(id, { value, note, box });
      byId('figures').append(box);
    }
  }

  show(sample: Sample): void {
    const all = (value: number | null) => value ?? undefined;
    this.#set('inUse', bytes(sample.inUse), `of ${bytes(sample.committed)} committed`);
    this.#set('rss', bytes(all(sample.rss)), `V8's heap ${bytes(all(sample.heapUsed))}`);
    this.#set('throughput', count(all(sample.acquires)), `${count(all(sample.releases))} releases`);
    this.#set('hitRate', percent(all(sample.hitRate)), 'without a native call');
    this.#set('slow', nanoseconds(all(sample.p99)), `p50 ${nanoseconds(all(sample.p50))}`);
    this.#set('faults', count(all(sample.minorFaults)), `${count(all(sample.majorFaults))} major, from disk`);
  }

  leaks(sites: readonly InspectorLeak[]): void {
    const lost = sites.reduce((total, site) => total + site.bytes, 0);
    const buffers = sites.reduce((total, site) => total + site.count, 0);
    const note =
      sites.length === 0 ? 'no leak seen' : `${plural(buffers, 'buffer')}, ${plural(sites.length, 'site')}`;
    this.#set('leaks', sites.length === 0 ? '0' : bytes(lost), note);
    this.#values.get('leaks')!.box.classList.toggle('alarm', sites.length > 0);
  }

  #set(id: Id, value: string, note: string): void {
    const cell = this.#values.get(id)!;
    setText(cell.value, value);
    setText(cell.note, note);
  }
}
