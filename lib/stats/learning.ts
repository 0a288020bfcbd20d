import type { HeapStats, LearningEvent, LearningStats } from '../addon/figures.js';
import { bytes, count, counted, duration, exactBytes, percent, timeOfDay } from '../base/text.js';

const moved = ({ blockBytes, from, to }: LearningEvent): string =>
  blockBytes === undefined
    ? 'capacities of magazines'
    : `magazines of ${exactBytes(blockBytes)} with ${counted(to!, 'block')} instead of ${count(from!)}`;

const delayed = ({ band, from, to }: LearningEvent): string =>
  `${band === 'huge' ? 'free blocks beyond 2 MiB' : 'idle memory'} for ${duration(to! * 1e6)} instead of ${duration(from! * 1e6)}`;

const causes: Record<NonNullable<LearningEvent['cause']>, string> = {
  clock: 'the clock went back',
  late: 'nobody looked for too long',
  counts: 'a count fell',
  number: 'a gain was no number',
};

const sentences: Record<Exclude<LearningEvent['kind'], 'moved'>, (done: LearningEvent) => string> = {
  trial: (done) =>
    `Tries ${moved(done)}, and others, for three windows: ${percent(done.predictedGain)} fewer slow calls are expected.`,
  kept: (done) =>
    `Kept ${moved(done)}: ${percent(done.measuredGain)} fewer slow calls than without, ` +
    `${percent(done.predictedGain)} had been expected.`,
  better: (done) =>
    `Found ${moved(done)} better by ${percent(done.measuredGain)}, and did not keep it: the mode is trial.`,
  rolledBack: (done) =>
    `Rolled ${moved(done)} back: ${percent(-done.measuredGain)} more slow calls than without, where ` +
    `${percent(done.predictedGain)} fewer had been expected.`,
  jumped: (done) =>
    `Took ${moved(done)} over at once, since other sizes are asked for than before: ` +
    `${percent(done.predictedGain)} fewer slow calls are expected.`,
  fitted: (done) => `Went to ${moved(done)}: the budget had become smaller.`,
  frozen: () => 'Proposes nothing any more until demand changes: 60 windows changed nothing.',
  fellBack: ({ cause }) =>
    `Went back to the fixed limits: ${cause === undefined ? 'unknown' : causes[cause]}.`,
};

const capacitySentence = (done: LearningEvent): string =>
  done.kind === 'moved' ? '' : sentences[done.kind](done);

function purgeSentence(done: LearningEvent): string {
  const { kind, cause, predictedGain } = done;
  const gain = `would have cost ${percent(predictedGain)} less, memory and faults together`;
  if (kind === 'moved') return `Keeps ${delayed(done)}, since the best delay ${gain}.`;
  if (kind === 'jumped')
    return `Keeps ${delayed(done)} at once, since idle times are others than before: that ${gain} lately.`;
  if (kind === 'frozen')
    return 'Leaves a purge delay as it is until idle times change: 60 windows changed nothing.';
  return `Went back to the fixed purge delays: ${cause === undefined ? 'unknown' : causes[cause]}.`;
}

/** One thing that was learned, and why, in a sentence. */
export const learningSentence = (done: LearningEvent): string =>
  `${timeOfDay(done.at)} ${(done.controller === 'purge' ? purgeSentence : capacitySentence)(done)}`;

/** What was learned in all, and what it saved. */
export function learningSummary(
  { mode, state, ownBytes, capacities, purgeDelays }: LearningStats,
  {
    learnKept,
    learnRolledBack,
    learnSavedCalls,
    learnNs,
    learnSavedUs,
    learnEarlyBytes,
    learnLateBytes,
  }: Pick<
    HeapStats,
    | 'learnKept'
    | 'learnRolledBack'
    | 'learnSavedCalls'
    | 'learnNs'
    | 'learnSavedUs'
    | 'learnEarlyBytes'
    | 'learnLateBytes'
  >,
): string {
  const what =
    capacities.length === 0
      ? 'the fixed limits hold'
      : `magazines of ${counted(capacities.length, 'size')} hold what was learned`;
  const delays = purgeDelays.map(
    ({ band, ms }) =>
      `${band === 'huge' ? 'free blocks beyond 2 MiB' : 'idle memory'} for ${duration(ms * 1e6)}`,
  );
  const purging =
    delays.length === 0
      ? ''
      : `it keeps ${delays.join(' and ')}, which saved ${duration(learnSavedUs * 1000)} of memory and faults ` +
        `(purged too early: ${bytes(learnEarlyBytes)}, kept for too long: ${bytes(learnLateBytes)}); `;
  return (
    `${mode}, ${state}: ${what}, which saved ${counted(learnSavedCalls, 'slow call')}; ` +
    `${purging}${counted(learnKept, 'proposal')} kept, ${count(learnRolledBack)} rolled back, ` +
    `learning itself took ${bytes(ownBytes)}, and ${duration(learnNs)} of a processor`
  );
}
