// A page cache against what programs read pages by instead.
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { Lane } from '../../lib/cli/bench/lane.js';
import { inTurns, type Turn } from '../../lib/cli/bench/turns.js';
import { median, spread } from '../support/numbers.js';
import type { MeasuredRow } from '../support/report.js';
import type { PageCase } from './page-lane.js';
import { PAGE_BYTES, type PageReader } from './page-readers.js';

const module = new URL('./page-lane.js', import.meta.url);
/** As many as the longest trace asks for. */
const FILE_PAGES = 20_500;

interface Measured extends Omit<PageCase, 'file'> {
  readonly what: string;
  readonly readers: readonly PageReader[];
}

const BOTH = ['superslab', 'fs and lru-cache'] as const;
const ALL = [...BOTH, 'lmdb'] as const;
const EIGHTH = 1 / 8;

const CASES: readonly Measured[] = [
  { what: 'page that is in memory', sequence: 'resident', part: 1, atOnce: 0, readers: ALL },
  { what: 'Zipf 0.99, an eighth in memory', sequence: 'zipf', part: EIGHTH, atOnce: 0, readers: BOTH },
  { what: 'the same, one promise', sequence: 'zipf', part: EIGHTH, atOnce: 1, readers: BOTH },
  { what: 'the same, 16 at once', sequence: 'zipf', part: EIGHTH, atOnce: 16, readers: BOTH },
  { what: 'trace web07, an eighth', sequence: 'web07', part: EIGHTH, atOnce: 0, readers: BOTH },
  { what: 'the same, 16 at once', sequence: 'web07', part: EIGHTH, atOnce: 16, readers: BOTH },
  { what: 'trace web12, an eighth', sequence: 'web12', part: EIGHTH, atOnce: 0, readers: BOTH },
  { what: 'the same, 16 at once', sequence: 'web12', part: EIGHTH, atOnce: 16, readers: BOTH },
];

async function rowOf(
  { what, readers, ...work }: Measured,
  file: string,
  quick: boolean,
): Promise<MeasuredRow> {
  const own: PageCase = { ...work, file };
  const lanes = readers.map((name) => new Lane<Turn, number>(name, module, [name, JSON.stringify(own)]));
  const samples = await inTurns(lanes, quick ? 2 : 7, { ms: quick ? 30 : 200 });
  for (const lane of lanes) lane.close();
  return {
    case: `pages: ${what}`,
    unit: 'ns',
    superslab: median(samples[0]!),
    peers: Object.fromEntries(readers.slice(1).map((name, i) => [name, median(samples[i + 1]!)])),
    spread: spread(samples[0]!),
  };
}

export async function pageRows(folder: string, quick: boolean): Promise<MeasuredRow[]> {
  const file = `${folder}/pages`;
  const descriptor = openSync(file, 'w', 0o600);
  for (let no = 0; no < FILE_PAGES; no++) writeSync(descriptor, Buffer.alloc(PAGE_BYTES, no));
  closeSync(descriptor);
  const rows: MeasuredRow[] = [];
  for (const one of CASES) rows.push(await rowOf(one, file, quick));
  rmSync(file);
  return rows;
}

export const pageNotes = [
  'Pages of 4 KiB that the kernel has in its cache; one byte of each is read. fs and lru-cache: fs.readSync() or fs.read() behind an LRUCache with the same memory. lmdb: getBinaryFast().',
];
