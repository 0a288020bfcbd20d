import { LogLines } from '../feed/log-lines.js';
import { dealOut } from '../feed/workload.js';
import { MEMORY_KINDS, type MemoryKind } from '../memory/memory.js';
import { ProgressBar } from './progress-bar.js';
import { type Row, summarize } from './report.js';
import { runTrial, type TrialPlan, type TrialResult } from './trial.js';

export interface ComparePlan extends Omit<TrialPlan, 'feeder'> {
  feeder: Omit<TrialPlan['feeder'], 'floodPasses'>;
  rounds: number;
  /** Lines of a flood; rounded up to whole passes over the log. */
  floodLines: number;
}

export interface Comparison {
  log: { lines: number; bytes: number; cut: number; unparsed: number };
  rows: Row[];
}

/**
 * Feeds the same log to the same server on each kind of memory, each time in a process of its own, in turns: a machine
 * that gets slower or faster while this runs does so for both.
 */
export async function compare(plan: ComparePlan): Promise<Comparison> {
  const { files, maxMessage, distribution, rate, seconds, warmUpPasses } = plan.feeder;
  const log = LogLines.read(files, maxMessage);
  const workload = dealOut(log, distribution);
  const floodPasses = Math.ceil(plan.floodLines / workload.lines);
  const trial: TrialPlan = { server: plan.server, feeder: { ...plan.feeder, floodPasses } };
  const trialLines = (warmUpPasses + floodPasses) * workload.lines + rate * seconds;

  const bar = new ProgressBar();
  const results: Record<MemoryKind, TrialResult[]> = { superslab: [], plain: [] };
  const total = plan.rounds * MEMORY_KINDS.length;
  let unparsed = 0;
  try {
    for (let number = 0; number < total; number++) {
      const round = Math.floor(number / MEMORY_KINDS.length);
      // Who goes first changes with each round.
      const kind = MEMORY_KINDS[(number + round) % MEMORY_KINDS.length]!;
      const label = `round ${round + 1} of ${plan.rounds}: ${kind === 'plain' ? 'plain buffers' : kind}`;
      bar.update(number / total, label);
      const result = await runTrial(kind, trial, log, workload, (lines) =>
        bar.update((number + Math.min(0.95, lines / trialLines)) / total, label),
      );
      unparsed = result.unparsed;
      results[kind].push(result);
    }
  } finally {
    bar.clear();
  }
  return {
    log: { lines: log.length, bytes: log.bytes.length, cut: log.cut, unparsed },
    rows: summarize(results),
  };
}
