// Compressed values, as the native side shows them (native/binding/compressed_methods.cc).

/** How a pool of compressed values works. */
export interface ValueTiers {
  readonly hotBytes: number;
  readonly watermark: number;
  /** 0: no limit. */
  readonly coldBytes: number;
  readonly minRatio: number;
  readonly cpuBudget: number;
  /** Values of so many bytes are for the program's codec. */
  readonly foreignFrom: number;
  readonly usesLz4: boolean;
  /** Below FIRST_GENERATIONS. */
  readonly firstGeneration: number;
  /** Whether memory is cleared when it is given back. */
  readonly clears: boolean;
}

/** What is counted of compressed values. */
export interface ValueFigures {
  readonly hotValues: number;
  readonly hotBytes: number;
  readonly coldValues: number;
  readonly coldBytes: number;
  readonly compressedBytes: number;
  readonly chunkBytes: number;
  readonly repeatedValues: number;
  readonly cooled: number;
  readonly heated: number;
  readonly rejected: number;
  readonly inVain: number;
  readonly refused: number;
  readonly corrupt: number;
  readonly cpuNs: number;
}
