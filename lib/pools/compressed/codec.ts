// What compresses values: LZ4 in the core, what Node.js has, or the program's own.
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { binding } from '../../addon/binding.js';
import { facts } from '../../addon/environment.js';
import { optionError } from '../../addon/option-checks.js';
import { show } from '../../base/errors.js';

/** Compresses values for a {@link CompressedPool}. */
export interface Codec {
  /** In errors. */
  readonly name: string;
  /**
   * The bytes, compressed; as a promise where that is done on another thread. It must keep neither the bytes nor what it returns.
   * What is longer than the bytes divided by `minRatio` is thrown away, and the value stays as it is.
   */
  compress(bytes: Uint8Array): Uint8Array | PromiseLike<Uint8Array>;
  /** What compress() was given, which had `length` bytes. At once: access() waits for it. */
  decompress(bytes: Uint8Array, length: number): Uint8Array;
}

/** A codec that the pool calls. */
export interface ForeignCodec extends Codec {
  /** The same as compress(), at once, where there is such a way. */
  compressNow?(bytes: Uint8Array): Uint8Array;
}

/** Who compresses what. */
export interface CodecChoice {
  readonly name: string;
  readonly usesLz4: boolean;
  readonly foreign: ForeignCodec | undefined;
  /** Values of so many bytes are for `foreign`. */
  readonly foreignFrom: number;
}

export type CodecName = 'lz4' | 'zstd' | 'deflate';
const NAMES: readonly CodecName[] = ['lz4', 'zstd', 'deflate'];

/** zstd pays from here on: below it LZ4 is as good, and several times as fast. */
const ZSTD_FROM = 2 ** 14;

/** Of Node.js 22.15, 23.8 and later; the types are of an older one. */
interface Zstd {
  zstdCompress?(bytes: Uint8Array, done: (error: Error | null, result: Buffer) => void): void;
  zstdCompressSync?(bytes: Uint8Array): Buffer;
  zstdDecompressSync?(bytes: Uint8Array, options: { maxOutputLength: number }): Buffer;
}
const { zstdCompress, zstdCompressSync, zstdDecompressSync } = zlib as Zstd;
const { deflateRaw, deflateRawSync, inflateRawSync } = zlib;
const FAST = { level: 1 };

/** undefined where Node.js has none. */
export const zstd: ForeignCodec | undefined = zstdCompress && {
  name: 'zstd',
  compress: promisify(zstdCompress) as (bytes: Uint8Array) => Promise<Uint8Array>,
  compressNow: (bytes) => zstdCompressSync!(bytes),
  decompress: (bytes, length) => zstdDecompressSync!(bytes, { maxOutputLength: length }),
};

const deflateSoon = promisify(deflateRaw) as (
  bytes: Uint8Array,
  options: zlib.ZlibOptions,
) => Promise<Buffer>;
export const deflate: ForeignCodec = {
  name: 'deflate',
  compress: (bytes) => deflateSoon(bytes, FAST),
  compressNow: (bytes) => deflateRawSync(bytes, FAST),
  decompress: (bytes, length) => inflateRawSync(bytes, { maxOutputLength: Math.max(length, 1) }),
};

function unknownName(name: string): Error {
  const nearest = binding.nearestName(name, NAMES.join('|'));
  const advice =
    nearest === ''
      ? `there are ${NAMES.join(', ')}, and objects with compress() and decompress()`
      : `did you mean "${nearest}"?`;
  return optionError(`codec of CompressedPool() cannot be ${show(name)}: ${advice}`);
}

function noLz4(): Error {
  return optionError(
    'codec "lz4" of CompressedPool() is not there: this superslab was compiled from source without LZ4, which only its prebuilt ' +
      'binaries and its own checkout have; reinstall it without --build-from-source, or choose codec "deflate"' +
      (zstd === undefined ? '' : ' or "zstd"'),
  );
}

function noZstd(): Error {
  return optionError(
    `codec "zstd" of CompressedPool() needs zstd in node:zlib, which Node.js has from 22.15 and 23.8 on, and ${process.version} has not; ` +
      'choose "lz4", which is the default, or "deflate"',
  );
}

function byName(name: string, hasLz4: boolean): CodecChoice {
  switch (name) {
    case 'lz4':
      if (!hasLz4) throw noLz4();
      return { name, usesLz4: true, foreign: undefined, foreignFrom: Number.MAX_SAFE_INTEGER };
    case 'zstd':
      if (zstd === undefined) throw noZstd();
      // Without LZ4 it takes the small ones, too.
      return { name, usesLz4: hasLz4, foreign: zstd, foreignFrom: hasLz4 ? ZSTD_FROM : 1 };
    case 'deflate':
      return { name, usesLz4: false, foreign: deflate, foreignFrom: 1 };
    default:
      throw unknownName(name);
  }
}

/**
 * What the option `codec` means.
 * @throws ERR_SUPERSLAB_OPTION
 */
export function codecChoice(codec: unknown = 'lz4', hasLz4: boolean = facts.hasLz4): CodecChoice {
  if (typeof codec === 'string') return byName(codec, hasLz4);
  const { name, compress, decompress } = (codec ?? {}) as Partial<Codec>;
  if (typeof name !== 'string' || typeof compress !== 'function' || typeof decompress !== 'function') {
    throw optionError(
      `codec of CompressedPool() must be ${NAMES.map(show).join(', ')} or an object with a name, compress() and decompress(), ` +
        `got ${show(codec)}`,
    );
  }
  return { name, usesLz4: false, foreign: codec as Codec, foreignFrom: 1 };
}
