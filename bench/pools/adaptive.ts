// A load whose sizes change, a load that ends, and bursts that come back.
import { Lane } from '../../lib/cli/bench/lane.js';
import { sizeName } from '../buffers/cases.js';
import type { MeasuredRow } from '../support/report.js';
import { type AdaptiveRequest, type BurstReply, SHIFT_SIZES, type ShiftReply } from './adaptive-cases.js';
import { ADAPTIVE_VARIANTS } from './adaptive-variants.js';
import type { PoolBench } from './pool-bench.js';

const module = new URL('./adaptive-lane.js', import.meta.url);
/** Of the bursts: for a minute, so that a run is over soon, but longer than idle memory stays. */
const INTERVAL_MS = 2500;

type Replies<Reply> = ReadonlyMap<string, Reply>;

function rowOf<Reply>(
  replies: Replies<Reply>,
  what: string,
  unit: string,
  figure: (reply: Reply) => number,
): MeasuredRow {
  const [own, ...peers] = ADAPTIVE_VARIANTS;
  return {
    case: `adaptive: ${what}`,
    unit,
    superslab: figure(replies.get(own)!),
    peers: Object.fromEntries(peers.map((name) => [name, figure(replies.get(name)!)])),
  };
}

/** One process a variant, one after the other: each wants a core for itself. */
async function shifts(ms: number): Promise<Replies<ShiftReply>> {
  const replies = new Map<string, ShiftReply>();
  for (const name of ADAPTIVE_VARIANTS) {
    const lane = new Lane<AdaptiveRequest, ShiftReply>(name, module, [name]);
    try {
      replies.set(name, await lane.call({ work: 'shift', ms, bursts: 0 }));
    } finally {
      lane.close();
    }
  }
  return replies;
}

/** All variants at a time, since they rest nearly always, a quarter of an interval apart. */
async function bursts(count: number): Promise<Replies<BurstReply>> {
  const variable = 'SUPERSLAB_DEMAND_INTERVAL_MS';
  const before = process.env[variable];
  process.env[variable] = String(INTERVAL_MS);
  const lanes = ADAPTIVE_VARIANTS.map((name) => new Lane<AdaptiveRequest, BurstReply>(name, module, [name]));
  if (before === undefined) delete process.env[variable];
  else process.env[variable] = before;
  try {
    const request: AdaptiveRequest = { work: 'bursts', ms: INTERVAL_MS, bursts: count };
    const calls: Promise<[string, BurstReply]>[] = [];
    for (const lane of lanes) {
      calls.push(lane.call(request).then((reply) => [lane.name, reply]));
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS / lanes.length));
    }
    return new Map(await Promise.all(calls));
  } finally {
    for (const lane of lanes) lane.close();
  }
}

export const adaptive: PoolBench = {
  async rows(quick) {
    const shifted = await shifts(quick ? 300 : 2000);
    const burst = await bursts(quick ? 2 : 8);
    return [
      ...SHIFT_SIZES.flatMap((size, i) => [
        rowOf(shifted, `steady load of ${sizeName(size)}`, 'ns per lease', ({ steadyNs }) => steadyNs[i]!),
        rowOf(
          shifted,
          `from the shift to ${sizeName(size)} to 95 % of that`,
          'ms',
          ({ settledMs }) => settledMs[i]!,
        ),
      ]),
      rowOf(shifted, 'resident 2 s after the load', 'x live', ({ residentApart }) => residentApart),
      rowOf(shifted, 'the same, every other buffer is live', 'x live', ({ residentAmong }) => residentAmong),
      rowOf(burst, '380 buffers of 64 KiB each interval', 'us per burst', ({ microseconds }) => microseconds),
      rowOf(burst, 'the same', 'page faults per burst', ({ faults }) => faults),
    ];
  },
  notes: [
    'Adaptive: hand-written pool: free lists of powers of two that give nothing back. Bursts are 2.5 s apart, as long as ' +
      'an interval of the demand windows here; each page is touched.',
  ],
};
