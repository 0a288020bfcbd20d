// From the figures of the cases to a verdict: geometric means, and the targets of the project.
import type { CaseFigures, Figures } from './malloc-measure.js';

export const SUBJECT = 'superslab';

/** What is compared. Less is better everywhere. */
export const MEASURES = [
  { name: 'time', unit: 'ns/op', value: (figures: Figures) => figures.nsPerOperation },
  { name: 'page faults', unit: 'count', value: (figures: Figures) => figures.faults },
  { name: 'peak RSS', unit: 'MiB', value: (figures: Figures) => figures.peakRss / 1024 },
  { name: 'RSS after rest', unit: 'MiB', value: (figures: Figures) => figures.idleRss / 1024 },
] as const;

/** Beside the median, for machines that others use too. */
export const FASTEST = {
  name: 'time, fastest round',
  unit: 'ns/op',
  value: (figures: Figures) => figures.fastest,
} as const;

export type Measure = (typeof MEASURES)[number] | typeof FASTEST;
const [TIME, , PEAK_RSS] = MEASURES;

/** The peer with the lowest figure of a case; undefined: no peer has one. */
export function bestPeer(
  { figures }: CaseFigures,
  measure: Measure,
): { name: string; value: number } | undefined {
  return [...figures]
    .filter(([name]) => name !== SUBJECT)
    .map(([name, figures]) => ({ name, value: measure.value(figures) }))
    .sort((a, b) => a.value - b.value)[0];
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** superslab's figures as a part of those of `peer`, over the cases that both have; NaN without any. */
export function relativeTo(cases: readonly CaseFigures[], peer: string, measure: Measure): number {
  const ratios = cases.flatMap(({ figures }) => {
    const [ours, theirs] = [figures.get(SUBJECT), figures.get(peer)];
    return ours && theirs ? [measure.value(ours) / measure.value(theirs)] : [];
  });
  return geometricMean(ratios);
}

/** The same against the best peer of each case. */
export function relativeToBest(cases: readonly CaseFigures[], measure: Measure): number {
  const ratios = cases.flatMap((work) => {
    const ours = work.figures.get(SUBJECT);
    const best = bestPeer(work, measure);
    return ours && best ? [measure.value(ours) / best.value] : [];
  });
  return geometricMean(ratios);
}

export interface Target {
  readonly target: string;
  readonly met: boolean;
  /** The figures behind the answer, or the cases that miss it. */
  readonly detail: string;
}

const AHEAD = 1.05;
const BEHIND_BEST = 1.1;
const MAX_PEAK_RSS = 1.05;
const IDLE_PART = 1.2;
const IDLE_EXTRA_KIB = 2048;

const idleLimit = ({ startRss }: Figures) => IDLE_PART * startRss + IDLE_EXTRA_KIB;

/** Empty when superslab was not measured. */
export function targets(cases: readonly CaseFigures[], peers: readonly string[]): Target[] {
  const ours = cases.filter(({ figures }) => figures.has(SUBJECT));
  if (ours.length === 0 || peers.length === 0) return [];

  const times = peers.map((peer) => [peer, relativeTo(cases, peer, TIME)] as const);
  const peaks = peers.map((peer) => [peer, relativeTo(cases, peer, PEAK_RSS)] as const);
  const behind = ours.flatMap((work) => {
    const best = bestPeer(work, TIME);
    if (best === undefined) return [];
    const ratio = TIME.value(work.figures.get(SUBJECT)!) / best.value;
    return ratio > BEHIND_BEST ? [`${work.name} (${ratio.toFixed(2)} x ${best.name})`] : [];
  });
  const resting = ours.flatMap(({ name, figures }) => {
    const own = figures.get(SUBJECT)!;
    if (own.idleRss <= idleLimit(own)) return [];
    return [`${name} (${mib(own.idleRss)} of ${mib(idleLimit(own))} MiB)`];
  });

  return [
    {
      target: 'time, geometric mean: 5 % ahead of each peer',
      met: times.every(([, ratio]) => ratio <= 1 / AHEAD),
      detail: times.map(([peer, ratio]) => `${ahead(ratio)} ${peer}`).join(', '),
    },
    {
      target: 'time: no case more than 10 % behind its best peer',
      met: behind.length === 0,
      detail: behind.join(', ') || 'none',
    },
    {
      target: 'peak RSS, geometric mean: at most 1.05 x the lowest peer',
      met: peaks.every(([, ratio]) => ratio <= MAX_PEAK_RSS),
      detail: peaks.map(([peer, ratio]) => `${ratio.toFixed(2)} x ${peer}`).join(', '),
    },
    {
      target: 'RSS after rest: at most 1.2 x that at the start + 2 MiB',
      met: resting.length === 0,
      detail: resting.join(', ') || 'all',
    },
  ];
}

const mib = (kib: number) => (kib / 1024).toFixed(1);

function ahead(ratio: number): string {
  const percent = (1 / ratio - 1) * 100;
  return percent >= 0 ? `${percent.toFixed(1)} % ahead of` : `${((ratio - 1) * 100).toFixed(1)} % behind`;
}
