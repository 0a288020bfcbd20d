// How `superslab stats` writes what it was told: figures that are made up.
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import type { ClassStats, LeakSite } from '../lib/addon/figures.js';
import type { MisuseSite } from '../lib/base/misuse.js';
import type { PoolStats, ProcessStats } from '../lib/stats/pool-stats.js';

// What is tested is what is shipped, and the package does not export its command line.
const require = createRequire(import.meta.url);
const { statsLines } = require('../dist/cjs/cli/stats-text.js') as typeof import('../lib/cli/stats-text.js');

const KIB = 1024;
const MIB = 2 ** 20;
const style = { width: 80, colour: false };

const aClass = (rows: Partial<ClassStats> = {}) =>
  ({
    blockBytes: 4 * KIB,
    acquires: 123_456,
    hitRate: 0.69,
    inUseBlocks: 41,
    cachedBlocks: 12,
    occupancy: 0.64,
    refills: 1234,
    flushes: 99,
    remoteFrees: 7,
    ...rows,
  }) as ClassStats;

const aPool = (rows: Partial<PoolStats> = {}) =>
  ({
    name: 'default',
    heapId: 0,
    inUseBytes: 12 * MIB,
    cachedBytes: 3 * MIB,
    committedBytes: 16 * MIB,
    maxBytes: 0,
    use: 0,
    acquires: 1_234_567,
    hitRate: 0.998,
    failureRate: 0,
    exhausted: 0,
    osFailures: 0,
    fallbacks: 0,
    waiting: 0,
    leakedBlocks: 0,
    leakedBytes: 0,
    collectedBlocks: 0,
    collectedBytes: 0,
    guardReports: 0,
    poisonReports: 0,
    watchedBlocks: 0,
    watchedBytes: 0,
    quarantinedBlocks: 0,
    quarantinedBytes: 0,
    doubleFrees: 0,
    slow: { p50Ns: 0, p95Ns: 0, p99Ns: 0, maxNs: 0, count: 0 },
    classes: [],
    ...rows,
  }) as unknown as PoolStats;

const aLeak = (rows: Partial<LeakSite> = {}): LeakSite => ({
  pool: 'default',
  tag: '',
  reason: 'collected',
  size: 1500,
  count: 3,
  bytes: 6 * KIB,
  oldestMs: 12_300,
  stack: '    at leakHere (/app/server.js:12:5)\n    at run (/app/server.js:20:3)',
  estimated: 3,
  ...rows,
});

const aMisuse = (rows: Partial<MisuseSite> = {}): MisuseSite => ({
  kind: 'released-twice',
  pool: 'uploads',
  tag: 'body',
  size: 1500,
  count: 2,
  firstAt: Date.UTC(2026, 0, 5, 9, 30, 1),
  lastAt: Date.UTC(2026, 0, 5, 9, 31, 12),
  detail: '',
  acquired: '    at readBody (/app/server.js:41:5)',
  released: '    at finish (/app/server.js:52:9)',
  noticed: '    at onClose (/app/server.js:60:9)',
  ...rows,
});

const aProcess = (rows: Partial<ProcessStats> = {}) =>
  ({
    pid: 4711,
    core: 'addon',
    uptimeMs: 11_160_000,
    rssBytes: 312 * MIB,
    externalBytes: 88 * MIB,
    outstandingTokens: 0,
    space: {
      reservedBytes: 4096 * MIB,
      committedBytes: 86 * MIB,
      superslabs: 43,
      arenas: 1,
      idleBytes: 2 * MIB,
    },
    faults: { minor: 12_345, major: 3 },
    pools: [aPool()],
    leaks: [],
    misuse: [],
    knobs: [],
    ...rows,
  }) as unknown as ProcessStats;

type Besides = NonNullable<Parameters<typeof statsLines>[2]>;
const text = (rows?: Partial<ProcessStats>, before?: Besides['before']) =>
  statsLines(aProcess(rows), style, { before }).join('\n');

describe('superslab stats', () => {
  test('begins with the process', () => {
    expect(text().split('\n').slice(0, 4)).toEqual([
      'memory  312.0 MiB resident, 88.0 MiB external, up 3.1 h',
      'pools   86.0 MiB committed in 43 superslabs, 2.0 MiB idle beside them, 4.0 GiB of addresses',
      'faults  12,345 minor, 3 major',
      '',
    ]);
  });

  test('tells how scarce memory is or was, why, and what pools gave back', () => {
    const pressure: ProcessStats['pressure'] = {
      level: 'critical',
      reason: 'hardLimit',
      share: 0.98,
      limitBytes: 512 * MIB,
      rises: 2,
      changedAtMs: Date.UTC(2026, 0, 2, 3, 4, 5),
      step: 'idle',
    };
    const pools = [
      aPool({ pressureCacheBytes: 3 * MIB, pressureColdBytes: MIB, pressureIdleBytes: 0 }),
      aPool({
        name: 'connections',
        objects: { inUse: 0, idle: 0, pending: 0, max: 0, relieved: 1 } as never,
      }),
    ];
    const said = text({ pressure, pools });
    expect(said).toContain(
      'pressure  critical since 2026-01-02 03:04:05Z: 98 % of the 512 MiB that a control group may have were in use',
    );
    expect(said).toContain('given back under pressure: 3.0 MiB of caches, 1.0 MiB of cold data');
    expect(said).toContain('given back under pressure: 1 idle object');
    expect(text({ pressure: { ...pressure, level: 'none' } })).toContain(
      'none since 2026-01-02 03:04:05Z; before, 98 %',
    );
    expect(text({ pressure: { ...pressure, rises: 0 } })).not.toContain('pressure');
  });

  test('has a row for each pool, in columns', () => {
    const limited = aPool({
      name: 'uploads',
      heapId: 1,
      maxBytes: 64 * MIB,
      use: 0.874,
      failureRate: 0.0012,
    });
    const lines = text({ pools: [aPool(), limited] }).split('\n');
    expect(lines.slice(4)).toEqual([
      'pool       in use   cached  committed     limit   use   acquires     hits  failed',
      'default  12.0 MiB  3.0 MiB   16.0 MiB      none        1,234,567  99.80 %     0 %',
      'uploads  12.0 MiB  3.0 MiB   16.0 MiB  64.0 MiB  87 %  1,234,567  99.80 %  0.12 %',
    ]);
  });

  test('counts the objects of a pool that lends objects, in the same columns', () => {
    const objects = { inUse: 1234, idle: 5, pending: 1, max: 2000, createFailures: 3, leaseTimeouts: 2 };
    const lines = statsLines(
      aProcess({ pools: [aPool(), aPool({ name: 'connections', objects: objects as never })] }),
      style,
    );
    const row = lines.find((line) => line.startsWith('connections'))!;
    expect(row.split(/ {2,}/).slice(0, 6)).toEqual([
      'connections',
      '1,234 objects',
      '5',
      '1,240',
      '2,000',
      '62 %',
    ]);
    expect(lines.join('\n')).toContain('trouble: 3 calls of create failed, 2 lent for too long');
  });

  test('shortens a name that would break the columns', () => {
    const name = 'x'.repeat(25);
    const said = text({ pools: [aPool({ name })] });
    expect(said).toContain(`\n${'x'.repeat(23)}…  12.0 MiB`);
  });

  test('has a row for each class that was used', () => {
    expect(
      text({ pools: [aPool({ classes: [aClass(), aClass({ blockBytes: 64, acquires: 5 })] })] }),
    ).toContain(
      [
        '',
        'pool "default"',
        '    block  acquires  hits  in use  cached  occupancy  refills  flushes  remote',
        '  4.0 KiB   123,456  69 %      41      12       64 %    1,234       99       7',
        '     64 B         5  69 %      41      12       64 %    1,234       99       7',
      ].join('\n'),
    );
  });

  test('tells what went wrong, and only that', () => {
    expect(text()).not.toContain('trouble');
    const pool = aPool({
      exhausted: 1200,
      osFailures: 1,
      fallbacks: 2,
      waiting: 3,
      leakedBlocks: 4,
      leakedBytes: 8 * KIB,
      doubleFrees: 5,
      collectedBlocks: 6,
      collectedBytes: 512,
      guardReports: 7,
    });
    expect(text({ pools: [pool] })).toContain(
      '  trouble: 1,200 refused because of the limit, 1 refused by the system, 2 plain buffers instead, ' +
        '3 waiting now, 6 collected without a release (512 B), 4 left by threads that ended (8.0 KiB), ' +
        '7 cases of misuse found by guards, 5 freed twice',
    );
    const later = text({ outstandingTokens: 7, core: 'libsuperslab.so' });
    expect(later).toContain(
      '\ntokens  7 not adopted yet\ncore    libsuperslab.so, which serves malloc too\n',
    );
  });

  test('tells how long slow paths take', () => {
    const slow = { p50Ns: 800, p95Ns: 1240, p99Ns: 45_600, maxNs: 3_210_000, count: 9 };
    expect(text({ pools: [aPool({ slow })] })).toContain(
      '  slow path: p50 800 ns, p95 1.24 us, p99 45.6 us, longest 3.21 ms (9 timed)',
    );
  });

  test('tells leaks, the worst first, and where they were acquired', () => {
    const worse = aLeak({
      pool: 'uploads',
      tag: 'body',
      count: 1,
      bytes: MIB,
      estimated: 128,
      reason: 'threadEnded',
      size: MIB,
      stack: '',
    });
    expect(text({ leaks: [aLeak(), worse] })).toContain(
      [
        '',
        'leaks: never released',
        '  1 seen, about 128 in all, last 1.0 MiB (pool "uploads", tag "body"), left by a',
        '  thread that ended, the oldest after 12.3 s',
        '  3, last 1.5 KiB (pool "default"), collected, the oldest after 12.3 s',
        '      at leakHere (/app/server.js:12:5)',
        '      at run (/app/server.js:20:3)',
      ].join('\n'),
    );
  });

  test('keeps long lists of leaks short, and says so', () => {
    const frames = Array.from({ length: 9 }, (_, i) => `    at f${i} (x.js:1:1)`).join('\n');
    const leaks = Array.from({ length: 12 }, (_, i) => aLeak({ bytes: i, pool: `p${i}`, stack: frames }));
    const said = text({ leaks });
    expect(said).toContain('"p11"');
    expect(said).not.toContain('"p1"');
    expect(said).toContain('at f3 ');
    expect(said).not.toContain('at f4 ');
    expect(said.endsWith('\n  and 2 more sites: --json has all')).toBe(true);
  });

  test('lists misuse of buffers, the latest first, each with its stacks', () => {
    const written = aMisuse({
      kind: 'written-after-release',
      tag: '',
      count: 1,
      lastAt: Date.UTC(2026, 0, 5, 9, 32),
      detail: 'offset 12 holds 00ff',
      noticed: '',
    });
    const stranger = aMisuse({ kind: 'foreign', pool: '', tag: '', size: 0, acquired: '', released: '' });
    const said = text({ misuse: [aMisuse(), written, stranger] });
    expect(said).toContain(
      [
        '',
        'misuse of buffers',
        '  1, last 1.5 KiB (pool "uploads"), written after its release: offset 12 holds',
        '  00ff, the last at 2026-01-05T09:32:00.000Z',
        '    acquired',
        '      at readBody (/app/server.js:41:5)',
        '    released',
        '      at finish (/app/server.js:52:9)',
        '  2, last 1.5 KiB (pool "uploads", tag "body"), released twice, the last at',
        '  2026-01-05T09:31:12.000Z',
        '    happened',
        '      at onClose (/app/server.js:60:9)',
        '    acquired',
      ].join('\n'),
    );
    expect(said).toMatch(/\n {2}2, is no buffer of a pool/);
  });

  test('keeps long lists of misuse short, and says so', () => {
    const misuse = Array.from({ length: 12 }, (_, i) => aMisuse({ lastAt: i, pool: `p${i}` }));
    const said = text({ misuse });
    expect(said).toContain('"p11"');
    expect(said).not.toContain('"p1"');
    expect(said.endsWith('\n  and 2 more sites: --json has all')).toBe(true);
  });

  test('tells rates when it has looked before', () => {
    const before = {
      seconds: 2,
      stats: aProcess({
        faults: { minor: 12_145, major: 3 },
        pools: [aPool({ acquires: 234_567 }), aPool({ heapId: 2, acquires: 2_000_000 })],
      }),
    };
    const began = aPool({ name: 'new', heapId: 1 });
    const anew = aPool({ name: 'anew', heapId: 2 });
    const said = text({ pools: [aPool(), began, anew] }, before);
    expect(said).toContain('faults  12,345 minor (100/s), 3 major (0/s)');
    expect(said).toMatch(/^default .* 1,234,567 {2}500,000\/s {2}99\.80 %/m);
    // No rate of what was not there, or counts from the start again.
    expect(said).toMatch(/^new .* 1,234,567 {13}99\.80 %/m);
    expect(said).toMatch(/^anew .* 1,234,567 {13}99\.80 %/m);
  });
});

describe('what the kernel says', () => {
  const memory = { rssBytes: 84 * MIB, hugeBytes: 78 * MIB, hugeCoverage: 0.93, swappedBytes: 0, nodes: [] };
  const kernelLine = (told: Besides['memory']) =>
    statsLines(aProcess(), style, { memory: told }).filter((line) => line.startsWith('kernel'));

  test('is a line of the process, if it was asked', () => {
    expect(kernelLine(undefined)).toEqual([]);
    expect(kernelLine(memory)).toEqual([
      'kernel  84.0 MiB of the pools resident, 93 % in huge pages, none swapped out',
    ]);
    expect(statsLines(aProcess(), style, { memory })[2]).toMatch(/^kernel/);
  });

  test('tells what was swapped out, and nodes where there are several', () => {
    const node = (number: number, mib: number) => ({ node: number, bytes: mib * MIB });
    expect(kernelLine({ ...memory, swappedBytes: 3 * MIB, nodes: [node(0, 84)] })[0]).toMatch(
      /, 3\.0+ MiB swapped out$/,
    );
    expect(kernelLine({ ...memory, nodes: [node(0, 60), node(2, 24)] })[0]).toMatch(
      /none swapped out; node 0 60\.0 MiB, node 2 24\.0 MiB$/,
    );
  });
});

test('what guards have in hand is said of pools that have some', () => {
  expect(text({ pools: [aPool()] })).not.toContain('guards:');
  const guarded = {
    watchedBlocks: 12,
    watchedBytes: 48 * KIB,
    quarantinedBlocks: 1,
    quarantinedBytes: 4 * KIB,
  };
  expect(text({ pools: [aPool(guarded)] })).toContain(
    '  guards: 12 blocks watched (48.0 KiB), 1 block in quarantine (4.0 KiB)',
  );
  expect(text({ pools: [aPool({ ...guarded, watchedBlocks: 0 })] })).toContain(
    '  guards: 1 block in quarantine (',
  );
  expect(text({ pools: [aPool({ guardReports: 3, poisonReports: 2 })] })).toContain(
    'trouble: 3 cases of misuse found by guards (2 of them writes after a release)',
  );
  expect(text({ pools: [aPool({ guardReports: 1 })] })).toContain(
    'trouble: 1 case of misuse found by guards',
  );
});

test('what other processes write moves no cursor and forges no line', () => {
  const evil = 'a\u001b[31mb\u009b2Jc\u202ed\u2028e\nfaults 0';
  const lines = statsLines(
    aProcess({
      pools: [aPool({ name: evil, exhausted: 1 })],
      leaks: [aLeak({ pool: evil, tag: evil, stack: evil })],
      misuse: [aMisuse({ pool: evil, tag: evil, detail: evil, acquired: evil, noticed: evil })],
    }),
    style,
  );
  const text = lines.join('\n');
  expect(text).not.toMatch(/[^\P{C}\n]/u);
  expect(text).not.toContain('\u2028');
  expect(lines.filter((line) => line.startsWith('faults'))).toHaveLength(1);
  expect(text).toContain('pool "a\\u{1b}[31mb\\u{9b}2Jc\\u{202e}d\\u{2028}e\\u{a}faults 0"');
});
