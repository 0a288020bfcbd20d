// Whether what this thread knows of a pool agrees with itself and with the native side. The native tests check the same of
// slabs and lists (is_valid()).
import type { BlockNumber, NativeStats, SliceTag } from '../addon/binding.js';
import { environment, facts } from '../addon/environment.js';
import {
  GRANULE_MASK,
  GRANULE_SHIFT,
  HUGE_TAG,
  MAGAZINE_SHIFT,
  SLICE_SHIFT,
  STAGED,
} from '../addon/generated/memory.js';
import { sizeOf } from '../base/builtins.js';
import { makeError } from '../base/errors.js';
import { HOME_SHIFT, homes, type Magazines } from './magazines.js';
import type { MeasuredPool } from './observers.js';
import { probes, windows } from './windows.js';

const { bytesOfTag, tagOfGranules } = facts;
const MAX_CLASS_BYTES = bytesOfTag[bytesOfTag.length - 1]!;
const PLACES = 1 << MAGAZINE_SHIFT;

/** Staged blocks of a class: those that a refill brought and that a cut-off has kept from their magazine. */
const stagedOf = ({ staged }: Magazines, tag: SliceTag): number =>
  staged[STAGED.tag] === tag ? staged[STAGED.blocks]! : 0;

/** What is wrong with a free block of this thread, wherever it is kept. */
function wrongBlock(block: BlockNumber, bytes: number, seen: Set<BlockNumber>): string | undefined {
  if (seen.has(block)) return `block ${block} is kept twice`;
  seen.add(block);
  const capacity = environment.capacity(block);
  if (capacity !== bytes) return `block ${block} has ${capacity} B in its slab`;
  if (environment.sharedReferences(block) !== 0) return `block ${block} is shared with other threads`;
  return undefined;
}

/** What is wrong with how this thread would lend the block. */
function wrongPlace(block: BlockNumber, bytes: number, home: number): string | undefined {
  const slice = block >>> SLICE_SHIFT;
  if (homes.table[slice] !== home) return `block ${block} has its home in another magazine`;
  // Without a window, the next acquire makes one.
  if ((probes[slice]?.length ?? 0) === 0) return undefined;
  if (environment.isRecut(slice)) return `block ${block} has a window of a former cut`;
  const end = ((block & GRANULE_MASK) << GRANULE_SHIFT) + bytes;
  if (end > sizeOf(windows[slice]!)) return `block ${block} ends behind its window`;
  return undefined;
}

function wrongMagazine(magazines: Magazines, tag: SliceTag, seen: Set<BlockNumber>): string | undefined {
  const bytes = bytesOfTag[tag]!;
  const depth = magazines.depth[tag]!;
  if (depth > PLACES) return `${depth} blocks in ${PLACES} places`;
  const home = ((magazines.id << HOME_SHIFT) | tag) >>> 0;
  for (let i = 0; i < depth; i++) {
    const block = magazines.blocks[(tag << MAGAZINE_SHIFT) + i]!;
    const wrong = wrongBlock(block, bytes, seen) ?? wrongPlace(block, bytes, home);
    if (wrong !== undefined) return wrong;
  }
  for (let i = 0; i < stagedOf(magazines, tag); i++) {
    const wrong = wrongBlock(magazines.staged[STAGED.first + i]!, bytes, seen);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** The same of blocks beyond 2 MiB, which are of many lengths. */
function wrongHugeMagazine({ depth, blocks, id }: Magazines, seen: Set<BlockNumber>): string | undefined {
  if (depth[HUGE_TAG]! > PLACES) return `${depth[HUGE_TAG]} blocks in ${PLACES} places`;
  const home = ((id << HOME_SHIFT) | HUGE_TAG) >>> 0;
  for (let i = 0; i < depth[HUGE_TAG]!; i++) {
    const block = blocks[(HUGE_TAG << MAGAZINE_SHIFT) + i]!;
    const capacity = environment.capacity(block);
    if (capacity <= MAX_CLASS_BYTES) return `block ${block} has ${capacity} B`;
    const wrong = wrongBlock(block, capacity, seen);
    if (wrong !== undefined) return wrong;
    if (homes.table[block >>> SLICE_SHIFT] !== home) return `block ${block} has its home in another magazine`;
  }
  return undefined;
}

/** Figures of the pool that contradict what this thread has. Other threads' may change while they are read. */
function wrongCount({ classes, heap, closed }: NativeStats, magazines: Magazines): string | undefined {
  let cached = 0;
  for (const { blockBytes, cachedBlocks, slabBlocks } of classes) {
    const tag = tagOfGranules[blockBytes >>> GRANULE_SHIFT]!;
    // Of a closed pool only those with a lease in them are left, which count as in use.
    const idle = closed ? 0 : magazines.idle[tag]!;
    const own = magazines.depth[tag]! + magazines.parked[tag]! + idle + stagedOf(magazines, tag);
    const what = `blocks of ${blockBytes} B: ${cachedBlocks} are counted as cached`;
    if (heap.threads === 1 ? cachedBlocks !== own : cachedBlocks < own)
      return `${what}, this thread has ${own}`;
    if (heap.threads === 1 && cachedBlocks > slabBlocks) return `${what}, the slabs have ${slabBlocks}`;
    cached += cachedBlocks * blockBytes;
  }
  if (heap.threads === 1 && cached > heap.chargedBytes)
    return `${cached} B are cached, ${heap.chargedBytes} B are out of the slabs`;
  return undefined;
}

/** What contradicts itself, in words; undefined when all is right. Only to be called where nothing is half done. */
function contradiction({ native, magazines }: MeasuredPool): string | undefined {
  const seen = new Set<BlockNumber>();
  for (let tag = 1; tag < bytesOfTag.length; tag++) {
    const wrong = wrongMagazine(magazines, tag, seen);
    if (wrong !== undefined) return `blocks of ${bytesOfTag[tag]} B: ${wrong}`;
  }
  const wrong = wrongHugeMagazine(magazines, seen);
  if (wrong !== undefined) return `blocks beyond 2 MiB: ${wrong}`;
  const stats = native.stats();
  return stats === undefined ? undefined : wrongCount(stats, magazines);
}

/**
 * Compares the books that every pool has, and those of its kind: `ofKind` says what contradicts itself in them.
 * @throws ERR_SUPERSLAB_CORRUPT
 */
export function checkBooks(
  pool: MeasuredPool & { readonly name: string },
  ofKind: () => string | undefined,
): void {
  const wrong = contradiction(pool) ?? ofKind();
  if (wrong === undefined) return;
  throw makeError(
    'ERR_SUPERSLAB_CORRUPT',
    `the books of pool "${pool.name}" contradict each other (${wrong}): native code wrote to memory that is not its own, ` +
      'which SUPERSLAB_GUARD=canary and SUPERSLAB_GUARD_PAGES=1 find, or superslab has a bug; ' +
      'end this process, which may lend one block twice',
  );
}
