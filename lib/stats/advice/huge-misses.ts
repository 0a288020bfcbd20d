import { count, percent } from '../../base/text.js';
import type { Rule } from './advice.js';

const MIN_MISSES = 100;
const MIN_HIT_RATE = 0.5;

/** Blocks beyond 2 MiB mostly come fresh from the operating system. */
export const hugeMisses: Rule = ({ hugeHits, hugeMisses: misses }, { values }) => {
  const all = hugeHits + misses;
  if (misses < MIN_MISSES || hugeHits / all >= MIN_HIT_RATE) return undefined;
  return {
    id: 'hugeMisses',
    severity: 'warn',
    text:
      `${percent(misses / all)} of ${count(all)} blocks beyond 2 MiB came fresh from the operating system: raise ` +
      `SUPERSLAB_BIG_CACHE_BYTES (now ${values.get('SUPERSLAB_BIG_CACHE_BYTES')}) or ` +
      `SUPERSLAB_BIG_CACHE_AGE_MS (now ${values.get('SUPERSLAB_BIG_CACHE_AGE_MS')})`,
    setting: 'SUPERSLAB_BIG_CACHE_BYTES',
  };
};
