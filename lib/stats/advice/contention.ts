import { count, duration, percent } from '../../base/text.js';
import type { Rule } from './advice.js';

const MIN_CALLS = 1000;
const MAX_CONTENDED = 0.05;

/** Threads wait for each other. */
export const contention: Rule = ({ contended, lockWaitNs, refills, flushes, threads }) => {
  const calls = refills + flushes;
  return calls >= MIN_CALLS && contended / calls > MAX_CONTENDED
    ? {
        id: 'contention',
        severity: 'warn',
        text:
          `${count(contended)} times (${percent(Math.min(contended / calls, 1))} of the slow-path calls) one of ` +
          `${threads} threads waited for the heap's lock, ${duration(lockWaitNs)} in all: give busy threads pools ` +
          'of their own',
      }
    : undefined;
};
