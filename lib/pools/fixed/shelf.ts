import type { BlockNumber, NativePool, PoolId, SliceTag } from '../../addon/binding.js';
import type { Magazines, ReleaseStart } from '../../pool/magazines.js';
import type { Lent } from '../../pool/unfinished.js';

/** What a shelf asks of its pool's core, off the hot path. */
export interface ShelfCore<Buf extends Lent> {
  readonly name: string;
  readonly closed: boolean;
  readonly zeroAtRelease: boolean;
  acquireSlow(size: number): Buf;
  clear(block: BlockNumber): void;
  prepareRelease(block: BlockNumber, tag: SliceTag): ReleaseStart | undefined;
  putHome(block: BlockNumber, tag: SliceTag): void;
  afterRelease(start?: ReleaseStart): void;
  hasWaiters(): boolean;
  serveWaiters(): void;
}

/**
 * What a pool of one size has that waits to be lent again: a stack of which `Magazines.idle` is the depth, so that the native
 * side knows at each instant how many there are, and a worker may be terminated at any.
 *
 * A buffer is idle if, and only if, the place that it notes is below the depth and the stack has it there (the
 * sparse sets of Briggs and Torczon, 1993). So a get changes the depth alone, and a get or put of many takes
 * effect by the one store of the depth. What lies at or above the depth means nothing.
 */
export class Shelf<Buf extends Lent, Idle> {
  readonly id: PoolId;
  readonly native: NativePool;
  readonly magazines: Magazines;
  readonly tag: SliceTag;
  readonly size: number;
  /** Buffers that stay idle when nobody needs them. */
  readonly keep: number;
  readonly stack: (Idle | undefined)[] = [];
  /** Buffers that have blocks: the stack is as long. May be too high, when the making of one was cut off. */
  made = 0;
  /** Counts what writes to the stack beside a single put. */
  turn = 0;
  /** `Magazines.acquired` when tick() came last. */
  acquiredBefore = 0;
  /** Set when the core has been made: they know each other. */
  core!: ShelfCore<Buf>;

  constructor(native: NativePool, magazines: Magazines, tag: SliceTag, size: number, keep: number) {
    this.id = native.id;
    this.native = native;
    this.magazines = magazines;
    this.tag = tag;
    this.size = size;
    this.keep = keep;
  }
}
