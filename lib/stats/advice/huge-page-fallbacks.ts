import { counted } from '../../base/text.js';
import type { Rule } from './advice.js';

/** Explicit huge pages were asked for and were not there. */
export const hugePageFallbacks: Rule = ({ hugePageFallbacks: superslabs }) =>
  superslabs > 0
    ? {
        id: 'hugePageFallbacks',
        severity: 'warn',
        text:
          `${counted(superslabs, 'superslab')} of 2 MiB got no explicit huge pages: ` +
          `"sysctl vm.nr_hugepages=$(( $(sysctl -n vm.nr_hugepages) + ${superslabs} ))" as root reserves them`,
      }
    : undefined;
