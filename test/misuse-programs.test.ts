// Each misuse of test/misuse is found, with what was wrong, on which buffer, acquired and released where; and
// the same program without it is left in peace.
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LeakSite, ProcessStats } from 'superslab';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENDS_AFTER_LOOPS, packageRoot } from './support/child.js';

const folder = path.join(packageRoot, 'test/misuse');
const recorder = path.join(folder, 'support/record.mjs');
const programs = readdirSync(folder)
  .filter((name) => name.endsWith('.mjs'))
  .map((name) => path.basename(name, '.mjs'));

/** A line that support/record.mjs wrote. */
interface Record {
  readonly record: 'leak' | 'report' | 'error' | 'warning' | 'exit';
  readonly isMainThread: boolean;
  readonly [fact: string]: unknown;
}

interface Run {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
  readonly records: readonly Record[];
}

let records: string;
beforeAll(() => {
  records = mkdtempSync(path.join(tmpdir(), 'superslab-misuse-'));
});
afterAll(() => rmSync(records, { recursive: true }));

/** What the comment at the top of a program says: its variables, and what it prints. */
function header(program: string): { env: { [name: string]: string }; says: string[] } {
  const [comment] = readFileSync(path.join(folder, `${program}.mjs`), 'utf8').split('\n\n');
  const [, variables] = new RegExp(`^// {3}(.*)node test/misuse/${program}\\.mjs$`, 'm').exec(comment!)!;
  return {
    env: Object.fromEntries(
      [...variables!.matchAll(/(\w+)=(\S+) /g)].map(([, name, value]) => [name, value]),
    ),
    says: [...comment!.matchAll(/^\/\/ {3}> (.*)$/gm)].map(([, line]) => line!),
  };
}

/** Never rejects. */
function run(program: string, env: { [name: string]: string } = {}): Promise<Run> {
  const record = path.join(records, `${program}-${env.OK ?? ''}`);
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SUPERSLAB_'));
  const options = {
    cwd: packageRoot,
    env: {
      ...Object.fromEntries(inherited),
      ...header(program).env,
      MISUSE_RECORD: record,
      NODE_DISABLE_COLORS: '1',
      ...env,
    },
    timeout: 60_000,
  };
  return new Promise((resolve) => {
    const file = path.join(folder, `${program}.mjs`);
    execFile(
      process.execPath,
      [ENDS_AFTER_LOOPS, '--import', recorder, file],
      options,
      (error, stdout, stderr) => {
        const signal = error?.signal ?? null;
        resolve({
          code: error === null ? 0 : typeof error.code === 'number' ? error.code : null,
          signal,
          output: `${stdout}${stderr}${signal === null ? '' : `(killed by ${signal})\n`}`,
          records: linesOf(record).map((line) => JSON.parse(line)),
        });
      },
    );
  });
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').trim().split('\n');
  } catch {
    return []; // killed before it wrote anything
  }
}

/** Lines of which each begins anywhere in one of the output's, in this order; "..." stands for anything. */
function inOrder(says: readonly string[]): RegExp {
  const lines = says.map((line) => line.split('...').map(escaped).join('.*'));
  return new RegExp(lines.map((line) => `${line}[^]*`).join('\\n[^]*?'));
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

const only = (records: readonly Record[], ...wanted: Record['record'][]) =>
  records.filter(({ record }) => wanted.includes(record));

const exitStats = ({ records }: Run) => only(records, 'exit')[0]!.stats as ProcessStats;

/** The first frame of a stack is in this function of the program. */
const topFrame = (name: string) =>
  expect.stringMatching(new RegExp(`^ *at (async )?${name} \\(file:.*\\.mjs:`));

interface Misuse {
  readonly pool: string;
  readonly size: number;
  readonly tag?: string;
  readonly acquired?: string;
  readonly released?: string;
}

const buffer = ({ pool, size, tag = '' }: Misuse) => ({ pool, size, tag });

/** What stands in the program, besides what its header says: all that was recorded of it but warnings and exits. */
function leak(
  misuse: Misuse & {
    what?: 'object';
    inWorker?: boolean;
    count?: number;
    retains?: number;
    sharedReferences?: number;
  },
) {
  return {
    record: 'leak',
    what: misuse.what ?? 'buffer',
    isMainThread: misuse.inWorker !== true,
    ...buffer(misuse),
    ageMs: expect.any(Number),
    count: misuse.count ?? 1,
    stack: topFrame(misuse.acquired!),
    references: 1,
    retains: misuse.retains ?? 0,
    sharedReferences: misuse.sharedReferences ?? 0,
  };
}

function report(kind: string, misuse: Misuse & { offset: number; bytes: RegExp }) {
  return {
    record: 'report',
    isMainThread: true,
    kind,
    ...buffer(misuse),
    offset: misuse.offset,
    bytes: expect.stringMatching(misuse.bytes),
    acquired: topFrame(misuse.acquired!),
    released: misuse.released === undefined ? '' : topFrame(misuse.released),
    message: expect.any(String),
  };
}

/** What the error's own stack begins with, after the message, is the program, and nothing in it is superslab's. */
const inProgram = expect.stringMatching(/^(?!.*[\\/]dist[\\/]cjs[\\/]).*\n *at [^\n]*file:.*\.mjs:/s);

function error(code: string, misuse?: Misuse) {
  return expect.objectContaining({
    record: 'error',
    code,
    ...(misuses.includes(code) ? { stack: inProgram } : {}),
    ...(misuse === undefined
      ? {}
      : {
          ...buffer(misuse),
          acquired: topFrame(misuse.acquired!),
          released: misuse.released === undefined ? '' : topFrame(misuse.released),
        }),
  });
}

const misuses = ['ERR_SUPERSLAB_RELEASED', 'ERR_SUPERSLAB_FOREIGN', 'ERR_SUPERSLAB_OVERFLOW'];

/** A native overflow: noted as a report, then thrown by the release. */
function overflow(misuse: Misuse & { offset: number; bytes: RegExp }) {
  return [report('overflow', misuse), error('ERR_SUPERSLAB_OVERFLOW', misuse)];
}

const requests = { pool: 'requests', size: 1500 };
const images = { pool: 'images', size: 1500 };
const here = { acquired: 'acquireHere', released: 'releaseHere' };
const released = (misuse: Partial<Misuse> = {}) =>
  error('ERR_SUPERSLAB_RELEASED', { ...requests, ...here, ...misuse });
const written = (offset: number, bytes: RegExp, misuse: Partial<Misuse> = {}) =>
  report('written-after-release', { ...requests, ...here, ...misuse, offset, bytes });
const typeError = expect.objectContaining({ record: 'error', message: expect.stringMatching(/detached/) });

interface Expected {
  /** Every leak, report and error. */
  readonly found?: readonly unknown[];
  /** Leak sites of the process at its end. */
  readonly sites?: readonly Partial<LeakSite>[];
  readonly code?: number;
  readonly signal?: string;
  /** Nobody says anything. */
  readonly isSilent?: boolean;
  readonly more?: (run: Run) => void;
}

const expected: { [program: string]: Expected } = {
  leak: { found: [leak({ ...requests, acquired: 'leakHere' })] },
  'leak-sampled': {
    more: (run) => {
      const leaks = only(run.records, 'leak');
      expect(leaks.length).toBeGreaterThanOrEqual(10);
      for (const one of leaks) {
        expect(one).toEqual(leak({ ...requests, acquired: 'leakHere', count: one.count as number }));
      }
      expect(only(run.records, 'report', 'error')).toEqual([]);
      // A stack looks otherwise after the first await.
      const { leaks: sites } = exitStats(run);
      const sum = (values: number[]) => values.reduce((a, b) => a + b);
      expect(sum(sites.map((site) => site.count))).toBe(leaks.length);
      const leaked = Number.parseInt(run.output, 10);
      const estimated = sum(sites.map((site) => site.estimated));
      expect(estimated).toBeGreaterThan(leaked / 3);
      expect(estimated).toBeLessThan(leaked * 3);
    },
  },
  'leak-three-places': {
    sites: [
      { pool: 'requests', size: 100, count: 1, reason: 'collected', stack: topFrame('once') },
      { pool: 'requests', size: 200, count: 2, reason: 'collected', stack: topFrame('twice') },
      { pool: 'requests', size: 300, count: 3, reason: 'collected', stack: topFrame('thrice') },
    ],
    more: ({ records }) => {
      expect(only(records, 'leak')).toHaveLength(6);
      expect(only(records, 'warning')).toHaveLength(3);
    },
  },
  'leak-tagged': { found: [leak({ ...requests, tag: 'body', acquired: 'leakHere' })] },
  'leak-object': {
    found: [leak({ what: 'object', pool: 'parsers', size: 0, acquired: 'leakHere' })],
  },
  'leak-huge': { found: [leak({ ...images, size: 3 << 20, acquired: 'leakHere' })] },
  'leak-retained': { found: [leak({ ...requests, acquired: 'leakHere', retains: 1 })] },
  'leak-async': { found: [leak({ ...requests, acquired: 'readBody' })] },
  'leak-view-alive': { found: [leak({ ...requests, size: 1000, acquired: 'readHeader' })] },
  'leak-adopted': {
    found: [
      leak({ pool: 'consumer', size: 1500, acquired: 'adoptHere', inWorker: true, sharedReferences: 1 }),
    ],
  },
  'leak-shared': {
    found: [leak({ pool: 'producer', size: 1500, acquired: 'shareHere', sharedReferences: 1 })],
  },
  'leak-worker-exit': {
    found: [],
    sites: [{ pool: 'default', size: 1500, count: 3, reason: 'threadEnded', stack: topFrame('acquireHere') }],
  },
  'leak-worker-terminated': { found: [] },
  'leak-secret': { found: [leak({ pool: 'keys', size: 1 << 20, acquired: 'leakHere' })] },

  'double-release': { code: 1, found: [error('ERR_SUPERSLAB_RELEASED')] },
  'double-release-watched': { code: 1, found: [released()] },
  'double-release-after-reuse': { found: [released({ size: 1_000_000 })] },
  'double-release-revoked': { code: 1, found: [released()] },
  'release-after-close': { code: 1, found: [released()] },
  'retain-imbalance': { code: 1, found: [released()] },
  'release-slice': { code: 1, found: [error('ERR_SUPERSLAB_FOREIGN')] },
  'release-slice-watched': {
    code: 1,
    found: [error('ERR_SUPERSLAB_FOREIGN', { ...requests, acquired: 'acquireHere' })],
  },
  'release-stranger': { found: Array(4).fill(error('ERR_SUPERSLAB_FOREIGN')) },

  'write-after-release': { found: [written(700, /^6c617465(db){12}$/)] },
  'write-after-release-view': { found: [written(100, /^00000001(db){12}$/)] },
  'write-after-release-fs': { found: [written(0, /^6c617465(db){12}$/, { pool: 'files' })] },
  'write-after-release-quarantine': { found: [written(0, /^01(db){15}$/, { size: 4000 })] },
  'write-after-release-huge': { found: [written(0, /^01(db){15}$/, { pool: 'images', size: 3 << 20 })] },
  'write-after-release-native': { found: [written(700, /^01(db){15}$/)] },

  'overflow-by-one': { found: overflow({ ...images, ...here, offset: 1500, bytes: /^00.{30}$/ }) },
  'overflow-far': { found: overflow({ ...images, size: 1100, ...here, offset: 1180, bytes: /^00.{30}$/ }) },
  'overflow-live': {
    found: [
      report('overflow', {
        ...images,
        tag: 'thumbnail',
        acquired: 'acquireHere',
        offset: 1501,
        bytes: /^00.{30}$/,
      }),
    ],
  },
  'overflow-class-size': {
    found: overflow({ pool: 'pages', size: 4096, ...here, offset: 4096, bytes: /^00.{30}$/ }),
  },
  'overflow-guard-page': {
    signal: 'SIGSEGV',
    more: ({ output }) => expect(output).not.toMatch('alive'),
  },

  'read-after-release': { found: [typeError] },
  'write-after-release-revoked': { found: [typeError, typeError] },
  'send-after-release': { found: [], isSilent: true },
  'detached-by-program': { found: [report('detached', { ...requests, ...here, offset: -1, bytes: /^$/ })] },

  'token-forgotten': { found: [], more: (run) => expect(exitStats(run).outstandingTokens).toBe(1) },
  'token-adopted-twice': { found: Array(2).fill(error('ERR_SUPERSLAB_TOKEN_USED')) },
  'token-forged': { found: Array(2).fill(error('ERR_SUPERSLAB_TOKEN')) },
};

test('each program has its expectations', () => {
  expect(Object.keys(expected).sort()).toEqual([...programs].sort());
});

describe.concurrent('what is wrong is found', () => {
  test.each(programs)('%s', { timeout: 90_000 }, async (program) => {
    const { found, sites, code = 0, signal, isSilent = false, more } = expected[program]!;
    const result = await run(program);
    expect(result).toMatchObject(signal === undefined ? { code, signal: null } : { signal });
    const { says } = header(program);
    expect(says.length === 0).toBe(isSilent);
    expect(result.output).toMatch(inOrder(says));
    if (found !== undefined) expect(only(result.records, 'leak', 'report', 'error')).toEqual(found);
    if (sites !== undefined) {
      const bySize = [...exitStats(result).leaks].sort((a, b) => a.size - b.size);
      expect(bySize).toEqual(sites.map((site) => expect.objectContaining(site)));
    }
    more?.(result);
  });
});

describe.concurrent('what is right is left in peace', () => {
  test.each(programs)('%s', { timeout: 90_000 }, async (program) => {
    const { code, signal, output, records } = await run(program, { OK: '1' });
    expect({ code, signal, output }).toEqual({ code: 0, signal: null, output: expect.any(String) });
    expect(output).not.toMatch(/superslab|error|warning/i);
    const [{ stats }, ...others] = records as [Record & { stats: ProcessStats }];
    expect(others).toEqual([]);
    expect(stats.leaks).toEqual([]);
    expect(stats.outstandingTokens).toBe(0);
    for (const pool of stats.pools) {
      expect(pool).toMatchObject({ inUseBytes: 0, leakedBlocks: 0, doubleFrees: 0, guardReports: 0 });
    }
  });
});
