import { bytes, counted } from '../../base/text.js';
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
      `${counted(blocks, 'block')} (${bytes(leakedBytes + collectedBytes)}) ${blocks === 1 ? 'was' : 'were'} leased ` +
      `and never released: ${knowsWhere ? 'the leak sites tell where' : `${variable}=full tells where`}`,
    ...(knowsWhere ? {} : { setting: variable }),
  };
};
