// As cut-points.test.ts, with leases that guards and leak detection watch.
import { describe } from 'vitest';
import type { Cut } from './support/cut-points.js';
import { testEachStep } from './support/cut-steps.js';

/** Those in which a guard has a part of its own; others do the same many times over, and take minutes. */
const WATCHED = [
  'acquire of a small buffer',
  'acquire beyond 2 MiB',
  'acquire of nothing',
  'retain and release',
  'a range of a buffer, released before it',
  'share',
  'adopt',
  'acquireAsync',
];

const guards: ['off' | 'canary' | 'detach', readonly Cut[]][] = [
  ['off', ['full once']],
  ['canary', ['termination', 'full']],
  ['detach', ['termination']],
];

describe.each(guards)('guard %s', (guard, cuts) => {
  const options = { guard, leakDetection: 'full', quarantineBytes: 40_000 } as const;
  testEachStep(options, cuts, (step) => WATCHED.includes(step));
});
