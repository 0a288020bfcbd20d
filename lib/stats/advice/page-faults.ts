import { count } from '../../base/text.js';
import type { Rule } from './advice.js';

const MIN_SECONDS = 10;
const MAX_MAJOR_A_SECOND = 1;
const MAX_MINOR_A_SECOND = 2000;

/** The process keeps touching memory that is not there. Of the whole process: one pool may tell for all. */
export const pageFaults: Rule = ({ majorFaults, minorFaults, file }, { seconds, values }) => {
  if (seconds < MIN_SECONDS || file !== undefined) return undefined;
  if (majorFaults / seconds > MAX_MAJOR_A_SECOND) {
    return {
      id: 'pageFaults',
      severity: 'warn',
      text:
        `the process waits for a disk ${count(majorFaults / seconds)} times a second because memory is not ` +
        'there: it needs less memory or the machine more; "memoryFacts()" tells what was swapped out',
    };
  }
  if (minorFaults / seconds <= MAX_MINOR_A_SECOND) return undefined;
  const [setting, remedy] =
    values.get('SUPERSLAB_HUGE_PAGES') === 'off'
      ? ['SUPERSLAB_HUGE_PAGES', 'set SUPERSLAB_HUGE_PAGES=thp']
      : [
          'SUPERSLAB_PURGE_DELAY_MS',
          `raise SUPERSLAB_PURGE_DELAY_MS (now ${values.get('SUPERSLAB_PURGE_DELAY_MS')})`,
        ];
  return {
    id: 'pageFaults',
    severity: 'info',
    text: `the process takes ${count(minorFaults / seconds)} page faults a second; if they come from pools, ${remedy}`,
    setting,
  };
};
