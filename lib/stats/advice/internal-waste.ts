import { percent } from '../../base/text.js';
import type { Rule } from './advice.js';

const MIN_SAMPLES = 100;
const MAX_WASTE = 0.2;

/** Blocks are much larger than what is asked for. Classes alone waste at most 20 %, from 512 B on. */
export const internalWaste: Rule = ({ internalWaste: waste, sizes }) =>
  sizes.samples >= MIN_SAMPLES && waste > MAX_WASTE
    ? {
        id: 'internalWaste',
        severity: 'info',
        text:
          `${percent(waste)} of the leased bytes were not asked for: many leases are far smaller than 64 B or just ` +
          'above a size class; put small ones together in one buffer',
      }
    : undefined;
