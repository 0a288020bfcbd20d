/** What the card says of the slab under the pointer. */
import {
  FLAG,
  SLICE_BYTES,
  SLICES,
  SUPERSLAB_BYTES,
  SUPERSLABS_PER_ARENA,
  TAG_FREE,
  TAG_HUGE,
  USE,
} from './map-format.js';
import { type MemoryModel, NO_POOL, shareOf } from './memory-model.js';
import type { ClassRow } from './protocol.js';
import { bytes, duration, whole } from './units.js';

export interface SlabFacts {
  readonly title: string;
  readonly rows: readonly (readonly [string, string])[];
}

export interface Naming {
  /** By the ordinal that records carry. */
  readonly pools: ReadonlyMap<number, string>;
  readonly classOfTag: ReadonlyMap<number, ClassRow>;
}

/** First slice and number of slices of the slab, or of the free stretch, that `slice` belongs to. */
export function slabAt(model: MemoryModel, superslab: number, slice: number) {
  const starts = model.start.subarray(superslab * SLICES, (superslab + 1) * SLICES);
  const first = starts[slice]!;
  let end = first + 1;
  while (end < SLICES && starts[end] === first) end++;
  return { first, slices: end - first };
}

export function slabFacts(
  model: MemoryModel,
  superslab: number,
  slice: number,
  naming: Naming,
  now: number,
): SlabFacts | undefined {
  if (model.isPresent[superslab] !== 1) return undefined;
  const flags = model.flags[superslab]!;
  const place = superslab % SUPERSLABS_PER_ARENA;
  const where: [string, string][] = [
    ['Superslab', `${superslab} · arena ${Math.floor(superslab / SUPERSLABS_PER_ARENA)}`],
  ];
  const pages = flags & FLAG.hugePages ? 'huge' : flags & FLAG.transparentHuge ? 'transparent huge' : 'plain';
  const node = model.node[superslab] === 0 ? '' : ` · node ${model.node[superslab]! - 1}`;
  const tail: [string, string][] = [['Pages', `${pages}${node}`]];
  if (flags & FLAG.secret) tail.push(['Kept secret', 'not in core dumps or forks']);

  const use = model.use[superslab];
  if (use === USE.spare) {
    where.push(['Offset', offset(place * SUPERSLAB_BYTES)]);
    const keeps = flags & FLAG.idle;
    return {
      title: 'Spare superslab',
      rows: [['State', keeps ? 'idle, keeps its memory' : 'in no pool, no memory'], ...where, ...tail],
    };
  }

  const pool = model.pool[superslab]!;
  const rows: [string, string][] = [
    ['Pool', pool === NO_POOL ? 'without a name' : (naming.pools.get(pool) ?? `number ${pool}`)],
  ];
  const at = superslab * SLICES + slice;
  if (use === USE.hugeHead || use === USE.hugeTail) {
    let head = superslab;
    while (head > 0 && model.use[head] === USE.hugeTail) head--;
    const span = Math.max(model.span[head]!, 1);
    rows.push(['In use', model.fullness[head * SLICES]! > 0 ? 'leased' : 'kept for reuse']);
    rows.push(['Temperature', temperature(model.restedMs(at, now))]);
    rows.push(['Superslabs', span === 1 ? `${head}` : `${head} to ${head + span - 1}`]);
    rows.push(['Offset', offset((head % SUPERSLABS_PER_ARENA) * SUPERSLAB_BYTES)]);
    return { title: `Huge block, ${bytes(span * SUPERSLAB_BYTES)}`, rows: [...rows, ...tail] };
  }

  const tag = model.tag[at]!;
  const { first, slices } = slabAt(model, superslab, slice);
  const size = slices * SLICE_BYTES;
  where.push(['Offset', offset(place * SUPERSLAB_BYTES + first * SLICE_BYTES)]);
  if (tag === TAG_FREE) {
    return {
      title: `Free, ${bytes(size)}`,
      rows: [...rows, ['State', 'in no slab yet'], ...where, ...tail],
    };
  }
  const cut = naming.classOfTag.get(tag);
  const blocks = cut && (cut.blocks ?? Math.floor(size / cut.bytes));
  rows.push(['Blocks out', blocksOut(shareOf(model.fullness[at]!), blocks)]);
  rows.push(['Temperature', temperature(model.restedMs(at, now))]);
  rows.push(['Slab', `${bytes(size)}, ${slices === 1 ? '1 slice' : `${slices} slices`}`]);
  const title = tag === TAG_HUGE ? 'Huge block' : `Blocks of ${bytes(cut?.bytes)}`;
  return { title, rows: [...rows, ...where, ...tail] };
}

/** Out: with callers or in a thread's magazine. The map knows sixteen steps of it, not the number itself. */
function blocksOut(share: number, blocks: number | undefined): string {
  const percent = `${Math.round(share * 100)}\u202f%`;
  if (blocks === undefined) return percent;
  if (share === 0 || share === 1) return `${share === 0 ? 'none' : 'all'} of ${whole(blocks)}`;
  return `about ${whole(Math.max(1, Math.round(share * blocks)))} of ${whole(blocks)}, ${percent}`;
}

export function temperature(restedMs: number): string {
  if (restedMs === Infinity) return 'no memory behind it';
  if (restedMs < 1500) return 'hot, changed just now';
  if (restedMs < 60_000) return `warm, changed ${duration(Math.round(restedMs / 1000) * 1000)} ago`;
  return 'cold, at rest for over a minute';
}

const offset = (at: number) => `+${bytes(at)}`;
