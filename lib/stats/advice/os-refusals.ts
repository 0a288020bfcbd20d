import { count } from '../../base/text.js';
import type { Rule } from './advice.js';

/** The operating system gave no memory. */
export const osRefusals: Rule = ({ osFailures }) =>
  osFailures > 0
    ? {
        id: 'osRefusals',
        severity: 'act',
        text:
          `the operating system refused memory ${osFailures === 1 ? 'once' : `${count(osFailures)} times`}: ` +
          '"npx superslab doctor" looks at the limits',
      }
    : undefined;
