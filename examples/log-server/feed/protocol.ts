import type { FeedTarget, FloodResult, LatencyResult } from './feeder.js';
import type { Distribution } from './workload.js';

/** What a feeder process is told when it is forked, as JSON in its first argument. */
export interface FeederJob {
  files: string[];
  maxMessage: number;
  distribution: Distribution;
  target: FeedTarget;
}

export type FeederRequest =
  | { type: 'flood'; passes: number }
  | { type: 'paced'; linesPerSecond: number; seconds: number }
  | { type: 'close' };

export type FeederReply =
  | { type: 'ready' }
  | ({ type: 'flooded' } & FloodResult)
  | { type: 'paced' }
  /** Lines sent over each socket, and the latencies of all that were paced. */
  | { type: 'closed'; sent: number[]; latency: LatencyResult }
  | { type: 'failed'; message: string };
