import { facts } from '../../addon/environment.js';
import { GUARD } from '../../addon/generated/choices.js';
import type { KnobOptions } from '../../addon/generated/options.js';
import {
  aCount,
  aFlag,
  aPowerOfTwo,
  checkOptions,
  type OptionCheck,
  optionError,
} from '../../addon/option-checks.js';
import { makeError, show } from '../../base/errors.js';
import { watchedTag } from '../../guard/lease-sizes.js';
import { modesOf } from '../../guard/settings.js';
import { MAX_ALIGN } from '../../pool/aligned-tags.js';
import { optionPairs } from '../pool-options.js';

const { bytesOfTag, knobs, pageBytes } = facts;

/** The largest buffer: beyond it a block is a span of its own, which a BufferPool keeps and gives back as well. */
export const MAX_SIZE = bytesOfTag[bytesOfTag.length - 1]!;
const MAX_COUNT = 2 ** 24;

/** Those of every pool that a FixedPool decides by itself, or that say nothing to it. */
type Decided = 'maxBytes' | 'onExhausted' | 'guardPages';

/** What can be set for a {@link FixedPool}. The knobs of docs/KNOBS.md hold too, but for those that `max` decides. */
export interface FixedPoolOptions extends Omit<KnobOptions, Decided> {
  /** Length of each buffer, from 1 to 2 MiB. Unit: bytes. */
  size: number;
  /**
   * Most buffers that the pool has, whether out or idle; 0 is no limit. At most 16,777,216.
   * @default 0
   */
  max?: number;
  /**
   * Buffers that are made, and their memory touched, before the constructor returns, and that stay when they are idle.
   * At most `max`.
   * @default 0
   */
  initial?: number;
  /**
   * What the memory of each buffer begins at a multiple of: a power of two up to 2 MiB, as O_DIRECT asks for. Beyond 64 KiB
   * each buffer takes 2 MiB.
   * @default 64
   */
  align?: number;
  /**
   * Whether slabs begin at different offsets, so that the same field of many buffers is not in the same set of a
   * processor's cache. Only blocks of up to 32 KiB that leave some of their slab over can be spread.
   * @default true
   */
  colour?: boolean;
  /**
   * For errors and reports, of printable characters.
   * @default 'pool-1', 'pool-2' and so on
   */
  name?: string;
}

const decided: readonly string[] = ['maxBytes', 'onExhausted', 'guardPages'] satisfies Decided[];
/** The native side checks the values of knobs. */
const anything: OptionCheck = () => undefined;

/** What every kind checks whose blocks are all of one size. */
export const oneSizeChecks: Readonly<Record<string, OptionCheck>> = {
  size: aCount(1, MAX_SIZE),
  max: aCount(0, MAX_COUNT),
  initial: aCount(0, MAX_COUNT),
  align: aPowerOfTwo(MAX_ALIGN),
  colour: aFlag,
  name: anything,
  ...Object.fromEntries(
    knobs
      .map(({ option }) => option)
      .filter((option) => option !== '' && !decided.includes(option))
      .map((option) => [option, anything]),
  ),
};

/** Options that were checked, and what follows from them. */
export interface FixedSettings {
  readonly size: number;
  readonly max: number;
  readonly initial: number;
  readonly align: number;
  readonly colour: boolean;
  /** What the native side is told. */
  readonly pairs: [string, string | number][];
}

/** The code of the guard that a pool with these options has; that it is wrong is told when the pool is opened. */
function guardOf(guard: unknown): number {
  const word = guard ?? knobs.find(({ option }) => option === 'guard')!.value;
  return (GUARD as Record<string, number>)[String(word)] ?? GUARD.off;
}

/** @throws ERR_SUPERSLAB_OPTION */
export function fixedSettings(options: FixedPoolOptions): FixedSettings {
  checkOptions('FixedPool()', options, oneSizeChecks);
  if (options.size === undefined)
    throw optionError('FixedPool() needs the option size, the length of each buffer');
  return settingsOf('FixedPool()', options);
}

/**
 * What follows from options that were checked by themselves; `where` is the constructor, for errors.
 * @throws ERR_SUPERSLAB_OPTION for what does not go together
 */
export function settingsOf(where: string, options: FixedPoolOptions): FixedSettings {
  const { size, max = 0, initial = 0, align = 1, colour = true, name: _, ...knobOptions } = options;
  if (max !== 0 && initial > max) {
    throw optionError(`initial of ${where} must be at most max, ${max}, got ${show(initial)}`);
  }
  const tag = watchedTag(size, { ...modesOf(guardOf(knobOptions.guard)), pageBytes, align });
  const blockBytes = bytesOfTag[tag];
  if (blockBytes === undefined) {
    throw makeError(
      'ERR_SUPERSLAB_OPTION',
      `size of ${where} must leave room for the guard "${knobOptions.guard ?? 'of the environment'}" within ${MAX_SIZE} B, got ${size}`,
      RangeError,
    );
  }
  const pairs = optionPairs(knobOptions);
  pairs.push(['maxBytes', max * blockBytes], ['onExhausted', 'throw']);
  return { size, max, initial, align, colour, pairs };
}
