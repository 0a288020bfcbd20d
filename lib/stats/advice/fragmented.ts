import { bytes } from '../../base/text.js';
import type { Rule } from './advice.js';

const MAX_COMMITTED = 2; // times what is out of the slabs
const WORTHWHILE_BYTES = 64 * 2 ** 20;

/** Much more memory is kept than used. */
export const fragmented: Rule = (stats, facts) => {
  const { committedBytes, chargedBytes, bigCacheBytes } = stats;
  // Of a file it is told by nobody: it was made so long, and trim() cuts it.
  if (stats.file !== undefined) return undefined;
  const unused = committedBytes - chargedBytes;
  if (committedBytes <= MAX_COMMITTED * chargedBytes || unused <= WORTHWHILE_BYTES) return undefined;
  const inBigCache = bigCacheBytes > unused / 2;
  const setting = inBigCache ? 'SUPERSLAB_BIG_CACHE_BYTES' : 'SUPERSLAB_PURGE_DELAY_MS';
  return {
    id: 'fragmented',
    severity: 'warn',
    text:
      `${bytes(committedBytes)} are committed for ${bytes(chargedBytes)} of blocks` +
      (inBigCache ? `, ${bytes(bigCacheBytes)} of it kept for blocks beyond 2 MiB` : '') +
      `: trim() gives it back now, a lower ${setting} (now ${facts.values.get(setting)}) does sooner`,
    setting,
  };
};
