import { LogLines } from '../feed/log-lines.js';
import { dealOut, type Workload } from '../feed/workload.js';
import { MEMORY_KINDS, type MemoryKind } from '../memory/memory.js';
import { Format } from '../syslog/message.js';
import { SyslogParser } from '../syslog/parser.js';
import type { LaneResult } from './lane.js';
import { ProgressBar } from './progress-bar.js';
import { type Row, restartRow, summarize } from './report.js';
import { Restart } from './restart.js';
import { ROUND_STEPS, type RoundPlan, runRound } from './round.js';

export interface ComparePlan extends Omit<RoundPlan, 'floodPasses'> {
  rounds: number;
  /** Lines of a round at full speed; rounded up to whole passes over the log. */
  floodLines: number;
}

export interface Comparison {
  log: { lines: number; bytes: number; cut: number; unparsed: number };
  /** Lines a second at which latencies were measured. */
  rate: number;
  rows: Row[];
}

/** Feeds the same log to the same server on each kind of memory, each in a process of its own, for some rounds. */
export async function compare(plan: ComparePlan): Promise<Comparison> {
  const log = LogLines.read(plan.feeder.files, plan.feeder.maxMessage);
  const workload = dealOut(log, plan.feeder.distribution);
  const unparsed = countUnparsed(log);
  const round: RoundPlan = { ...plan, floodPasses: Math.ceil(plan.floodLines / workload.lines) };

  const bar = new ProgressBar();
  const results: Record<MemoryKind, LaneResult[]> = { superslab: [], pooled: [], plain: [] };
  const restarts = {} as Record<MemoryKind, number>;
  let steps = 0;
  try {
    for (let number = 1; number <= plan.rounds; number++) {
      const step = () =>
        bar.update(steps++ / (plan.rounds * ROUND_STEPS), `round ${number} of ${plan.rounds}`);
      step();
      steps--;
      const { lanes, rate } = await runRound(round, log, workload, step);
      // The first round finds the rate, all others keep it: latencies are only comparable at the same one.
      round.rate ??= rate;
      for (const [kind, result] of Object.entries(lanes)) results[kind as MemoryKind].push(result);
    }
    for (const kind of MEMORY_KINDS) restarts[kind] = await Restart.run(kind, plan.scratch, plan.server, log);
  } finally {
    bar.clear();
  }
  return {
    log: { lines: log.length, bytes: log.bytes.length, cut: log.cut, unparsed },
    rate: round.rate ?? 0,
    rows: [...summarize(results, bytesPerLine(log, workload)), restartRow(restarts)],
  };
}

/** Bytes that the server gets for a line on average, framing included. */
function bytesPerLine(log: LogLines, workload: Workload): number {
  const tcp = workload.tcp.reduce((sum, stream) => sum + stream.bytes.length, 0);
  const udp = workload.udp.reduce((sum, line) => sum + log.line(line).length, 0);
  return (tcp + udp) / workload.lines;
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
