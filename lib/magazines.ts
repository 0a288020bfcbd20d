import { binding } from './binding.js';
import { facts } from './environment.js';
import type { LeaseCache } from './lease-cache.js';
import { ensureWindow } from './windows.js';

/** Slots of a magazine: block numbers of tag `t` stand from `t << MAGAZINE_SHIFT` on. */
export const MAGAZINE_SHIFT = 6;

const TAGS = 256;
const CLASS_TAGS = facts.bytesOfTag.length;
const NOTHING = new Uint32Array(TAGS);

/**
 * The magazines of one pool in this environment: Uint32Arrays over memory that the native thread cache
 * fills and empties in batches (heap/lease_cache.h). They are consistent at each instruction, because
 * a worker can be terminated at any: a block leaves its magazine when its depth is lowered, and not
 * before.
 */
export class Magazines {
  /** Blocks in the magazine, by tag. */
  readonly depth: Uint32Array;
  /** Blocks that a release may leave in it, by tag; 0 sends each release down the slow path. */
  readonly limit: Uint32Array;
  /** Counts acquires, by tag; wraps. */
  readonly acquired: Uint32Array;
  /** Block numbers, see MAGAZINE_SHIFT. */
  readonly blocks: Uint32Array;
  /** The limits that the native side sets; `limit` may be stricter. */
  readonly nativeLimit: Uint32Array;
  readonly cache: LeaseCache | undefined;

  constructor(memory: ArrayBuffer | undefined, cache: LeaseCache | undefined, alwaysSlow: boolean) {
    const part = (index: number, length: number) =>
      memory === undefined ? NOTHING : new Uint32Array(memory, index * TAGS * 4, length);
    this.depth = part(0, TAGS);
    this.nativeLimit = part(1, TAGS);
    this.limit = alwaysSlow ? NOTHING : this.nativeLimit;
    this.acquired = part(2, TAGS);
    this.blocks = part(3, CLASS_TAGS << MAGAZINE_SHIFT);
    this.cache = cache;
  }
}

const NO_MAGAZINES = new Magazines(undefined, undefined, true);

/** Whose magazines the private leases of a superslab go back to, by superslab index. */
export const magazinesOf: Magazines[] = [];

/** See Binding.sliceTags(). Replaced when it grows, hence in an object. */
export const slices: { tags: Uint8Array } = { tags: new Uint8Array(0) };

function ensureTags(superslab: number): void {
  // The native array is as long as the superslabs need that exist by now.
  if (slices.tags.length < (superslab + 1) << 5) slices.tags = new Uint8Array(binding.sliceTags());
}

/** Sees to it that blocks of a superslab can be leased from `magazines`, and that they have a window. */
export function ensureSuperslab(superslab: number, magazines: Magazines): void {
  claimSuperslab(superslab, magazines);
  ensureWindow(superslab);
}

/** The same for a block beyond 2 MiB, which has a window of its own. */
export function claimSuperslab(superslab: number, magazines: Magazines): void {
  while (magazinesOf.length <= superslab) magazinesOf.push(NO_MAGAZINES);
  magazinesOf[superslab] = magazines;
  ensureTags(superslab);
}
