// Pools of records against objects.
import { Lane } from '../../lib/cli/bench/lane.js';
import type { Turn } from '../../lib/cli/bench/turns.js';
import { median, spread } from '../support/numbers.js';
import type { MeasuredRow } from '../support/report.js';
import { interleave } from '../support/rounds.js';
import type { PoolBench } from './pool-bench.js';
import type { RecordCase } from './record-lane.js';
import { RECORD_VARIANTS } from './record-variants.js';

/** So that no collection comes while garbage is counted. */
const FLAGS = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'];

async function recordRow(work: RecordCase, what: string, unit: string, quick: boolean): Promise<MeasuredRow> {
  const module = new URL('./record-lane.js', import.meta.url);
  const flags = work === 'garbage' ? FLAGS : [];
  const lanes = RECORD_VARIANTS.map((name) => new Lane<Turn, number>(name, module, [name, work], flags));
  try {
    const samples = await interleave(lanes, quick ? 2 : work === 'garbage' ? 3 : 15, { ms: quick ? 3 : 50 });
    const middle = (name: string) => median(samples.get(name)!);
    return {
      case: `record: ${what}`,
      unit,
      superslab: middle('superslab'),
      peers: Object.fromEntries(RECORD_VARIANTS.slice(1).map((name) => [name, middle(name)])),
      spread: spread(samples.get('superslab')!),
    };
  } finally {
    for (const lane of lanes) lane.close();
  }
}

export const record: PoolBench = {
  async rows(quick) {
    return [
      await recordRow('cycle', 'get, set 4 fields, put', 'ns per record', quick),
      await recordRow('live', 'the same, 100,000 of them live', 'ns per record', quick),
      await recordRow('garbage', 'garbage of 10,000,000 rounds', 'bytes per record', quick),
      await recordRow('column', 'a field of 1,000,000 summed, in the order of making', 'ns per value', quick),
      await recordRow('churned column', 'the same when each was replaced once', 'ns per value', quick),
    ];
  },
  notes: [
    'Object literals: a new one each time, for the collector. List of objects: an array of them, pop() and push(), unchecked.',
  ],
};
