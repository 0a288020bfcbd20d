// What a pool calls of those who observe it: they are made elsewhere, and given to it when it is made.
import type { BlockNumber, NativePool, PoolId, SliceTag } from '../addon/binding.js';
import type { Lender, Magazines } from './magazines.js';
import type { PooledBuffer } from './pooled-buffer.js';

export interface PoolIdentity {
  readonly id: PoolId;
  readonly name: string;
  readonly native: NativePool;
}

/**
 * Tells the program what a pool does with memory. Those who listen may use pools: it is called where nothing is half
 * done, and the pool looks at everything again after it.
 */
export interface PoolTeller {
  /** Does `work`, which may take memory from the operating system, and tells how much. */
  tellingGrowth<T>(pool: PoolIdentity, work: () => T): T;
  /** Does `work`, which may give memory back to the operating system, and tells how much. */
  tellingTrim<T>(pool: PoolIdentity, work: () => T): T;
  /** What the pool has from the operating system, for tellTrim(); -1 while nobody listens. */
  committedForTrim(pool: PoolIdentity): number;
  /** Tells how much memory went back to the operating system since committedForTrim(). */
  tellTrim(pool: PoolIdentity, before: number): void;
  /**
   * A request for `size` bytes found no room under maxBytes.
   * @returns whether anybody listens
   */
  tellExhausted(
    pool: PoolIdentity & { readonly maxBytes: number },
    size: number,
    outcome: 'throw' | 'wait' | 'fallback',
  ): boolean;
  /** Tells what the pool has learned since this was last asked. */
  tellLearned(pool: PoolIdentity): void;
}

export interface MeasuredPool {
  readonly native: NativePool;
  readonly magazines: Magazines;
}

/** Measures some of the leases that nobody watches. */
export interface LeaseMeter {
  /** Whether the lease that is being made off the fast path is to be measured. */
  isDue(pool: MeasuredPool): boolean;
  /** Whether one of the next leases is to be measured, whichever pool it is of. */
  isWaiting(): boolean;
  /** Measures a lease of `size` bytes from now on, until it ends. */
  begin(pool: MeasuredPool, block: BlockNumber, size: number): void;
}

/** What those who watch leases may use of a pool. */
export interface WatchedPool extends Lender {
  readonly zeroAtRelease: boolean;
  /** What each block begins at a multiple of. */
  readonly align: number;
  /** Throws unless a lease of `size` bytes could ever be had. */
  checkSize(size: number): void;
  /** A block of a class, counted as acquired; undefined when maxBytes are in use. */
  takeBlock(tag: SliceTag): BlockNumber | undefined;
  /** A block beyond 2 MiB; undefined when maxBytes are in use. */
  takeHugeBlock(bytes: number): BlockNumber | undefined;
}

/** Which leases to watch, where only samples are. */
export interface WatchSampler {
  /** Whether the next acquire of a class is one to sample. */
  isDue(tag: SliceTag): boolean;
  /** The same for blocks beyond 2 MiB. */
  isHugeDue(): boolean;
  /** Leases that the huge one sampled last stands for. */
  readonly hugeWeight: number;
}

/** Watches leases of one pool: leak detection and guards. It may hold back blocks that are free. */
export interface PoolWatcher {
  /** Whether each lease is watched, and not only samples. */
  readonly watchesAll: boolean;
  readonly sampler: WatchSampler;
  /** Bytes of the block that a lease of `size` bytes takes. */
  capacityFor(size: number): number;
  /** A watched lease, which stands for `weight` leases; undefined when maxBytes are in use. */
  tryAcquire(size: number, weight?: number): PooledBuffer | undefined;
  /** A lease that is due to be sampled; undefined when there is no room. */
  trySample(size: number, tag: SliceTag): PooledBuffer | undefined;
  /** Whether the next adopted lease is to be watched. */
  watchesAdopted(): boolean;
  /**
   * A watched lease of `size` bytes of a block of which the lease table has given a reference to this environment.
   * `held.block` is 0 as soon as the reference comes back by itself should this fail.
   */
  adopt(held: { block: BlockNumber }, size: number): PooledBuffer;
  /**
   * Gives up all blocks that it holds back. `isRoomWanted`: also those of which it is not certain that they can go.
   * @returns how many there were
   */
  unpark(isRoomWanted?: boolean): number;
  /** Now and then: gives up what it holds back and nobody needed since the last call. */
  tick(): void;
  /** Tells what was found. Called when nothing is in hand, as the last thing: the program may do anything then. */
  deliver(): void;
  /** The thread ends: what is leased now, nobody will release. */
  noteLeaksAtEnd(): void;
}

/** All that observe one pool. */
export interface Observers<Watcher extends PoolWatcher> {
  readonly teller: PoolTeller;
  readonly meter: LeaseMeter;
  /** Called when the pool is made; undefined when no lease is to be watched. */
  watch(pool: WatchedPool, native: NativePool): Watcher | undefined;
}
