import { duration } from '../../base/text.js';
import type { Rule } from './advice.js';

const MIN_CALLS = 100;
const MAX_NS = 1e6;

/** One slow-path call in a hundred takes long: most likely it brings memory in. */
export const slowTail: Rule = ({ slow }, { values }) => {
  if (slow.count < MIN_CALLS || slow.p99Ns <= MAX_NS) return undefined;
  const populated = values.get('SUPERSLAB_POPULATE') === 'superslab';
  return {
    id: 'slowTail',
    severity: 'info',
    text:
      `one slow-path call in a hundred takes ${duration(slow.p99Ns)} or more (p50 ${duration(slow.p50Ns)}): ` +
      (populated
        ? 'a higher SUPERSLAB_PURGE_DELAY_MS gives memory back less often, to be prefaulted again'
        : 'SUPERSLAB_POPULATE=superslab brings memory in 2 MiB at a time'),
    setting: populated ? 'SUPERSLAB_PURGE_DELAY_MS' : 'SUPERSLAB_POPULATE',
  };
};
