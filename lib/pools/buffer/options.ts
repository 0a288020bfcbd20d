import type { KnobOptions } from '../../addon/generated/options.js';
import { aPowerOfTwo, optionError } from '../../addon/option-checks.js';
import { show } from '../../base/errors.js';
import { MAX_ALIGN } from '../../pool/aligned-tags.js';
import { optionPairs } from '../pool-options.js';

/** What can be set for one pool; see docs/KNOBS.md. Options win over the environment. */
export interface BufferPoolOptions extends KnobOptions {
  /**
   * What the memory of each buffer begins at a multiple of: a power of two up to 2 MiB, as O_DIRECT asks for. Each takes a
   * block whose size is a multiple of it, and beyond 64 KiB at least 2 MiB.
   * @default 64
   */
  align?: number;
  /**
   * For errors and reports, of printable characters.
   * @default 'pool-1', 'pool-2' and so on
   */
  name?: string;
}

const anAlignment = aPowerOfTwo(MAX_ALIGN);

/** Options that were checked, but for the values of knobs, which the native side checks. */
export interface BufferSettings {
  readonly align: number;
  /** What the native side is told. */
  readonly pairs: [string, string | number][];
}

/** @throws ERR_SUPERSLAB_OPTION */
export function bufferSettings(options: BufferPoolOptions): BufferSettings {
  const pairs = optionPairs(options).filter(([name]) => name !== 'align');
  const { align = 1 } = options;
  const wanted = anAlignment(align);
  if (wanted !== undefined) throw optionError(`align of BufferPool() must be ${wanted}, got ${show(align)}`);
  return { align, pairs };
}

/** What comes from outside of a pool lies where it lies. */
export const fallbackError = (align: number) =>
  optionError(
    `align of BufferPool() must be left out where onExhausted is "fallback", whose buffers are not from the pool, got ${align}`,
  );
