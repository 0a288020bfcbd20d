// As cut-points.test.ts, with leases that guards and leak detection watch.
import { describe } from 'vitest';
import { CUTS, type Cut } from './support/cut-points.js';
import { testEachStep } from './support/cut-steps.js';

/** Those that do what another does, many times over: they take minutes. */
const LONG = ['acquireMany', 'acquireMany with refills', 'releaseMany with spills', 'acquire that waits'];

const guards: ['off' | 'canary' | 'detach', readonly Cut[]][] = [
  ['off', ['full once']],
  ['canary', CUTS],
  ['detach', ['termination']],
];

describe.each(guards)('guard %s', (guard, cuts) => {
  const options = { guard, leakDetection: 'full', quarantineBytes: 40_000 } as const;
  testEachStep(options, cuts, (step) => !LONG.includes(step));
});
