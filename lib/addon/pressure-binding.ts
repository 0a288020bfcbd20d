/** What came of the last look at the kernel's files. */
export interface NativePressure {
  /** A code of PRESSURE_LEVEL (./generated/codes.ts): now. */
  readonly level: number;
  /** A code of PRESSURE_REASON, of the last rise: why. */
  readonly reason: number;
  /** Then: of the time, or of `limitBytes`; from 0 to 1, or beyond a soft limit. */
  readonly share: number;
  /** 0 for a share of the time. */
  readonly limitBytes: number;
  /** A code of RELIEF_STEP: the last one that is to be done. */
  readonly step: number;
  /** Another number whenever there is something to be done. */
  readonly reliefs: number;
  /** How often the level rose. */
  readonly rises: number;
  /** When the level changed, since 1970; 0 if it never did. */
  readonly changedAtMs: number;
}
