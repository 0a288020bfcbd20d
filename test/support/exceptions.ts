// Tests that make mistakes on purpose, and tests that do not hold while all leases are watched, because what they
// test is how leases lie in memory when nobody watches. All others must pass under leak detection and each guard,
// and leave no report.

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
  { file: 'guard-modes', misuses: true, why: 'what guards report' },
  { file: 'leaks', misuses: true, why: 'what leak detection reports' },
  { file: 'detach', misuses: true, why: 'programs that take ArrayBuffers away' },
];

export function exceptionFor(file: string, name: string): Exception | undefined {
  return exceptions.find(
    (one) => one.file === file && (one.tests?.some((test) => name.startsWith(test)) ?? true),
  );
}
