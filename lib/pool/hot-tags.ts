import { facts } from '../addon/environment.js';

/**
 * The table that the fast path looks sizes up in: facts.tagOfGranules, or all zeros for as long as the next lease of any
 * pool is to take the slow path, because the magazine of tag 0 is always empty.
 */
export const hotTagOfGranules: Uint8Array = facts.tagOfGranules.slice();
