import { count, percent } from '../../base/text.js';
import type { Advice } from '../../stats/advice/advice.js';
import type { SharedCacheFigures } from './figures.js';

/** Most values that may be refused, and of how many it is worth telling. */
const MAX_REFUSED = 0.001;
const MIN_SETS = 1000;
/** Threads that may have a cache open, and from when on that is worth telling. */
const PLACES = 128;
const MAX_MEMBERS = 0.85 * PLACES;

/** Advice that follows from the figures of all processes. */
export function cacheAdvice({ sets, refusals, members }: SharedCacheFigures): Advice[] {
  const advice: Advice[] = [];
  if (sets + refusals >= MIN_SETS && refusals / (sets + refusals) > MAX_REFUSED) {
    advice.push({
      id: 'cacheRefusals',
      severity: 'act',
      text:
        `${percent(refusals / (sets + refusals))} of the values (${count(refusals)}) were not stored: they are too long, or too many pages are pinned. ` +
        'Release pages sooner, or make the file with a larger maxBytes',
    });
  }
  if (members > MAX_MEMBERS) {
    advice.push({
      id: 'cacheMembers',
      severity: 'warn',
      text: `${count(members)} of ${PLACES} threads that may have the cache open have it: close those that need it no more`,
    });
  }
  return advice;
}
