import type { Lender, Magazines } from './magazines.js';
import type { WatchedLease } from './watched-lease.js';

/** What acquires of a pool call when its magazine cannot serve them. */
export interface Acquirer<Buf> extends Pick<Lender, 'magazines'> {
  acquireSlow(size: number): Buf;
}

/** What the pools do with buffers. Not on their class, where anybody could forge a lease with it. `Buf` is PooledBuffer. */
export interface Leases<Buf> {
  bindAcquire(lender: Acquirer<Buf>): (size: number) => Buf;
  bindAcquireSampled(lender: Acquirer<Buf>): (size: number) => Buf;
  bindAcquireWatched(lender: Acquirer<Buf>): (size: number) => Buf;
  bindRelease(magazines: Magazines): (buf: Uint8Array) => void;
  /** What `buf.release()` tries first: the release of the default pool. */
  readonly releaseFirst: (buf: Uint8Array) => void;
  make(window: ArrayBuffer, byteOffset: number, size: number, block: number): Buf;
  makeShared(lender: Lender, window: ArrayBuffer, byteOffset: number, size: number, block: number): Buf;
  makePlain(lender: Lender, size: number): Buf;
  makeWatched(lender: Lender, memory: ArrayBuffer, lease: WatchedLease, shared: boolean): Buf;
  leaseOf(buf: unknown): WatchedLease | undefined;
  share(buf: Uint8Array): string | number;
  blockOf(buf: Buf): number;
  lenderOf(buf: unknown): Lender | undefined;
}
