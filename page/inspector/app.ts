/** Puts the parts together: what comes in over the stream, and what the reader chooses. */
import { Connection, type ConnectionState } from './connection.js';
import { Curves } from './curves.js';
import { byId, el, setText } from './dom.js';
import { Figures } from './figures.js';
import { Leaks } from './leaks.js';
import { showLegend } from './legend.js';
import { MemoryMap } from './map.js';
import { decodeBase64 } from './map-frame.js';
import { MemoryModel } from './memory-model.js';
import { MisuseList } from './misuse.js';
import type { Mode } from './palette.js';
import {
  FORMAT,
  type Hello,
  type InspectorStats,
  type LeakSites,
  type MisuseSites as MisuseNews,
} from './protocol.js';
import { Samples } from './samples.js';
import type { Naming } from './slab-facts.js';
import { Pools, showKnobs, showSlabs } from './tables.js';
import { makeTabs } from './tabs.js';
import { bytes, duration, plural } from './units.js';

let model = new MemoryModel();
let samples = new Samples();
let hello: Hello | undefined;
let figures: InspectorStats | undefined;
let naming: Naming = { pools: new Map(), classOfTag: new Map() };
let panel = 'panel-leaks';
let mode: Mode = 'fullness';
let isPaused = false;
/** What came last while the page was paused. */
let heldLeaks: LeakSites | undefined;
let heldMisuse: MisuseNews | undefined;

const map = new MemoryMap(model);
const curves = new Curves();
const figureLine = new Figures();
const leaks = new Leaks();
const misuseList = new MisuseList();
const pools = new Pools();

const seconds = () => performance.now() / 1000;

const connection = new Connection({
  state: showState,
  hello(news) {
    if (news.format !== FORMAT) {
      showState({ name: 'foreign' });
      connection.close();
      return;
    }
    const isOther = hello?.pid !== news.pid;
    hello = news;
    naming = {
      pools: new Map(),
      classOfTag: new Map(news.classes.map((one) => [one.tag, one])),
    };
    model = new MemoryModel();
    map.reset(model, naming);
    if (isOther) samples = new Samples();
    else samples.gap(seconds());
    if (isOther) {
      leaks.reset();
      misuseList.reset();
    }
    showKnobs(news.knobs);
    showProcess();
    showLegend(mode, map.palette, news.classes);
  },
  pools({ pools }) {
    naming = { ...naming, pools: new Map(pools.map(({ ordinal, name }) => [ordinal, name])) };
    map.naming = naming;
    showPoolChoice();
  },
  map(base64) {
    // Taken in while paused too: records are differences.
    model.apply(decodeBase64(base64), performance.now());
    if (isPaused) return;
    map.update();
    showProcess();
  },
  stats(news) {
    figures = news;
    const sample = samples.push(news, seconds());
    pools.take(news);
    if (isPaused) return;
    figureLine.show(sample);
    showAll();
  },
  leaks(news) {
    heldLeaks = news;
    if (!isPaused) showSites();
  },
  misuse(news) {
    heldMisuse = news;
    if (!isPaused) showSites();
  },
});

function showSites(): void {
  if (heldLeaks !== undefined) {
    leaks.show(heldLeaks);
    figureLine.leaks(heldLeaks.sites);
    heldLeaks = undefined;
  }
  if (heldMisuse !== undefined) {
    misuseList.show(heldMisuse);
    heldMisuse = undefined;
  }
}

/** All that moves each second. */
function showAll(): void {
  // Slices grow cold without a word from the server.
  map.update();
  if (samples.last !== undefined) curves.show(samples.list, samples.last.at);
  showProcess();
  showPanel();
}

function showPanel(): void {
  if (panel === 'panel-pools') pools.show();
  if (panel === 'panel-slabs') showSlabs(model, naming, map.palette, performance.now());
}

function showProcess(): void {
  if (hello === undefined) return;
  const up = figures === undefined ? [] : [`up ${duration(figures.uptimeMs)}`];
  const facts = [
    `pid ${hello.pid}`,
    `Node ${hello.node.replace(/^v/, '')}`,
    `superslab ${hello.version}`,
    ...up,
  ];
  const title = hello.script === '' ? hello.title : hello.script.replace(/^.*[\\/]/, '');
  setText(byId('process-title'), title);
  setText(byId('process-facts'), facts.join(' · '));
  document.title = `${title} ${hello.pid} – superslab`;
  // The map and the figures come in either order.
  const shown = model.isKnown ? [plural(model.present, 'superslab')] : [];
  if (figures !== undefined) shown.push(`${bytes(figures.totals.committedBytes)} committed`);
  setText(byId('map-summary'), shown.join(' · '));
}

function showPoolChoice(): void {
  const select = byId<HTMLSelectElement>('map-pool');
  const chosen = select.value;
  select.replaceChildren(
    el('option', { value: '' }, 'All pools'),
    ...[...naming.pools].map(([ordinal, name]) => el('option', { value: String(ordinal) }, name)),
  );
  select.value = naming.pools.has(Number(chosen)) ? chosen : '';
  map.pool = select.value === '' ? undefined : Number(select.value);
}

function showState(state: ConnectionState): void {
  const words = {
    connecting: 'Connecting',
    live: isPaused ? 'Paused' : 'Live',
    lost: 'Connection lost',
    refused: 'Not let in',
    foreign: 'Another version',
  };
  const pill = byId('connection');
  pill.dataset.state = state.name === 'live' && isPaused ? 'paused' : state.name;
  setText(byId('connection-text'), words[state.name]);
  document.body.dataset.connection = state.name;
  const banner = byId('banner');
  banner.hidden = state.name === 'connecting' || state.name === 'live';
  byId('retry').hidden = state.name !== 'lost';
  if (state.name === 'lost') {
    setText(byId('banner-text'), 'The process does not answer: it has ended, or it is busy.');
    // Apart from the sentence, which is read out once and not each second.
    setText(byId('banner-wait'), `Trying again in ${state.seconds}\u202fs`);
  } else if (state.name === 'refused') {
    setText(byId('banner-text'), 'The process did not accept this token: open the address that it printed.');
    setText(byId('banner-wait'), '');
  } else if (state.name === 'foreign') {
    setText(byId('banner-text'), 'The process runs another version of superslab: reload the page.');
    setText(byId('banner-wait'), '');
  }
}

byId('retry').addEventListener('click', () => connection.open());

const pause = byId('pause');
pause.addEventListener('click', () => {
  isPaused = !isPaused;
  pause.setAttribute('aria-pressed', String(isPaused));
  setText(pause, isPaused ? 'Resume' : 'Pause');
  if (document.body.dataset.connection === 'live') showState({ name: 'live' });
  if (isPaused) return;
  showSites();
  if (samples.last !== undefined) figureLine.show(samples.last);
  showAll();
});

for (const input of document.querySelectorAll<HTMLInputElement>('input[name=mode]')) {
  input.addEventListener('change', () => {
    mode = input.value as Mode;
    map.mode = mode;
    showLegend(mode, map.palette, hello?.classes ?? []);
  });
}
byId<HTMLSelectElement>('map-pool').addEventListener('change', (event) => {
  const { value } = event.target as HTMLSelectElement;
  map.pool = value === '' ? undefined : Number(value);
});
byId('zoom-out').addEventListener('click', () => map.zoom(-1));
byId('zoom-fit').addEventListener('click', () => map.zoom(0));
byId('zoom-in').addEventListener('click', () => map.zoom(1));

document.addEventListener('superslab:theme', () => {
  showLegend(mode, map.palette, hello?.classes ?? []);
  showPanel();
});

makeTabs(byId('tabs'), (shown) => {
  panel = shown;
  showPanel();
});

byId<HTMLAnchorElement>('report').href = `report.txt${location.search}`;

showLegend(mode, map.palette, []);
connection.open();
