// A process that runs one variant of one case of `bench -- pools record`. Arguments: the variant, the case.
import { getHeapStatistics } from 'node:v8';
import { serve } from '../../lib/cli/bench/lane.js';
import { type Loop, Timer, type Turn } from '../../lib/cli/bench/turns.js';
import { type RecordVariant, recordsOf } from './record-variants.js';

/**
 * cycle: one record after the other. live: of 100,000, the oldest is replaced. column: a field of 1,000,000 is summed, which were
 * made in that order; churned column: of which each was replaced since, in any order.
 */
export type RecordCase = 'cycle' | 'live' | 'garbage' | 'column' | 'churned column';

const LIVE = 100_000;
const COLUMN = 1_000_000;
const ROUNDS = 10_000_000;

/** What the loops read ends here and can be read elsewhere, so that none of it can be left out. */
export let sink = 0;

const [variant, work] = process.argv.slice(2) as [RecordVariant, RecordCase];
const { fill, replace, sum, cycle } = recordsOf(variant);

function live(): Loop {
  fill(LIVE);
  let at = 0;
  const run = (n: number) => {
    for (let i = 0; i < n; i++) {
      replace(at, i);
      at = at === LIVE - 1 ? 0 : at + 1;
    }
  };
  return { run, settles: 3 * LIVE };
}

function column(isChurned: boolean): Loop {
  fill(COLUMN);
  // Every place once, far apart.
  for (let i = 0; isChurned && i < COLUMN; i++) replace((i * 314_159) % COLUMN, i);
  return {
    run: (n) => {
      for (let i = 0; i < n; i++) sink += sum();
    },
    settles: 20,
  };
}

/** Bytes that the JavaScript heap has grown by in so many rounds; no collection may come between. */
function garbage(): number {
  sink += cycle(200_000);
  const rounds = variant === 'superslab' ? ROUNDS : 50_000;
  (globalThis as { gc?: () => void }).gc!();
  const before = getHeapStatistics().used_heap_size;
  sink += cycle(rounds);
  // The statistics are an object themselves.
  const grown = getHeapStatistics().used_heap_size - before;
  return Math.max(grown - 2048, 0) / rounds;
}

const loops: Record<Exclude<RecordCase, 'garbage'>, () => Loop> = {
  cycle: () => ({
    run: (n) => {
      sink += cycle(n);
    },
    settles: 64,
  }),
  live,
  column: () => column(false),
  'churned column': () => column(true),
};

if (work === 'garbage') {
  serve<Turn, number>(() => garbage());
} else {
  const timer = new Timer(loops[work]());
  const values = work.endsWith('column') ? COLUMN : 1;
  serve<Turn, number>((turn) => timer.take(turn) / values);
}
