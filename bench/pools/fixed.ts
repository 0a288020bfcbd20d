// Fixed pools against lists of Buffers written by hand.
import { Lane } from '../../lib/cli/bench/lane.js';
import type { Turn } from '../../lib/cli/bench/turns.js';
import { sizeName } from '../buffers/cases.js';
import { median, spread } from '../support/numbers.js';
import type { MeasuredRow } from '../support/report.js';
import { interleave } from '../support/rounds.js';
import type { FixedCase } from './fixed-lane.js';
import { FIXED_VARIANTS } from './fixed-lists.js';
import type { PoolBench } from './pool-bench.js';

async function fixedRow(work: FixedCase, quick: boolean): Promise<MeasuredRow> {
  const module = new URL('./fixed-lane.js', import.meta.url);
  const lanes = FIXED_VARIANTS.map(
    (name) => new Lane<Turn, number>(name, module, [name, JSON.stringify(work)]),
  );
  try {
    const samples = await interleave(lanes, quick ? 2 : 15, { ms: quick ? 3 : 25 });
    const middle = (name: string) => median(samples.get(name)!);
    const many = work.count === 1 ? '' : `, ${work.count} at a time`;
    return {
      case: `fixed: get and put of ${sizeName(work.size)}${many}`,
      unit: 'ns per buffer',
      superslab: middle('superslab'),
      peers: Object.fromEntries(FIXED_VARIANTS.slice(1).map((name) => [name, middle(name)])),
      spread: spread(samples.get('superslab')!),
    };
  } finally {
    for (const lane of lanes) lane.close();
  }
}

export const fixed: PoolBench = {
  async rows(quick) {
    const rows: MeasuredRow[] = [];
    for (const count of [1, 32]) rows.push(await fixedRow({ size: 2048, count }, quick));
    return rows;
  },
  notes: [
    'Bare list: an array of Buffers, pop() and push(). Checked list: one for each exact length, whose buffers note whether they are out.',
  ],
};
