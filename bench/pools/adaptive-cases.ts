// What the lanes of `bench -- pools adaptive` are asked for.

/** shift: sizes change, then the load ends; bursts: the same burst again and again. */
export interface AdaptiveRequest {
  readonly work: 'shift' | 'bursts';
  /** Of the load of each size, or from burst to burst. */
  readonly ms: number;
  /** Bursts; those of the first half are not measured. */
  readonly bursts: number;
}

export interface ShiftReply {
  /** In the order of SHIFT_SIZES. Nanoseconds per lease at the end of its load. */
  readonly steadyNs: readonly number[];
  /** Milliseconds from the beginning of the load until it has 95 % of that speed, for good. */
  readonly settledMs: readonly number[];
  /** What the process holds two seconds after the load, as a multiple of what is live: beside it, or every other buffer. */
  readonly residentApart: number;
  readonly residentAmong: number;
}

export interface BurstReply {
  readonly microseconds: number;
  readonly faults: number;
}

export const SHIFT_SIZES = [100, 1000, 64 * 1024] as const;
