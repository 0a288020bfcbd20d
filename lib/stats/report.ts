import type { Histogram } from '../addon/figures.js';
import type { KnobRow } from '../addon/rows.js';
import { type PressureFigures, pressureReason } from '../base/pressure.js';
import { bytes, count, counted, duration, exactBytes, percent, timeOfDay } from '../base/text.js';
import { adaptationSentence } from './adaptations.js';
import type { Advice } from './advice/advice.js';
import { adviceFacts } from './advice/facts.js';
import { adviceOn } from './advice/index.js';
import { learningSentence, learningSummary } from './learning.js';
import type { PoolStats } from './pool-stats.js';

const WIDTHS = [10, 15, 12, 12, 12, 10, 10] as const;
const LINE = 100;

function row(cells: readonly string[]): string {
  return `  ${cells.map((cell, i) => cell.padStart(WIDTHS[i]!)).join(' ')}`;
}

function classTable({ classes }: PoolStats): string[] {
  if (classes.length === 0) return [];
  return [
    row(['block', 'acquires', 'hits', 'in use', 'cached', 'refills', 'occupied']),
    ...classes.map((one) =>
      row([
        exactBytes(one.blockBytes),
        count(one.acquires),
        percent(one.hitRate),
        count(one.inUseBlocks),
        count(one.cachedBlocks),
        count(one.refills),
        percent(one.occupancy),
      ]),
    ),
  ];
}

/** The value below which the part `p` of a histogram lies: the upper end of its bucket. */
function below({ buckets, count: all }: Histogram, p: number): number {
  let seen = 0;
  const bucket = buckets.findIndex((n) => {
    seen += n;
    return seen >= p * all;
  });
  return 2 ** (bucket + 1);
}

function histogramLine(
  label: string,
  histogram: Histogram,
  show: (value: number) => string,
): readonly string[] {
  if (histogram.count === 0) return [];
  const [half, most, nearlyAll] = [0.5, 0.9, 0.99].map((p) => show(below(histogram, p)));
  return [
    `  ${label}half below ${half}, 90 % below ${most}, 99 % below ${nearlyAll} ` +
      `(${count(histogram.samples)} samples)`,
  ];
}

/** Broken into lines after words, those after the first `indent` deep. */
function wrapped(text: string, indent: number): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1]!;
    if (last !== '' && last.length + 1 + word.length > LINE - indent) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}

function adviceLines(advice: readonly Advice[]): string[] {
  return advice.map(({ severity, text }) => `  ${severity.padEnd(8)} ${wrapped(text, 11)}`);
}

const SHOWN_ADAPTATIONS = 5;

/** What the pool did by itself, the latest first. */
function adaptationLines({
  adaptations,
  readyBytes,
  expandedBytes,
  shrinks,
  movedSlabs,
}: PoolStats): string[] {
  if (adaptations.length === 0) return [];
  return [
    `  adapts   ${bytes(readyBytes)} kept ready, ${bytes(expandedBytes)} populated ahead of demand; ` +
      `kept less ${count(shrinks)} times, moved ${count(movedSlabs)} slabs`,
    ...adaptations
      .slice(0, SHOWN_ADAPTATIONS)
      .map((done) => `           ${wrapped(adaptationSentence(done), 11)}`),
  ];
}

/** What the pool learned, and what that saved. */
function learningLines(stats: PoolStats): string[] {
  const { learning } = stats;
  if (learning === undefined) return [];
  return [
    `  learns   ${wrapped(learningSummary(learning, stats), 11)}`,
    ...learning.events
      .slice(0, SHOWN_ADAPTATIONS)
      .map((done) => `           ${wrapped(learningSentence(done), 11)}`),
  ];
}

/** Of a pool that lends objects. */
function objectLines({ objects }: PoolStats): string[] {
  if (objects === undefined) return [];
  const { inUse, idle, pending, peakInUse, peakInUseAtMs, max, made, destroyed } = objects;
  const failures = objects.createFailures + objects.destroyFailures + objects.invalid;
  return [
    `  objects  ${count(inUse)} in use${max === 0 ? '' : ` of ${count(max)}`}, ` +
      `${count(idle)} idle, ${count(pending)} made or tested now; ${count(made)} made, ${count(destroyed)} destroyed`,
    ...(peakInUse === 0 ? [] : [`  peak     ${count(peakInUse)} objects at ${timeOfDay(peakInUseAtMs)}`]),
    ...(failures + objects.leaseTimeouts + objects.waitTimeouts === 0
      ? []
      : [
          `  failed   ${count(objects.createFailures)} calls of create, ${count(objects.invalid)} tests, ` +
            `${count(objects.destroyFailures)} calls of destroy; ${count(objects.leaseTimeouts)} leases too long, ` +
            `${count(objects.waitTimeouts)} waits in vain`,
        ]),
  ];
}

/** What the pool did because memory was scarce, and why; nothing while it never was. */
function pressureLines(stats: PoolStats, pressure: PressureFigures): string[] {
  const { pressureReliefs, pressureCacheBytes, pressureColdBytes, pressureIdleBytes, objects } = stats;
  if (pressure.rises === 0 && pressureReliefs === 0) return [];
  const given = [
    [pressureCacheBytes, `${bytes(pressureCacheBytes)} of caches`],
    [pressureColdBytes, `${bytes(pressureColdBytes)} by moving cold data together`],
    [pressureIdleBytes, `${bytes(pressureIdleBytes)} that waited to be lent again`],
    [objects?.relieved ?? 0, counted(objects?.relieved ?? 0, 'idle object')],
  ] as const;
  const parts = given.filter(([amount]) => amount > 0).map(([, text]) => text);
  const when = `since ${timeOfDay(pressure.changedAtMs)}`;
  const state = pressure.level === 'none' ? `none ${when}; before, ` : `${pressure.level} ${when}: `;
  const did =
    parts.length === 0 ? 'nothing was idle that could be given back' : `gave back ${parts.join(', ')}`;
  return [`  pressure ${wrapped(`${state}${pressureReason(pressure)}; ${did}`, 11)}`];
}

/** Of a pool in a file. */
function fileLines({ file }: PoolStats): string[] {
  if (file === undefined) return [];
  const lag =
    file.undurableBytes === 0
      ? 'all of them durable'
      : `${bytes(file.undurableBytes)} of the journal not durable for ${duration(file.undurableMs * 1e6)}`;
  return [
    `  file     ${count(file.blocks)} blocks, ${bytes(file.usedBytes)} of ${bytes(file.dataBytes)}, ` +
      `${bytes(file.freeBytes)} in whole free pages; ${bytes(file.diskBytes)} on disk`,
    `  commits  ${count(file.commits)}, ${lag}; ${count(file.syncs)} syncs took ${duration(file.syncNs)}, ` +
      `${count(file.checkpoints)} checkpoints`,
  ];
}

/** What holds in this process besides a pool's figures. */
export interface ReportContext {
  readonly knobs: readonly KnobRow[];
  readonly uptimeMs: number;
  readonly pressure: PressureFigures;
}

/** One pool as text: what pool.report() returns and SUPERSLAB_STATS=1 prints at exit. */
export function reportText(stats: PoolStats, { knobs, uptimeMs, pressure }: ReportContext): string {
  const { slow } = stats;
  const lines = [
    `superslab pool "${stats.name}"${stats.closed ? ', closed' : ''}`,
    `  memory   in use ${bytes(stats.inUseBytes)}, cached ${bytes(stats.cachedBytes)}, ` +
      `committed ${bytes(stats.committedBytes)}` +
      (stats.maxBytes === 0 ? '' : `, ${percent(stats.use)} of ${exactBytes(stats.maxBytes)}`),
    ...(stats.peakChargedBytes === 0
      ? []
      : [`  peak     ${bytes(stats.peakChargedBytes)} at ${timeOfDay(stats.peakChargedAtMs)}`]),
    `  traffic  ${count(stats.acquires)} acquires, ${count(stats.releases)} releases, ` +
      `${percent(stats.hitRate)} without a native call`,
    ...objectLines(stats),
    ...fileLines(stats),
    ...adaptationLines(stats),
    ...learningLines(stats),
    `  system   ${count(stats.superslabsTaken)} superslabs taken, ${count(stats.superslabsGiven)} given back, ` +
      `${bytes(stats.purgedBytes)} purged in ${count(stats.purges)} calls`,
    `  process  ${count(stats.minorFaults)} page faults, ${count(stats.majorFaults)} of a disk; ` +
      `${count(stats.outstandingTokens)} tokens outstanding`,
    `  waste    ${percent(stats.utilization)} of what is committed is in use, ` +
      `${percent(stats.fragmentation)} lies free` +
      (stats.sizes.count === 0
        ? ''
        : `; ${percent(stats.internalWaste)} of what is leased was not asked for`),
    ...(slow.count === 0
      ? []
      : [
          `  slow     p50 ${duration(slow.p50Ns)}, p95 ${duration(slow.p95Ns)}, p99 ${duration(slow.p99Ns)}, ` +
            `max ${duration(slow.maxNs)}; ${count(stats.contended)} lock waits, ${duration(stats.lockWaitNs)}`,
        ]),
    `  trouble  ${count(stats.exhausted)} exhausted, ${count(stats.osFailures)} refused by the system, ` +
      `${count(stats.leakedBlocks + stats.collectedBlocks)} leaked (${bytes(stats.leakedBytes + stats.collectedBytes)}), ${count(stats.fallbacks)} fallbacks`,
    ...(stats.watchedBlocks + stats.quarantinedBlocks + stats.guardReports === 0
      ? []
      : [
          `  guards   ${count(stats.watchedBlocks)} blocks watched (${bytes(stats.watchedBytes)}), ` +
            `${count(stats.quarantinedBlocks)} in quarantine (${bytes(stats.quarantinedBytes)}), ` +
            `${count(stats.guardReports)} cases of misuse found, ${count(stats.poisonReports)} of them writes after a release`,
        ]),
    ...pressureLines(stats, pressure),
    ...histogramLine('sizes    ', stats.sizes, exactBytes),
    ...histogramLine('lived    ', stats.lifetimes, (us) => duration(us * 1000)),
    ...classTable(stats),
    ...adviceLines(adviceOn(stats, adviceFacts(knobs, uptimeMs))),
  ];
  return `${lines.join('\n')}\n`;
}
