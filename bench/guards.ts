// What leak detection and guards cost: acquire and release, with nothing done to the buffer, and with all of its
// bytes written.

import { Lane } from '../lib/cli/bench/lane.js';
import type { Turn } from '../lib/cli/bench/turns.js';
import { sizeName } from './buffers/cases.js';
import { MODES, type Mode } from './guards/variants.js';
import { spread } from './support/numbers.js';
import { benchOptions } from './support/options.js';
import { type MeasuredRow, print } from './support/report.js';
import { interleave } from './support/rounds.js';

const options = benchOptions();
const module = new URL('./guards/guard-lane.js', import.meta.url);
const modes = Object.keys(MODES) as Mode[];

interface Case {
  readonly size: number;
  readonly written: boolean;
  /** Frames of a stack; 0 takes none. */
  readonly frames: number;
}

const CASES: readonly Case[] = [8, 0].flatMap((frames) => [
  { size: 1536, written: false, frames },
  ...[1536, 4096, 65_536].map((size) => ({ size, written: true, frames })),
]);

function caseName({ size, written, frames }: Case): string {
  return `${sizeName(size)}${written ? ', written' : ''}${frames === 0 ? ', no stacks' : ''}`;
}

/** The quickest round: what is in its way otherwise belongs to the machine. */
const quickest = (values: readonly number[]) => Math.min(...values);

async function measure(work: Case): Promise<MeasuredRow> {
  process.env.SUPERSLAB_LEAK_FRAMES = String(work.frames);
  const lanes = modes.map(
    (mode) =>
      new Lane<Turn, number>(mode, module, [mode, String(work.size), work.written ? 'written' : 'bare']),
  );
  try {
    const samples = await interleave(lanes, options.quick ? 2 : 11, { ms: options.quick ? 5 : 50 });
    const { off, ...rest } = Object.fromEntries(modes.map((mode) => [mode, quickest(samples.get(mode)!)]));
    return {
      case: caseName(work),
      unit: 'ns/op',
      superslab: off!,
      peers: rest as Record<string, number>,
      spread: spread(samples.get('off')!),
    };
  } finally {
    for (const lane of lanes) lane.close();
  }
}

const rows: MeasuredRow[] = [];
for (const work of options.quick ? CASES.slice(0, 2) : CASES) rows.push(await measure(work));
print('guards', rows, options, [
  'superslab: nothing is turned on. The factor after each mode is what it costs. Quickest of the rounds.',
  'A stack takes 1 to 4 µs, and full detection and guards take two for each lease: hundreds of times what a',
  'bare acquire and release cost. Without stacks (SUPERSLAB_LEAK_FRAMES=0) reports do not say where.',
]);
