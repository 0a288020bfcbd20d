/**
 * What comes over the stream is told in lib/inspector/types.ts. A process may run another version of superslab
 * than this page expects of it: figures that one of them does not have are shown as "–".
 */
import type { Hello, InspectorStats, MisuseSites } from '../../lib/inspector/types.js';

export type {
  Hello,
  InspectorLeak,
  InspectorStats,
  LeakSites,
  MisuseSites,
  PoolNames,
} from '../../lib/inspector/types.js';

export type MisuseSite = MisuseSites['sites'][number];
export type KnobRow = Hello['knobs'][number];
export type PoolFigures = InspectorStats['pools'][number];

/** How the slabs of one size class are cut. */
export interface ClassRow {
  readonly tag: number;
  readonly bytes: number;
  /** Slices of one slab. */
  readonly slices?: number;
  /** Blocks of one slab. */
  readonly blocks?: number;
}

/** The meaning of what is sent that this page knows. */
export const FORMAT = 1;
