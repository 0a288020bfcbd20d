import type { ClassStats } from '../../addon/figures.js';
import { count, exactBytes, percent } from '../../base/text.js';
import type { PoolStats } from '../pool-stats.js';
import type { Rule } from './advice.js';
import { type AdviceFacts, numberOf, sizeText } from './facts.js';

const MIN_ACQUIRES = 10_000;
const MIN_HIT_RATE = 0.9;
/** Places in a magazine: no setting makes more. */
const MAX_BLOCKS = 64;

/** What keeps a magazine from holding more blocks, and what to do about it; native/heap/magazine_limits.h. */
function remedy({ blockBytes }: ClassStats, stats: PoolStats, facts: AdviceFacts): [string, string?] {
  const { maxBytes, committedBytes, threads } = stats;
  const blocks = numberOf(facts, 'SUPERSLAB_CACHE_BLOCKS');
  const share = numberOf(facts, 'SUPERSLAB_CACHE_SHARE') / 100 / Math.max(threads, 1);
  const cacheBytes = Math.max(numberOf(facts, 'SUPERSLAB_CACHE_BYTES'), committedBytes * share);
  const byMaxBytes = maxBytes === 0 ? Number.POSITIVE_INFINITY : maxBytes / 64;
  const limit = Math.max(1, Math.min(blocks, Math.floor(Math.min(cacheBytes, byMaxBytes) / blockBytes)));
  const now = `a magazine holds ${limit === 1 ? 'one' : limit} of them`;
  if (limit >= MAX_BLOCKS) {
    return [`${now}, which is the most: acquire and release in smaller bursts, or keep the buffers`];
  }
  if (limit === blocks) {
    const variable = 'SUPERSLAB_CACHE_BLOCKS';
    return [`${now}: raise ${variable} (now ${blocks}, up to ${MAX_BLOCKS})`, variable];
  }
  const wanted = sizeText(Math.min(limit * 4, MAX_BLOCKS) * blockBytes);
  if (byMaxBytes < cacheBytes) return [`${now} because maxBytes is ${exactBytes(maxBytes)}: raise maxBytes`];
  const variable = 'SUPERSLAB_CACHE_BYTES';
  return [`${now}: raise ${variable} (now ${facts.values.get(variable)}) to ${wanted}`, variable];
}

/** The class that misses its magazine most often, if that is more than one time in ten. */
export const classMisses: Rule = (stats, facts) => {
  const missing = stats.classes.filter(
    ({ acquires, hitRate }) => acquires >= MIN_ACQUIRES && hitRate < MIN_HIT_RATE,
  );
  if (missing.length === 0) return undefined;
  const worst = missing.reduce((a, b) => (b.refills > a.refills ? b : a));
  const [words, setting] = remedy(worst, stats, facts);
  return {
    id: 'classMisses',
    severity: 'warn',
    text:
      `class ${exactBytes(worst.blockBytes)} misses ${percent(1 - worst.hitRate)} of ` +
      `${count(worst.acquires)} acquires; ${words}`,
    ...(setting === undefined ? {} : { setting }),
  };
};
