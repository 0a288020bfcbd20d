import type { KnobOptions } from '../../addon/generated/options.js';
import { optionError } from '../../addon/option-checks.js';
import { optionPairs } from '../pool-options.js';

/**
 * What can be set for a {@link NumaPool}: the knobs of docs/KNOBS.md, but for `numa`, which it decides for each node.
 */
export interface NumaPoolOptions extends Omit<KnobOptions, 'numa'> {
  /**
   * For errors and reports, of printable characters.
   * @default 'pool-1', 'pool-2' and so on
   */
  name?: string;
}

/** @throws ERR_SUPERSLAB_OPTION when the option `numa` is among them */
export function refuseNuma(pairs: readonly (readonly [string, string | number])[]): void {
  if (!pairs.some(([name]) => name === 'numa')) return;
  throw optionError(
    'numa is no option of a NumaPool, which takes memory on the node of its thread; a BufferPool stays on the node that it is given',
  );
}

/**
 * What the native side is told.
 * @throws ERR_SUPERSLAB_OPTION
 */
export function numaPairs(options: NumaPoolOptions): [string, string | number][] {
  const pairs = optionPairs(options);
  refuseNuma(pairs);
  pairs.push(['numa', 'local']);
  return pairs;
}
