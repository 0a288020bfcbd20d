// What compresses values of a shared cache.
import type { NativeSharedCache } from '../../addon/cache-binding.js';
import { facts } from '../../addon/environment.js';
import { builtins, lengthOf, viewBytes } from '../../base/builtins.js';
import { makeError, show } from '../../base/errors.js';
import { type Codec, deflate, type ForeignCodec, zstd } from '../compressed/codec.js';

export type CompressionName = 'deflate' | 'lz4' | 'zstd';

/** Numbers in the file, so that they stay. */
const CODECS = { deflate: 1, zstd: 2, lz4: 3 } as const satisfies Record<CompressionName, number>;
const OF_PROGRAM = 255;

/** LZ4 makes no more than so many bytes of one. */
const MOST_LZ4_RATIO = 255;

/** Where a codec that this package knows is not there. */
const MISSING = {
  zstd: 'zstd needs Node.js 22.15, 23.8 or later',
  lz4: 'this superslab was compiled from source without LZ4, which only its prebuilt binaries and its own checkout have',
} as const;

/** What is wrong with the option. */
export function compressionProblem(codec: unknown): string | undefined {
  if (codec === 'deflate') return undefined;
  if (codec === 'lz4') return facts.hasLz4 ? undefined : `"deflate" here: ${MISSING.lz4}`;
  if (codec === 'zstd') return zstd === undefined ? `"deflate" here: ${MISSING.zstd}` : undefined;
  const { name, compress, decompress } = (codec ?? {}) as Partial<Codec>;
  return typeof name === 'string' && typeof compress === 'function' && typeof decompress === 'function'
    ? undefined
    : '"deflate", "lz4", "zstd" or an object with a name, compress() and decompress()';
}

/** LZ4 of the core. */
const lz4Of = (native: NativeSharedCache): ForeignCodec => ({
  name: 'lz4',
  compress(bytes) {
    // What takes more is not worth it.
    const target = builtins.allocUnsafe(mostBytes(lengthOf(bytes)));
    const length = native.lz4Compress(bytes, target);
    return length === 0 ? bytes : viewBytes(target, 0, length);
  },
  decompress(bytes, length) {
    if (length > lengthOf(bytes) * MOST_LZ4_RATIO)
      throw codecError(`${length} bytes are more than it can hold`);
    const target = builtins.allocUnsafe(length);
    if (!native.lz4Decompress(bytes, target)) throw codecError('it is no block of LZ4');
    return target;
  },
});

/** Compressed bytes that take more stay as they were: less than an eighth is not worth the time of those who read it. */
const mostBytes = (length: number): number => Math.floor((length / 8) * 7);

/** Compresses the values of one cache. */
export class Compression {
  readonly #codec: ForeignCodec | undefined;
  readonly #id: number;
  readonly #from: number;
  /** What a value can be read by, by the number that it has in the file. */
  readonly #readers: Readonly<Record<number, ForeignCodec | undefined>>;

  constructor(native: NativeSharedCache, codec: CompressionName | Codec | undefined, from: number) {
    const lz4 = facts.hasLz4 ? lz4Of(native) : undefined;
    const known = { deflate, zstd, lz4 };
    const isKnown = typeof codec === 'string';
    this.#codec = isKnown ? known[codec] : codec;
    this.#id = isKnown ? CODECS[codec] : OF_PROGRAM;
    this.#from = from;
    this.#readers = {
      [CODECS.deflate]: deflate,
      [CODECS.zstd]: zstd,
      [CODECS.lz4]: lz4,
      [OF_PROGRAM]: isKnown ? undefined : codec,
    };
  }

  /**
   * The compressed bytes and the number of the codec; 0 where the value stays as it is.
   * @throws ERR_SUPERSLAB_CODEC
   */
  compress(bytes: Uint8Array): { bytes: Uint8Array; codec: number } {
    const codec = this.#codec;
    if (codec === undefined || lengthOf(bytes) < this.#from) return { bytes, codec: 0 };
    const made = codec.compressNow === undefined ? codec.compress(bytes) : codec.compressNow(bytes);
    if (!builtins.isUint8Array(made))
      throw codecError(
        `compress() of codec ${show(codec.name)} has to return a Uint8Array at once, got ${show(made)}`,
      );
    return lengthOf(made) > mostBytes(lengthOf(bytes))
      ? { bytes, codec: 0 }
      : { bytes: made, codec: this.#id };
  }

  /** @throws ERR_SUPERSLAB_CODEC for a value that no codec of this process reads, or that was damaged */
  decompress(bytes: Uint8Array, length: number, id: number): Uint8Array {
    const codec = this.#readers[id];
    if (codec === undefined) throw codecError(unreadable(id));
    let made: unknown;
    try {
      made = codec.decompress(bytes, length);
    } catch (cause) {
      throw codecError(`codec ${show(codec.name)} cannot decompress a value`, cause);
    }
    if (builtins.isUint8Array(made) && lengthOf(made) === length) return made;
    throw codecError(
      `decompress() of codec ${show(codec.name)} has to return ${length} bytes, got ${show(made)}`,
    );
  }
}

function unreadable(id: number): string {
  if (id === CODECS.zstd) return `the value was compressed by "zstd", and ${MISSING.zstd}`;
  if (id === CODECS.lz4) return `the value was compressed by "lz4", and ${MISSING.lz4}`;
  return id === OF_PROGRAM
    ? 'the value was compressed by a codec of the program; open the cache with that codec'
    : `the value was compressed by a codec of the number ${id}, which this superslab does not know`;
}

const codecError = (text: string, cause?: unknown) =>
  makeError('ERR_SUPERSLAB_CODEC', text, Error, cause === undefined ? undefined : { cause });
