// A process that is not there: the events of an inspector (lib/inspector/types.ts) made of numbers, the same at
// each run, so that the page can be looked at in states that a real process reaches seldom.
//
//   node test/browser/support/synthetic.mjs [superslabs]      serves dist/inspector with them, and prints its URL
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  HEADER,
  HEADER_BYTES,
  MAP_FORMAT,
  RECORD,
  RECORD_BYTES,
  SLICE_ENTRY_BYTES,
} from '../../../dist/inspector/map-format.js';

const dist = fileURLToPath(new URL('../../../dist/inspector', import.meta.url));
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
/** The same as the real server's. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** xorshift32: the same numbers everywhere. */
export function random(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

export const classes = Array.from({ length: 64 }, (_, i) => {
  const base = 128 * 2 ** Math.floor((i - 8) / 4);
  const bytes = i < 8 ? (i + 1) * 16 : base + (((i - 8) % 4) + 1) * (base / 4);
  const slices = Math.min(
    32,
    Math.max(1, Math.ceil(Math.min(Math.max(8 * bytes, 65536), Math.max(524288, bytes)) / 65536)),
  );
  return { tag: i + 1, bytes, slices, blocks: Math.floor((slices * 65536) / bytes) };
});

/** A frame with the superslabs of `indices`. A record: { use, pool, flags, run, slices: [tag, state][] }. */
export function frame(superslabs, indices, full) {
  const out = Buffer.alloc(HEADER_BYTES + RECORD_BYTES * indices.length);
  out[HEADER.format] = MAP_FORMAT;
  out[HEADER.full] = full ? 1 : 0;
  out.writeUInt16LE(RECORD_BYTES, HEADER.recordBytes);
  out.writeUInt32LE(indices.length, HEADER.records);
  out.writeDoubleLE(Date.now(), HEADER.atMs);
  indices.forEach((index, n) => {
    const { use, pool, flags, run, slices } = superslabs[index];
    const record = HEADER_BYTES + RECORD_BYTES * n;
    out.writeUInt32LE(index, record + RECORD.index);
    out[record + RECORD.use] = use;
    out[record + RECORD.pool] = pool;
    out[record + RECORD.flags] = flags;
    out[record + RECORD.node] = 1;
    out.writeUInt32LE(run, record + RECORD.span);
    slices.forEach((entry, slice) => {
      out.set(entry, record + RECORD.slices + SLICE_ENTRY_BYTES * slice);
    });
  });
  return out;
}

const state = (fullness, temperature) => (fullness << 4) | temperature;

/** Memory of `count` superslabs: three pools, classes of many sizes, large blocks, spare ones. */
export function makeMemory(count, seed = 7) {
  const next = random(seed);
  const superslabs = [];
  while (superslabs.length < count) {
    const kind = next();
    if (kind < 0.08) {
      superslabs.push(spare(next() < 0.5));
    } else if (kind < 0.16) {
      const run = Math.min(1 + Math.floor(next() * 4), count - superslabs.length);
      const leased = next() < 0.8 ? 15 : 0;
      const heat = 1 + Math.floor(next() * 2);
      for (let i = 0; i < run; i++) {
        superslabs.push({
          use: i === 0 ? 2 : 3,
          pool: 2,
          flags: 2,
          run: i === 0 ? run : 0,
          slices: Array.from({ length: 32 }, () => [255, state(leased, heat)]),
        });
      }
    } else superslabs.push(cut(next, superslabs.length / count));
  }
  return superslabs;
}

const spare = (idle) => ({
  use: 0,
  pool: 0,
  flags: idle ? 8 : 0,
  run: 0,
  slices: Array.from({ length: 32 }, () => [0, 0]),
});

function cut(next, age) {
  const slices = [];
  const pool = 1 + Math.floor(next() ** 2 * 3);
  while (slices.length < 32) {
    const { tag, slices: size } = classes[Math.min(63, Math.floor(8 + (next() + next()) * 25))];
    if (next() < 0.08 + age * 0.2) {
      slices.push([0, next() < 0.5 ? 1 : 0]);
    } else if (slices.length + size <= 32) {
      const fullness = Math.max(0, Math.min(15, Math.floor((1.25 - age) * 16 * (0.35 + 0.8 * next()))));
      const heat = next() < 0.25 ? 2 : 1;
      for (let i = 0; i < size; i++) slices.push([i === 0 ? tag : tag | 0x80, state(fullness, heat)]);
    }
  }
  return { use: 1, pool, flags: 2 | (pool === 3 ? 16 : 0), run: 0, slices };
}

/** Makes `share` of the superslabs busy: a slab of each changes. Their indices. */
function stir(superslabs, share, next) {
  const changed = [];
  superslabs.forEach((one, index) => {
    if (one.use !== 1 || next() > share) return;
    const start = Math.floor(next() * 32);
    const tag = one.slices[start][0] & 0x7f;
    if (tag === 0) return;
    one.slices.forEach((slice, i) => {
      if ((slice[0] & 0x7f) !== tag || Math.abs(i - start) > 4) return;
      const fullness = Math.max(0, Math.min(15, (slice[1] >> 4) + Math.round(next() * 4 - 2)));
      slice[1] = state(fullness, 3);
    });
    changed.push(index);
  });
  return changed;
}

const knob = (variable, value, initial, meaning, option = '', unit = '', words = '') => ({
  variable,
  value,
  default: initial,
  meaning,
  option,
  unit,
  words,
});

export const hello = {
  format: 1,
  pid: 4711,
  title: 'node',
  script: '/srv/shop/server.js',
  node: 'v24.1.0',
  version: '0.1.0',
  platform: 'linux-x64',
  core: 'addon',
  threadId: 0,
  startedAt: Date.now() - 3_723_000,
  superslabBytes: 1 << 21,
  sliceBytes: 1 << 16,
  superslabsPerArena: 2048,
  periodMs: 1000,
  classes,
  knobs: [
    knob(
      'SUPERSLAB_MAX_BYTES',
      '512m',
      '0',
      'Most bytes of blocks that are in use or cached by threads at once; 0 is no limit.',
      'maxBytes',
      'bytes',
    ),
    knob(
      'SUPERSLAB_HUGE_PAGES',
      'thp',
      'thp',
      'Pages that superslabs ask for.',
      'hugePages',
      '',
      'off|thp|2mb|1gb',
    ),
    knob(
      'SUPERSLAB_LEAK_DETECTION',
      'full',
      'off',
      'Whether buffers that are lost without a `release` are reported.',
      'leakDetection',
      '',
      'off|sampled|full',
    ),
  ],
  statistics: [],
};

/** A hill of 32 buckets, the highest at `top`. */
const histogram = (unit, top, count) => ({
  unit,
  buckets: Array.from({ length: 32 }, (_, i) => Math.round(count * 2 ** (-1.2 * Math.abs(i - top)))),
  count,
  samples: count / 128,
});

const pool = (name, seconds, scale, maxBytes) => {
  const acquires = Math.round(seconds * 1e5 * scale);
  const one = (blockBytes, share, misses) => ({
    blockBytes,
    acquires: Math.round(acquires * share),
    releases: Math.round(acquires * share) - 40,
    hits: Math.round(acquires * share * (1 - misses)),
    inUseBlocks: Math.round(900 * scale * share),
    cachedBlocks: 64,
    slabs: Math.round(20 * scale * share),
    slabBlocks: Math.round(1100 * scale * share),
    hitRate: 1 - misses,
    occupancy: 900 / 1100,
    refills: 0,
    refilledBlocks: 0,
    flushes: 0,
    flushedBlocks: 0,
    remoteFrees: 0,
  });
  const list = [one(512, 0.6, 0.002), one(4096, 0.3, 0.01), one(65536, 0.1, 0.12)];
  const sum = (read) => list.reduce((total, row) => total + read(row), 0);
  return {
    name,
    closed: false,
    inUseBytes: sum((row) => row.inUseBlocks * row.blockBytes),
    cachedBytes: sum((row) => row.cachedBlocks * row.blockBytes),
    committedBytes: 48 << 20,
    maxBytes,
    acquires: sum((row) => row.acquires),
    releases: sum((row) => row.releases),
    hits: sum((row) => row.hits),
    exhausted: 0,
    threads: 3,
    minorFaults: Math.round(seconds * 40 + 300 * Math.sin(seconds / 14)),
    majorFaults: Math.floor(seconds / 20),
    sizes: histogram('bytes', 9, acquires),
    lifetimes: histogram('us', 5, acquires),
    classes: list,
  };
};

export function stats(seconds, superslabs) {
  const wave = 1 + 0.3 * Math.sin(seconds / 9) + 0.1 * Math.sin(seconds * 1.7);
  const pools = [
    pool('default', seconds, 6 * wave, 0),
    pool('uploads', seconds, 2, 512 << 20),
    pool('secrets', seconds, 0.4, 0),
  ];
  const sum = (name) => pools.reduce((total, one) => total + one[name], 0);
  const inUseBytes = Math.round(superslabs * 1.2 * 2 ** 20 * (0.9 + 0.08 * wave));
  return {
    at: Date.now(),
    uptimeMs: 3_723_000 + Math.round(seconds * 1000),
    rssBytes: superslabs * 1.7 * 2 ** 20 + (60 << 20),
    externalBytes: 0,
    heapUsedBytes: 18 << 20,
    totals: {
      acquires: Math.round(seconds * 8.4e5 + 5e5 * Math.sin(seconds / 9)),
      releases: Math.round(seconds * 8.4e5 + 5e5 * Math.sin(seconds / 9)) - 900,
      hits: Math.round((seconds * 8.4e5 + 5e5 * Math.sin(seconds / 9)) * 0.994),
      refills: 0,
      flushes: 0,
      remoteFrees: 0,
      exhausted: 0,
      osFailures: 0,
      leakedBlocks: 0,
      pageFaults: Math.round(seconds * 40 + 300 * Math.sin(seconds / 14)),
      inUseBytes,
      cachedBytes: sum('cachedBytes'),
      committedBytes: Math.round(superslabs * 1.6 * 2 ** 20),
      reservedBytes: Math.ceil(superslabs / 2048) * 2 ** 32,
      outstandingTokens: 0,
    },
    slow: {
      p50Ns: 640 + 80 * wave,
      p95Ns: 4200 + 900 * wave,
      p99Ns: 21_000 + 9000 * wave,
      maxNs: 900_000,
    },
    pools,
  };
}

export const leakSites = [
  {
    pool: 'uploads',
    tag: 'body',
    size: 65_536,
    count: 12,
    bytes: 786_432,
    oldestMs: 12_340,
    stack:
      '    at readBody (/srv/shop/upload.js:41:23)\n    at async receive (/srv/shop/upload.js:18:16)\n    at async Server.<anonymous> (/srv/shop/server.js:77:5)',
    estimated: 12,
  },
  {
    pool: 'default',
    tag: '',
    size: 1500,
    count: 3,
    bytes: 4608,
    oldestMs: 61_000,
    stack: '    at new Frame (/srv/shop/frame.js:9:27)\n    at Socket.onData (/srv/shop/socket.js:120:19)',
    estimated: 384,
  },
];

export const misuseSites = [
  {
    kind: 'released-twice',
    pool: 'uploads',
    tag: 'body',
    size: 65_536,
    count: 2,
    firstAt: Date.UTC(2026, 0, 5, 9, 30, 1),
    lastAt: Date.UTC(2026, 0, 5, 9, 31, 12),
    detail: '',
    acquired: '    at readBody (/srv/shop/upload.js:41:23)\n    at async receive (/srv/shop/upload.js:18:16)',
    released: '    at finish (/srv/shop/upload.js:52:9)',
    noticed: '    at onClose (/srv/shop/upload.js:60:9)\n    at Socket.emit (node:events:524:28)',
  },
  {
    kind: 'written-after-release',
    pool: 'default',
    tag: '',
    size: 1500,
    count: 1,
    firstAt: Date.UTC(2026, 0, 5, 9, 30, 7),
    lastAt: Date.UTC(2026, 0, 5, 9, 30, 7),
    detail: 'offset 12 holds 00000000000000000000000000000000',
    acquired: '    at new Frame (/srv/shop/frame.js:9:27)',
    released: '    at Frame.end (/srv/shop/frame.js:30:14)',
    noticed: '',
  },
];

/**
 * Serves the built page and a stream of events. `token` is the first part of each path, as with the real server.
 * `tick()` sends the next second at once; with `isStill` none come by themselves. With `isMapLate` the first map comes
 * with `showMap()`.
 *
 * @param {{ superslabs?: number, token?: string, leaks?: (typeof leakSites)[number][], misuse?: (typeof misuseSites)[number][], isStill?: boolean, isMapLate?: boolean, port?: number }} options
 */
export async function startSynthetic({
  superslabs = 64,
  token = 'synthetic',
  leaks = [],
  misuse = [],
  isStill = false,
  isMapLate = false,
  port = 0,
} = {}) {
  const memory = makeMemory(superslabs);
  const next = random(11);
  const clients = new Set();
  let sites = leaks;
  let misused = misuse;
  let seconds = 0;

  const send = (response, event, data) =>
    response.write(`event: ${event}\ndata: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
  const all = memory.map((_, i) => i);
  const showMap = (response) => send(response, 'map', frame(memory, all, true).toString('base64'));
  const begin = (response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    clients.add(response);
    response.on('close', () => clients.delete(response));
    send(response, 'hello', hello);
    send(response, 'pools', {
      pools: ['default', 'uploads', 'secrets'].map((name, i) => ({ ordinal: i + 1, name })),
    });
    send(response, 'leaks', { detection: 'full', sites });
    send(response, 'misuse', { guard: 'poison', sites: misused });
    if (!isMapLate) showMap(response);
    send(response, 'stats', stats(seconds, superslabs));
  };
  const tick = () => {
    seconds++;
    const changed = frame(memory, stir(memory, 0.08, next), false).toString('base64');
    for (const client of clients) {
      send(client, 'map', changed);
      send(client, 'stats', stats(seconds, superslabs));
    }
  };
  const timer = isStill ? undefined : setInterval(tick, 1000);

  const server = createServer((request, response) => {
    const [, given, name] = /^\/([^/?]*)\/?([^?]*)/.exec(request.url);
    response.setHeader('Content-Security-Policy', POLICY);
    if (given !== token) {
      response.writeHead(401, { 'Content-Length': 0 }).end();
      return;
    }
    if (name === 'events') {
      begin(response);
      return;
    }
    if (name === 'stats.json') {
      response
        .writeHead(200, { 'Content-Type': 'application/json' })
        .end(JSON.stringify(stats(seconds, superslabs)));
      return;
    }
    try {
      const file = name === '' ? 'index.html' : name;
      const content = readFileSync(join(dist, file.replaceAll('/', '')));
      response.writeHead(200, { 'Content-Type': TYPES[extname(file)] }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    url: `http://127.0.0.1:${server.address().port}/${token}/`,
    memory,
    tick,
    showMap() {
      for (const client of clients) showMap(client);
    },
    leak(more) {
      sites = more;
      for (const client of clients) send(client, 'leaks', { detection: 'full', sites });
    },
    misuse(more) {
      misused = more;
      for (const client of clients) send(client, 'misuse', { guard: 'poison', sites: misused });
    },
    async close() {
      clearInterval(timer);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startSynthetic({
    superslabs: Number(process.argv[2] ?? 64),
    leaks: leakSites,
    misuse: misuseSites,
  });
  console.log(url);
}
