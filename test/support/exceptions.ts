// Tests that make mistakes on purpose, and tests that do not hold while leases are watched, because what they test
// is how leases lie in memory when nobody watches. All others must pass under leak detection and each guard, and
// leave no report.
import { hasCanaries, poisons, watches, watchesAll } from './watching.js';

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
  { file: 'leaks', misuses: true, why: 'it is about what leak detection reports' },
  { file: 'mistakes', misuses: true, why: 'it is about what is done wrong' },
  { file: 'taken-memory', misuses: true, why: 'it takes ArrayBuffers away' },
  { file: 'detach', misuses: true, why: 'it takes ArrayBuffers away' },

  { file: 'pressure', tests: ['under a limit'], misuses: true, why: 'it forgets buffers of its second pool' },

  ...sized('acquire', [
    'size classes',
    "zero > 'release' clears the whole block",
    'acquireMany and releaseMany > acquireMany gives all back',
  ]),
  ...sized('advice', ['the report > of a real pool']),
  ...sized('channels', [
    'grow > a subscriber may abort',
    'exhausted',
    'without subscribers',
    'slowPathHistogram()',
  ]),
  ...sized('environment', ['right variables > SUPERSLAB_MAX', 'SUPERSLAB_STATS > 1 prints']),
  ...sized('errors', ['ERR_SUPERSLAB_ARGUMENT > a fallback buffer', 'ERR_SUPERSLAB_EXHAUSTED > names']),
  ...sized('guard-pages', ['native code that overruns a buffer > lives', 'the block > is as long']),
  ...sized('histograms', ['a sampled lease is']),
  ...sized('leaks', [
    'a view keeps the lease alive',
    'a shared buffer that its first thread loses',
    'leaks make room under maxBytes',
    "zero: 'release' clears what comes back",
    'workers > an adopted buffer that its thread loses',
  ]),
  ...sized('lease', ['references > capacity is 0']),
  ...sized('max-bytes', ['the limit', "onExhausted 'fallback'", 'acquireAsync', "onExhausted 'wait'"]),
  ...sized('memory', ['external is', 'a pool that somebody waits for']),
  ...sized('opentelemetry', ['counters are']),
  ...sized('pool', ['stats > counts', 'close > leaves live']),
  ...sized('pool-model', ['pools with little room']),
  ...sized('prometheus', ['the figures are']),
  ...sized('sensitive', ['what is left of released bytes']),
  ...sized('share', ['in one thread', 'across workers > a worker releases last']),
  ...sized('stats', ['the process', 'rates', 'what the kernel says']),
  ...sized('workers', ['what a worker held']),

  ...placed('acquire', ['acquireMany and releaseMany > give and take distinct']),
  ...placed('share', ['in one thread > an adopted buffer is the same memory']),
  ...placed('workers', ["what a worker held > is cleared when SUPERSLAB_ZERO is 'release'"]),
  ...counted('acquire', ['acquire > gives the same memory again']),
  ...counted('histograms', ['nothing is recorded', 'each sample counts', 'it ends with the last']),
  ...counted('leaks', ['sampled']),
  ...counted('lease', ['double release > is caught by each way to release, in']),
  ...counted('memory', ['pools that are closed leave nothing behind']),
  ...counted('pool', ['stats > most acquires']),

  ...after('acquire', ["zero > 'release' does not clear", "zero > 'never' leaves", 'release > of any pool']),
  ...after('core', ['the core of a process > leaves no memory']),
  ...after('environment', ['right variables']),
  ...after('lease', ['after release']),
  ...after('memory', ['views alone keep']),
  ...after('sensitive', ['options > an option wins']),
  {
    file: 'large',
    tests: ['a released one is reused'],
    skips: poisons,
    why: 'released blocks are held back',
  },
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

function after(file: string, tests: readonly string[]): Exception[] {
  return [
    { file, tests, skips: poisons, why: 'it uses released buffers, which are filled, or have no bytes' },
  ];
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
