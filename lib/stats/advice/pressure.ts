import { bytes, counted } from '../../base/text.js';
import type { Rule } from './advice.js';

/** Memory is scarce, or was: what the pool kept for the next request had to go. */
export const pressure: Rule = (stats) => {
  const { pressureLevel, pressureRises, pressureCacheBytes, pressureColdBytes, pressureIdleBytes } = stats;
  const given = pressureCacheBytes + pressureColdBytes + pressureIdleBytes;
  const objects = stats.objects?.relieved ?? 0;
  if (given + objects === 0) return undefined;
  const what = objects > 0 ? counted(objects, 'idle object') : bytes(given);
  return {
    id: 'pressure',
    severity: pressureLevel > 1 ? 'act' : 'warn',
    text:
      `memory ${pressureLevel > 0 ? 'is' : 'was'} scarce (it became so ${counted(pressureRises, 'time')}), and the pool gave ` +
      `${what} back, which it must get again: give the process more memory, or have it hold less`,
  };
};
