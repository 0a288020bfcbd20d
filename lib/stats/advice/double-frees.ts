import { counted } from '../../base/text.js';
import type { Rule } from './advice.js';

/** Native code freed blocks twice. JavaScript that releases twice gets an error instead. */
export const doubleFrees: Rule = ({ doubleFrees: times }) =>
  times > 0
    ? {
        id: 'doubleFrees',
        severity: 'act',
        text:
          `${counted(times, 'free')} of blocks that were free already, ignored: ` +
          'somebody frees twice, and may free what is leased to others',
      }
    : undefined;
