import { facts } from '../../addon/environment.js';
import type { KnobOptions } from '../../addon/generated/options.js';
import { checkOptions, type OptionCheck, optionError } from '../../addon/option-checks.js';
import { show } from '../../base/errors.js';
import { optionPairs } from '../pool-options.js';

const { bytesOfTag, knobs } = facts;

const MIB = 2 ** 20;
const DEFAULT_YOUNG = 16 * MIB;
const MIN_YOUNG = MIB / 4;
const MAX_BYTES = 2 ** 40;
/** Young has so many chunks or more, so that a collection gives the first of them back soon. */
const CHUNKS_OF_YOUNG = 8;
const MIN_CHUNK = 2 ** 15;
const MAX_CHUNK = bytesOfTag[bytesOfTag.length - 1]!;

/** Those of every pool that a GenerationalPool decides by itself, or that say nothing to it. */
type Decided = 'onExhausted' | 'guardPages' | 'quarantineBytes';

/** When values move to the next generation. */
export interface Promotion {
  /**
   * Collections that a young value survives before it is moved to old; 1 to 255.
   * @default 2
   */
  youngToOld?: number;
  /**
   * Collections that a full chunk of old values goes through before it may become permanent.
   * @default 8
   */
  oldToPermanent?: number;
  /**
   * The share of a chunk's bytes that must still be alive then, from 0 to 1.
   * @default 0.9
   */
  survival?: number;
}

/** What can be set for a {@link GenerationalPool}. The knobs of docs/KNOBS.md hold too, but for those that it decides. */
export interface GenerationalPoolOptions extends Omit<KnobOptions, Decided> {
  /**
   * Bytes of young values between two collections. What does not fit any more goes to old until collect() is called. From 256 KiB on.
   * @default 16777216
   */
  young?: number;
  /**
   * Most bytes of old chunks; 0 is no limit. When they are in use, survivors stay young, and put() of what goes to old throws.
   * @default 0
   */
  old?: number;
  /**
   * Most bytes of permanent chunks; 0 is no limit. When they are in use, values stay old.
   * @default 0
   */
  permanent?: number;
  /** When values move on. */
  promotion?: Promotion;
  /**
   * For errors and reports, of printable characters.
   * @default 'pool-1', 'pool-2' and so on
   */
  name?: string;
}

const aNumber =
  (min: number, max: number, isWhole: boolean): OptionCheck =>
  (value) =>
    typeof value === 'number' && value >= min && value <= max && (!isWhole || Number.isInteger(value))
      ? undefined
      : `a ${isWhole ? 'whole ' : ''}number from ${min} to ${max}`;

const decided: readonly string[] = ['onExhausted', 'guardPages', 'quarantineBytes'] satisfies Decided[];
/** The native side checks the values of knobs. */
const anything: OptionCheck = () => undefined;

const checks: Readonly<Record<string, OptionCheck>> = {
  young: aNumber(MIN_YOUNG, MAX_BYTES, true),
  old: aNumber(0, MAX_BYTES, true),
  permanent: aNumber(0, MAX_BYTES, true),
  promotion: anything,
  name: anything,
  ...Object.fromEntries(
    knobs
      .map(({ option }) => option)
      .filter((option) => option !== '' && !decided.includes(option))
      .map((option) => [option, anything]),
  ),
};

const promotionChecks: Readonly<Record<string, OptionCheck>> = {
  youngToOld: aNumber(1, 255, true),
  oldToPermanent: aNumber(1, 2 ** 30, true),
  survival: aNumber(0, 1, false),
};

/** Options that were checked, and what follows from them. */
export interface GenerationalSettings {
  /** Most bytes of chunks: young, old, permanent; Infinity is no limit. */
  readonly limits: readonly [young: number, old: number, permanent: number];
  readonly promotion: Required<Promotion>;
  readonly chunkBytes: number;
  /** What the native side is told. */
  readonly pairs: [string, string | number][];
}

/** The largest class of which young has enough chunks. */
function chunkFor(young: number): number {
  const most = Math.min(Math.max(young / CHUNKS_OF_YOUNG, MIN_CHUNK), MAX_CHUNK);
  let bytes = MIN_CHUNK;
  while (bytes * 2 <= most) bytes *= 2;
  return bytes;
}

/** @throws ERR_SUPERSLAB_OPTION */
export function generationalSettings(options: GenerationalPoolOptions): GenerationalSettings {
  checkOptions('GenerationalPool()', options, checks);
  const { young = DEFAULT_YOUNG, old = 0, permanent = 0, promotion = {}, name: _, ...knobOptions } = options;
  checkOptions('promotion of GenerationalPool()', promotion, promotionChecks);
  const { youngToOld = 2, oldToPermanent = 8, survival = 0.9 } = promotion;
  const chunkBytes = chunkFor(young);
  for (const [what, limit] of Object.entries({ old, permanent })) {
    if (limit !== 0 && limit < chunkBytes) {
      throw optionError(
        `${what} of GenerationalPool() must be 0 or at least the ${chunkBytes} B of one chunk, got ${show(limit)}`,
        RangeError,
      );
    }
  }
  const pairs = optionPairs(knobOptions);
  pairs.push(['onExhausted', 'throw']);
  const most = (limit: number) => (limit === 0 ? Number.POSITIVE_INFINITY : limit);
  return {
    limits: [young, most(old), most(permanent)],
    promotion: { youngToOld, oldToPermanent, survival },
    chunkBytes,
    pairs,
  };
}
