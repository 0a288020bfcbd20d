import type { KnobOptions } from '../../addon/generated/options.js';
import { aCount, anAbortSignal, checkOptions, type OptionCheck } from '../../addon/option-checks.js';
import { isPrintable } from '../../base/text.js';
import type { Codec } from '../compressed/codec.js';
import { checkPath } from '../mapped/options.js';
import { type CompressionName, compressionProblem } from './compression.js';

/** What can be set when a {@link SharedCache} is opened. */
export interface SharedCacheOptions extends Pick<KnobOptions, 'leakDetection' | 'guard'> {
  /**
   * Where processes find the cache: a path on a tmpfs, such as `/dev/shm/my-app.cache`, keeps it in memory. A file that is not there is
   * made; its folder has to exist.
   */
  path: string | URL;
  /** In reports; the path if nothing else is said. */
  name?: string;
  /**
   * Bytes of the file, all of which are set aside when it is made: 2 MiB to 32 GiB. Of a file that exists, it has to be what that was
   * made with, or be left out.
   * @default 64 MiB
   */
  maxBytes?: number;
  /**
   * For how many values the index has room, about: for caches of many small values. Counts when the file is made.
   * @default one for each KiB of maxBytes
   */
  maxEntries?: number;
  /**
   * How long a value of this opener's is there, if set() says nothing else. Unit: ms. 0: until it has to make room.
   * @default 0
   */
  ttlMs?: number;
  /**
   * Permission bits of a new file. One that exists and has more than these is refused.
   * @default 0o600
   */
  mode?: number;
  /**
   * Compresses values of `compressFrom` bytes or more, on the thread that stores them: 'lz4', which is fast; 'deflate'; 'zstd' where Node.js has
   * it; or the program's own, which has to do it at once. A value says what has compressed it: all read those of the first three, whatever they
   * are opened with, and a codec of the program is needed by all. Compressed values cannot be pinned without a copy.
   */
  codec?: CompressionName | Codec;
  /**
   * Shorter values stay as they are.
   * @default 1024
   */
  compressFrom?: number;
}

/** What can be said of a single value. */
export interface SetOptions {
  /** Instead of the cache's. Unit: ms. 0: until it has to make room. */
  ttlMs?: number;
  /** Up to 32, by which deleteTag() takes it out. */
  tags?: readonly string[];
}

/** Of {@link SharedCache.getOrCompute}. */
export interface ComputeOptions extends SetOptions {
  /**
   * After so long somebody who waits for the computation of another process, or of an earlier call of this thread, computes the value, too.
   * Unit: ms.
   * @default 30,000
   */
  waitMs?: number;
  /** Ends the wait of this call. A computation that has begun goes on, for others and for the cache. */
  signal?: AbortSignal;
}

export interface CacheSettings {
  readonly path: string;
  readonly name: string;
  readonly maxBytes: number;
  readonly maxEntries: number;
  readonly ttlMs: number;
  readonly mode: number;
  readonly codec: CompressionName | Codec | undefined;
  readonly compressFrom: number;
  /** How pages are watched. */
  readonly watching: Pick<KnobOptions, 'leakDetection' | 'guard'>;
}

const MIN_BYTES = 2 * 2 ** 20;
const MAX_BYTES = 32 * 2 ** 30;
/** A hundred years. */
const MAX_MS = 100 * 365 * 86_400_000;
const DEFAULT_WAIT_MS = 30_000;

const aTime = aCount(0, MAX_MS);

const aName: OptionCheck = (value) =>
  typeof value === 'string' && value !== '' && isPrintable(value)
    ? undefined
    : 'a non-empty string of printable characters';

const aMode: OptionCheck = (value) =>
  Number.isInteger(value) && ((value as number) & 0o600) === 0o600 && ((value as number) & ~0o777) === 0
    ? undefined
    : 'permission bits with 0o600, such as 0o640';

const someTags: OptionCheck = (value) =>
  Array.isArray(value) && value.every((tag) => typeof tag === 'string') ? undefined : 'an array of strings';

const openChecks = {
  path: () => undefined,
  name: aName,
  maxBytes: aCount(MIN_BYTES, MAX_BYTES),
  maxEntries: aCount(1, MAX_BYTES / 64),
  ttlMs: aTime,
  mode: aMode,
  codec: compressionProblem,
  compressFrom: aCount(0, MAX_BYTES),
  // The native side checks them.
  leakDetection: () => undefined,
  guard: () => undefined,
} satisfies Record<keyof SharedCacheOptions, OptionCheck>;

const setChecks = { ttlMs: aTime, tags: someTags } satisfies Record<keyof SetOptions, OptionCheck>;
const computeChecks = { ...setChecks, waitMs: aTime, signal: anAbortSignal } satisfies Record<
  keyof ComputeOptions,
  OptionCheck
>;

/** @throws ERR_SUPERSLAB_OPTION, ERR_SUPERSLAB_ARGUMENT */
export function cacheSettings(options: SharedCacheOptions): CacheSettings {
  checkOptions('SharedCache.open()', options, openChecks);
  const { maxBytes = 0, maxEntries = 0, ttlMs = 0, mode = 0o600, codec, compressFrom = 1024 } = options;
  const path = checkPath(options.path);
  const { leakDetection, guard } = options;
  const watching = {
    ...(leakDetection !== undefined && { leakDetection }),
    ...(guard !== undefined && { guard }),
  };
  return {
    path,
    name: options.name ?? path,
    maxBytes,
    maxEntries,
    ttlMs,
    mode,
    codec,
    compressFrom,
    watching,
  };
}

/** @throws ERR_SUPERSLAB_OPTION */
export function checkSetOptions(options: SetOptions): void {
  checkOptions('set()', options, setChecks);
}

/** @throws ERR_SUPERSLAB_OPTION */
export function computeSettings(options: ComputeOptions): {
  set: SetOptions;
  waitMs: number;
  signal: AbortSignal | undefined;
} {
  checkOptions('getOrCompute()', options, computeChecks);
  const { waitMs = DEFAULT_WAIT_MS, signal, ...set } = options;
  return { set, waitMs, signal };
}
