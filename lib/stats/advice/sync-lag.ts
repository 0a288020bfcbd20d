import { bytes, duration } from '../../base/text.js';
import type { Rule } from './advice.js';

const MAX_MS = 60_000;
const MAX_BYTES = 4 * 2 ** 20;

/** Commits have not been made durable for long: a power failure would take them. */
export const syncLag: Rule = ({ file }) => {
  if (file === undefined || (file.undurableMs <= MAX_MS && file.undurableBytes <= MAX_BYTES))
    return undefined;
  return {
    id: 'syncLag',
    severity: 'warn',
    text:
      `a power failure would take the commits of the last ${duration(file.undurableMs * 1e6)} (${bytes(file.undurableBytes)} ` +
      "of the journal): commit({ sync: 'data' }) now and then, from a timer if nothing else comes",
  };
};
