// Rows of the two native lists as attach() gives them: of native/policy/knobs.def and of native/heap/stats.def.

export interface KnobRow {
  /** Whether it is 0 or 1; as an option, false or true. */
  readonly isFlag: boolean;
  readonly option: string;
  readonly variable: string;
  readonly unit: string;
  readonly words: string;
  readonly meaning: string;
  readonly default: string;
  /** What holds in this process before options. */
  readonly value: string;
}

/** A row of native/heap/stats.def. */
export interface StatisticRow {
  /**
   * One value a heap, a size class, or a pool (made in JavaScript); 'process': the same in every pool;
   * 'latency': of PoolStats.slow; 'histogram': one of 32 buckets; 'memory': of MemoryFacts, and 'node': of
   * each of its nodes; 'objects': of PoolStats.objects, 'file': of PoolStats.file.
   */
  readonly scope:
    | 'heap'
    | 'class'
    | 'pool'
    | 'process'
    | 'latency'
    | 'histogram'
    | 'memory'
    | 'node'
    | 'objects'
    | 'file';
  /** A counter never falls while its pool lives. */
  readonly kind: 'counter' | 'level';
  /** Its key in PoolStats, ClassStats, or what `scope` names. */
  readonly name: string;
  readonly unit: string;
  readonly meaning: string;
}
