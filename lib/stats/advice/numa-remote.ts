import { percent } from '../../base/text.js';
import type { Rule } from './advice.js';

const MIN_BLOCKS = 1000;
const MAX_REMOTE = 0.2;

/** Threads work on memory of another node. */
export const numaRemote: Rule = ({ numaLocal, numaRemote: remote }, { values }) => {
  const blocks = numaLocal + remote;
  return blocks >= MIN_BLOCKS && remote / blocks > MAX_REMOTE
    ? {
        id: 'numaRemote',
        severity: 'warn',
        text:
          `${percent(remote / blocks)} of the blocks lie on another node than the thread that fetches them ` +
          `(SUPERSLAB_NUMA is ${values.get('SUPERSLAB_NUMA')}): bind the process to a node with "numactl ` +
          '--cpunodebind=0 --membind=0", or give each node a pool of its own: NumaPool',
        setting: 'SUPERSLAB_NUMA',
      }
    : undefined;
};
