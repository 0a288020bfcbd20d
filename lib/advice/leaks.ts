import { bytes, count } from '../text.js';
import type { Rule } from './advice.js';

/** Blocks came back without a release. */
export const leaks: Rule = ({ leakedBlocks, leakedBytes }, { values }) => {
  if (leakedBlocks === 0) return undefined;
  const variable = 'SUPERSLAB_LEAK_DETECTION';
  const knowsWhere = values.get(variable) === 'full';
  return {
    id: 'leaks',
    severity: 'act',
    text:
      `${count(leakedBlocks)} ${leakedBlocks === 1 ? 'block' : 'blocks'} (${bytes(leakedBytes)}) were leased ` +
      `and never released: ${knowsWhere ? 'the leak sites tell where' : `${variable}=full tells where`}`,
    ...(knowsWhere ? {} : { setting: variable }),
  };
};
