// What kinds of pool whose blocks come from magazines do differently: PoolCore is given it when it is made.
import type { BlockNumber, SliceTag } from '../addon/binding.js';
import { tagsAlignedTo } from './aligned-tags.js';
import { leases, type PooledBuffer } from './pooled-buffer.js';
import type { Lent } from './unfinished.js';

/** Buffers that were given back and that keep their blocks. Magazines.idle counts them. */
export interface IdleBuffers<Buf> {
  /** One of them, counted as acquired; undefined when there is none, and, of a kind without `make`, when there can be no more. */
  take(): Buf | undefined;
  /** Gives the blocks of all but `keep` of them back to the heap. */
  drop(keep: number): void;
  /** Now and then: gives up what nobody needed since the last call. */
  tick(): void;
  /** Whether upkeep is to come again, whatever is idle: for a kind that has more for it to repair. */
  needsUpkeep?(): boolean;
  /** See Core; for a kind that lends parts of blocks. */
  noteLeaksAtEnd?(): void;
  /** While memory is scarce: has blocks come back for a step of RELIEF_STEP. */
  relieve(step: number): void;
}

/** How a kind of pool lends. */
export interface Lending<Buf extends Lent> {
  /**
   * A buffer of a block that is on top of its magazine, in the window of its slice. undefined for a kind that lends parts of
   * blocks: `idle` takes the blocks.
   */
  readonly make:
    | ((window: ArrayBuffer, byteOffset: number, size: number, block: BlockNumber) => Buf)
    | undefined;
  /**
   * One that was made for leak detection, for a guard or beyond the limit, which are the same for all kinds that lend buffers;
   * undefined for others.
   */
  readonly lend: ((buf: PooledBuffer) => Buf) | undefined;
  /** What each block begins at a multiple of: a power of two, 1 where the class of a size decides. */
  readonly align: number;
  /** The class that all its blocks are of, where the size alone does not say it. */
  readonly tag: SliceTag | undefined;
  /** The classes of its blocks by the granules of a size; undefined where those of facts.tagOfGranules are right. */
  readonly tags: Uint8Array | undefined;
  /** undefined for a kind whose buffers end with their lease. */
  readonly idle: IdleBuffers<Buf> | undefined;
  /** Now and then, by upkeep. */
  readonly upkeep?: (() => void) | undefined;
  /** How a program waits for room. */
  readonly waitName: string;
  /** What the pool cannot do, and what to do about it; `never`: whatever is given back. */
  exhaustedText(size: number, maxBytes: number, never: boolean): string;
}

/** A new buffer for each lease, of any size. `waitName`: how a program waits for room. */
export const lendFresh = (waitName: string, upkeep?: () => void): Lending<PooledBuffer> => ({
  make: leases.make,
  lend: (buf) => buf,
  align: 1,
  tag: undefined,
  tags: undefined,
  idle: undefined,
  upkeep,
  waitName,
  exhaustedText: (size, maxBytes, never) =>
    `cannot give ${size} B within its maxBytes of ${maxBytes}; ` +
    (never
      ? 'raise maxBytes'
      : `release buffers, raise maxBytes, use ${waitName}, or set onExhausted to "fallback"`),
});

/** That of BufferPool. */
export const freshBuffers: Lending<PooledBuffer> = lendFresh('acquireAsync()');

/** The same with blocks that all begin at multiples of `align`. */
export const alignedBuffers = (align: number): Lending<PooledBuffer> => ({
  ...freshBuffers,
  align,
  tags: tagsAlignedTo(align),
});
