import { binding } from '../binding.js';
import { facts } from '../environment.js';
import type { LeakSites } from './types.js';

const detection = facts.knobs.find((row) => row.variable === 'SUPERSLAB_LEAK_DETECTION')!
  .value as LeakSites['detection'];

/** Those of all pools and threads. Pools may have chosen otherwise than the process. */
export function leakSites(): LeakSites {
  return { detection, sites: binding.leakSites() };
}
