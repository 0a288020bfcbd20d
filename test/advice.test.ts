// Each piece of advice, with figures just inside and just outside of what it is for.
import { describe, expect, test } from 'vitest';
import type { ClassStats, KnobRow, PoolStats } from '../dist/esm/index.js';
import superslab, { BufferPool, stats as processStats } from '../dist/esm/index.js';
import { blockBytes } from './support/block-bytes.js';
import { internal } from './support/internal.js';

const { adviceOn, rules } = internal<typeof import('../lib/stats/advice/index.js')>('stats/advice/index');
const { adviceFacts } = internal<typeof import('../lib/stats/advice/facts.js')>('stats/advice/facts');
const { reportText } = internal<typeof import('../lib/stats/report.js')>('stats/report');

const MiB = 2 ** 20;

const knobs = (over: Record<string, string> = {}): KnobRow[] =>
  Object.entries({
    SUPERSLAB_CACHE_BLOCKS: '64',
    SUPERSLAB_CACHE_BYTES: '1m',
    SUPERSLAB_BIG_CACHE_BYTES: '64m',
    SUPERSLAB_BIG_CACHE_AGE_MS: '2000',
    SUPERSLAB_PURGE_DELAY_MS: '1000',
    SUPERSLAB_HUGE_PAGES: 'thp',
    SUPERSLAB_POPULATE: 'demand',
    SUPERSLAB_NUMA: 'local',
    ...over,
  }).map(([variable, value]) => ({ variable, value }) as KnobRow);

const pool = new BufferPool({ name: 'well' });
/** A pool of which there is nothing to say. */
const well: PoolStats = pool.stats();
pool.close();

const oneClass = (over: Partial<ClassStats>): PoolStats => ({
  ...well,
  classes: [{ blockBytes: 4096, acquires: 10_000, hitRate: 0.95, refills: 500, ...over } as ClassStats],
});

interface Case {
  readonly id: string;
  readonly inside: PoolStats;
  /** Each differs from `inside` in one figure, that is just not enough. */
  readonly outside: readonly Partial<PoolStats>[];
  readonly severity: string;
  readonly says: readonly string[];
  readonly setting?: string;
  readonly seconds?: number;
  readonly variables?: Record<string, string>;
}

const cases: readonly Case[] = [
  {
    id: 'classMisses',
    inside: oneClass({ hitRate: 0.8999, refills: 1001 }),
    outside: [oneClass({ hitRate: 0.9 }), oneClass({ hitRate: 0.5, acquires: 9999 })],
    severity: 'warn',
    says: ['class 4 KiB misses 10 % of 10,000 acquires', 'holds 64', 'which is the most', 'smaller bursts'],
  },
  {
    id: 'classMisses',
    inside: oneClass({ blockBytes: 65_536, hitRate: 0.69 }),
    outside: [],
    severity: 'warn',
    says: ['class 64 KiB misses 31 %', 'holds 16', 'raise SUPERSLAB_CACHE_BYTES (now 1m) to 4m'],
    setting: 'SUPERSLAB_CACHE_BYTES',
  },
  {
    id: 'classMisses',
    inside: oneClass({ hitRate: 0.5 }),
    outside: [],
    severity: 'warn',
    says: ['holds 16', 'raise SUPERSLAB_CACHE_BLOCKS (now 16, up to 64)'],
    setting: 'SUPERSLAB_CACHE_BLOCKS',
    variables: { SUPERSLAB_CACHE_BLOCKS: '16' },
  },
  {
    id: 'classMisses',
    inside: { ...oneClass({ blockBytes: 65_536, hitRate: 0.5 }), maxBytes: 4 * MiB },
    outside: [],
    severity: 'warn',
    says: ['holds one', 'because maxBytes is 4 MiB: raise maxBytes'],
  },
  {
    id: 'failures',
    inside: { ...well, failureRate: 0.00101, failedRequests: 101, exhausted: 90, fallbacks: 7 },
    outside: [{ failureRate: 0.001 }],
    severity: 'act',
    says: ['0.1 % of the requests (101)', '90 of them because of maxBytes', '7 were served from outside'],
    setting: 'SUPERSLAB_MAX_BYTES',
  },
  {
    id: 'nearLimit',
    inside: { ...well, use: 0.8501, maxBytes: 100 * MiB, cachedBytes: 10 * MiB },
    outside: [{ use: 0.85 }],
    severity: 'warn',
    says: ['85 % of maxBytes (100 MiB)', '10.0 MiB of it cached'],
    setting: 'SUPERSLAB_MAX_BYTES',
  },
  {
    id: 'osRefusals',
    inside: { ...well, osFailures: 1 },
    outside: [{ osFailures: 0 }],
    severity: 'act',
    says: ['refused memory once', 'npx superslab doctor'],
  },
  {
    id: 'leaks',
    inside: { ...well, leakedBlocks: 1, leakedBytes: 4096 },
    outside: [{ leakedBlocks: 0 }],
    severity: 'act',
    says: ['1 block (4.0 KiB)', 'SUPERSLAB_LEAK_DETECTION=full tells where'],
    setting: 'SUPERSLAB_LEAK_DETECTION',
  },
  {
    id: 'leaks',
    inside: { ...well, leakedBlocks: 2, leakedBytes: 4096 },
    outside: [],
    severity: 'act',
    says: ['2 blocks', 'the leak sites tell where'],
    variables: { SUPERSLAB_LEAK_DETECTION: 'full' },
  },
  {
    id: 'leaks',
    inside: { ...well, leakedBlocks: 1, leakedBytes: 4096, collectedBlocks: 2, collectedBytes: 8192 },
    outside: [],
    severity: 'act',
    says: ['3 blocks (12.0 KiB)', 'the leak sites tell where'],
  },
  {
    id: 'guardReports',
    inside: { ...well, guardReports: 1 },
    outside: [{ guardReports: 0 }],
    severity: 'act',
    says: ['the guards found 1 mistake:'],
  },
  {
    id: 'doubleFrees',
    inside: { ...well, doubleFrees: 1 },
    outside: [{ doubleFrees: 0 }],
    severity: 'act',
    says: ['1 free of blocks that were free already'],
  },
  {
    id: 'fragmented',
    inside: { ...well, committedBytes: 130 * MiB, chargedBytes: 64.9 * MiB },
    outside: [{ chargedBytes: 65 * MiB }, { committedBytes: 64 * MiB, chargedBytes: 0 }],
    severity: 'warn',
    says: ['130.0 MiB are committed for 64.9 MiB', 'trim()', 'SUPERSLAB_PURGE_DELAY_MS (now 1000)'],
    setting: 'SUPERSLAB_PURGE_DELAY_MS',
  },
  {
    id: 'fragmented',
    inside: { ...well, committedBytes: 200 * MiB, chargedBytes: 10 * MiB, bigCacheBytes: 96 * MiB },
    outside: [],
    severity: 'warn',
    says: ['96.0 MiB of it kept for blocks beyond 2 MiB', 'SUPERSLAB_BIG_CACHE_BYTES (now 64m)'],
    setting: 'SUPERSLAB_BIG_CACHE_BYTES',
  },
  {
    id: 'pageFaults',
    inside: { ...well, minorFaults: 20_001, majorFaults: 10 },
    outside: [{ minorFaults: 20_000 }],
    severity: 'info',
    says: ['2,000 page faults a second', 'raise SUPERSLAB_PURGE_DELAY_MS (now 1000)'],
    setting: 'SUPERSLAB_PURGE_DELAY_MS',
    seconds: 10,
  },
  {
    id: 'pageFaults',
    inside: { ...well, minorFaults: 0, majorFaults: 11 },
    outside: [{ majorFaults: 10 }],
    severity: 'warn',
    says: ['waits for a disk 1 times a second', 'memoryFacts()'],
    seconds: 10,
  },
  {
    id: 'pageFaults',
    inside: { ...well, minorFaults: 50_000 },
    outside: [],
    severity: 'info',
    says: ['set SUPERSLAB_HUGE_PAGES=thp'],
    setting: 'SUPERSLAB_HUGE_PAGES',
    seconds: 10,
    variables: { SUPERSLAB_HUGE_PAGES: 'off' },
  },
  {
    id: 'hugeFallbacks',
    inside: { ...well, hugeFallbacks: 1 },
    outside: [{ hugeFallbacks: 0 }],
    severity: 'warn',
    says: ['sysctl vm.nr_hugepages=$(( $(sysctl -n vm.nr_hugepages) + 1 ))'],
  },
  {
    id: 'remoteFrees',
    inside: { ...well, remoteFrees: 3001, releases: 10_000 },
    outside: [{ remoteFrees: 3000 }, { remoteFrees: 9999, releases: 9999 }],
    severity: 'info',
    says: ['30 % of 10,000 releases'],
  },
  {
    id: 'contention',
    inside: { ...well, contended: 51, lockWaitNs: 2e6, refills: 500, flushes: 500, threads: 4 },
    outside: [{ contended: 50 }, { contended: 999, refills: 499 }],
    severity: 'warn',
    says: ['51 times (5.1 % of the slow-path calls)', 'one of 4 threads', '2 ms in all'],
  },
  {
    id: 'tokens',
    inside: { ...well, heapId: 0, outstandingTokens: 1001 },
    outside: [{ outstandingTokens: 1000 }, { heapId: 1 }],
    severity: 'warn',
    says: ['1,001 tokens', 'revoke()'],
  },
  {
    id: 'internalWaste',
    inside: { ...well, internalWaste: 0.201, sizes: { ...well.sizes, samples: 100 } },
    outside: [{ internalWaste: 0.2 }, { sizes: { ...well.sizes, samples: 99 } }],
    severity: 'info',
    says: ['20 % of the leased bytes were not asked for'],
  },
  {
    id: 'oversizeCache',
    inside: { ...well, cachedBytes: 16 * MiB + 1, inUseBytes: 16 * MiB, threads: 2 },
    outside: [{ cachedBytes: 16 * MiB, inUseBytes: 0 }, { inUseBytes: 16 * MiB + 1 }],
    severity: 'info',
    says: ['of 2 threads keep 16.0 MiB', 'lower SUPERSLAB_CACHE_BYTES (now 1m)'],
    setting: 'SUPERSLAB_CACHE_BYTES',
  },
  {
    id: 'largeMisses',
    inside: { ...well, largeMisses: 100, largeHits: 99 },
    outside: [{ largeMisses: 99, largeHits: 0 }, { largeHits: 100 }],
    severity: 'warn',
    says: [
      '50 % of 199 blocks',
      'SUPERSLAB_BIG_CACHE_BYTES (now 64m)',
      'SUPERSLAB_BIG_CACHE_AGE_MS (now 2000)',
    ],
    setting: 'SUPERSLAB_BIG_CACHE_BYTES',
  },
  {
    id: 'numaRemote',
    inside: { ...well, numaRemote: 201, numaLocal: 799 },
    outside: [
      { numaRemote: 200, numaLocal: 800 },
      { numaRemote: 999, numaLocal: 0 },
    ],
    severity: 'warn',
    says: ['20 % of the blocks lie on another node', 'numactl'],
    setting: 'SUPERSLAB_NUMA',
  },
  {
    id: 'slowTail',
    inside: { ...well, slow: { p50Ns: 800, p95Ns: 2000, p99Ns: 1_000_001, maxNs: 2e6, count: 100 } },
    outside: [
      { slow: { p50Ns: 800, p95Ns: 2000, p99Ns: 1_000_000, maxNs: 2e6, count: 100 } },
      { slow: { p50Ns: 800, p95Ns: 2000, p99Ns: 1_000_001, maxNs: 2e6, count: 99 } },
    ],
    severity: 'info',
    says: ['takes 1 ms or more (p50 800 ns)', 'SUPERSLAB_POPULATE=superslab'],
    setting: 'SUPERSLAB_POPULATE',
  },
  {
    id: 'slowTail',
    inside: { ...well, slow: { p50Ns: 800, p95Ns: 2000, p99Ns: 5e6, maxNs: 2e6, count: 100 } },
    outside: [],
    severity: 'info',
    says: ['a higher SUPERSLAB_PURGE_DELAY_MS'],
    setting: 'SUPERSLAB_PURGE_DELAY_MS',
    variables: { SUPERSLAB_POPULATE: 'superslab' },
  },
];

const advise = (stats: PoolStats, { variables, seconds = 5 }: Partial<Case>) =>
  adviceOn(stats, adviceFacts(knobs(variables), seconds * 1000));

test('there is nothing to say of a pool that is well', () => {
  expect(advise(well, {})).toEqual([]);
  expect(advise(well, { seconds: 1e6 })).toEqual([]);
});

test.each(cases)('$id: $says.0', (one) => {
  const [advice, ...others] = advise(one.inside, one);
  expect(others).toEqual([]);
  expect(advice).toMatchObject({ id: one.id, severity: one.severity });
  expect(advice!.setting).toBe(one.setting);
  for (const words of one.says) expect(advice!.text).toContain(words);
  for (const figures of one.outside) {
    const found = advise({ ...one.inside, ...figures }, one).map(({ id }) => id);
    expect(found, JSON.stringify(figures)).not.toContain(one.id);
  }
});

test('faults of the first seconds say nothing', () => {
  expect(advise({ ...well, minorFaults: 1e6, majorFaults: 1e4 }, { seconds: 9.9 })).toEqual([]);
});

test('each rule is tried', () => {
  expect(new Set(cases.map(({ id }) => id)).size).toBe(rules.length);
});

test('of several classes the one that misses most is named', () => {
  const stats = oneClass({ hitRate: 0.5, refills: 5000 });
  const other = { ...stats.classes[0]!, blockBytes: 8192, hitRate: 0.6, acquires: 50_000, refills: 20_000 };
  expect(advise({ ...stats, classes: [...stats.classes, other] }, {})[0]!.text).toContain(
    'class 8 KiB misses 40 %',
  );
});

test('settings that advice names exist, and the most urgent comes first', () => {
  const variables = new Set(processStats().knobs.map(({ variable }) => variable));
  for (const { setting } of cases) {
    if (setting !== undefined && !setting.includes('LEAK')) expect(variables, setting).toContain(setting);
  }
  const severities = advise(
    { ...well, numaRemote: 5000, osFailures: 2, use: 0.9, remoteFrees: 1e5, releases: 1e5 },
    {},
  );
  expect(severities.map(({ severity }) => severity)).toEqual(['act', 'warn', 'warn', 'info']);
});

describe('the report', () => {
  test('shows figures, classes and advice in lines of 100', () => {
    const text = reportText(
      {
        ...oneClass({ hitRate: 0.5, refills: 5000, inUseBlocks: 3, cachedBlocks: 4, occupancy: 0.25 }),
        osFailures: 3,
      },
      { knobs: knobs(), uptimeMs: 1000 },
    );
    expect(text).toContain('superslab pool "well"');
    expect(text).toMatch(/^ +4 KiB +10,000 +50 % +3 +4 +5,000 +25 %$/m);
    expect(text).toMatch(/^ {2}act {6}the operating system refused memory 3 times/m);
    expect(text).toMatch(/^ {2}warn {5}class 4 KiB misses 50 %/m);
    for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(100);
    expect(text.endsWith('\n')).toBe(true);
  });

  test('shows histograms once there are some', () => {
    const buckets = Array.from({ length: 32 }, () => 0);
    buckets[10] = 89;
    buckets[16] = 10;
    buckets[20] = 1;
    const sizes = { unit: 'bytes', buckets, count: 100, samples: 10 } as const;
    const lifetimes = { ...sizes, unit: 'us' } as const;
    const context = { knobs: knobs(), uptimeMs: 1000 };
    const text = reportText({ ...well, sizes, lifetimes, internalWaste: 0.125 }, context);
    expect(text).toContain('sizes    half below 2 KiB, 90 % below 128 KiB, 99 % below 128 KiB (10 samples)');
    expect(text).toContain('lived    half below 2.05 ms, 90 % below 131 ms, 99 % below 131 ms (10 samples)');
    expect(text).toContain('13 % of what is leased was not asked for');
    expect(reportText(well, context)).not.toMatch(/sizes|lived/);
  });

  test('of a real pool', () => {
    const full = new BufferPool({ name: 'full', maxBytes: 8 * blockBytes(8192) });
    const bufs = full.acquireMany(8192, 8);
    expect(() => full.acquire(1)).toThrow(/EXHAUSTED/);
    expect(full.advice().map(({ id }) => id)).toEqual(['failures', 'nearLimit']);
    expect(full.report()).toContain(`100 % of ${blockBytes(8192) / 128} KiB`);
    expect(full.report()).toMatch(/^ {2}act {6}11 % of the requests \(1\) got no block/m);
    full.releaseMany(bufs);
    full.close();
    expect(full.report()).toContain('superslab pool "full", closed');
    expect(superslab.report()).toContain('superslab pool "default"');
  });
});
