// What compresses values of a shared cache.

import { builtins, lengthOf } from '../../base/builtins.js';
import { makeError, show } from '../../base/errors.js';
import { type Codec, deflate, type ForeignCodec, zstd } from '../compressed/codec.js';

export type CompressionName = 'deflate' | 'zstd';

/** Numbers in the file, so that they stay. */
const DEFLATE = 1;
const ZSTD = 2;
const OF_PROGRAM = 255;
const NAMES: Readonly<Record<number, string>> = { [DEFLATE]: '"deflate"', [ZSTD]: '"zstd"' };

/** What is wrong with the option. */
export function compressionProblem(codec: unknown): string | undefined {
  if (codec === 'deflate') return undefined;
  if (codec === 'zstd')
    return zstd === undefined ? '"deflate" here: zstd needs Node.js 22.15, 23.8 or later' : undefined;
  const { name, compress, decompress } = (codec ?? {}) as Partial<Codec>;
  return typeof name === 'string' && typeof compress === 'function' && typeof decompress === 'function'
    ? undefined
    : '"deflate", "zstd" or an object with a name, compress() and decompress()';
}

/** Compresses the values of one cache. */
export class Compression {
  readonly #codec: ForeignCodec | undefined;
  readonly #id: number;
  readonly #from: number;

  constructor(codec: CompressionName | Codec | undefined, from: number) {
    this.#codec = codec === 'deflate' ? deflate : codec === 'zstd' ? zstd : codec;
    this.#id = codec === 'deflate' ? DEFLATE : codec === 'zstd' ? ZSTD : OF_PROGRAM;
    this.#from = from;
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
    // Less than an eighth is not worth the time of those who read it.
    return lengthOf(made) > (lengthOf(bytes) / 8) * 7
      ? { bytes, codec: 0 }
      : { bytes: made, codec: this.#id };
  }

  /** @throws ERR_SUPERSLAB_CODEC for a value that another codec compressed, or that was damaged */
  decompress(bytes: Uint8Array, length: number, id: number): Uint8Array {
    const codec = this.#codec;
    if (codec === undefined || id !== this.#id) {
      throw codecError(
        `the value was compressed by ${NAMES[id] ?? 'a codec of the program'}; open the cache with that codec`,
      );
    }
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

const codecError = (text: string, cause?: unknown) =>
  makeError('ERR_SUPERSLAB_CODEC', text, Error, cause === undefined ? undefined : { cause });
