import { count } from '../../base/text.js';
import type { Rule } from './advice.js';

const MIN_SECONDS = 10;
const MAX_MAJOR_A_SECOND = 100;

/** The program waits for the disk to read pages of files. Of the whole process: the system does not count by file. */
export const fileFaults: Rule = ({ file, majorFaults }, { seconds }) => {
  if (file === undefined || seconds < MIN_SECONDS || majorFaults / seconds <= MAX_MAJOR_A_SECOND)
    return undefined;
  return {
    id: 'fileFaults',
    severity: 'warn',
    text:
      `the process waits for a disk ${count(majorFaults / seconds)} times a second because pages are not in memory: ` +
      "advise('willneed') before blocks are read, advise('random') where they are far apart, or give the machine more memory",
  };
};
