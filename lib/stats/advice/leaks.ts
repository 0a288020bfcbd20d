import { bytes, count } from '../../text.js';
import type { Rule } from './advice.js';

/** Leases ended without a release: with their buffer, or with their thread. */
export const leaks: Rule = ({ leakedBlocks, leakedBytes, collectedBlocks, collectedBytes }, { values }) => {
  const blocks = leakedBlocks + collectedBlocks;
  if (blocks === 0) return undefined;
  const variable = 'SUPERSLAB_LEAK_DETECTION';
  // Only who watches leases sees one collected, and has taken its stack.
  const knowsWhere = collectedBlocks > 0 || values.get(variable) === 'full';
  return {
    id: 'leaks',
    severity: 'act',
    text:
      `${count(blocks)} ${blocks === 1 ? 'block' : 'blocks'} (${bytes(leakedBytes + collectedBytes)}) were leased ` +
      `and never released: ${knowsWhere ? 'the leak sites tell where' : `${variable}=full tells where`}`,
    ...(knowsWhere ? {} : { setting: variable }),
  };
};
