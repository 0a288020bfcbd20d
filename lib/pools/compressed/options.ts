import type { KnobOptions } from '../../addon/generated/options.js';
import { aFunction, checkOptions, type OptionCheck, optionError } from '../../addon/option-checks.js';
import { knobChecks, optionPairs } from '../pool-options.js';
import { type Codec, type CodecChoice, type CodecName, codecChoice } from './codec.js';

const MIB = 2 ** 20;
const DEFAULT_HOT = 64 * MIB;
const MIN_BYTES = 2 ** 16;
const MAX_BYTES = 2 ** 40;

/** Those of every pool that a CompressedPool decides by itself, or that it cannot keep. */
type Decided = 'maxBytes' | 'onExhausted' | 'guardPages' | 'quarantineBytes' | 'sensitive' | 'lockMemory';

/** What can be set for a {@link CompressedPool}. The knobs of docs/KNOBS.md hold too, but for those that it decides. */
export interface CompressedPoolOptions extends Omit<KnobOptions, Decided> {
  /**
   * Most bytes of values that are not compressed, from 64 KiB on.
   * @default 67108864
   */
  hotBytes?: number;
  /**
   * Most bytes that compressed values take, from 64 KiB on; 0 is no limit. Once it was met, nothing is compressed until a tenth of it is free.
   * @default 0
   */
  coldBytes?: number;
  /**
   * What compresses: `'lz4'`, on a thread of the pool; `'zstd'`, where Node.js has it, for values of 16 KiB and more, and LZ4 for others;
   * `'deflate'` of node:zlib; or an object of the program's own.
   * @default 'lz4'
   */
  codec?: CodecName | Codec;
  /**
   * A value that compresses worse, its length divided by what is left of it, stays as it is, and is not tried again for half a minute. From 1 on.
   * @default 1.25
   */
  minRatio?: number;
  /**
   * The share of one processor that compressing may take, above 0 and up to 1.
   * @default 0.25
   */
  cpuBudget?: number;
  /**
   * The share of `hotBytes` beyond which values are compressed, above 0 and up to 1.
   * @default 0.8
   */
  watermark?: number;
  /**
   * Makes the pool a cache: where there is no room for a new value, old ones end, and this is told of each. What it throws, the call
   * that needed the room throws. Without it that call throws, and nothing is lost.
   */
  onEvict?: (handle: number, length: number) => void;
  /**
   * For errors and reports, of printable characters.
   * @default 'pool-1', 'pool-2' and so on
   */
  name?: string;
}

const aNumber =
  (said: string, fits: (value: number) => boolean): OptionCheck =>
  (value) =>
    typeof value === 'number' && fits(value) ? undefined : said;

const isBytes = (value: number) => Number.isInteger(value) && value >= MIN_BYTES && value <= MAX_BYTES;
const aShare = aNumber('a number above 0 and up to 1', (value) => value > 0 && value <= 1);

const decided: readonly string[] = [
  'maxBytes',
  'onExhausted',
  'guardPages',
  'quarantineBytes',
  'sensitive',
  'lockMemory',
] satisfies Decided[];
/** The native side checks the values of knobs, and codecChoice() the codec. */
const anything: OptionCheck = () => undefined;
const notForSecrets: OptionCheck = () =>
  optionError(
    'a CompressedPool takes no secrets: how well they compress tells of them, and compressed ones would lie in plain memory; use a BufferPool',
  );

const checks: Readonly<Record<string, OptionCheck>> = {
  hotBytes: aNumber(`a whole number of bytes from ${MIN_BYTES} to ${MAX_BYTES}`, isBytes),
  coldBytes: aNumber(
    `0 or a whole number of bytes from ${MIN_BYTES} to ${MAX_BYTES}`,
    (value) => value === 0 || isBytes(value),
  ),
  codec: anything,
  minRatio: aNumber('a number from 1 on', (value) => value >= 1 && value < Number.POSITIVE_INFINITY),
  cpuBudget: aShare,
  watermark: aShare,
  onEvict: aFunction,
  name: anything,
  sensitive: notForSecrets,
  lockMemory: notForSecrets,
  ...knobChecks(decided),
};

/** Options that were checked, and what follows from them. */
export interface CompressedSettings {
  readonly hotBytes: number;
  readonly coldBytes: number;
  readonly codec: CodecChoice;
  readonly minRatio: number;
  readonly cpuBudget: number;
  readonly watermark: number;
  readonly onEvict: ((handle: number, length: number) => void) | undefined;
  /** What the native side is told. */
  readonly pairs: [string, string | number][];
}

/** @throws ERR_SUPERSLAB_OPTION */
export function compressedSettings(options: CompressedPoolOptions): CompressedSettings {
  checkOptions('CompressedPool()', options, checks);
  const {
    hotBytes = DEFAULT_HOT,
    coldBytes = 0,
    codec,
    minRatio = 1.25,
    cpuBudget = 0.25,
    watermark = 0.8,
    onEvict,
    name: _,
    ...knobOptions
  } = options;
  const pairs = optionPairs(knobOptions);
  pairs.push(['maxBytes', hotBytes], ['onExhausted', 'throw']);
  return {
    hotBytes,
    coldBytes,
    codec: codecChoice(codec),
    minRatio,
    cpuBudget,
    watermark,
    onEvict,
    pairs,
  };
}
