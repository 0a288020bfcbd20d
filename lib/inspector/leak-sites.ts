import type { LeakSites } from './types.js';

export function leakSites(): LeakSites {
  return { detection: 'off', sites: [] };
}
