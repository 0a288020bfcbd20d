import type { NativeSharedCache } from '../../addon/cache-binding.js';
import { environment } from '../../addon/environment.js';
import { FILE_FAULT } from '../../addon/generated/codes.js';
import { builtins } from '../../base/builtins.js';
import { makeError, type SuperslabError } from '../../base/errors.js';
import { FileMessages, tellRefusal } from '../file-messages.js';
import { Compression } from './compression.js';
import { cacheError, closedCache, keyError } from './errors.js';
import { CacheMemory } from './memory.js';
import { News } from './news.js';
import type { CacheSettings } from './options.js';
import type { PageEntry } from './page.js';

/** Places in what find() fills. */
const FOUND = {
  shard: 0,
  slot: 1,
  lower: 2,
  upper: 3,
  valueAt: 4,
  length: 5,
  start: 6,
  granules: 7,
  expiresMs: 8,
  usedAt: 9,
  plainBytes: 10,
  codec: 11,
} as const;
/** Added to the codec of a value with tags. */
const HAS_TAGS = 256;

/** One open cache: its native side, and what both readers and writers need of it. */
export class CacheCore {
  readonly settings: CacheSettings;
  readonly native: NativeSharedCache;
  readonly memory: CacheMemory;
  readonly compression: Compression;
  readonly news: News;
  readonly messages: FileMessages;
  readonly #found = new builtins.Float64Array(12);
  closed = false;
  /** The program was told that the file has failed. */
  #hasToldFailure = false;

  /** @throws what open() throws */
  constructor(settings: CacheSettings) {
    const { path, maxBytes, maxEntries, mode } = settings;
    const native = environment.openSharedCache({ path, maxBytes, maxEntries, mode });
    if (native === undefined) throw makeError('ERR_SUPERSLAB_CLOSED', 'the thread ends');
    if ('fault' in native) {
      const error = cacheError(native, path, mode);
      tellRefusal(settings.name, path, error);
      throw error;
    }
    this.settings = settings;
    this.native = native;
    this.memory = new CacheMemory(native);
    this.news = new News(native);
    this.messages = new FileMessages(settings.name, path);
    this.compression = new Compression(native, settings.codec, settings.compressFrom);
  }

  /** What a result below 0 of a native call means. */
  error(result: number, key?: unknown): SuperslabError {
    if (result === -FILE_FAULT.range) return keyError(key);
    const { name, path, mode } = this.settings;
    if (result === -FILE_FAULT.closed) return closedCache(name);
    const error = cacheError({ ...this.native.failure(), fault: -result }, path, mode);
    if (result === -FILE_FAULT.lost && !this.#hasToldFailure) {
      this.#hasToldFailure = true;
      this.messages.tellFailure(error);
    }
    return error;
  }

  /** A result that is not below 0. */
  checked(result: number, key?: unknown): number {
    if (result < 0) throw this.error(result, key);
    return result;
  }

  /** @throws ERR_SUPERSLAB_CLOSED, ERR_SUPERSLAB_FILE_FAILED */
  checkWhole(): void {
    const failure = this.native.failure();
    if (failure.fault !== FILE_FAULT.none) throw this.error(-failure.fault);
  }

  /**
   * The value of a key, which is pinned at `place`.
   * @throws ERR_SUPERSLAB_ARGUMENT, ERR_SUPERSLAB_CLOSED, ERR_SUPERSLAB_FILE_FAILED
   */
  find(key: string, place: number): PageEntry | undefined {
    if (typeof key !== 'string') throw keyError(key);
    const found = this.#found;
    if (this.checked(this.native.find(key, place, found), key) === 0) return undefined;
    const { memory, words, bytes } = this.memory.shard(found[FOUND.shard]!);
    // Whole numbers as such, not as doubles, which V8 keeps apart from their object: in one line of the processor's cache each.
    const codec = found[FOUND.codec]! | 0;
    return {
      words,
      slot: found[FOUND.slot]! | 0,
      lower: found[FOUND.lower]! | 0,
      upper: found[FOUND.upper]! | 0,
      bytes,
      usedAt: found[FOUND.usedAt]! | 0,
      length: found[FOUND.length]! | 0,
      mayExpire: found[FOUND.expiresMs] !== 0,
      view: builtins.bufferOf(memory, found[FOUND.valueAt]!, found[FOUND.length]!),
      start: found[FOUND.start]! | 0,
      granules: found[FOUND.granules]! | 0,
      codec: codec % HAS_TAGS,
      hasTags: codec >= HAS_TAGS,
      expiresMs: found[FOUND.expiresMs]!,
      plainBytes: found[FOUND.plainBytes]!,
      page: undefined,
      pageState: undefined,
    };
  }

  /** Memory for one pin of the value that find() has found last. */
  ownWindow(): ArrayBuffer | undefined {
    const found = this.#found;
    return this.native.pageWindow(found[FOUND.shard]!, found[FOUND.valueAt]!, found[FOUND.length]!);
  }

  /**
   * Some keys of those from place next[0] on, which is raised; none when there are no more.
   * @throws ERR_SUPERSLAB_CLOSED, ERR_SUPERSLAB_FILE_FAILED
   */
  someKeys(next: Float64Array): string[] {
    const keys = this.native.keys(next);
    if (typeof keys === 'number') throw this.error(keys);
    return keys;
  }

  close(): void {
    this.closed = true;
    this.native.close();
    this.news.end();
  }
}
