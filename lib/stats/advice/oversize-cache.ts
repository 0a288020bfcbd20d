import { bytes, counted } from '../../base/text.js';
import type { Rule } from './advice.js';

const WORTHWHILE_BYTES = 16 * 2 ** 20;

/** Magazines hold more than callers do. */
export const oversizeCache: Rule = ({ cachedBytes, inUseBytes, threads }, { values }) =>
  cachedBytes > inUseBytes && cachedBytes > WORTHWHILE_BYTES
    ? {
        id: 'oversizeCache',
        severity: 'info',
        text:
          `the magazines of ${counted(threads, 'thread')} keep ${bytes(cachedBytes)}, callers ` +
          `${bytes(inUseBytes)}: lower SUPERSLAB_CACHE_BYTES (now ${values.get('SUPERSLAB_CACHE_BYTES')}) if ` +
          'memory is scarce',
        setting: 'SUPERSLAB_CACHE_BYTES',
      }
    : undefined;
