import type { PooledBuffer } from '../../pool/pooled-buffer.js';
import { begin, finish, giveUp, HeldBuffers } from '../../pool/unfinished.js';
import { ALIGN, Chunk, type Generation, NO_CHUNK, PERMANENT, SCOPE } from './chunk.js';

/** What takes and gives back the memory of chunks. */
interface ChunkCore {
  readonly closed: boolean;
  acquireSlow(size: number): PooledBuffer;
}

/** A buffer that is to be a chunk. Once it is in the list of all chunks, that looks after it. */
class HeldChunk extends HeldBuffers {
  chunk: Chunk | undefined = undefined;

  override undo(): void {
    if (this.chunk === undefined || this.chunk.index < 0) super.undo();
  }
}

/** The chunks of one pool. */
export class ChunkStore {
  /** By their index; a place without one is used again. */
  readonly chunks: (Chunk | undefined)[] = [];
  /** Where values go, by generation; NO_CHUNK where none is begun. */
  readonly current: [young: Chunk, old: Chunk, permanent: Chunk] = [NO_CHUNK, NO_CHUNK, NO_CHUNK];
  /** Bytes of all chunks, by generation. */
  readonly held: [young: number, old: number, permanent: number, scopes: number, leaving: number] = [
    0, 0, 0, 0, 0,
  ];
  /** Length of a chunk for many values. Unit: bytes. */
  readonly chunkBytes: number;
  /** Places of `chunks` that have none. */
  readonly #places: number[] = [];
  /** Set when the core has been made: they know each other. */
  core!: ChunkCore;

  constructor(chunkBytes: number) {
    this.chunkBytes = chunkBytes;
  }

  /**
   * Another chunk that is the current one of its generation; or one of `bytes`, a multiple of ALIGN, for a single value. Calls
   * subscribers.
   * @throws ERR_SUPERSLAB_EXHAUSTED, ERR_SUPERSLAB_NO_MEMORY, ERR_SUPERSLAB_CLOSED
   */
  add(generation: Generation, bytes = this.chunkBytes, isOwn = false): Chunk {
    const held = begin(new HeldChunk());
    try {
      held.buf = this.core.acquireSlow(bytes);
      return this.#keep(held, bytes, generation, isOwn);
    } catch (error) {
      giveUp(held);
      throw error;
    }
  }

  /** The same of a buffer that somebody waited for. */
  adopt(buf: PooledBuffer, bytes: number, generation: Generation, isOwn: boolean): Chunk {
    const held = begin(new HeldChunk());
    held.buf = buf;
    try {
      return this.#keep(held, bytes, generation, isOwn);
    } catch (error) {
      giveUp(held);
      throw error;
    }
  }

  #keep(held: HeldChunk, bytes: number, generation: Generation, isOwn: boolean): Chunk {
    const values = generation === SCOPE ? 0 : isOwn ? 1 : bytes / ALIGN;
    const chunk = new Chunk(held.buf, bytes, generation, values);
    held.chunk = chunk;
    this.#enter(chunk, isOwn);
    finish(held);
    return chunk;
  }

  /** Stores alone: they happen together. */
  #enter(chunk: Chunk, isOwn: boolean): void {
    const { generation } = chunk;
    const { length } = this.#places;
    const index = length === 0 ? this.chunks.length : this.#places[length - 1]!;
    if (length !== 0) this.#places.length = length - 1;
    chunk.index = index;
    this.chunks[index] = chunk;
    this.held[generation] += chunk.capacity;
    if (!isOwn && generation <= PERMANENT) this.current[generation as 0] = chunk;
  }

  /** Makes it one of another generation, where it lies. */
  turn(chunk: Chunk, generation: Generation): void {
    this.held[chunk.generation] -= chunk.capacity;
    this.held[generation] += chunk.capacity;
    chunk.generation = generation;
  }

  /** Whether the memory is a chunk's, which is in the list of all chunks. */
  isChunk(buf: PooledBuffer): boolean {
    for (let i = 0; i < this.chunks.length; i++) if (this.chunks[i]?.buf === buf) return true;
    return false;
  }

  isCurrent(chunk: Chunk): boolean {
    return this.current.includes(chunk);
  }

  /** The last value of a chunk has ended. The current ones begin anew, for as long as the pool is open. */
  emptied(chunk: Chunk): void {
    if (this.isCurrent(chunk) && !this.core.closed) {
      chunk.used = 0;
      chunk.logged = 0;
      chunk.isViewed = false;
    } else {
      this.retire(chunk);
    }
  }

  /** Gives the memory of a chunk without values back. Calls subscribers. When it is cut off, {@link sweep} does the rest. */
  retire(chunk: Chunk): void {
    if (!chunk.buf!.released) chunk.buf!.release();
    this.#leave(chunk);
  }

  /** Stores alone, like #enter(). */
  #leave(chunk: Chunk): void {
    const { index, generation } = chunk;
    if (this.chunks[index] !== chunk) return;
    this.chunks[index] = undefined;
    chunk.index = -1;
    this.#places[this.#places.length] = index;
    this.held[generation] -= chunk.capacity;
    if (this.current[generation as 0] === chunk) this.current[generation as 0] = NO_CHUNK;
  }

  /** Gives back the chunks without values; the current ones, too, if `andCurrent`. */
  sweep(andCurrent: boolean): void {
    for (let index = 0; index < this.chunks.length; index++) {
      const chunk = this.chunks[index];
      if (chunk === undefined || chunk.liveValues > 0 || chunk.generation === SCOPE) continue;
      if (!andCurrent && this.isCurrent(chunk)) continue;
      this.retire(chunk);
    }
  }

  /** No chunk gets another value: the pool is closed. */
  end(): void {
    this.current[0] = NO_CHUNK;
    this.current[1] = NO_CHUNK;
    this.current[2] = NO_CHUNK;
  }

  /** Gives all chunks back, whatever is in them: nobody has the pool any more. */
  giveUp(): void {
    for (let index = 0; index < this.chunks.length; index++) {
      const chunk = this.chunks[index];
      if (chunk !== undefined) this.retire(chunk);
    }
  }
}
