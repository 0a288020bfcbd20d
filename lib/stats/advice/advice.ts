import type { PoolStats } from '../pool-stats.js';
import type { AdviceFacts } from './facts.js';

/** Something that a pool's figures say one should do or know. */
export interface Advice {
  /** Names the rule; stays the same. */
  readonly id: string;
  /** `act`: requests fail or memory is lost. `warn`: it costs something. `info`: it might be better. */
  readonly severity: 'info' | 'warn' | 'act';
  /** What the figures show, with the figures, and what to do. */
  readonly text: string;
  /** The variable to set, if there is one. */
  readonly setting?: string;
}

/** Advice that follows from a pool's figures since it was made; undefined when they are well. */
export type Rule = (stats: PoolStats, facts: AdviceFacts) => Advice | undefined;
