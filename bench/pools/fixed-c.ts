// Fixed pools of superslab.h against what C programs write by hand, and against malloc.
import {
  BARE_ARRAY,
  LOCKED_LIST,
  nsOf,
  OWN_CACHE,
  OWN_MALLOC,
  otherMallocs,
  POOL,
  sourceSamples,
} from '../support/fixed-program.js';
import { median, spread } from '../support/numbers.js';
import type { MeasuredRow } from '../support/report.js';
import type { PoolBench } from './pool-bench.js';

export const fixedC: PoolBench = {
  async rows(quick) {
    const sources = [POOL, OWN_CACHE, BARE_ARRAY, LOCKED_LIST, OWN_MALLOC, ...otherMallocs()];
    const rows: MeasuredRow[] = [];
    for (const count of [1, 32]) {
      for (const size of [64, 2048]) {
        const samples = await sourceSamples(sources, quick ? 1 : 9, [size, 'loop', count]);
        const own = nsOf(samples, POOL);
        rows.push({
          case: `fixed in C: get, use and put of ${size} B${count === 1 ? '' : `, ${count} at a time`}`,
          unit: 'ns per object',
          superslab: median(own),
          peers: Object.fromEntries(
            sources.slice(1).map((source) => [source.name, median(nsOf(samples, source))]),
          ),
          spread: spread(own),
        });
      }
    }
    return rows;
  },
  notes: [
    'In C: own cache is ss_fixed_pool_cache(), kept by the thread. Bare array: pointers and a count, for one thread. Locked list: the',
    "same for threads, under a mutex. ss malloc is superslab's own malloc. Each run is the fastest of 60 short ones.",
  ],
};
