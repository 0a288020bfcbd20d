import { count, percent } from '../../base/text.js';
import type { Rule } from './advice.js';

const MAX_FAILURES = 0.001;

/** Requests found no block. */
export const failures: Rule = ({ failureRate, failedRequests, exhausted, fallbacks, file }) =>
  file === undefined && failureRate > MAX_FAILURES
    ? {
        id: 'failures',
        severity: 'act',
        text:
          `${percent(failureRate)} of the requests (${count(failedRequests)}) got no block, ` +
          `${count(exhausted)} of them because of maxBytes` +
          (fallbacks > 0 ? `; ${count(fallbacks)} were served from outside the pool` : '') +
          ': raise maxBytes, use acquireAsync(), or turn work away earlier',
        setting: 'SUPERSLAB_MAX_BYTES',
      }
    : undefined;
