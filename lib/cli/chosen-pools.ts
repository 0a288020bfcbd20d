import type { PoolStats, ProcessStats } from '../stats/pool-stats.js';
import { usageError } from './cli-error.js';

/** The pools of that name, or all; throws where there is none. */
export function chosenPools({ pools }: ProcessStats, name: string | undefined): readonly PoolStats[] {
  const found = name === undefined ? pools : pools.filter((pool) => pool.name === name);
  if (found.length > 0) return found;
  const names = [...new Set(pools.map((pool) => JSON.stringify(pool.name)))].join(', ');
  throw usageError(`the process has no pool ${JSON.stringify(name)}; there is: ${names}`);
}
