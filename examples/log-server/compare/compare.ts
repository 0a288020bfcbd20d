import { LogLines } from '../feed/log-lines.js';
import { dealOut } from '../feed/workload.js';
import { MEMORY_KINDS, type MemoryKind } from '../memory/memory.js';
import { Format } from '../syslog/message.js';
import { SyslogParser } from '../syslog/parser.js';
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
  /** Lines a second at which latencies were measured. */
  rate: number;
  rows: Row[];
}

/**
 * Feeds the same log to the same server on each kind of memory, each time in a process of its own, in turns: a machine
 * that gets slower or faster while this runs does so for both.
 */
export async function compare(plan: ComparePlan): Promise<Comparison> {
  const { files, maxMessage, distribution, seconds, warmUpPasses } = plan.feeder;
  const log = LogLines.read(files, maxMessage);
  const workload = dealOut(log, distribution);
  const floodPasses = Math.ceil(plan.floodLines / workload.lines);
  const trial: TrialPlan = { server: plan.server, feeder: { ...plan.feeder, floodPasses } };
  const floodLines = (warmUpPasses + floodPasses) * workload.lines;

  const bar = new ProgressBar();
  const results: Record<MemoryKind, TrialResult[]> = { superslab: [], plain: [] };
  const total = plan.rounds * MEMORY_KINDS.length;
  const trialLines = () => floodLines + (trial.feeder.rate ?? 0) * seconds;
  try {
    for (let number = 0; number < total; number++) {
      const round = Math.floor(number / MEMORY_KINDS.length);
      // Who goes first changes with each round.
      const kind = MEMORY_KINDS[(number + round) % MEMORY_KINDS.length]!;
      const label = `round ${round + 1} of ${plan.rounds}: ${kind === 'plain' ? 'plain buffers' : kind}`;
      bar.update(number / total, label);
      const result = await runTrial(kind, trial, log, workload, (lines) =>
        bar.update((number + Math.min(0.95, lines / trialLines())) / total, label),
      );
      // The first trial finds the rate, all others keep it: latencies are only comparable at the same one.
      trial.feeder.rate ??= result.rate;
      results[kind].push(result);
    }
  } finally {
    bar.clear();
  }
  return {
    log: { lines: log.length, bytes: log.bytes.length, cut: log.cut, unparsed: countUnparsed(log) },
    rate: trial.feeder.rate ?? 0,
    rows: summarize(results),
  };
}

/** Lines of a log that are not syslog. */
function countUnparsed(log: LogLines): number {
  const parser = new SyslogParser();
  let count = 0;
  for (let line = 0; line < log.length; line++) {
    const message = parser.parse(log.bytes, log.starts[line]!, log.ends[line]!);
    if (message.format === Format.unparsed) count++;
  }
  return count;
}
