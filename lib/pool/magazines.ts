import type { BlockNumber, NativePool, PoolId, SliceTag } from '../addon/binding.js';
import { ZERO } from '../addon/generated/choices.js';
import { HUGE_TAG, MAGAZINE_SHIFT, MAGAZINES, SLICE_SHIFT, STAGED } from '../addon/generated/memory.js';
import { builtins } from '../base/builtins.js';
import { hostError, makeError } from '../base/errors.js';
import { ensureWindow } from './windows.js';

/** When a release began, and what the pool had then. */
export interface ReleaseStart {
  readonly committed: number;
  readonly time: number;
}

/** What buffers ask of the pool that they are from. A release of a private block is the first three, in this order. */
export interface Lender {
  readonly id: PoolId;
  readonly name: string;
  readonly native: NativePool;
  readonly magazines: Magazines;
  /**
   * What is done while the block is still leased, and may be cut off.
   * @returns for afterRelease(); undefined when the block fits into its magazine, and nothing has to be done after it
   */
  prepareRelease(block: BlockNumber, tag: SliceTag): ReleaseStart | undefined;
  /** The block is free. This is not cut off within: what the caller stores next is part of it. */
  putHome(block: BlockNumber, tag: SliceTag): void;
  /** What was released is free already: if this is cut off, upkeep does it. */
  afterRelease(start?: ReleaseStart): void;
  /** A buffer that is not from the pool comes back: the collector takes its memory as it is then. */
  releasePlain(buf: Uint8Array): void;
}

const NOTHING = new Uint32Array(MAGAZINES.limit.length);

/**
 * The magazines of one pool in this environment: Uint32Arrays over memory that the native thread cache
 * fills and empties in batches (native/pools/buffer/buffer_thread_cache.h). They are consistent at each instruction, because
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
  /** Free blocks in slots of their own, by tag; see lib/guard. */
  readonly parked: Uint32Array;
  /** What guards have in hand now, by {@link GUARD_LEVEL}. */
  readonly guardLevels: Uint32Array;
  /** Part of `acquired` that is no acquire, by tag. */
  readonly skipped: Uint32Array;
  /** What a refill has fetched and nobody can acquire yet, by {@link STAGED}. */
  readonly staged: Uint32Array;
  /** Free blocks whose buffers wait to be lent again, by tag; see IdleBuffers. */
  readonly idle: Uint32Array;
  /** How much longer than the request a block beyond 2 MiB may be that serves it. Unit: percent; one element. */
  readonly hugeWaste: Uint32Array;
  /** Of a pool of records: how many there are, and how many are free, by {@link RECORDS}. */
  readonly records: Uint32Array;
  /** The limits that the native side sets; `limit` may be stricter. */
  readonly nativeLimit: Uint32Array;
  readonly id: PoolId;

  constructor(memory: ArrayBuffer, id: PoolId, alwaysSlow: boolean) {
    const part = ({ at, length }: { at: number; length: number }) =>
      new builtins.Uint32Array(memory, at * Uint32Array.BYTES_PER_ELEMENT, length);
    this.depth = part(MAGAZINES.depth);
    this.nativeLimit = part(MAGAZINES.limit);
    this.limit = alwaysSlow ? NOTHING : this.nativeLimit;
    this.acquired = part(MAGAZINES.acquired);
    this.blocks = part(MAGAZINES.blocks);
    this.parked = part(MAGAZINES.parked);
    this.guardLevels = part(MAGAZINES.guardLevels);
    this.skipped = part(MAGAZINES.skipped);
    this.staged = part(MAGAZINES.staged);
    this.idle = part(MAGAZINES.idle);
    this.hugeWaste = part(MAGAZINES.hugeWaste);
    this.records = part(MAGAZINES.records);
    this.id = id;
  }

  /**
   * Puts what a refill has staged into the magazine of `tag`, if that is still empty. Homes and windows come first:
   * a block without them must not be seen in a magazine. The last two stores publish, and nothing comes between.
   */
  publish(tag: SliceTag): void {
    const { depth, blocks, staged } = this;
    const count = staged[STAGED.blocks]!;
    const refill = staged[STAGED.refills];
    const first = tag << MAGAZINE_SHIFT;
    for (let i = 0; i < count; i++) {
      const block = staged[STAGED.first + i]!;
      this.welcome(block, tag);
      blocks[first + i] = block;
    }
    const isSame = staged[STAGED.blocks] === count && staged[STAGED.refills] === refill;
    if (!isSame || staged[STAGED.tag] !== tag || depth[tag] !== 0) return;
    depth[tag] = count;
    staged[STAGED.blocks] = 0;
  }

  /** Prepares for leasing a block that has come from the native side. */
  welcome(block: BlockNumber, tag: SliceTag): void {
    setHome(block, this, tag);
    if (tag !== HUGE_TAG) ensureWindow(block >>> SLICE_SHIFT);
  }
}

/** The pools that have lent something and do not have everything back. */
const lenders = new Map<PoolId, Lender>();

/** Bits of a home that are the tag. */
export const HOME_SHIFT = 8;

/**
 * Pools that one thread can tell apart. Their ids are not reused: the functions of a pool that is closed know
 * it by its id for as long as somebody has them.
 */
export const MAX_POOLS = 2 ** (32 - HOME_SHIFT);

/**
 * Where the private leases of a slice go back to: pool id x 256 + tag, by slice.
 * Written when a block of the slice is fetched, so it is right for every block that is out. An object
 * around the table, because the table grows.
 */
export const homes: { table: Uint32Array } = { table: new Uint32Array(0) };

/** The pool is about to lend blocks: who has one finds it by the block's home. */
export function rememberLender(lender: Lender): void {
  lenders.set(lender.id, lender);
}

/** That of a block that is out; undefined when the pool is closed and has everything back. */
export function lenderOfHome(home: number): Lender | undefined {
  return lenders.get(home >>> HOME_SHIFT);
}

/** The pool is closed and has everything back: nobody will look for it again. */
export function forgetLender(id: PoolId): void {
  lenders.delete(id);
}

export const clearsAtRelease = (native: NativePool): boolean => native.zero === ZERO.release;

function tooManyPools(name: string): Error {
  return makeError(
    'ERR_SUPERSLAB_NO_MEMORY',
    `pool "${name}" is one too many: this thread has made ${MAX_POOLS} pools and can tell no more of them apart; ` +
      'keep pools and use them again, or go on in a new worker',
  );
}

/** The magazines of a pool that was just opened. Throws, and closes it, when it cannot work here. */
export function magazinesOf(native: NativePool, name: string): Magazines {
  if (native.magazines === undefined || native.id >= MAX_POOLS) {
    native.close();
    throw native.magazines === undefined ? hostError() : tooManyPools(name);
  }
  return new Magazines(native.magazines, native.id, clearsAtRelease(native));
}

function setHome(block: BlockNumber, magazines: Magazines, tag: SliceTag): void {
  const slice = block >>> SLICE_SHIFT;
  if (slice >= homes.table.length) {
    const larger = new builtins.Uint32Array(Math.max(slice + 1, homes.table.length * 2));
    larger.set(homes.table);
    homes.table = larger;
  }
  homes.table[slice] = (magazines.id << HOME_SHIFT) | tag;
}
