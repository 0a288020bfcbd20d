// superslab.stats() as text for people.

import type { LeakSite, MemoryFacts, ObjectStats } from '../addon/figures.js';
import type { MisuseKind, MisuseSite } from '../base/misuse.js';
import { type PressureFigures, pressureReason } from '../base/pressure.js';
import { bytes, counted, duration, percent, printable, timeOfDay } from '../base/text.js';
import type { PoolStats, ProcessStats } from '../stats/pool-stats.js';
import { figure, type Style, shorten, table, withPrintable, wrap } from './output.js';

/** Longer names of pools end in "…". */
const NAME_WIDTH = 24;
/** Frames of a stack: enough to find the place; --json has all of them. */
const MAX_FRAMES = 4;
/** Sites of leaks, and of misuse; --json has all of them. */
const MAX_SITES = 10;

/** Earlier figures, to tell rates from. */
export interface Before {
  readonly stats: ProcessStats;
  readonly seconds: number;
}

/** How fast a counter grew, for one that may have begun anew in between. */
const rate = (now: number, then: number | undefined, seconds: number): string =>
  then === undefined || now < then ? '' : `${figure(Math.round((now - then) / seconds))}/s`;

/** Such as: 84.0 MiB of the pools resident, 93 % in huge pages, none swapped out; node 0 60.0 MiB, node 1 24.0 MiB */
function memoryRow(memory: MemoryFacts): string[] {
  const { rssBytes, hugeCoverage, swappedBytes, nodes } = memory;
  const swapped = swappedBytes === 0 ? 'none' : bytes(swappedBytes);
  const placed = nodes.map((one) => `node ${one.node} ${bytes(one.bytes)}`).join(', ');
  return [
    'kernel',
    `${bytes(rssBytes)} of the pools resident, ${percent(hugeCoverage)} in huge pages, ${swapped} swapped out` +
      // One node says nothing.
      (nodes.length < 2 ? '' : `; ${placed}`),
  ];
}

/** Such as: critical since 2026-01-02 03:04:05Z: 97 % of the 512 MiB that a control group may have were in use */
function pressureRow(pressure: PressureFigures): string[] {
  const since = `${pressure.level} since ${timeOfDay(pressure.changedAtMs)}`;
  return [
    'pressure',
    `${since}${pressure.level === 'none' ? '; before, ' : ': '}${pressureReason(pressure)}`,
  ];
}

/** What the pool gave back because memory was scarce. */
function pressureNotes(pool: PoolStats): string[] {
  const parts = [
    [pool.pressureCacheBytes, 'of caches'],
    [pool.pressureColdBytes, 'of cold data'],
    [pool.pressureIdleBytes, 'that was idle'],
  ] as const;
  const given = parts.filter(([size]) => size > 0).map(([size, what]) => `${bytes(size)} ${what}`);
  const objects = pool.objects?.relieved ?? 0;
  if (objects > 0) given.push(counted(objects, 'idle object'));
  return given.length === 0 ? [] : [`given back under pressure: ${given.join(', ')}`];
}

function processLines(
  stats: ProcessStats,
  before: Before | undefined,
  memory: MemoryFacts | undefined,
): string[] {
  const { space, faults } = stats;
  const grown = (now: number, then: number | undefined) =>
    before === undefined ? '' : ` (${rate(now, then, before.seconds)})`;
  const rows = [
    [
      'memory',
      `${bytes(stats.rssBytes)} resident, ${bytes(stats.externalBytes)} external, up ${duration(stats.uptimeMs * 1e6)}`,
    ],
    [
      'pools',
      `${bytes(space.committedBytes)} committed in ${counted(space.superslabs, 'superslab')}, ` +
        `${bytes(space.idleBytes)} idle beside them, ${bytes(space.reservedBytes)} of addresses`,
    ],
    [
      'faults',
      `${figure(faults.minor)} minor${grown(faults.minor, before?.stats.faults.minor)}, ` +
        `${figure(faults.major)} major${grown(faults.major, before?.stats.faults.major)}`,
    ],
  ];
  if (memory !== undefined) rows.splice(2, 0, memoryRow(memory));
  // A process with an older version has none.
  if (stats.pressure?.rises > 0) rows.push(pressureRow(stats.pressure));
  if (stats.outstandingTokens > 0)
    rows.push(['tokens', `${figure(stats.outstandingTokens)} not adopted yet`]);
  if (stats.core !== 'addon') rows.push(['core', `${stats.core}, which serves malloc too`]);
  return table(rows, 2);
}

/** What is in use, cached, committed, the limit and the share of it. */
const byteCells = (pool: PoolStats): string[] => [
  bytes(pool.inUseBytes),
  bytes(pool.cachedBytes),
  bytes(pool.committedBytes),
  pool.maxBytes === 0 ? 'none' : bytes(pool.maxBytes),
  pool.maxBytes === 0 ? '' : percent(pool.use),
];

/** The same of a pool that lends objects. */
const objectCells = ({ inUse, idle, pending, max }: ObjectStats): string[] => [
  counted(inUse, 'object'),
  figure(idle),
  figure(inUse + idle + pending),
  max === 0 ? 'none' : figure(max),
  max === 0 ? '' : percent(inUse / max),
];

function poolTable(stats: ProcessStats, before: Before | undefined): string[] {
  const earlier = new Map(before?.stats.pools.map((pool) => [pool.heapId, pool]));
  const header = ['pool', 'in use', 'cached', 'committed', 'limit', 'use', 'acquires', 'hits', 'failed'];
  if (before !== undefined) header.splice(7, 0, '');
  const rows = stats.pools.map((pool) => {
    const cells = [
      shorten(printable(pool.name), NAME_WIDTH),
      ...(pool.objects === undefined ? byteCells(pool) : objectCells(pool.objects)),
      figure(pool.acquires),
      percent(pool.hitRate),
      percent(pool.failureRate),
    ];
    if (before !== undefined) {
      cells.splice(7, 0, rate(pool.acquires, earlier.get(pool.heapId)?.acquires, before.seconds));
    }
    return cells;
  });
  return table([header, ...rows]);
}

/** What leak detection and guards have in hand now. */
function guardNotes(pool: PoolStats): string[] {
  const held = [
    [pool.watchedBlocks, pool.watchedBytes, 'watched'],
    [pool.quarantinedBlocks, pool.quarantinedBytes, 'in quarantine'],
  ] as const;
  const said = held.filter(([count]) => count > 0);
  if (said.length === 0) return [];
  return [
    `guards: ${said.map(([count, size, what]) => `${counted(count, 'block')} ${what} (${bytes(size)})`).join(', ')}`,
  ];
}

const objectTrouble = (objects: ObjectStats | undefined): readonly (readonly [number, string])[] =>
  objects === undefined
    ? []
    : [
        [objects.createFailures, 'calls of create failed'],
        [objects.invalid, 'failed their test or reset'],
        [objects.destroyFailures, 'calls of destroy failed'],
        [objects.leaseTimeouts, 'lent for too long'],
        [objects.waitTimeouts, 'waited for in vain'],
      ];

/** What went wrong, guards, and slow paths: only what there is. */
function notes(pool: PoolStats): string[] {
  const { slow } = pool;
  const parts = [
    [pool.exhausted, 'refused because of the limit'],
    [pool.osFailures, 'refused by the system'],
    [pool.fallbacks, 'plain buffers instead'],
    [pool.waiting, 'waiting now'],
    [pool.collectedBlocks, `collected without a release (${bytes(pool.collectedBytes)})`],
    [pool.leakedBlocks, `left by threads that ended (${bytes(pool.leakedBytes)})`],
    [
      pool.guardReports,
      `${pool.guardReports === 1 ? 'case' : 'cases'} of misuse found by guards${pool.poisonReports === 0 ? '' : ` (${figure(pool.poisonReports)} of them writes after a release)`}`,
    ],
    [pool.doubleFrees, 'freed twice'],
    ...objectTrouble(pool.objects),
  ] as const;
  const trouble = parts.filter(([count]) => count > 0).map(([count, what]) => `${figure(count)} ${what}`);
  return [
    ...(trouble.length === 0 ? [] : [`trouble: ${trouble.join(', ')}`]),
    ...guardNotes(pool),
    ...pressureNotes(pool),
    ...(slow.count === 0
      ? []
      : [
          `slow path: p50 ${duration(slow.p50Ns)}, p95 ${duration(slow.p95Ns)}, p99 ${duration(slow.p99Ns)}, ` +
            `longest ${duration(slow.maxNs)} (${figure(slow.count)} timed)`,
        ]),
  ];
}

function classTable({ classes }: PoolStats): string[] {
  const header = [
    '  block',
    'acquires',
    'hits',
    'in use',
    'cached',
    'occupancy',
    'refills',
    'flushes',
    'remote',
  ];
  const rows = classes.map((one) => [
    bytes(one.blockBytes),
    figure(one.acquires),
    percent(one.hitRate),
    figure(one.inUseBlocks),
    figure(one.cachedBlocks),
    percent(one.occupancy),
    figure(one.refills),
    figure(one.flushes),
    figure(one.remoteFrees),
  ]);
  return table([header, ...rows], 0).map((line) => `  ${line}`);
}

function poolLines(pool: PoolStats): string[] {
  const said = notes(pool).map((line) => `  ${line}`);
  if (said.length === 0 && pool.classes.length === 0) return [];
  return [
    '',
    `pool "${printable(pool.name)}"`,
    ...said,
    ...(pool.classes.length === 0 ? [] : classTable(pool)),
  ];
}

/** Nothing for objects, which have no size. */
const lastText = (size: number): string => (size === 0 ? '' : `, last ${bytes(size)}`);

/** Such as: 3, last 1.5 KiB (pool "uploads", tag "body"), the oldest after 12.3 s; and where. */
function leakLines(leak: LeakSite, width: number): string[] {
  const tag = leak.tag === '' ? '' : `, tag "${printable(leak.tag)}"`;
  const about = leak.estimated > leak.count ? ` seen, about ${figure(leak.estimated)} in all` : '';
  return [
    ...wrap(
      `${figure(leak.count)}${about}${lastText(leak.size)} (pool "${printable(leak.pool)}"${tag}), ` +
        `${leak.reason === 'collected' ? 'collected' : 'left by a thread that ended'}, ` +
        `the oldest after ${duration(leak.oldestMs * 1e6)}`,
      width - 2,
    ).map((line) => `  ${line}`),
    ...frameLines(leak.stack),
  ];
}

function frameLines(stack: string): string[] {
  const frames = stack.split('\n').filter((line) => line.trim() !== '');
  return frames.slice(0, MAX_FRAMES).map((line) => `      ${line.trim()}`);
}

const KINDS: Readonly<Record<MisuseKind, string>> = {
  'released-twice': 'released twice',
  'used-after-release': 'used after its release',
  foreign: 'is no buffer of a pool, but a view or something else',
  'written-after-release': 'written after its release',
  'window-detached': 'its ArrayBuffer was detached by the program, and that of others with it',
  overflow: 'written past its end',
  detached: 'its ArrayBuffer was detached by the program',
  'detached-after-release': 'its ArrayBuffer was detached by the program after its release',
};

/** Such as: 2, last 1.5 KiB (pool "uploads"), released twice, the last 14:03:12; and where. */
function misuseLines(site: MisuseSite, width: number): string[] {
  const pool = site.pool === '' ? [] : [`pool "${printable(site.pool)}"`];
  const tag = site.tag === '' ? [] : [`tag "${printable(site.tag)}"`];
  const whose = pool.length === 0 ? '' : ` (${[...pool, ...tag].join(', ')})`;
  const detail = site.detail === '' ? '' : `: ${site.detail}`;
  const stacks = [
    ['happened', site.noticed],
    ['acquired', site.acquired],
    ['released', site.released],
  ].filter(([, stack]) => stack !== '');
  return [
    ...wrap(
      `${figure(site.count)}${lastText(site.size)}${whose}, ${KINDS[site.kind] ?? site.kind}${detail}, ` +
        `the last at ${new Date(site.lastAt).toISOString()}`,
      width - 2,
    ).map((line) => `  ${line}`),
    ...stacks.flatMap(([what, stack]) => [`    ${what}`, ...frameLines(stack!)]),
  ];
}

function misuseSection({ misuse }: ProcessStats, width: number): string[] {
  if (misuse.length === 0) return [];
  const latest = [...misuse].sort((a, b) => b.lastAt - a.lastAt).slice(0, MAX_SITES);
  const more = misuse.length - latest.length;
  return [
    '',
    'misuse of buffers',
    ...latest.flatMap((site) => misuseLines(site, width)),
    ...(more === 0 ? [] : [`  and ${counted(more, 'more site')}: --json has all`]),
  ];
}

function leakSection({ leaks }: ProcessStats, width: number): string[] {
  if (leaks.length === 0) return [];
  const worst = [...leaks].sort((a, b) => b.bytes - a.bytes).slice(0, MAX_SITES);
  const more = leaks.length - worst.length;
  return [
    '',
    'leaks: never released',
    ...worst.flatMap((leak) => leakLines(leak, width)),
    ...(more === 0 ? [] : [`  and ${counted(more, 'more site')}: --json has all`]),
  ];
}

/** What is shown besides the figures of a moment. */
export interface Besides {
  /** To tell the rates since then. */
  readonly before?: Before | undefined;
  readonly memory?: MemoryFacts | undefined;
}

/** Everything worth reading. */
export function statsLines(told: ProcessStats, style: Style, { before, memory }: Besides = {}): string[] {
  const stats = withPrintable(told);
  return [
    ...processLines(stats, before, memory),
    '',
    ...poolTable(stats, before),
    ...stats.pools.flatMap(poolLines),
    ...leakSection(stats, style.width),
    ...misuseSection(stats, style.width),
  ];
}
