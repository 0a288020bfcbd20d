// Each piece of advice, with figures just inside and just outside of what it is for.
import { describe, expect, test } from 'vitest';
import type { ClassStats, KnobRow, PoolStats, PressureFigures } from '../dist/esm/index.js';
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
    SUPERSLAB_CACHE_SHARE: '2',
    SUPERSLAB_BIG_CACHE_BYTES: '64m',
    SUPERSLAB_BIG_CACHE_AGE_MS: '2000',
    SUPERSLAB_PURGE_DELAY_MS: '1000',
    SUPERSLAB_HUGE_PAGES: 'thp',
    SUPERSLAB_POPULATE: 'demand',
    SUPERSLAB_NUMA: 'local',
    ...over,
  }).map(([variable, value]) => ({ variable, value }) as KnobRow);

/** A process in which memory never was scarce. */
const calm: PressureFigures = {
  level: 'none',
  reason: 'none',
  share: 0,
  limitBytes: 0,
  rises: 0,
  changedAtMs: 0,
  step: 'nothing',
};
const context = { knobs: knobs(), uptimeMs: 1000, pressure: calm };

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
  readonly says: string;
  readonly setting?: string;
  readonly seconds?: number;
  readonly variables?: Record<string, string>;
}

/** A pool in a file of which there is nothing to say. */
const inFile = (over: Partial<NonNullable<PoolStats['file']>>, pool: Partial<PoolStats> = {}): PoolStats => ({
  ...well,
  ...pool,
  file: {
    usedBytes: 0,
    maxBytes: MiB,
    failedAllocs: 0,
    exhausted: 0,
    undurableBytes: 0,
    undurableMs: 0,
    ...over,
  } as NonNullable<PoolStats['file']>,
});

const cases: readonly Case[] = [
  {
    id: 'fileFailures',
    inside: inFile({ failedAllocs: 12, exhausted: 5 }, { failureRate: 0.0011 }),
    outside: [{ failureRate: 0.001 }],
    severity: 'act',
    says:
      '0.11 % of the requests (12) got no block, 5 of them because of maxBytes, the others because the disk is full or ' +
      'a commit was too large: free blocks and commit, or make a file with a larger maxBytes',
  },
  {
    id: 'fileNearLimit',
    inside: inFile({ usedBytes: 0.9 * MiB }, { use: 0.8501 }),
    outside: [{ use: 0.85 }],
    severity: 'warn',
    says:
      "921.6 KiB, 85 % of the file's maxBytes (1 MiB), are in use: free blocks, or move to a file with a larger maxBytes, " +
      'which is fixed when a file is made',
  },
  {
    id: 'fileFaults',
    inside: inFile({}, { majorFaults: 1001 }),
    outside: [{ majorFaults: 1000 }],
    severity: 'warn',
    says:
      'the process waits for a disk 100 times a second because pages are not in memory: ' +
      "advise('willneed') before blocks are read, advise('random') where they are far apart, or give the machine more memory",
    seconds: 10,
  },
  {
    id: 'syncLag',
    inside: inFile({ undurableMs: 60_001, undurableBytes: 100 }),
    outside: [inFile({ undurableMs: 60_000, undurableBytes: 4 * MiB })],
    severity: 'warn',
    says:
      'a power failure would take the commits of the last 1 min (100 B of the journal): ' +
      "commit({ sync: 'data' }) now and then, from a timer if nothing else comes",
  },
  {
    id: 'syncLag',
    inside: inFile({ undurableMs: 1000, undurableBytes: 4 * MiB + 1 }),
    outside: [],
    severity: 'warn',
    says:
      'a power failure would take the commits of the last 1 s (4.0 MiB of the journal): ' +
      "commit({ sync: 'data' }) now and then, from a timer if nothing else comes",
  },
  {
    id: 'classMisses',
    inside: oneClass({ hitRate: 0.8999, refills: 1001 }),
    outside: [oneClass({ hitRate: 0.9 }), oneClass({ hitRate: 0.5, acquires: 9999 })],
    severity: 'warn',
    says:
      'class 4 KiB misses 10 % of 10,000 acquires; a magazine holds 64 of them, which is the most: ' +
      'acquire and release in smaller bursts, or keep the buffers',
  },
  {
    id: 'classMisses',
    inside: oneClass({ blockBytes: 65_536, hitRate: 0.69 }),
    outside: [],
    severity: 'warn',
    says:
      'class 64 KiB misses 31 % of 10,000 acquires; a magazine holds 16 of them: raise ' +
      'SUPERSLAB_CACHE_BYTES (now 1m) to 4m',
    setting: 'SUPERSLAB_CACHE_BYTES',
  },
  {
    // Of a large pool threads may keep more.
    id: 'classMisses',
    inside: {
      ...oneClass({ blockBytes: 65_536, hitRate: 0.69 }),
      committedBytes: 150 * MiB,
      chargedBytes: 150 * MiB,
      threads: 1,
    },
    outside: [],
    severity: 'warn',
    says:
      'class 64 KiB misses 31 % of 10,000 acquires; a magazine holds 48 of them: raise ' +
      'SUPERSLAB_CACHE_BYTES (now 1m) to 4m',
    setting: 'SUPERSLAB_CACHE_BYTES',
  },
  {
    id: 'classMisses',
    inside: oneClass({ hitRate: 0.5 }),
    outside: [],
    severity: 'warn',
    says:
      'class 4 KiB misses 50 % of 10,000 acquires; a magazine holds 16 of them: raise ' +
      'SUPERSLAB_CACHE_BLOCKS (now 16, up to 64)',
    setting: 'SUPERSLAB_CACHE_BLOCKS',
    variables: { SUPERSLAB_CACHE_BLOCKS: '16' },
  },
  {
    id: 'classMisses',
    inside: { ...oneClass({ blockBytes: 65_536, hitRate: 0.5 }), maxBytes: 4 * MiB },
    outside: [],
    severity: 'warn',
    says:
      'class 64 KiB misses 50 % of 10,000 acquires; a magazine holds one of them because maxBytes is 4 ' +
      'MiB: raise maxBytes',
  },
  {
    id: 'pressure',
    inside: {
      ...well,
      pressureLevel: 1,
      pressureRises: 2,
      pressureCacheBytes: 3 * MiB,
      pressureIdleBytes: 1,
    },
    outside: [{ pressureCacheBytes: 0, pressureIdleBytes: 0 }],
    severity: 'warn',
    says:
      'memory is scarce (it became so 2 times), and the pool gave 3.0 MiB back, which it must get again: give the process ' +
      'more memory, or have it hold less',
  },
  {
    id: 'pressure',
    inside: { ...well, pressureLevel: 2, pressureRises: 1, pressureColdBytes: 1 },
    outside: [{ pressureColdBytes: 0 }],
    severity: 'act',
    says:
      'memory is scarce (it became so 1 time), and the pool gave 1 B back, which it must get again: give the process ' +
      'more memory, or have it hold less',
  },
  {
    id: 'failures',
    inside: { ...well, failureRate: 0.00101, failedRequests: 101, exhausted: 90, fallbacks: 7 },
    outside: [{ failureRate: 0.001 }],
    severity: 'act',
    says:
      '0.1 % of the requests (101) got no block, 90 of them because of maxBytes; 7 were served from ' +
      'outside the pool: raise maxBytes, use acquireAsync(), or turn work away earlier',
    setting: 'SUPERSLAB_MAX_BYTES',
  },
  {
    id: 'nearLimit',
    inside: { ...well, use: 0.8501, maxBytes: 100 * MiB, cachedBytes: 10 * MiB },
    outside: [{ use: 0.85 }, { cachedBytes: 50 * MiB + 1 }],
    severity: 'warn',
    says: '85 % of maxBytes (100 MiB) is in use, 10.0 MiB of it cached: raise maxBytes, or release sooner',
    setting: 'SUPERSLAB_MAX_BYTES',
  },
  {
    id: 'osRefusals',
    inside: { ...well, osFailures: 1 },
    outside: [{ osFailures: 0 }],
    severity: 'act',
    says: 'the operating system refused memory once: "npx superslab doctor" looks at the limits',
  },
  {
    id: 'leaks',
    inside: { ...well, leakedBlocks: 1, leakedBytes: 4096 },
    outside: [{ leakedBlocks: 0 }],
    severity: 'act',
    says: '1 block (4.0 KiB) was leased and never released: SUPERSLAB_LEAK_DETECTION=full tells where',
    setting: 'SUPERSLAB_LEAK_DETECTION',
  },
  {
    id: 'leaks',
    inside: { ...well, leakedBlocks: 2, leakedBytes: 4096 },
    outside: [],
    severity: 'act',
    says: '2 blocks (4.0 KiB) were leased and never released: the leak sites tell where',
    variables: { SUPERSLAB_LEAK_DETECTION: 'full' },
  },
  {
    id: 'leaks',
    inside: { ...well, leakedBlocks: 1, leakedBytes: 4096, collectedBlocks: 2, collectedBytes: 8192 },
    outside: [],
    severity: 'act',
    says: '3 blocks (12.0 KiB) were leased and never released: the leak sites tell where',
  },
  {
    id: 'guardReports',
    inside: { ...well, guardReports: 1 },
    outside: [{ guardReports: 0 }],
    severity: 'act',
    says:
      "the guards found 1 case of misuse: stats().misuse, `superslab stats` and the process's warnings " +
      '(SUPERSLAB_GUARD) say with which buffers',
  },
  {
    id: 'doubleFrees',
    inside: { ...well, doubleFrees: 1 },
    outside: [{ doubleFrees: 0 }],
    severity: 'act',
    says:
      '1 free of blocks that were free already, ignored: somebody frees twice, and may free what is ' +
      'leased to others',
  },
  {
    id: 'fragmented',
    inside: { ...well, committedBytes: 130 * MiB, chargedBytes: 64.9 * MiB },
    outside: [{ chargedBytes: 65 * MiB }, { committedBytes: 64 * MiB, chargedBytes: 0 }],
    severity: 'warn',
    says:
      '130.0 MiB are committed for 64.9 MiB of blocks: trim() gives it back now, a lower ' +
      'SUPERSLAB_PURGE_DELAY_MS (now 1000) does sooner',
    setting: 'SUPERSLAB_PURGE_DELAY_MS',
  },
  {
    id: 'fragmented',
    inside: { ...well, committedBytes: 200 * MiB, chargedBytes: 10 * MiB, bigCacheBytes: 96 * MiB },
    outside: [],
    severity: 'warn',
    says:
      '200.0 MiB are committed for 10.0 MiB of blocks, 96.0 MiB of it kept for blocks beyond 2 MiB: ' +
      'trim() gives it back now, a lower SUPERSLAB_BIG_CACHE_BYTES (now 64m) does sooner',
    setting: 'SUPERSLAB_BIG_CACHE_BYTES',
  },
  {
    id: 'pageFaults',
    inside: { ...well, minorFaults: 20_001, majorFaults: 10 },
    outside: [{ minorFaults: 20_000 }],
    severity: 'info',
    says:
      'the process takes 2,000 page faults a second; if they come from pools, raise ' +
      'SUPERSLAB_PURGE_DELAY_MS (now 1000)',
    setting: 'SUPERSLAB_PURGE_DELAY_MS',
    seconds: 10,
  },
  {
    id: 'pageFaults',
    inside: { ...well, minorFaults: 0, majorFaults: 11 },
    outside: [{ majorFaults: 10 }],
    severity: 'warn',
    says:
      'the process waits for a disk 1 times a second because memory is not there: it needs less memory ' +
      'or the machine more; "memoryFacts()" tells what was swapped out',
    seconds: 10,
  },
  {
    id: 'pageFaults',
    inside: { ...well, minorFaults: 50_000 },
    outside: [],
    severity: 'info',
    says:
      'the process takes 5,000 page faults a second; if they come from pools, set ' +
      'SUPERSLAB_HUGE_PAGES=thp',
    setting: 'SUPERSLAB_HUGE_PAGES',
    seconds: 10,
    variables: { SUPERSLAB_HUGE_PAGES: 'off' },
  },
  {
    id: 'hugePageFallbacks',
    inside: { ...well, hugePageFallbacks: 1 },
    outside: [{ hugePageFallbacks: 0 }],
    severity: 'warn',
    says:
      '1 superslab of 2 MiB got no explicit huge pages: "sysctl vm.nr_hugepages=$(( $(sysctl -n ' +
      'vm.nr_hugepages) + 1 ))" as root reserves them',
  },
  {
    id: 'remoteFrees',
    inside: { ...well, remoteFrees: 3001, releases: 10_000 },
    outside: [{ remoteFrees: 3000 }, { remoteFrees: 9999, releases: 9999 }],
    severity: 'info',
    says:
      "30 % of 10,000 releases go home past their thread's magazines: acquire where the buffer is " +
      'released, and share what must cross threads in larger pieces',
  },
  {
    id: 'contention',
    inside: { ...well, contended: 51, lockWaitNs: 2e6, refills: 500, flushes: 500, threads: 4 },
    outside: [{ contended: 50 }, { contended: 999, refills: 499 }],
    severity: 'warn',
    says:
      "51 times (5.1 % of the slow-path calls) one of 4 threads waited for the heap's lock, 2 ms in all: " +
      'give busy threads pools of their own',
  },
  {
    id: 'tokens',
    inside: { ...well, heapId: 0, outstandingTokens: 1001 },
    outside: [{ outstandingTokens: 1000 }, { heapId: 1 }],
    severity: 'warn',
    says:
      '1,001 tokens of share() were neither adopted nor revoked; each keeps its memory: revoke() those ' +
      'whose receiver is gone',
  },
  {
    id: 'internalWaste',
    inside: { ...well, internalWaste: 0.201, sizes: { ...well.sizes, samples: 100 } },
    outside: [{ internalWaste: 0.2 }, { sizes: { ...well.sizes, samples: 99 } }],
    severity: 'info',
    says:
      '20 % of the leased bytes were not asked for: many leases are far smaller than 64 B or just above ' +
      'a size class; put small ones together in one buffer',
  },
  {
    id: 'oversizeCache',
    inside: { ...well, cachedBytes: 16 * MiB + 1, inUseBytes: 16 * MiB, threads: 2 },
    outside: [{ cachedBytes: 16 * MiB, inUseBytes: 0 }, { inUseBytes: 16 * MiB + 1 }],
    severity: 'info',
    says:
      'the magazines of 2 threads keep 16.0 MiB, callers 16.0 MiB: lower SUPERSLAB_CACHE_BYTES (now 1m) ' +
      'if memory is scarce',
    setting: 'SUPERSLAB_CACHE_BYTES',
  },
  {
    id: 'hugeMisses',
    inside: { ...well, hugeMisses: 100, hugeHits: 99 },
    outside: [{ hugeMisses: 99, hugeHits: 0 }, { hugeHits: 100 }],
    severity: 'warn',
    says:
      '50 % of 199 blocks beyond 2 MiB came fresh from the operating system: raise ' +
      'SUPERSLAB_BIG_CACHE_BYTES (now 64m) or SUPERSLAB_BIG_CACHE_AGE_MS (now 2000)',
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
    says:
      '20 % of the blocks lie on another node than the thread that fetches them (SUPERSLAB_NUMA is ' +
      'local): bind the process to a node with "numactl --cpunodebind=0 --membind=0", or give each node ' +
      'a pool of its own: NumaPool',
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
    says:
      'one slow-path call in a hundred takes 1 ms or more (p50 800 ns): SUPERSLAB_POPULATE=superslab ' +
      'brings memory in 2 MiB at a time',
    setting: 'SUPERSLAB_POPULATE',
  },
  {
    id: 'slowTail',
    inside: { ...well, slow: { p50Ns: 800, p95Ns: 2000, p99Ns: 5e6, maxNs: 2e6, count: 100 } },
    outside: [],
    severity: 'info',
    says:
      'one slow-path call in a hundred takes 5 ms or more (p50 800 ns): a higher ' +
      'SUPERSLAB_PURGE_DELAY_MS gives memory back less often, to be prefaulted again',
    setting: 'SUPERSLAB_PURGE_DELAY_MS',
    variables: { SUPERSLAB_POPULATE: 'superslab' },
  },
  {
    id: 'classMisses',
    inside: oneClass({ blockBytes: 32_768, hitRate: 0.5 }),
    outside: [],
    severity: 'warn',
    says:
      'class 32 KiB misses 50 % of 10,000 acquires; a magazine holds 32 of them: raise ' +
      'SUPERSLAB_CACHE_BYTES (now 1m) to 2m',
    setting: 'SUPERSLAB_CACHE_BYTES',
  },
  {
    id: 'classMisses',
    inside: oneClass({ blockBytes: 28_672, hitRate: 0.5 }),
    outside: [],
    severity: 'warn',
    says:
      'class 28 KiB misses 50 % of 10,000 acquires; a magazine holds 3 of them: raise ' +
      'SUPERSLAB_CACHE_BYTES (now 100k) to 336k',
    setting: 'SUPERSLAB_CACHE_BYTES',
    variables: { SUPERSLAB_CACHE_BYTES: '100k' },
  },
  {
    id: 'classMisses',
    inside: oneClass({ blockBytes: 2 * MiB, hitRate: 0.5 }),
    outside: [],
    severity: 'warn',
    says:
      'class 2 MiB misses 50 % of 10,000 acquires; a magazine holds one of them: raise ' +
      'SUPERSLAB_CACHE_BYTES (now 2000) to 8m',
    setting: 'SUPERSLAB_CACHE_BYTES',
    variables: { SUPERSLAB_CACHE_BYTES: '2000' },
  },
  {
    id: 'classMisses',
    inside: { ...oneClass({ blockBytes: 65_536, hitRate: 0.5 }), maxBytes: 64 * MiB },
    outside: [],
    severity: 'warn',
    says:
      'class 64 KiB misses 50 % of 10,000 acquires; a magazine holds 16 of them: raise ' +
      'SUPERSLAB_CACHE_BYTES (now 1m) to 4m',
    setting: 'SUPERSLAB_CACHE_BYTES',
  },
  {
    id: 'failures',
    inside: { ...well, failureRate: 0.5, failedRequests: 12_345, exhausted: 0 },
    outside: [],
    severity: 'act',
    says:
      '50 % of the requests (12,345) got no block, 0 of them because of maxBytes: raise maxBytes, use ' +
      'acquireAsync(), or turn work away earlier',
    setting: 'SUPERSLAB_MAX_BYTES',
  },
  {
    id: 'osRefusals',
    inside: { ...well, osFailures: 1234 },
    outside: [],
    severity: 'act',
    says: 'the operating system refused memory 1,234 times: "npx superslab doctor" looks at the limits',
  },
  {
    id: 'guardReports',
    inside: { ...well, guardReports: 1234 },
    outside: [],
    severity: 'act',
    says:
      "the guards found 1,234 cases of misuse: stats().misuse, `superslab stats` and the process's warnings " +
      '(SUPERSLAB_GUARD) say with which buffers',
  },
  {
    id: 'doubleFrees',
    inside: { ...well, doubleFrees: 1234 },
    outside: [],
    severity: 'act',
    says:
      '1,234 frees of blocks that were free already, ignored: somebody frees twice, and may free what is ' +
      'leased to others',
  },
  {
    id: 'fragmented',
    inside: { ...well, committedBytes: 200 * MiB, chargedBytes: 10 * MiB, bigCacheBytes: 95 * MiB },
    outside: [],
    severity: 'warn',
    says:
      '200.0 MiB are committed for 10.0 MiB of blocks: trim() gives it back now, a lower ' +
      'SUPERSLAB_PURGE_DELAY_MS (now 1000) does sooner',
    setting: 'SUPERSLAB_PURGE_DELAY_MS',
  },
  {
    id: 'contention',
    inside: { ...well, contended: 3000, lockWaitNs: 2e9, refills: 999, flushes: 1, threads: 16 },
    outside: [],
    severity: 'warn',
    says:
      "3,000 times (100 % of the slow-path calls) one of 16 threads waited for the heap's lock, 2 s in " +
      'all: give busy threads pools of their own',
  },
  {
    id: 'oversizeCache',
    inside: { ...well, cachedBytes: 32 * MiB, inUseBytes: 0, threads: 1 },
    outside: [],
    severity: 'info',
    says:
      'the magazines of 1 thread keep 32.0 MiB, callers 0 B: lower SUPERSLAB_CACHE_BYTES (now 1m) if ' +
      'memory is scarce',
    setting: 'SUPERSLAB_CACHE_BYTES',
  },
];

const advise = (stats: PoolStats, { variables, seconds = 5 }: Partial<Case>) =>
  adviceOn(stats, adviceFacts(knobs(variables), seconds * 1000));

const URGENCY = ['act', 'warn', 'info'];

/** The figures of which there is something to say. */
const changed = (stats: PoolStats): Partial<PoolStats> =>
  Object.fromEntries(
    Object.entries(stats).filter(([name, figure]) => figure !== well[name as keyof PoolStats]),
  );

test('there is nothing to say of a pool that is well', () => {
  expect(advise(well, {})).toEqual([]);
  expect(advise(well, { seconds: 1e6 })).toEqual([]);
});

test.each(cases)('$id: $says', (one) => {
  const [advice, ...others] = advise(one.inside, one);
  expect(others).toEqual([]);
  expect(advice).toMatchObject({ id: one.id, severity: one.severity });
  expect(advice!.setting).toBe(one.setting);
  expect(advice!.text).toBe(one.says);
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
  const [few] = oneClass({ hitRate: 0.5, refills: 5000 }).classes as [ClassStats];
  const most = { ...few, blockBytes: 8192, hitRate: 0.6, acquires: 50_000, refills: 20_000 };
  for (const classes of [
    [few, most],
    [most, few],
  ]) {
    expect(advise({ ...well, classes }, {})[0]!.text).toContain('class 8 KiB misses 40 %');
  }
});

test('a size that is no number is not taken for one', () => {
  const variables = { SUPERSLAB_CACHE_BYTES: 'much' };
  expect(() => advise(oneClass({ hitRate: 0.5 }), { variables })).toThrow(
    /^no number for SUPERSLAB_CACHE_BYTES$/,
  );
});

test('settings that advice names exist, and the most urgent comes first', () => {
  const variables = new Set(processStats().knobs.map(({ variable }) => variable));
  for (const { setting } of cases) {
    if (setting !== undefined && !setting.includes('LEAK')) expect(variables, setting).toContain(setting);
  }
  const told = new Set<string>();
  const everything: PoolStats = Object.assign({ ...well }, ...cases.map(({ inside }) => changed(inside)));
  const { file, ...inMemory } = everything;
  const inFiles = { ...everything, file: inFile({ undurableMs: 60_001 }).file! };
  for (const pool of [inMemory, { ...inMemory, majorFaults: 1e6 }, { ...inFiles, majorFaults: 1e6 }]) {
    const advice = advise(pool, { seconds: 10 });
    for (const { id } of advice) told.add(id);
    const severities = advice.map(({ severity }) => severity);
    expect(severities).toEqual(severities.toSorted((a, b) => URGENCY.indexOf(a) - URGENCY.indexOf(b)));
  }
  expect(file).toBeDefined();
  expect(told.size).toBe(rules.length);
});

describe('the report', () => {
  test('shows figures, classes and advice in lines of 100', () => {
    const text = reportText(
      {
        ...oneClass({ hitRate: 0.5, refills: 5000, inUseBlocks: 3, cachedBlocks: 4, occupancy: 0.25 }),
        osFailures: 3,
      },
      context,
    );
    expect(text).toContain('superslab pool "well"');
    expect(text).toMatch(/^ +4 KiB +10,000 +50 % +3 +4 +5,000 +25 %$/m);
    expect(text).toMatch(/^ {2}act {6}the operating system refused memory 3 times/m);
    expect(text).toMatch(/^ {2}warn {5}class 4 KiB misses 50 %/m);
    for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(100);
    expect(text.endsWith('\n')).toBe(true);
  });

  test('of a busy pool, line by line', () => {
    const none = Array.from({ length: 32 }, () => 0);
    const buckets = none.with(0, 50).with(6, 40).with(31, 10);
    const klass = { ...oneClass({}).classes[0]!, inUseBlocks: 1234, cachedBlocks: 56, occupancy: 0.125 };
    const stats: PoolStats = {
      ...well,
      name: 'busy',
      closed: true,
      inUseBytes: 3 * MiB,
      cachedBytes: 1.5 * MiB,
      committedBytes: 6 * MiB,
      peakChargedBytes: 5 * MiB,
      peakChargedAtMs: Date.UTC(2026, 0, 2, 3, 4, 5),
      maxBytes: 64 * MiB,
      use: 0.07,
      acquires: 54_321,
      releases: 43_210,
      hitRate: 0.95,
      superslabsTaken: 1111,
      superslabsGiven: 2222,
      purgedBytes: 7 * MiB,
      purges: 3333,
      minorFaults: 4444,
      majorFaults: 5555,
      outstandingTokens: 1000,
      utilization: 0.5,
      fragmentation: 0.25,
      internalWaste: 0.11,
      sizes: { unit: 'bytes', buckets, count: 100, samples: 99 },
      lifetimes: { unit: 'us', buckets: none.with(9, 1), count: 1, samples: 1 },
      slow: { count: 99, p50Ns: 1100, p95Ns: 2200, p99Ns: 3300, maxNs: 4400 },
      contended: 6666,
      lockWaitNs: 5500,
      exhausted: 7777,
      osFailures: 8888,
      leakedBlocks: 1000,
      collectedBlocks: 234,
      leakedBytes: 2 * MiB,
      collectedBytes: MiB,
      fallbacks: 9999,
      watchedBlocks: 12,
      watchedBytes: 13 * 1024,
      quarantinedBlocks: 14,
      quarantinedBytes: 15 * 1024,
      guardReports: 16,
      poisonReports: 17,
      classes: [klass, { ...klass, blockBytes: 1536, acquires: 1, hitRate: 0, refills: 1 }],
    };
    expect(reportText(stats, context).split('\n')).toEqual([
      'superslab pool "busy", closed',
      '  memory   in use 3.0 MiB, cached 1.5 MiB, committed 6.0 MiB, 7 % of 64 MiB',
      '  peak     5.0 MiB at 2026-01-02 03:04:05Z',
      '  traffic  54,321 acquires, 43,210 releases, 95 % without a native call',
      '  system   1,111 superslabs taken, 2,222 given back, 7.0 MiB purged in 3,333 calls',
      '  process  4,444 page faults, 5,555 of a disk; 1,000 tokens outstanding',
      '  waste    50 % of what is committed is in use, 25 % lies free; 11 % of what is leased was not asked for',
      '  slow     p50 1.1 us, p95 2.2 us, p99 3.3 us, max 4.4 us; 6,666 lock waits, 5.5 us',
      '  trouble  7,777 exhausted, 8,888 refused by the system, 1,234 leaked (3.0 MiB), 9,999 fallbacks',
      '  guards   12 blocks watched (13.0 KiB), 14 in quarantine (15.0 KiB), 16 cases of misuse found, ' +
        '17 of them writes after a release',
      '  sizes    half below 2 B, 90 % below 128 B, 99 % below 4 GiB (99 samples)',
      '  lived    half below 1.02 ms, 90 % below 1.02 ms, 99 % below 1.02 ms (1 samples)',
      '       block        acquires         hits       in use       cached    refills   occupied',
      '       4 KiB          10,000         95 %        1,234           56        500       13 %',
      '     1.5 KiB               1          0 %        1,234           56          1       13 %',
      '  act      the operating system refused memory 8,888 times: "npx superslab doctor" looks at the',
      '           limits',
      '  act      1,234 blocks (3.0 MiB) were leased and never released: the leak sites tell where',
      "  act      the guards found 16 cases of misuse: stats().misuse, `superslab stats` and the process's",
      '           warnings (SUPERSLAB_GUARD) say with which buffers',
      '',
    ]);
  });

  test('of a pool that did nothing, line by line', () => {
    const stats = { ...well, minorFaults: 1, majorFaults: 0, outstandingTokens: 0 };
    expect(reportText(stats, context).split('\n')).toEqual([
      'superslab pool "well"',
      '  memory   in use 0 B, cached 0 B, committed 0 B',
      '  traffic  0 acquires, 0 releases, 100 % without a native call',
      '  system   0 superslabs taken, 0 given back, 0 B purged in 0 calls',
      '  process  1 page faults, 0 of a disk; 0 tokens outstanding',
      '  waste    0 % of what is committed is in use, 0 % lies free',
      '  trouble  0 exhausted, 0 refused by the system, 0 leaked (0 B), 0 fallbacks',
      '',
    ]);
  });

  test('tells what memory pressure made the pool do, and why', () => {
    const pressure: PressureFigures = {
      level: 'critical',
      reason: 'hardLimit',
      share: 0.97,
      limitBytes: 512 * MiB,
      rises: 2,
      changedAtMs: Date.UTC(2026, 0, 2, 3, 4, 5),
      step: 'idle',
    };
    const linesOf = (figures: Partial<PoolStats>, over: Partial<PressureFigures> = {}) =>
      /^ {2}pressure .*(\n {11}.*)*$/m
        .exec(reportText({ ...well, ...figures }, { ...context, pressure: { ...pressure, ...over } }))?.[0]
        .replace(/\n +/g, ' ');
    expect(linesOf({ pressureReliefs: 3, pressureCacheBytes: 2 * MiB, pressureIdleBytes: MiB })).toBe(
      '  pressure critical since 2026-01-02 03:04:05Z: 97 % of the 512 MiB that a control group may have were in use; ' +
        'gave back 2.0 MiB of caches, 1.0 MiB that waited to be lent again',
    );
    expect(linesOf({}, { level: 'none', reason: 'groupStalls', share: 0.2, limitBytes: 0 })).toBe(
      '  pressure none since 2026-01-02 03:04:05Z; before, tasks of the control group waited for memory 20 % of the time; ' +
        'nothing was idle that could be given back',
    );
    expect(linesOf({ pressureReliefs: 1, pressureColdBytes: 1024 })).toContain(
      '1.0 KiB by moving cold data together',
    );
    const objects = {
      inUse: 0,
      idle: 0,
      pending: 0,
      peakInUse: 0,
      max: 0,
      made: 1,
      destroyed: 1,
      relieved: 1,
    };
    expect(linesOf({ objects: objects as PoolStats['objects'] & object })).toContain('1 idle object');
    expect(linesOf({}, { rises: 0 })).toBeUndefined();
  });

  test('has a line for guards when one of its figures is not 0', () => {
    const lineOf = (figures: Partial<PoolStats>) =>
      /^ {2}guards .*$/m.exec(reportText({ ...well, ...figures }, context))?.[0];
    expect(lineOf({ watchedBlocks: 1 })).toContain('1 blocks watched');
    expect(lineOf({ quarantinedBlocks: 1 })).toContain('1 in quarantine');
    expect(lineOf({ guardReports: 1 })).toContain('1 cases of misuse found');
  });

  test('has lines of up to 100 characters', () => {
    const stats = { ...well, numaRemote: 500, numaLocal: 500 };
    const linesOf = (numa: string) =>
      reportText(stats, { ...context, knobs: knobs({ SUPERSLAB_NUMA: numa }) })
        .split('\n')
        .slice(-4, -1);
    const [, full, rest] = linesOf('x'.repeat(5));
    expect(full).toHaveLength(100);
    expect([full, rest]).toEqual([
      expect.stringMatching(/ or give$/),
      '           each node a pool of its own: NumaPool',
    ]);
    expect(linesOf('x'.repeat(6))[2]).toBe('           give each node a pool of its own: NumaPool');
  });

  test('shows histograms once there are some', () => {
    const buckets = Array.from({ length: 32 }, () => 0);
    buckets[10] = 89;
    buckets[16] = 10;
    buckets[20] = 1;
    const sizes = { unit: 'bytes', buckets, count: 100, samples: 10 } as const;
    const lifetimes = { ...sizes, unit: 'us' } as const;

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
