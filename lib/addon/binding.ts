import path from 'node:path';
import { makeError } from '../base/errors.js';
import type { MisuseKind, MisuseSite } from '../base/misuse.js';
import type {
  ClassShares,
  ClassStats,
  HeapStats,
  Histogram,
  LatencyStats,
  LeakSite,
  LeaseHistograms,
  MemoryFacts,
  PageFaults,
  SpaceStats,
} from './figures.js';
import { loadAddon } from './load.js';
import type { KnobRow, StatisticRow } from './rows.js';

/** A pool within this environment (the main thread or a worker). */
export type PoolId = number;

/** Counts 64 KiB slices from one superslab before the first (native/pools/buffer/window.h): a table by slice is as long as the heap. */
export type SliceIndex = number;

/** Index of the slice that the block starts in x 1,024 + 64-byte granule in the slice's window. */
export type BlockNumber = number;

/** What a 64 KiB slice holds: 0 nothing, 255 a block beyond 2 MiB, else a size class plus one. */
export type SliceTag = number;

/** What stays the same for the whole process. */
export interface Facts {
  /** Names this evaluation of the package in its environment. */
  readonly evaluation: number;
  /** The size class for a lease, by its size in 64-byte granules, up to 2 MiB. */
  readonly tagOfGranules: Uint8Array;
  readonly bytesOfTag: Uint32Array;
  readonly maxBlockBytes: number;
  readonly knobs: readonly KnobRow[];
  readonly statistics: readonly StatisticRow[];
  readonly reportAtExit: boolean;
  /** Whether libsuperslab.so serves this process's malloc, and its core serves the pools too. */
  readonly sharesCore: boolean;
}

/** A pool, and the policy values that the facade acts on. */
export interface NativePool {
  readonly id: PoolId;
  /** Names the heap behind it in this process. */
  readonly heapId: number;
  /** Uint32Arrays one after the other: MAGAZINES (./generated/memory.ts). */
  readonly magazines: ArrayBuffer | undefined;
  /** A code of ZERO (./generated/choices.ts). */
  readonly zero: number;
  /** A code of ON_EXHAUSTED. */
  readonly onExhausted: number;
  /** Its memory is kept from core dumps and forked children. */
  readonly sensitive: boolean;
  /** Its memory is kept from swap. */
  readonly lockMemory: boolean;
  readonly waitMs: number;
  readonly purgeDelayMs: number;
  /** 0: no limit. */
  readonly maxBytes: number;
  /** A code of LEAK_DETECTION. */
  readonly leakDetection: number;
  /** Of how many leases `sampled` watches one. */
  readonly leakSample: number;
  readonly leakFrames: number;
  /** A code of GUARD. */
  readonly guard: number;
  readonly quarantineBytes: number;
}

export interface Failure {
  readonly error: 'noMemory' | 'environment' | 'option';
  readonly message: string;
}

/** What the native side counts of one heap. */
export interface NativeStats {
  readonly heapId: number;
  readonly name: string;
  readonly closed: boolean;
  readonly heap: HeapStats;
  readonly classes: readonly Omit<ClassStats, keyof ClassShares>[];
  readonly slow: LatencyStats;
  readonly histograms: LeaseHistograms<Histogram>;
  /** Of the sampled leases: what was asked for, and the blocks that served it. */
  readonly sizeBytes: number;
  readonly capacityBytes: number;
}

export interface NativeProcessStats {
  /** The default heap first, then the others from oldest to youngest. */
  readonly pools: readonly NativeStats[];
  readonly space: SpaceStats;
  readonly faults: PageFaults;
}

export interface SlabCut {
  readonly tag: SliceTag;
  /** Of a block. */
  readonly bytes: number;
  /** 64 KiB slices of a slab. */
  readonly slices: number;
  /** Blocks of a slab. */
  readonly blocks: number;
}

/**
 * The native surface (native/binding/addon.cc). Nothing of it throws for what a user did; sizes are in
 * bytes. Everything is called from the environment's own thread. An argument of another type or out of its range
 * is refused: by `undefined`, false, 0, -1 or an empty text, whichever the function has, or by a LEASE_FAULT.
 */
export interface Binding {
  /**
   * Begins an evaluation of the package, which lasts for as long as somebody holds `onSignal`: called when another
   * thread asks for something, and when ringWithin() says so.
   */
  attach(onSignal: () => void): Facts | Failure;
  /** Options as [name, value] pairs; undefined for the default pool. */
  openPool(
    evaluation: number,
    options: readonly (readonly [string, string | number])[] | undefined,
    name: string,
  ): NativePool | Failure;
  closePool(pool: PoolId): void;
  /** Whether the pool is closed and everything of it is home. */
  isSettled(pool: PoolId): boolean;

  /** Fills a magazine that is empty: how many blocks it holds now, plus RECUT if recutWindows() has any; NO_ROOM or NO_MEMORY. */
  refill(pool: PoolId, tag: SliceTag): number;
  /** Makes room in a full magazine. */
  spill(pool: PoolId, tag: SliceTag): void;
  give(pool: PoolId, block: BlockNumber): void;
  flush(pool: PoolId): void;
  /** A block beyond 2 MiB: its number, NO_ROOM or NO_MEMORY. */
  takeHuge(pool: PoolId, bytes: number): BlockNumber;
  /** Bytes that such a block is charged for. */
  hugeCapacity(pool: PoolId, bytes: number): number;

  /** A new ArrayBuffer over the blocks that start in a slice; undefined where the host forbids external ones. */
  window(evaluation: number, slice: SliceIndex): ArrayBuffer | undefined;
  /** Whether the window that was made of it last shows a former cut of the slice. */
  isRecut(evaluation: number, slice: SliceIndex): boolean;
  /** Slices of which no window may be used any more. Each stays in the list until window() is called for it. */
  recutWindows(evaluation: number): Uint32Array;
  /** How many blocks that start in the slice are neither free nor cached by the pools of this thread. */
  leasedInSlice(slice: SliceIndex): number;
  hugeWindow(block: BlockNumber): ArrayBuffer | undefined;
  /** 0 for what is no leased block. */
  capacity(block: BlockNumber): number;

  /** The token, or a LEASE_FAULT. */
  share(block: BlockNumber, length: number): string | number;
  /** A LEASE_FAULT; the block and the lease's length in out[0] and out[1]. */
  adopt(token: string, out: Float64Array): number;
  /** A LEASE_FAULT. */
  revoke(token: string): number;
  releaseShared(block: BlockNumber): void;
  /** How many leases and tokens all threads have of a shared block. */
  sharedReferences(block: BlockNumber): number;
  outstandingTokens(): number;

  startWaiting(pool: PoolId): void;
  stopWaiting(pool: PoolId): void;
  /** Blocks the thread for up to `ms`; whether there is room for `bytes` then. */
  waitForRoom(pool: PoolId, bytes: number, ms: number): boolean;
  takeSignals(pool: PoolId): number;

  /** What the operating system refused so far of sensitive and lockMemory. */
  refusedSecrecy(pool: PoolId): number;

  /** Gives idle memory back; whether there is reason to come again. */
  tick(pool: PoolId): boolean;
  /** Slices whose windows should be dropped. */
  staleWindows(evaluation: number): Uint32Array;
  isHugeBlock(block: BlockNumber, bytes: number): boolean;
  /** Bytes given back to the operating system. */
  trim(pool: PoolId, targetBytes: number): number;
  /** Of the pool's memory, what is taken from the operating system; 0 once everything of it is home. */
  committedBytes(pool: PoolId): number;
  /** Every size class, and how its slabs are cut. */
  slabCuts(): SlabCut[];
  /** What scan() works with; undefined without memory. */
  makeScanner(): object | undefined;
  /**
   * Looks at all memory on another thread, then calls `done` with what changed since the scan before and
   * with everything, as far as asked for (page/inspector/map-format.ts). One scan of a scanner at a
   * time. `ordinals` are pairs: a heapId, and what the frames are to call that heap.
   */
  scan(
    scanner: object,
    ordinals: Uint32Array,
    changes: boolean,
    full: boolean,
    atMs: number,
    done: (changes: ArrayBuffer | undefined, full: ArrayBuffer | undefined) => void,
  ): void;

  /**
   * What this thread still has leased of the pool when it ends is noted as leaked under `name`; under
   * none if that is empty. Returns the size of the machine's pages.
   */
  watchPool(pool: PoolId, name: string): number;
  /**
   * A new ArrayBuffer over the first bytes of a block. `key` is for the two below: another for each, from
   * evaluation x 2^32 on.
   */
  ownWindow(block: BlockNumber, bytes: number, key: number): ArrayBuffer | undefined;
  /**
   * Whether that memory can still be seen, by this ArrayBuffer or by one that it was transferred to. If so,
   * there is a signal (see attach) when that has ended. If the thread ends before, the block is kept for
   * good. `isParked`: it is counted as parked meanwhile.
   */
  awaitWindow(key: number, isParked: boolean): boolean;
  /** Its own that are awaited and that nobody can see any more, each once. */
  takeUnseenWindows(evaluation: number): number[];
  /** For Node.js without ArrayBuffer.prototype.transfer. */
  detach(memory: ArrayBuffer): boolean;
  fillBytes(block: BlockNumber, from: number, to: number, byte: number): void;
  /** The offset of the first byte in [from, to) that is not `byte`; -1. */
  firstOther(block: BlockNumber, from: number, to: number, byte: number): number;
  /** A pattern in [from, to), and the offset of the first byte that is not part of it; -1. */
  writeCanary(block: BlockNumber, from: number, to: number): void;
  brokenCanary(block: BlockNumber, from: number, to: number): number;
  /** At most 16 bytes in hexadecimal. */
  hexBytes(block: BlockNumber, from: number, to: number): string;
  /** `end` is how the lease ends, see LEAK_END. @returns how many leaks the site has had, this one included */
  noteLeak(
    pool: PoolId,
    tag: string,
    stack: string,
    end: number,
    bytes: number,
    size: number,
    ageMs: number,
    estimated: number,
  ): number;
  /** Those of a pool, or of the process. */
  leakSites(pool?: PoolId): LeakSite[];
  /** `isPoison`: of a write to a released block. */
  countGuardReport(pool: PoolId, isPoison: boolean): void;
  /** `nowMs` since 1970. @returns how many times the site has misused buffers, this one included */
  noteMisuse(
    kind: MisuseKind,
    pool: string,
    tag: string,
    size: number,
    detail: string,
    acquired: string,
    released: string,
    noticed: string,
    nowMs: number,
  ): number;
  /** Those of the process, in no order. */
  misuseSites(): MisuseSite[];
  /** Another number when misuseSites() gives something else. */
  misuseChanges(): number;
  /** Which of `words`, "one|other", is most like `name`; empty when none is. */
  nearestName(name: string, words: string): string;

  /** Has onSignal of every evaluation called within so many milliseconds. */
  ringWithin(ms: number): void;
  /** Milliseconds of the system's monotonic clock, with fractions. */
  now(): number;

  /** undefined once the pool is closed and everything of it is home. */
  stats(pool: PoolId): NativeStats | undefined;
  processStats(): NativeProcessStats;
  /** undefined where the kernel tells nothing, null where reading broke off. */
  memoryFacts(): Promise<MemoryFacts | undefined | null>;
  /** A lease of `size` bytes in a block of `capacity` that stands for `weight` leases. */
  recordSize(pool: PoolId, size: number, capacity: number, weight: number): void;
  recordLifetime(pool: PoolId, microseconds: number, weight: number): void;
}

export const binding = loadAddon(path.join(__dirname, '..', '..', '..')) as Binding;

/** Throws what a failed native call means. */
export function check<T extends object>(result: T | Failure): T {
  if (!('error' in result)) return result;
  const code = {
    noMemory: 'ERR_SUPERSLAB_NO_MEMORY',
    environment: 'ERR_SUPERSLAB_ENV',
    option: 'ERR_SUPERSLAB_OPTION',
  } as const;
  throw makeError(code[result.error], result.message, result.error === 'option' ? TypeError : Error);
}
