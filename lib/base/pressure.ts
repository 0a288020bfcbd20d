// Memory pressure in words.
import { exactBytes, percent } from './text.js';

/** How scarce memory is: not, somewhat, or so that processes stand still or may be killed. */
export type PressureLevel = 'none' | 'some' | 'critical';

/** What a level follows from. */
export type PressureReason =
  | 'none'
  | 'groupStalls'
  | 'machineStalls'
  | 'hardLimit'
  | 'softLimit'
  | 'outOfMemory'
  | 'totalBytes';

/** What pools give back, in this order; 'nothing' while memory is not scarce. */
export type ReliefStep = 'nothing' | 'caches' | 'cold' | 'idle';

/** How scarce memory is for the process: see docs/PRESSURE.md. */
export interface PressureFigures {
  /** Now, as of the last look. */
  readonly level: PressureLevel;
  /** Why it rose last, even if it has fallen since. */
  readonly reason: PressureReason;
  /** Then: the share of the time in which tasks waited for memory, or of `limitBytes` in use. */
  readonly share: number;
  /** The limit of which that is a share; 0 for a share of the time. */
  readonly limitBytes: number;
  /** How often it rose. */
  readonly rises: number;
  /** When it changed, in time since the Unix epoch; 0 if it never did. Unit: ms. */
  readonly changedAtMs: number;
  /** The last step that is to be done now. */
  readonly step: ReliefStep;
}

const REASONS: Readonly<Record<PressureReason, (share: string, limit: string) => string>> = {
  none: () => 'there was none',
  groupStalls: (share) => `tasks of the control group waited for memory ${share} of the time`,
  machineStalls: (share) => `tasks of the machine waited for memory ${share} of the time`,
  hardLimit: (share, limit) => `${share} of the ${limit} that a control group may have were in use`,
  softLimit: (share, limit) =>
    `${share} of the ${limit} from which a control group is slowed down were in use`,
  outOfMemory: (_, limit) => `a control group had come to its limit of ${limit}`,
  totalBytes: (share, limit) => `the pools had ${share} of SUPERSLAB_TOTAL_BYTES, ${limit}`,
};

/** Such as "97 % of the 512 MiB that a control group may have were in use". */
export function pressureReason({ reason, share, limitBytes }: PressureFigures): string {
  return REASONS[reason](percent(share), exactBytes(limitBytes));
}
