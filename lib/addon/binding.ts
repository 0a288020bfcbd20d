import path from 'node:path';
import { makeError } from '../base/errors.js';
import type { MisuseKind, MisuseSite } from '../base/misuse.js';
import type { CacheFileOptions, NativeSharedCache } from './cache-binding.js';
import type {
  Adaptation,
  ClassShares,
  ClassStats,
  DemandHistory,
  FileStats,
  HeapStats,
  Histogram,
  LatencyStats,
  LeakSite,
  LearningStats,
  LeaseHistograms,
  MemoryFacts,
  ObjectStats,
  PageFaults,
  SpaceStats,
} from './figures.js';
import type { FileFailure, FileOptions, FileRepair, NativeFile } from './file-binding.js';
import { loadAddon } from './load.js';
import type { NativePages } from './page-binding.js';
import type { NativePressure } from './pressure-binding.js';
import type { KnobRow, StatisticRow } from './rows.js';
import type { TraceFacts, TraceTuning } from './trace-binding.js';
import type { ValueFigures, ValueTiers } from './value-binding.js';

declare const kind: unique symbol;

/** A number that names something. Computed numbers can become one; those of two kinds do not mix. */
type Naming<Kind extends string> = number & { readonly [kind]?: Kind };

/** A pool within this environment (the main thread or a worker). */
export type PoolId = Naming<'pool'>;

/** A pool's heap within this process. */
export type HeapId = Naming<'heap'>;

/** Counts 64 KiB slices from one superslab before the first (native/pools/buffer/window.h): a table by slice is as long as the heap. */
export type SliceIndex = Naming<'slice'>;

/** Index of the slice that the block starts in x 1,024 + 64-byte granule in the slice's window. */
export type BlockNumber = Naming<'block'>;

/** The memory of an ArrayBuffer over a single block: evaluation x 2^32 + a number of its own. */
export type WindowKey = Naming<'window'>;

/** What a 64 KiB slice holds: 0 nothing, 255 a block beyond 2 MiB, else a size class plus one. */
export type SliceTag = Naming<'tag'>;

/** What stays the same for the whole process. */
export interface Facts {
  /** Names this evaluation of the package in its environment. */
  readonly evaluation: number;
  /** The size class for a lease, by its size in 64-byte granules, up to 2 MiB. */
  readonly tagOfGranules: Uint8Array;
  readonly bytesOfTag: Uint32Array;
  readonly maxBlockBytes: number;
  /** Of the machine. */
  readonly pageBytes: number;
  /** The kernel's numbers of the memory nodes that this process may use. */
  readonly nodes: readonly number[];
  readonly knobs: readonly KnobRow[];
  readonly statistics: readonly StatisticRow[];
  readonly reportAtExit: boolean;
  /** Whether it was compiled with LZ4. */
  readonly hasLz4: boolean;
  /** Whether libsuperslab.so serves this process's malloc, and its core serves the pools too. */
  readonly sharesCore: boolean;
}

export interface Failure {
  readonly error: 'noMemory' | 'environment' | 'option' | 'policy' | 'trace';
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
  readonly adaptations: readonly Adaptation[];
  /** Of a pool that learns or has learned. */
  readonly learning?: LearningStats | undefined;
  readonly histograms: LeaseHistograms<Histogram>;
  /** Of the sampled leases: what was asked for, and the blocks that served it. */
  readonly sizeBytes: number;
  readonly capacityBytes: number;
  /** Of a pool of objects. */
  readonly objects?: (ObjectStats & { readonly acquires: number; readonly exhausted: number }) | undefined;
  /** Of a pool in a file. */
  readonly file?: FileStats | undefined;
  /** Only of a pool of records: what lies in its blocks. */
  readonly records?: RecordCounts;
}

/** How a pool of records divides its blocks, which `classes` count as cached, whole. */
export interface RecordCounts {
  readonly chunkBytes: number;
  readonly chunkRecords: number;
  readonly recordBytes: number;
  /** Records that are lent. */
  readonly out: number;
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

/** What the addon exports (native/binding/addon.cc). */
export interface Binding {
  /**
   * Begins an evaluation of the package, which lasts for as long as somebody holds `onSignal`: called when another
   * thread asks for something, and when ringWithin() says so.
   */
  attach(onSignal: () => void): NativeEnvironment | Failure;
  /** Has onSignal of every evaluation in this environment called within so many milliseconds. */
  ringWithin(ms: number): void;
  /** Which of `words`, "one|other", is most like `name`; empty when none is. */
  nearestName(name: string, words: string): string;
  /** Milliseconds of the system's monotonic clock, with fractions. */
  now(): number;
  /** Every size class, and how its slabs are cut. */
  slabCuts(): SlabCut[];
  /** What is in a trace (native/trace/trace_format.h). Blocks the thread for as long as reading it takes. */
  readTrace(file: string): TraceFacts | Failure;
  /**
   * Replays a trace by every fixed setting and every rule. Blocks the thread for seconds. `nsOfMibSecond`: what a MiB that is in
   * memory for a second costs; 0 is the usual price. `policies`: names and texts of saved ones, eight at most, which compete.
   */
  tuneTrace(
    file: string,
    nsOfMibSecond: number,
    policies: readonly (readonly [name: string, text: string])[],
  ): TraceTuning | Failure;
}

/*
 * Native objects. Nothing of them throws for what a user did; sizes are in bytes. Everything is called from the
 * environment's own thread. An argument of another type or out of its range is refused: by `undefined`, false, 0, -1 or an
 * empty text, whichever the method has, or by a LEASE_FAULT; and so is a call of an object whose pool has ended. What has
 * more than a few arguments takes them as the fields of one object.
 */

/** An evaluation of the package in this environment (the main thread or a worker), and through it the process. */
export interface NativeEnvironment {
  readonly facts: Facts;

  /**
   * Options as [name, value] pairs; undefined for the default pool. `isPlain`: its slabs all begin at the same offset.
   * `hasNodes`: it has a share for each of facts.nodes; where there are several, what is returned is that of the first.
   */
  openPool(
    options: readonly (readonly [string, string | number])[] | undefined,
    name: string,
    isPlain?: boolean,
    hasNodes?: boolean,
  ): NativePool | Failure;
  /** What the process goes by, as text of a policy file; empty when that would be too long. */
  policyText(): string;
  /** Which of facts.nodes serves this thread where it runs now: its own node, or the nearest that has memory. */
  currentNode(): number;
  // Windows: ArrayBuffers over the blocks that start in a slice.

  /** A new one; undefined where the host forbids external ArrayBuffers. */
  window(slice: SliceIndex): ArrayBuffer | undefined;
  /** Whether the window that was made of it last shows a former cut of the slice. */
  isRecut(slice: SliceIndex): boolean;
  /** Slices of which no window may be used any more. Each stays in the list until window() is called for it. */
  recutWindows(): Uint32Array;
  /** Slices whose windows should be dropped. */
  staleWindows(): Uint32Array;
  /** How many blocks that start in the slice are neither free nor cached by the pools of this thread. */
  leasedInSlice(slice: SliceIndex): number;
  /** A window of a block beyond 2 MiB. */
  hugeWindow(block: BlockNumber): ArrayBuffer | undefined;
  /** Whether a window of `bytes` still shows a block beyond 2 MiB. */
  isHugeBlock(block: BlockNumber, bytes: number): boolean;

  // ArrayBuffers over single blocks.

  /**
   * A new one over the first bytes of a block. `key` is for the two below: another for each.
   */
  ownWindow(block: BlockNumber, bytes: number, key: WindowKey): ArrayBuffer | undefined;
  /**
   * Whether that memory can still be seen, by this ArrayBuffer or by one that it was transferred to. If so,
   * there is a signal (see attach) when that has ended. If the thread ends before, the block is kept for
   * good. `isParked`: it is counted as parked meanwhile.
   */
  awaitWindow(key: WindowKey, isParked: boolean): boolean;
  /** Those that are awaited and that nobody can see any more, each once. */
  takeUnseenWindows(): WindowKey[];
  /** For Node.js without ArrayBuffer.prototype.transfer. */
  detach(memory: ArrayBuffer): boolean;

  // Leased blocks.

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

  // Their bytes.

  fillBytes(block: BlockNumber, from: number, to: number, byte: number): void;
  /** The offset of the first byte in [from, to) that is not `byte`; -1. */
  firstOther(block: BlockNumber, from: number, to: number, byte: number): number;
  /** A pattern in [from, to), and the offset of the first byte that is not part of it; -1. */
  writeCanary(block: BlockNumber, from: number, to: number): void;
  brokenCanary(block: BlockNumber, from: number, to: number): number;
  /** At most 16 bytes in hexadecimal. */
  hexBytes(block: BlockNumber, from: number, to: number): string;

  // Figures of the process.

  processStats(): NativeProcessStats;
  /** undefined where the kernel tells nothing, null where reading broke off. */
  memoryFacts(): Promise<MemoryFacts | undefined | null>;
  /** How scarce memory is; reads the kernel's files when it is time, and has what any thread may give back go back. */
  pressure(): NativePressure;
  /** The folder that stands in front of the kernel's files from now on; what was found is forgotten. For tests. */
  readPressureFrom(root: string): void;
  leakSites(): LeakSite[];
  /** @returns how many times the site has misused buffers, this one included */
  noteMisuse(misuse: NotedMisuse): number;
  /** In no order. */
  misuseSites(): MisuseSite[];
  /** Another number when misuseSites() gives something else. */
  misuseChanges(): number;
  /** undefined without memory. */
  makeScanner(): NativeScanner | undefined;

  /** The one pool of records of that name that is open in the process; or how many there are. */
  findRecords(name: string): NativeRecords | number;

  /** Opens the heap in a file, or makes one; what failed. undefined when the thread is told to stop. */
  openFile(options: FileOptions): NativeFile | FileFailure | undefined;

  /** Mends the file of a heap, which it copies to `copy` first unless that is empty; what failed. Absolute paths. */
  repairFile(path: string, copy: string): FileRepair | FileFailure;

  /** Opens a cache that processes have in common, or makes one; the same otherwise. */
  openSharedCache(options: CacheFileOptions): NativeSharedCache | FileFailure | undefined;
}

/** The records of a pool as other threads see them. */
export interface NativeRecords {
  /** What holdRecords() was given. */
  readonly layout: string;
  /** Where a chunk lies now: its words, of which the first is `placement` for as long as it does. undefined for one that never was. */
  chunk(index: number): RecordPlace | undefined;
  /** Whether the pool is closed and has everything back, or its thread has ended. */
  hasEnded(): boolean;
}

export interface RecordPlace {
  readonly placement: number;
  readonly memory: ArrayBuffer;
  readonly words: ArrayBuffer;
}

/** One case of misuse, as noteMisuse() is told of it. */
export interface NotedMisuse {
  readonly kind: MisuseKind;
  readonly pool: string;
  readonly tag: string;
  readonly size: number;
  readonly detail: string;
  readonly acquired: string;
  readonly released: string;
  readonly noticed: string;
  /** Since 1970. */
  readonly nowMs: number;
}

/** A pool in this environment, and the policy values that the facade acts on. */
export interface NativePool extends NativePages {
  readonly id: PoolId;
  readonly heapId: HeapId;
  /** Of a pool with a share for each node: those of the others. They have one heap, one limit and one end. */
  readonly shares?: readonly NativePool[];
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
  /** A code of LEAK_DETECTION. */
  readonly leakDetection: number;
  /** Of how many leases `sampled` watches one. */
  readonly leakSample: number;
  readonly leakFrames: number;
  /** A code of GUARD. */
  readonly guard: number;
  readonly quarantineBytes: number;

  /** Fills a magazine that is empty: how many blocks it holds now, plus RECUT if recutWindows() has any; NO_ROOM or NO_MEMORY. */
  refill(tag: SliceTag): number;
  /** Makes room in a full magazine. */
  spill(tag: SliceTag): void;
  give(block: BlockNumber): void;
  flush(): void;
  /** A block beyond 2 MiB: its number, NO_ROOM or NO_MEMORY. */
  takeHuge(bytes: number): BlockNumber;
  /** Bytes that such a block is charged for. */
  hugeCapacity(bytes: number): number;
  /** A request found no room, and there was nothing to give back for it. */
  countExhausted(): void;

  /** Has the pool go by other values of a heap's options; what is wrong with them, and then none is applied. */
  tune(options: [string, string | number][]): Failure | undefined;
  /** 0: no limit. */
  maxBytes(): number;
  purgeDelayMs(): number;

  startWaiting(): void;
  stopWaiting(): void;
  /** Blocks the thread for up to `ms`; whether there is room for `bytes` then. */
  waitForRoom(bytes: number, ms: number): boolean;
  takeSignals(): number;
  /** What the operating system refused so far of sensitive and lockMemory. */
  refusedSecrecy(): number;
  /** Gives idle memory back; whether there is reason to come again. */
  tick(): boolean;
  /** Bytes given back to the operating system. */
  trim(targetBytes: number): number;
  /** Gives back all that is idle, counted as that of a RELIEF_STEP. */
  relieve(step: number): void;
  /** Counts what went back that is no memory of the heap, as that of a RELIEF_STEP. */
  noteRelief(step: number, bytes: number): void;
  /** All that went back so far while memory was scarce, whoever gave it back. Unit: bytes. */
  relievedBytes(): number;
  /** Of the pool's memory, what is taken from the operating system; 0 once everything of it is home. */
  committedBytes(): number;
  close(): void;
  /** Whether the pool is closed and everything of it is home. */
  isSettled(): boolean;

  /** undefined once the pool is closed and everything of it is home. */
  stats(): NativeStats | undefined;
  /** undefined for a pool that does not adapt, and once it is closed and everything of it is home. */
  history(): DemandHistory | undefined;
  /** A lease of `size` bytes in a block of `capacity` that stands for `weight` leases. */
  recordSize(size: number, capacity: number, weight: number): void;
  recordLifetime(microseconds: number, weight: number): void;
  /**
   * What this thread still has leased of the pool when it ends is noted as leaked under `name`; under
   * none if that is empty. Returns the size of the machine's pages.
   */
  watch(name: string): number;
  /**
   * Of a lease whose buffer was collected; it stands for `estimated` leases.
   * @returns how many leaks the site has had, this one included
   */
  noteLeak(leak: NotedLeak & { readonly estimated: number }): number;
  /** The thread is about to end, and with it this lease: a leak of that stack, if nobody releases it before. */
  noteAtEnd(leak: NotedLeak & { readonly block: BlockNumber }): void;
  leakSites(): LeakSite[];
  /** `isPoison`: of a write to a released block. */
  countGuardReport(isPoison: boolean): void;

  // Of a pool of records.

  /** The pool lends records of that shape; other threads find them by `name`. False when it cannot. */
  holdRecords(shape: {
    readonly name: string;
    readonly layout: string;
    readonly chunkBytes: number;
    readonly chunkRecords: number;
    readonly recordBytes: number;
    /** The even number that the generations of all slots begin with. */
    readonly firstGeneration: number;
  }): boolean;
  /** Of a chunk, for as long as the pool lives: how often it was placed, and a generation for each slot. undefined without memory. */
  recordWords(chunk: number): ArrayBuffer | undefined;
  /** The chunk lies in that block from now on. */
  placeRecords(chunk: number, block: BlockNumber): void;

  // Of a pool of compressed values. Handles are numbers of 53 bits.

  /** The pool keeps values. False when it cannot, or does already. */
  holdValues(how: ValueTiers): boolean;
  /** The rows of a chunk of slots: SLOT_ROWS (./generated/memory.ts). undefined for one that there is not. */
  valueSlots(chunk: number): ArrayBuffer | undefined;
  /** The handle of the value in that block, which is the pool's then; 0 without memory for it, or when there are too many. */
  putValue(block: BlockNumber, length: number): number;
  /** These return a VALUE_FAULT. */
  pinValue(handle: number): number;
  unpinValue(handle: number): number;
  freeValue(handle: number): number;
  /**
   * Decompresses a cold value into the block and pins it; `isMade`: the program's codec has written it there.
   * @returns a VALUE_FAULT; with `none` the block is the pool's
   */
  heatValue(handle: number, block: BlockNumber, isMade: boolean): number;
  /** Compresses values of about so many bytes now; the bytes of those that became cold. */
  coolValues(bytes: number): number;
  /** The thread that compresses has a look. Whether hot values are beyond their watermark. */
  nudgeCooling(): boolean;
  /** Bytes to be given back before cold values have room again. */
  coldExcess(): number;
  /** The value that has been cold for longest, or a hot one that was not used for a while; 0 when there is none. */
  unusedValue(isCold: boolean): number;
  /** Gives back what lies idle among cold values; the bytes that went. */
  trimValues(): number;
  valueFigures(): ValueFigures | undefined;
  pinnedValues(most: number): { readonly handle: number; readonly length: number; readonly pins: number }[];
  /** What contradicts itself in the books. */
  valueContradiction(): string | undefined;
  /** Ends every value. */
  dropValues(): void;
  /** A hot value that the program's codec is to compress; 0 when there is none. */
  beginForeign(): number;
  /** What it was compressed to. A COOLED. */
  finishForeign(handle: number, bytes: Uint8Array): number;
  giveUpForeign(handle: number): void;
  /** What a value is compressed to, or a VALUE_FAULT. */
  readForeign(handle: number): ArrayBuffer | number;
}

/** A lease that leaks. */
export interface NotedLeak {
  readonly tag: string;
  readonly stack: string;
  /** Of its memory. */
  readonly bytes: number;
  readonly size: number;
  readonly ageMs: number;
}

/** Looks at all memory of the process. */
export interface NativeScanner {
  /**
   * Looks at it on another thread, then calls `done` with what changed since the scan before and with everything, as
   * far as asked for (page/inspector/map-format.ts). One scan at a time.
   */
  scan(wanted: {
    /** Pairs: a heapId, and what the frames are to call that heap. */
    readonly ordinals: Uint32Array;
    readonly changes: boolean;
    readonly full: boolean;
    readonly atMs: number;
    readonly done: (changes: ArrayBuffer | undefined, full: ArrayBuffer | undefined) => void;
  }): void;
}

export const binding = loadAddon(path.join(__dirname, '..', '..', '..')) as Binding;

/** Throws what a failed native call means. */
export function check<T extends object>(result: T | Failure): T {
  if (!('error' in result)) return result;
  const code = {
    noMemory: 'ERR_SUPERSLAB_NO_MEMORY',
    environment: 'ERR_SUPERSLAB_ENV',
    option: 'ERR_SUPERSLAB_OPTION',
    policy: 'ERR_SUPERSLAB_POLICY',
    trace: 'ERR_SUPERSLAB_TRACE',
  } as const;
  throw makeError(code[result.error], result.message, result.error === 'option' ? TypeError : Error);
}
