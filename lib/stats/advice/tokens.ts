import { count } from '../../base/text.js';
import type { Rule } from './advice.js';

const MAX_TOKENS = 1000;

/** Shared buffers that nobody fetches. Of the whole process, so only the default pool says it. */
export const tokens: Rule = ({ outstandingTokens, heapId }) =>
  heapId === 0 && outstandingTokens > MAX_TOKENS
    ? {
        id: 'tokens',
        severity: 'warn',
        text:
          `${count(outstandingTokens)} tokens of share() were neither adopted nor revoked; each keeps its memory: ` +
          'revoke() those whose receiver is gone',
      }
    : undefined;
