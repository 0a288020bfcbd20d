// What the native side makes of traces (native/trace, native/replay).

/** What a trace says of itself and its program. */
export interface TraceFacts {
  /** The version that recorded it. */
  readonly superslab: string;
  readonly pageBytes: number;
  readonly processors: number;
  /** Whether malloc was recorded. */
  readonly hasMalloc: boolean;
  /** Whether recording ended before the program, because the file was as long as it may be. */
  readonly isFull: boolean;
  /** Events that found no place. */
  readonly dropped: number;
  readonly events: number;
  readonly processes: number;
  readonly threads: number;
  /** Frees of blocks that the trace does not know. */
  readonly unknownFrees: number;
  /** Blocks that came again without a free that the trace knows. */
  readonly lostFrees: number;
  /** How long the longest of its processes ran. */
  readonly seconds: number;
}

/** What a replay of a trace counted. */
export interface TunedRow {
  readonly kind: 'default' | 'profile' | 'fixed' | 'rule' | 'saved' | 'contest' | 'best';
  /** A setting as a variable, or a rule in words. */
  readonly name: string;
  /** What all that is counted here costs together (native/replay/costs.h). */
  readonly costNs: number;
  /** What of it came after the first 40 intervals; of saved policies and their contest only. */
  readonly laterCostNs?: number;
  readonly allocations: number;
  /** Those for which this machine had no addresses. */
  readonly failed: number;
  readonly refills: number;
  readonly spills: number;
  /** Blocks that refills and spills moved. */
  readonly movedBlocks: number;
  readonly remoteFrees: number;
  /** First touches of pages of 4 KiB, and among them those of pages that had gone back. */
  readonly faults: number;
  readonly refaults: number;
  readonly purges: number;
  readonly purgedPages: number;
  readonly peakBytes: number;
  /** Memory by time. */
  readonly mibSeconds: number;
}

export interface TraceTuning {
  readonly trace: TraceFacts;
  /** The defaults first, what costs least last. */
  readonly rows: readonly TunedRow[];
  /** The text of a policy file. */
  readonly policy: string;
}
