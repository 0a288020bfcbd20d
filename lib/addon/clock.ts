import { binding } from './binding.js';

/**
 * Milliseconds of the system's monotonic clock, with fractions. Fake timers replace `performance.now()`, some of them in
 * node:perf_hooks and before we are loaded: a wait by it would never end.
 */
export const now = (): number => binding.now();
