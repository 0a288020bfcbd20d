import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLines } from '../feed/log-lines.js';
import type { Workload } from '../feed/workload.js';
import { MEMORY_KINDS, type MemoryKind } from '../memory/memory.js';
import { Lane, type LanePlan, type LaneResult } from './lane.js';

const WARM_UP_PASSES = 2;
/** A load is given in this many parts, in turns. */
const PARTS = 5;
/** Of the slower server's full speed: busy, but not so busy that latency is nothing but queues. */
const PACED_SHARE = 1 / 4;
/** How long the servers are left alone before their memory is looked at again. */
const IDLE_MS = 1500;

/** Steps of a round, for progress bars. */
export const ROUND_STEPS = MEMORY_KINDS.length * (3 + 2 * PARTS);

export interface RoundPlan extends LanePlan {
  /** Passes over the workload at full speed. */
  floodPasses: number;
  /** Seconds at a steady rate. */
  seconds: number;
  /** Lines a second in that time; none: a share of what the floods showed that the servers can take. */
  rate?: number;
}

export interface RoundResult {
  lanes: Record<MemoryKind, LaneResult>;
  rate: number;
}

/**
 * One round: a server on each kind of memory, all fed the same in small turns. While one works the others wait, and
 * turns are short, so that whatever else the machine does meanwhile hits all of them.
 */
export async function runRound(
  plan: RoundPlan,
  log: LogLines,
  workload: Workload,
  onStep: () => void,
): Promise<RoundResult> {
  const lanes = new Map<MemoryKind, Lane>();
  /** One step for each lane; who goes first alternates. */
  let turn = 0;
  const inTurns = async (step: (lane: Lane, kind: MemoryKind) => Promise<unknown>) => {
    const order = turn++ % 2 === 0 ? MEMORY_KINDS : [...MEMORY_KINDS].reverse();
    for (const kind of order) {
      await step(lanes.get(kind)!, kind);
      onStep();
    }
  };
  try {
    for (const kind of MEMORY_KINDS) {
      lanes.set(kind, await Lane.start(kind, plan));
      onStep();
    }
    await inTurns((lane) => lane.warmUp(WARM_UP_PASSES));

    let slowest = Number.POSITIVE_INFINITY;
    for (const passes of split(plan.floodPasses, PARTS)) {
      await inTurns(async (lane) => {
        const { linesPerSecond } = await lane.flood(passes);
        slowest = Math.min(slowest, linesPerSecond);
      });
    }
    const rate = plan.rate ?? slowest * PACED_SHARE;
    for (let part = 0; part < PARTS; part++) {
      await inTurns((lane) => lane.paced(rate, plan.seconds / PARTS));
    }

    for (const lane of lanes.values()) await lane.unload();
    const idle = sleep(IDLE_MS);
    await inTurns((lane) => lane.verify(log, workload));
    await idle;
    const results = {} as Record<MemoryKind, LaneResult>;
    for (const [kind, lane] of lanes) results[kind] = await lane.finish();
    return { lanes: results, rate };
  } finally {
    for (const lane of lanes.values()) await lane.dispose();
  }
}

/** Divides a whole number into at most `parts` whole numbers that are as equal as can be. */
function split(total: number, parts: number): number[] {
  return Array.from(
    { length: Math.min(total, parts) },
    (_, index) =>
      Math.floor(((index + 1) * total) / Math.min(total, parts)) -
      Math.floor((index * total) / Math.min(total, parts)),
  );
}
