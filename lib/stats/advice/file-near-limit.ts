import { bytes, exactBytes, percent } from '../../base/text.js';
import type { Rule } from './advice.js';

const MAX_USE = 0.85;

/** Most of what a file may ever have is in use. */
export const fileNearLimit: Rule = ({ file, use }) =>
  file !== undefined && use > MAX_USE
    ? {
        id: 'fileNearLimit',
        severity: 'warn',
        text:
          `${bytes(file.usedBytes)}, ${percent(use)} of the file's maxBytes (${exactBytes(file.maxBytes)}), are in use: ` +
          'free blocks, or move to a file with a larger maxBytes, which is fixed when a file is made',
      }
    : undefined;
