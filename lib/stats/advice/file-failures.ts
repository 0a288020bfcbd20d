import { count, percent } from '../../base/text.js';
import type { Rule } from './advice.js';

const MAX_FAILURES = 0.001;

/** Requests for blocks in a file found none. */
export const fileFailures: Rule = ({ file, failureRate }) => {
  if (file === undefined || failureRate <= MAX_FAILURES) return undefined;
  return {
    id: 'fileFailures',
    severity: 'act',
    text:
      `${percent(failureRate)} of the requests (${count(file.failedAllocs)}) got no block, ${count(file.exhausted)} of them ` +
      'because of maxBytes, the others because the disk is full or a commit was too large: free blocks and commit, ' +
      'or make a file with a larger maxBytes',
  };
};
