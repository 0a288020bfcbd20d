// Packets of superslab.h against packets that C programs write by hand.
import { nsOf, otherMallocs, type Source, sourceSamples } from '../support/fixed-program.js';
import { median, spread } from '../support/numbers.js';
import type { MeasuredRow } from '../support/report.js';
import type { PoolBench } from './pool-bench.js';

const set = 'packets';
const POOL: Source = { name: 'superslab', program: 'pool', set, kind: 'clone' };
const COPY: Source = { name: 'copy', program: 'pool', set, kind: 'copy' };
const LIST: Source = { name: 'free list', program: 'list', set, kind: 'list' };

interface Work {
  readonly work: 'bulk' | 'offsets' | 'share';
  readonly bytes: number;
  readonly what: string;
  readonly unit: string;
}

const cases: readonly Work[] = [
  { work: 'bulk', bytes: 1500, what: 'get and release, 64 at a time', unit: 'ns per packet' },
  { work: 'offsets', bytes: 1500, what: 'push or pull of 8 B', unit: 'ns per operation' },
  { work: 'share', bytes: 1500, what: 'the same 1500 B again, and their release', unit: 'ns per packet' },
  { work: 'share', bytes: 65_536, what: 'the same 64 KiB again, and their release', unit: 'ns per packet' },
];

export const packetC: PoolBench = {
  async rows(quick) {
    const mallocs = otherMallocs().map((source): Source => ({ ...source, set }));
    const rows: MeasuredRow[] = [];
    for (const { work, bytes, what, unit } of cases) {
      const sources = [POOL, ...(work === 'share' ? [COPY] : []), LIST, ...mallocs];
      const samples = await sourceSamples(sources, quick ? 1 : 7, [work, bytes]);
      const own = nsOf(samples, POOL);
      rows.push({
        case: `packet in C: ${what}`,
        unit,
        superslab: median(own),
        peers: Object.fromEntries(
          sources.slice(1).map((source) => [source.name, median(nsOf(samples, source))]),
        ),
        spread: spread(own),
      });
    }
    return rows;
  },
  notes: [
    "In C: packets by hand have a header, offsets and bytes in one block of malloc's, or of a free list for one thread; the same bytes",
    'again are a clone of ours, and a copy of all others, also of ours where it says so. Each run is the fastest of 60 short ones.',
  ],
};
