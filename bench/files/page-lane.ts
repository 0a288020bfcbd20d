// A process that reads pages by one means. Arguments: the means, the case as JSON.
import { serve } from '../../lib/cli/bench/lane.js';
import { Timer, type Turn } from '../../lib/cli/bench/turns.js';
import { PAGE_BYTES, type PageReader, pagesOf } from './page-readers.js';
import { type Sequence, trace, zipf } from './page-sequences.js';

export interface PageCase {
  readonly file: string;
  readonly sequence: 'resident' | 'zipf' | 'web07' | 'web12';
  /** Of the file's pages, how many have room in memory: a part of one. */
  readonly part: number;
  /** How many reads are under way at a time; 0: reads that block the thread. */
  readonly atOnce: number;
}

/** What the loops read ends here, so that none of it can be left out. */
export let sink = 0;

const ZIPF_PAGES = 16_384;
const RESIDENT_PAGES = 1024;

function sequenceOf(name: PageCase['sequence']): Sequence {
  if (name === 'zipf') return zipf(ZIPF_PAGES, 0.99, 500_000);
  if (name === 'resident') return zipf(RESIDENT_PAGES, 0, 100_000);
  return trace(name);
}

const [reader, json] = process.argv.slice(2) as [PageReader, string];
const { file, sequence, part, atOnce } = JSON.parse(json) as PageCase;
const { numbers, pages: count } = sequenceOf(sequence);
const cacheBytes = Math.ceil(count * part) * PAGE_BYTES;
const pages = pagesOf(reader, file, cacheBytes);
let at = 0;
const next = (): number => {
  const no = numbers[at]!;
  at = at + 1 === numbers.length ? 0 : at + 1;
  return no;
};

/** Nanoseconds of a read, of `atOnce` at a time. */
async function concurrent(ms: number): Promise<number> {
  const start = process.hrtime.bigint();
  const end = start + BigInt(Math.round(ms * 1e6));
  let done = 0;
  const worker = async () => {
    for (let i = 0; ; i++) {
      sink += await pages.read(next());
      done++;
      if (i % 64 === 63 && process.hrtime.bigint() > end) return;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return Number(process.hrtime.bigint() - start) / done;
}

const timer = new Timer({
  run(n) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += pages.readSync(next());
    sink += sum;
  },
  settles: count,
});
serve<Turn, number>(async (turn) => {
  if (atOnce === 0) return timer.take(turn);
  await concurrent(turn.ms / 2);
  return concurrent(turn.ms);
});
