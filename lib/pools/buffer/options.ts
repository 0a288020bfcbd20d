import type { KnobOptions } from '../../addon/generated/options.js';

/** What can be set for one pool; see docs/KNOBS.md. Options win over the environment. */
export interface BufferPoolOptions extends KnobOptions {
  /**
   * For errors and reports, of printable characters.
   * @default 'pool-1', 'pool-2' and so on
   */
  name?: string;
}
