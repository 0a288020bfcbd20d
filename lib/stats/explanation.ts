import { bytes, counted } from '../base/text.js';
import { adaptationSentence } from './adaptations.js';
import { learningSentence, learningSummary } from './learning.js';
import type { PoolStats } from './pool-stats.js';

export interface Explanation {
  /** What all of it came to. */
  readonly summary: readonly string[];
  /** What was done and why, the latest first. */
  readonly sentences: readonly string[];
}

interface Told {
  readonly at: number;
  readonly text: string;
}

/** What a pool changed by itself. */
export function explanation(stats: PoolStats): Explanation {
  const { learning, adaptations, readyBytes, expandedBytes, shrinks, movedSlabs } = stats;
  const told: Told[] = [
    ...(learning?.events ?? []).map((done) => ({ at: done.at, text: learningSentence(done) })),
    ...adaptations.map((done) => ({ at: done.at, text: adaptationSentence(done) })),
  ];
  told.sort((a, b) => b.at - a.at);
  return {
    summary: [
      learning === undefined
        ? 'It learns nothing: SUPERSLAB_LEARN=learn, or the option learn of a pool, switches that on.'
        : `It learns: ${learningSummary(learning, stats)}.`,
      ...(adaptations.length === 0
        ? []
        : [
            `It adapts: ${bytes(readyBytes)} kept ready, ${bytes(expandedBytes)} populated ahead of demand, ` +
              `${counted(shrinks, 'time')} that less was kept, ${counted(movedSlabs, 'slab')} moved to another size.`,
          ]),
    ],
    sentences: told.map(({ text }) => text),
  };
}
