// What stats() makes of the figures of the native side.
import type {
  Adaptation,
  ClassStats,
  FileStats,
  HeapStats,
  Histogram,
  LatencyStats,
  LeakSite,
  LearningStats,
  LeaseHistograms,
  ObjectStats,
  PageFaults,
  PoolFigures,
  ProcessFigures,
  SpaceStats,
} from '../addon/figures.js';
import type { KnobRow } from '../addon/rows.js';
import type { MisuseSite } from '../base/misuse.js';
import type { PressureFigures } from '../base/pressure.js';

/** What {@link BufferPool.stats} returns: figures of a pool, and of the heap behind it. */
export interface PoolStats extends HeapStats, PoolFigures, LeaseHistograms<Histogram> {
  readonly name: string;
  readonly closed: boolean;
  /** Names the heap behind the pool within the process; the default pools of all threads share one. */
  readonly heapId: number;
  /** How long calls took that a magazine could not serve alone, in all threads. */
  readonly slow: LatencyStats;
  /** The size classes that were used. */
  readonly classes: readonly ClassStats[];
  /** What the pool did last because of its demand, the latest first: 12 at most. */
  readonly adaptations: readonly Adaptation[];
  /** What it has learned about the capacities of its magazines, where `learn` is or was on. */
  readonly learning?: LearningStats;
  /** Of a pool that lends JavaScript's own objects, which take no bytes of the heap; other kinds have none. */
  readonly objects?: ObjectStats;
  /** Of a pool in a file. Its blocks are what is in use, and what the file takes of its file system is what is committed. */
  readonly file?: FileStats;
}

/** What `superslab.stats()` returns: the process, and every pool of every thread. */
export interface ProcessStats extends ProcessFigures {
  readonly pid: number;
  /** Whose core the pools take their memory from. */
  readonly core: 'addon' | 'libsuperslab.so';
  readonly space: SpaceStats;
  /** Page faults of the whole process. */
  readonly faults: PageFaults;
  /** How scarce memory is for the process. */
  readonly pressure: PressureFigures;
  /**
   * One for each heap: the default pool first, then the pools with a heap of their own by age, those of
   * other threads too. `fallbacks` and `waiting` are known of this thread only, and 0 for the others.
   */
  readonly pools: readonly PoolStats[];
  readonly leaks: readonly LeakSite[];
  /** Other misuse of buffers, once a place; of many places, those of a pool and kind together. */
  readonly misuse: readonly MisuseSite[];
  /** The policy values of the process, before options. */
  readonly knobs: readonly KnobRow[];
}
