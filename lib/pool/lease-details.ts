import type { Lender } from './magazines.js';
import type { WatchedLease } from './watched-lease.js';

/** The block of a buffer whose memory is not from a pool. */
export const NO_BLOCK = -1;

/** What is known of a lease that is more than one reference, private to this thread, from a pool. `Buf` is PooledBuffer. */
export interface Details<Buf> {
  /** NO_BLOCK when its memory is not from a pool. */
  readonly block: number;
  readonly lender: Lender;
  /** The lease is in the native lease table, because other threads have it or may get it. */
  shared: boolean;
  references: number;
  /** What leak detection and guards know of it, if they watch it. It stays when the lease has ended. */
  readonly lease: WatchedLease | undefined;
  /**
   * Of a buffer that has retained sub-ranges, and of these: a buffer that no program has, which has the lease from then on, and
   * one reference for each of them.
   */
  readonly owner: Buf | undefined;
}

/** With one reference. */
export const detailsOf = <Buf>(
  block: number,
  lender: Lender,
  shared: boolean,
  lease?: WatchedLease,
  owner?: Buf,
): Details<Buf> => ({ block, lender, shared, references: 1, lease, owner });
