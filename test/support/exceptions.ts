// Tests that misuse buffers on purpose, and tests that do not hold while leases are watched, because what they test
// is how leases lie in memory when nobody watches. All others must pass under leak detection and each guard, and
// leave no report.
import { hasCanaries, poisons, revokes, watches, watchesAll } from './watching.js';

export interface Exception {
  /** test/`file`.test.ts */
  readonly file: string;
  /** Beginnings of the names ("suite > test"); all tests of the file without. */
  readonly tests?: readonly string[];
  /** Reports are what it is about: it may leave some. */
  readonly misuses?: boolean;
  /** It is left out in this run. */
  readonly skips?: boolean;
  readonly why: string;
}

const exceptions: readonly Exception[] = [
  { file: 'guard-modes', misuses: true, why: 'it is about what guards report' },
  { file: 'guard-callbacks', misuses: true, why: 'it is about who is told of misuse' },
  { file: 'leaks', misuses: true, why: 'it is about what leak detection reports' },
  { file: 'misuse-sites', misuses: true, why: 'it is about what is done wrong' },
  { file: 'taken-memory', misuses: true, why: 'it takes ArrayBuffers away' },
  { file: 'detach', misuses: true, why: 'it takes ArrayBuffers away' },
  { file: 'windows', misuses: true, why: 'it takes ArrayBuffers away' },
  { file: 'transferred', misuses: true, why: 'its workers take ArrayBuffers away' },

  { file: 'pressure', tests: ['under a limit'], misuses: true, why: 'it forgets buffers of its second pool' },
  {
    file: 'buffer-pool',
    tests: ['BufferPool and misuse > a leak'],
    misuses: true,
    why: 'it forgets what it took',
  },

  { file: 'mapped-pool', misuses: true, why: 'it drops views, which take nothing with them' },
  { file: 'mapped-pool-files', misuses: true, why: 'it drops views, which take nothing with them' },
  { file: 'mapped-pool-group', misuses: true, why: 'it drops views, which take nothing with them' },
  { file: 'mapped-pool-encrypted', misuses: true, why: 'it drops views, which take nothing with them' },
  { file: 'mapped-pool-slide', misuses: true, why: 'it drops views, which take nothing with them' },
  { file: 'mapped-pool-sensitive', misuses: true, why: 'it leaves blocks that nobody commits' },
  { file: 'shared-pool', misuses: true, why: 'it drops views, and leaves blocks that nobody commits' },
  { file: 'mapped-pool-tells', misuses: true, why: 'it is about views and blocks that are lost' },

  {
    file: 'compressed-pool',
    tests: ['pins that were dropped'],
    misuses: true,
    why: 'it forgets what it has pinned',
  },

  {
    file: 'shared-cache-tells',
    tests: ['pages that are watched'],
    misuses: true,
    why: 'it forgets what it has pinned',
  },
  {
    file: 'shared-cache-conformance',
    tests: ['SharedCache and misuse > a leak'],
    misuses: true,
    why: 'it forgets what it has pinned',
  },
  {
    file: 'page-cache',
    tests: ['PageCache and misuse > a leak', 'pins > a page that was dropped'],
    misuses: true,
    why: 'it forgets what it has pinned',
  },
  {
    file: 'fixed-pool',
    tests: ['FixedPool and misuse > a leak', 'leaks of samples'],
    misuses: true,
    why: 'it forgets what it took',
  },
  {
    file: 'record-pool',
    tests: ['RecordPool and misuse > a leak', 'a pool that watches'],
    misuses: true,
    why: 'it forgets what it took, and writes to what it has put',
  },

  {
    file: 'numa-pool',
    tests: ['NumaPool and misuse > a leak'],
    misuses: true,
    why: 'it forgets what it took',
  },
  {
    file: 'packet-pool',
    tests: ['PacketPool and misuse > a leak', 'packets again > report', 'leaks > '],
    misuses: true,
    why: 'it forgets what it took, and writes behind it',
  },

  { file: 'retained-subarray', tests: ['watched > '], misuses: true, why: 'it is about what is found' },

  {
    file: 'object-pool',
    tests: ['ObjectPool and misuse > a leak', 'leaks'],
    misuses: true,
    why: 'it forgets what it took',
  },

  ...sized('acquire', ['size classes > at each boundary']),
  ...sized('guard-pages', ['native code that overruns a buffer > lives', 'the block > is as long']),
  ...sized('histograms', ['a sampled lease is']),
  ...sized('huge', ['a released one is reused']),
  ...sized('max-bytes', ['the limit > counts huge blocks']),
  ...sized('pool-model', ['pools with little room']),

  ...paged('acquire', ['size classes > at most a fifth']),

  ...placed('share', ['in one thread > an adopted buffer is in the same window']),
  ...placed('workers', ["what a worker held > is cleared when SUPERSLAB_ZERO is 'release'"]),

  ...counted('acquire', ['acquire > gives the same memory again', 'release > of another pool brings']),
  ...counted('fixed-pool', ['the same buffers', 'many at once > lend idle']),
  ...counted('histograms', ['nothing is recorded', 'each sample counts', 'it ends with the last']),
  ...counted('memory', ['pools that are closed leave nothing behind']),

  ...filled('acquire', ["zero > 'never' leaves"]),
  ...filled('environment', ['right variables > options win']),
  ...filled('lease', ['after release > stale views read and write']),

  ...gone('acquire', ["zero > 'release' "]),
  ...gone('core', ['the core of a process > leaves no memory']),
  ...gone('environment', ['right variables > SUPERSLAB_ZERO clears']),
  ...gone('lease', ['after release > stale views of']),
  ...gone('memory', ['views alone keep']),
  ...gone('sensitive', ['options > an option wins']),
  ...gone('share', ["in one thread > zero: 'release' clears"]),
];

/** Blocks with a canary are larger. */
function sized(file: string, tests: readonly string[]): Exception[] {
  return [{ file, tests, skips: hasCanaries, why: 'it knows how large the blocks of unwatched leases are' }];
}

function placed(file: string, tests: readonly string[]): Exception[] {
  return [{ file, tests, skips: watches, why: 'watched leases have ArrayBuffers of their own' }];
}

function counted(file: string, tests: readonly string[]): Exception[] {
  return [{ file, tests, skips: watchesAll, why: 'it counts on most leases being unwatched' }];
}

function filled(file: string, tests: readonly string[]): Exception[] {
  return [{ file, tests, skips: poisons, why: 'it uses released buffers, which are filled' }];
}

function gone(file: string, tests: readonly string[]): Exception[] {
  return [{ file, tests, skips: revokes, why: 'it looks at the bytes of released buffers, which have none' }];
}

function paged(file: string, tests: readonly string[]): Exception[] {
  return [{ file, tests, skips: revokes, why: 'leases take whole pages' }];
}

/** Whether the whole file may leave reports. */
export function mayMisuse(file: string): boolean {
  return exceptions.some((one) => one.file === file && one.misuses && one.tests === undefined);
}

/** What holds for a test: all of its exceptions together. */
export function exceptionFor(file: string, name: string): Exception | undefined {
  const own = exceptions.filter(
    (one) => one.file === file && (one.tests?.some((test) => name.startsWith(test)) ?? true),
  );
  return own.find(({ skips }) => skips) ?? own.find(({ misuses }) => misuses);
}
