import type { FeedTarget, FloodResult, PacedResult } from './feeder.js';
import type { Distribution } from './workload.js';

/** What a feeder process is told when it is forked, as JSON in its first argument. */
export interface FeederJob {
  files: string[];
  maxMessage: number;
  distribution: Distribution;
  target: FeedTarget;
  /** Passes over the log before anything is measured, for the server's code to be compiled. */
  warmUpPasses: number;
  floodPasses: number;
  /** How long lines are sent at a steady rate. */
  seconds: number;
  /** Lines a second in that time; none: a share of what the flood showed that the server can take. */
  rate?: number;
}

export type FeederReply =
  | { type: 'progress'; lines: number }
  | { type: 'done'; flood: FloodResult; paced: PacedResult; sent: number[] }
  | { type: 'failed'; message: string };
