import { counted } from '../../base/text.js';
import type { Rule } from './advice.js';

/** The guards found writes where nobody may write. */
export const guardReports: Rule = ({ guardReports: times }) =>
  times > 0
    ? {
        id: 'guardReports',
        severity: 'act',
        text:
          `the guards found ${counted(times, 'case')} of misuse: stats().misuse, \`superslab stats\` ` +
          "and the process's warnings (SUPERSLAB_GUARD) say with which buffers",
      }
    : undefined;
