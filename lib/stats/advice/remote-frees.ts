import { count, percent } from '../../base/text.js';
import type { Rule } from './advice.js';

const MIN_RELEASES = 10_000;
const MAX_REMOTE = 0.3;

/** Many blocks are freed by other threads than took them. */
export const remoteFrees: Rule = ({ remoteFrees: remote, releases }) =>
  releases >= MIN_RELEASES && remote / releases > MAX_REMOTE
    ? {
        id: 'remoteFrees',
        severity: 'info',
        text:
          `${percent(remote / releases)} of ${count(releases)} releases go home past their thread's magazines: ` +
          'acquire where the buffer is released, and share what must cross threads in larger pieces',
      }
    : undefined;
