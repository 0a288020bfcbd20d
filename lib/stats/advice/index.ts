import type { PoolStats } from '../pool-stats.js';
import type { Advice, Rule } from './advice.js';
import { classMisses } from './class-misses.js';
import { contention } from './contention.js';
import { doubleFrees } from './double-frees.js';
import type { AdviceFacts } from './facts.js';
import { failures } from './failures.js';
import { fileFailures } from './file-failures.js';
import { fileFaults } from './file-faults.js';
import { fileNearLimit } from './file-near-limit.js';
import { fragmented } from './fragmented.js';
import { guardReports } from './guard-reports.js';
import { hugeMisses } from './huge-misses.js';
import { hugePageFallbacks } from './huge-page-fallbacks.js';
import { internalWaste } from './internal-waste.js';
import { leaks } from './leaks.js';
import { nearLimit } from './near-limit.js';
import { numaRemote } from './numa-remote.js';
import { osRefusals } from './os-refusals.js';
import { oversizeCache } from './oversize-cache.js';
import { pageFaults } from './page-faults.js';
import { pressure } from './pressure.js';
import { remoteFrees } from './remote-frees.js';
import { slowTail } from './slow-tail.js';
import { syncLag } from './sync-lag.js';
import { tokens } from './tokens.js';

/** Those of more urgent advice come first; pageFaults and pressure, which are of two kinds, stand between. */
export const rules: readonly Rule[] = [
  failures,
  fileFailures,
  osRefusals,
  leaks,
  doubleFrees,
  guardReports,
  pressure,
  nearLimit,
  fileNearLimit,
  syncLag,
  classMisses,
  hugeMisses,
  contention,
  fragmented,
  hugePageFallbacks,
  numaRemote,
  tokens,
  pageFaults,
  fileFaults,
  slowTail,
  remoteFrees,
  internalWaste,
  oversizeCache,
];

/** All advice that follows from a pool's figures, the most urgent first. */
export function adviceOn(stats: PoolStats, facts: AdviceFacts): Advice[] {
  return rules.map((rule) => rule(stats, facts)).filter((advice) => advice !== undefined);
}
