// Pools of objects against those of others, and against an array.
import { Lane } from '../../lib/cli/bench/lane.js';
import type { Turn } from '../../lib/cli/bench/turns.js';
import { median, spread } from '../support/numbers.js';
import type { MeasuredRow } from '../support/report.js';
import { interleave } from '../support/rounds.js';
import type { ObjectCase } from './object-lane.js';
import { ASYNC_VARIANTS, SYNC_VARIANTS } from './object-variants.js';
import type { PoolBench } from './pool-bench.js';

async function objectRow(name: string, work: ObjectCase, quick: boolean): Promise<MeasuredRow> {
  const module = new URL('./object-lane.js', import.meta.url);
  const variants = work.isAsync ? ASYNC_VARIANTS : SYNC_VARIANTS;
  const lanes = variants.map(
    (variant) => new Lane<Turn, number>(variant, module, [variant, JSON.stringify(work)]),
  );
  try {
    const samples = await interleave(lanes, quick ? 2 : 15, { ms: quick ? 5 : 30 });
    const middle = (variant: string) => median(samples.get(variant)!);
    return {
      case: `object: ${name}`,
      unit: 'ns per object',
      superslab: middle('superslab'),
      peers: Object.fromEntries(variants.slice(1).map((variant) => [variant, middle(variant)])),
      spread: spread(samples.get('superslab')!),
    };
  } finally {
    for (const lane of lanes) lane.close();
  }
}

export const object: PoolBench = {
  async rows(quick) {
    return [
      await objectRow('get and put', { isAsync: false, count: 1 }, quick),
      await objectRow('acquire and release, one by one', { isAsync: true, count: 1 }, quick),
      await objectRow('acquire and release, 64 at once', { isAsync: true, count: 64 }, quick),
      await objectRow('acquire and release, 256 for 64 objects', { isAsync: true, count: 256 }, quick),
    ];
  },
  notes: ['Bare array: pop() and push(). generic-pool and tarn have nothing that is synchronous.'],
};
