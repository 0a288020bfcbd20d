// What is measured: the programs of bench/malloc/ with their arguments.

export interface MallocCase {
  readonly name: string;
  /** bench/malloc/PROGRAM.cc. */
  readonly program: string;
  /** The first argument: how much work. */
  readonly work: number;
  /** The other arguments. */
  readonly rest: readonly (number | string)[];
}

const KIB = 1024;
const MIB = 1024 * KIB;
/** What --quick leaves of the work. */
const QUICK_PART = 1 / 20;

const one = (
  program: string,
  variant: string,
  work: number,
  ...rest: readonly (number | string)[]
): MallocCase => ({ name: variant === '' ? program : `${program} ${variant}`, program, work, rest });

// So much work that glibc needs 0.3 to 1 s on a processor of 2023, unless the case says why not.
const CASES: readonly MallocCase[] = [
  // A short run: here an allocator's first page faults and its start show.
  one('random_mixed', 'short 16-1040 B', 1_000_000, 400, 1, 16, 1040),
  one('random_mixed', '16-1040 B', 30_000_000, 400, 1, 16, 1040),
  one('random_mixed', '8-128 B', 30_000_000, 400, 1, 8, 128),
  one('random_mixed', '1-32 KiB', 8_000_000, 400, 1, KIB, 32 * KIB),
  one('random_mixed', '64 KiB-1 MiB', 1_000_000, 100, 1, 64 * KIB, MIB, 'ends'),
  one('random_mixed', '2-16 MiB', 300_000, 50, 1, 2 * MIB, 16 * MIB, 'ends'),
  one('random_mixed', '2-32 MiB', 200_000, 50, 1, 2 * MIB, 32 * MIB, 'ends'),
  one('larson', '2 threads', 400_000, 20, 2, 2000, 16, KIB),
  one('larson', '8 threads', 100_000, 20, 8, 1000, 16, KIB),
  one('producer_consumer', '1:1', 3_000_000, 1, 16, 4 * KIB),
  one('producer_consumer', '3:3', 800_000, 3, 16, KIB),
  one('batch_pass', '2 threads', 6000, 2, 16, KIB),
  one('batch_pass', '4 threads', 3000, 4, 16, KIB),
  one('burst', 'forward', 120, 'forward', 100_000, 16, 256),
  one('burst', 'reverse', 120, 'reverse', 100_000, 16, 256),
  one('burst', 'random', 60, 'random', 100_000, 16, 256),
  one('realloc_growth', 'by half to 4 MiB', 2000, 64, 4 * MIB, 0),
  one('realloc_growth', 'by 1 KiB to 256 KiB', 10_000, 64, 256 * KIB, KIB),
  one('false_sharing', 'passive', 800_000, 'passive', 2, 200, 8),
  one('false_sharing', 'active', 800_000, 'active', 2, 200, 8),
  one('thread_churn', '100 blocks', 12_000, 4, 100, 16, 4 * KIB),
  one('thread_churn', '4 blocks', 16_000, 4, 4, 16, 256),
  // glibc needs twenty times as long as its peers: it gives the top of the heap back again and again.
  one('large', '64 KiB-2 MiB', 200_000, 16, 64 * KIB, 2 * MIB),
  one('large', '2-32 MiB', 40_000, 16, 2 * MIB, 32 * MIB),
  one('calloc', 'fresh', 2000, 'fresh', 1, 64, MIB),
  one('calloc', 'reused to 4 KiB', 5_000_000, 'reused', 400, 64, 4 * KIB),
  // jemalloc needs twenty times as long as its peers: it gets its zeros from the kernel.
  one('calloc', 'reused to 1 MiB', 40_000, 'reused', 400, 64, MIB),
  one('fragmentation', 'scattered', 200, 1),
  one('fragmentation', 'clustered', 200, 1000),
  // The figure is the peak RSS: 200 MiB are live at most.
  one('phases', 'in order', 200, 'forward', 0),
  one('phases', 'random order', 200, 'random', 0),
  one('phases', 'another thread', 200, 'thread', 0),
  one('phases', 'a twentieth stays', 200, 'forward', 5),
  one('phases', 'a tenth stays', 200, 'random', 10),
  one('bignum', '', 6_000_000, 200),
  one('lifetimes', '4 threads', 400_000, 4, 5),
];

/** The cases that `only` names by program or by case; all without it. Throws on a name that fits none. */
export function selectCases(only: readonly string[] | undefined): readonly MallocCase[] {
  if (only === undefined) return CASES;
  const fits = (name: string) => (work: MallocCase) => work.program === name || work.name === name;
  const unknown = only.filter((name) => !CASES.some(fits(name)));
  if (unknown.length > 0) {
    const programs = [...new Set(CASES.map(({ program }) => program))];
    throw new Error(`--only: no "${unknown.join('", "')}"; there are ${programs.join(', ')}`);
  }
  return CASES.filter((work) => only.some((name) => fits(name)(work)));
}

/** The program's arguments. */
export function caseArguments({ work, rest }: MallocCase, quick: boolean): string[] {
  const amount = quick ? Math.max(1, Math.round(work * QUICK_PART)) : work;
  return [amount, ...rest].map(String);
}
