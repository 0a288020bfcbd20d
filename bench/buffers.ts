// Taking and giving back a buffer, against Buffer, against a free list of Buffers written by hand, and against a fresh view
// of memory; what it costs from cold; how much memory a small working set holds.

import { Lane, once } from '../lib/cli/bench/lane.js';
import type { Turn } from '../lib/cli/bench/turns.js';
import { LOOP_CASES, type LoopCase, loopCaseName, sizeName } from './buffers/cases.js';
import type { ColdReply, ColdRequest } from './buffers/cold-lane.js';
import type { ResidentReply, ResidentRequest } from './buffers/resident-lane.js';
import { VARIANTS } from './buffers/variants.js';
import { median, spread } from './support/numbers.js';
import { benchOptions } from './support/options.js';
import { type MeasuredRow, print } from './support/report.js';
import { interleave, type Samples } from './support/rounds.js';

const PEERS = ['Buffer.allocUnsafe', 'Buffer.alloc'] as const;
const MEMORIES = ['superslab', ...PEERS] as const;
const MIB = 2 ** 20;
const QUICK_SIZES = [16, 64, 4096, 65_536, 4 * MIB];

const options = benchOptions();

const CASES = options.quick ? LOOP_CASES.filter(({ min }) => QUICK_SIZES.includes(min)) : LOOP_CASES;

/** In a touched working set all slots of the views would be resident, used or not: they would say nothing. */
const hasBaseline = ({ kind, touch }: LoopCase) => !(kind === 'mixed' && touch);

async function loops(work: LoopCase): Promise<MeasuredRow[]> {
  const module = new URL('./buffers/loop-lane.js', import.meta.url);
  const json = JSON.stringify(work);
  const variants = VARIANTS.filter((name) => name !== 'fresh view' || hasBaseline(work));
  const lanes = variants.map((name) => new Lane<Turn, number>(name, module, [name, json]));
  try {
    const samples = await interleave(lanes, options.quick ? 2 : 11, { ms: options.quick ? 3 : 25 });
    return [
      loopRow(samples, 'superslab release(buf)', loopCaseName(work)),
      loopRow(samples, 'superslab buf.release()', `${loopCaseName(work)}, buf.release()`),
      loopRow(samples, 'superslab own pool', `${loopCaseName(work)}, buf.release(), pool of its own`),
    ];
  } finally {
    for (const lane of lanes) lane.close();
  }
}

function loopRow(samples: Samples, lane: string, name: string): MeasuredRow {
  const middle = (name: string) => median(samples.get(name)!);
  return {
    case: name,
    unit: 'ns/op',
    superslab: middle(lane),
    peers: Object.fromEntries(['free list', 'checked list', ...PEERS].map((peer) => [peer, middle(peer)])),
    ...(samples.has('fresh view') ? { baseline: middle('fresh view') } : {}),
    spread: spread(samples.get(lane)!),
  };
}

/** Each variant's replies from fresh processes, in turn. */
async function fresh<Variant extends string, Reply>(
  variants: readonly Variant[],
  ask: (variant: Variant) => Promise<Reply>,
): Promise<Map<string, Reply[]>> {
  const replies = new Map<string, Reply[]>(variants.map((name) => [name, []]));
  for (let round = 0; round < (options.quick ? 1 : 5); round++) {
    for (const variant of variants) replies.get(variant)!.push(await ask(variant));
  }
  return replies;
}

function freshRow<Reply>(
  name: string,
  unit: string,
  replies: Map<string, Reply[]>,
  figure: (reply: Reply) => number,
): MeasuredRow {
  const figures = (variant: string) => replies.get(variant)!.map(figure);
  return {
    case: name,
    unit,
    superslab: median(figures('superslab')),
    peers: Object.fromEntries(PEERS.map((peer) => [peer, median(figures(peer))])),
    ...(replies.has('fresh view') ? { baseline: median(figures('fresh view')) } : {}),
    spread: spread(figures('superslab')),
  };
}

async function cold(): Promise<MeasuredRow[]> {
  const module = new URL('./buffers/cold-lane.js', import.meta.url);
  const liveBytes = 64 * MIB;
  const faults: MeasuredRow[] = [];
  const times: MeasuredRow[] = [];
  for (const size of [1024, 16 * 1024, 256 * 1024]) {
    const replies = await fresh([...MEMORIES, 'fresh view'] as const, (variant) =>
      once<ColdRequest, ColdReply>(variant, module, { variant, size, liveBytes }),
    );
    const name = `from cold to 64 MiB live, ${sizeName(size)} each`;
    faults.push(freshRow(name, 'page faults per live MiB', replies, (reply) => reply.faults));
    times.push(freshRow(name, 'µs per live MiB', replies, (reply) => reply.microseconds));
  }
  return [...faults, ...times];
}

async function resident(): Promise<MeasuredRow> {
  const module = new URL('./buffers/resident-lane.js', import.meta.url);
  const work: LoopCase = { kind: 'mixed', min: 16, max: 1984, touch: true };
  const operations = options.quick ? 300_000 : 3_000_000;
  const replies = await fresh(MEMORIES, (variant) =>
    once<ResidentRequest, ResidentReply>(variant, module, { variant, work, operations }),
  );
  // The same numbers are drawn in each process, so the same bytes are live.
  const { live } = replies.get('superslab')![0]!;
  const name = `RSS for a working set of ${Math.round(live / 1000)} KB (baseline: what is live)`;
  return { ...freshRow(name, 'KiB', replies, (reply) => reply.grown / 1024), baseline: live / 1024 };
}

const rows: MeasuredRow[] = [];
for (const work of CASES) rows.push(...(await loops(work)));
rows.push(...(await cold()), await resident());
print('buffers', rows, options, [
  'Baseline: a view that is made and dropped, `new (class extends Uint8Array)(memory, offset, length)`.',
  'Free list: the same Buffer again and again, of the next power of two in size; no view is made, no misuse is found.',
  'Checked list: the same Buffers again, of exact lengths, each with a note whether it is out. It makes no view, and where ' +
    'lengths vary it seldom has one that fits.',
]);
