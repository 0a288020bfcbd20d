import { bytes, exactBytes, percent } from '../../base/text.js';
import type { Rule } from './advice.js';

const MAX_USE = 0.85;

/** Most of maxBytes is taken: the next burst may find none. Where half of it is cached, that serves the burst. */
export const nearLimit: Rule = ({ use, maxBytes, cachedBytes, file }) =>
  file === undefined && use > MAX_USE && cachedBytes <= maxBytes / 2
    ? {
        id: 'nearLimit',
        severity: 'warn',
        text:
          `${percent(use)} of maxBytes (${exactBytes(maxBytes)}) is in use, ${bytes(cachedBytes)} of it cached: ` +
          'raise maxBytes, or release sooner',
        setting: 'SUPERSLAB_MAX_BYTES',
      }
    : undefined;
