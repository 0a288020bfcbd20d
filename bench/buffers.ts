// Taking and giving back a buffer, against Buffer and against the least that a view of memory costs; what
// it costs from cold; how much memory a small working set holds.
import { LOOP_CASES, type LoopCase, loopCaseName, sizeName } from './buffers/cases.js';
import type { ColdRequest } from './buffers/cold-lane.js';
import type { ResidentReply, ResidentRequest } from './buffers/resident-lane.js';
import { VARIANTS } from './buffers/variants.js';
import { Lane, once } from './support/lane.js';
import { median, spread } from './support/numbers.js';
import { benchOptions } from './support/options.js';
import { type MeasuredRow, print } from './support/report.js';
import { interleave, type Samples, type TimedRequest } from './support/rounds.js';

const PEERS = ['Buffer.allocUnsafe', 'Buffer.alloc'] as const;
const MEMORIES = ['superslab', ...PEERS] as const;
const MIB = 2 ** 20;

const options = benchOptions();

/** A working set that is touched would need all of the limit's slots resident: it says nothing there. */
const hasCase = (lane: string, { kind, touch }: LoopCase) => !(lane === 'limit' && kind === 'mixed' && touch);

async function loops(): Promise<MeasuredRow[]> {
  const module = new URL('./buffers/loop-lane.js', import.meta.url);
  const lanes = VARIANTS.map(
    (name) => new Lane<TimedRequest<LoopCase>, number>(name, module, [name], ['--expose-gc']),
  );
  try {
    const rounds = options.quick ? 2 : 11;
    const samples = await interleave(lanes, LOOP_CASES, { rounds, ms: options.quick ? 3 : 25, has: hasCase });
    return LOOP_CASES.flatMap((work, index) => [
      loopRow(samples, work, index, 'superslab release(buf)', ''),
      loopRow(samples, work, index, 'superslab buf.release()', ', buf.release()'),
    ]);
  } finally {
    for (const lane of lanes) lane.close();
  }
}

function loopRow(samples: Samples, work: LoopCase, index: number, lane: string, suffix: string): MeasuredRow {
  const of = (name: string) => samples.get(name)![index]!;
  return {
    case: `${loopCaseName(work)}${suffix}`,
    unit: 'ns/op',
    superslab: median(of(lane)),
    peers: Object.fromEntries(PEERS.map((peer) => [peer, median(of(peer))])),
    ...(hasCase('limit', work) ? { limit: median(of('limit')) } : {}),
    spread: spread(of(lane)),
  };
}

/** One figure of each memory, each from fresh processes, in turn. */
async function fresh<Reply>(ask: (variant: (typeof MEMORIES)[number]) => Promise<Reply>) {
  const replies = new Map<string, Reply[]>(MEMORIES.map((name) => [name, []]));
  for (let round = 0; round < (options.quick ? 1 : 5); round++) {
    for (const variant of MEMORIES) replies.get(variant)!.push(await ask(variant));
  }
  return replies;
}

function freshRow(name: string, unit: string, figures: Map<string, number[]>, limit?: number): MeasuredRow {
  return {
    case: name,
    unit,
    superslab: median(figures.get('superslab')!),
    peers: Object.fromEntries(PEERS.map((peer) => [peer, median(figures.get(peer)!)])),
    ...(limit === undefined ? {} : { limit }),
    spread: spread(figures.get('superslab')!),
  };
}

async function coldFaults(): Promise<MeasuredRow[]> {
  const module = new URL('./buffers/cold-lane.js', import.meta.url);
  const liveBytes = 64 * MIB;
  const rows: MeasuredRow[] = [];
  for (const size of [1024, 16 * 1024, 256 * 1024]) {
    const figures = await fresh((variant) =>
      once<ColdRequest, number>(variant, module, { variant, size, liveBytes }),
    );
    rows.push(freshRow(`from cold, ${sizeName(size)} each, 64 MiB live`, 'page faults/MiB', figures));
  }
  return rows;
}

async function resident(): Promise<MeasuredRow> {
  const module = new URL('./buffers/resident-lane.js', import.meta.url);
  const work: LoopCase = { kind: 'mixed', min: 16, max: 1984, touch: true };
  const operations = options.quick ? 300_000 : 3_000_000;
  const replies = await fresh((variant) =>
    once<ResidentRequest, ResidentReply>(variant, module, { variant, work, operations }, ['--expose-gc']),
  );
  const live = median(replies.get('superslab')!.map((reply) => reply.live));
  const figures = new Map(
    [...replies].map(([name, all]) => [name, all.map((reply) => reply.grown / 1024)] as const),
  );
  return freshRow(
    `RSS growth for a working set of ${Math.round(live / 1000)} KB`,
    'KiB (limit: what is live)',
    figures,
    live / 1024,
  );
}

const rows = [...(await loops()), ...(await coldFaults()), await resident()];
print('buffers', rows, options);
