import type { MappedBuffer, MappedPool } from 'superslab/files';
import type { ReceiveBuffer } from '../receive/receive-buffer.js';
import type { SyslogMessage } from '../syslog/message.js';
import type { ColdSegments } from './cold-segments.js';
import type { Entry } from './entry.js';
import { type EntryAppender, type EntryFilter, findIn } from './find-entries.js';
import { Segment } from './segment.js';

const ROOT = 'entries';
const SEGMENT_BYTES = 256 * 1024;
/** A message of the longest kind has room in a segment with its record. */
const SPARE_BYTES = 4096;
/** Most bytes of the file for segments, however many are to be kept. */
const MAX_KEPT_BYTES = 512 * 1024 * 1024;

interface Kept {
  readonly block: MappedBuffer;
  readonly segment: Segment;
}

/**
 * The newest entries, in a file: a server that is killed and started again has them. Messages are copied into segments, of which each names
 * the one before it; the oldest becomes the newest when there are enough, and what it had goes on in compressed memory.
 */
export class KeptEntries implements EntryAppender {
  readonly #pool: MappedPool;
  readonly #segmentBytes: number;
  readonly #maxSegments: number;
  readonly #coldBytes: number;
  /** Loaded when the first segment is for it, so that a server that is started again answers sooner. */
  #cold: ColdSegments | undefined;
  /** Copies of segments that wait for that, the oldest first. */
  #early: Buffer[] = [];
  #isReleased = false;
  /** The oldest first; entries go into the last. */
  readonly #segments: Kept[] = [];
  #current: Segment;

  constructor(pool: MappedPool, keepBytes: number, maxMessage: number) {
    this.#pool = pool;
    this.#segmentBytes = Math.max(SEGMENT_BYTES, maxMessage + SPARE_BYTES);
    const kept = Math.min(keepBytes, MAX_KEPT_BYTES);
    this.#maxSegments = Math.max(2, Math.floor(kept / this.#segmentBytes));
    this.#coldBytes = Math.max(keepBytes, this.#segmentBytes);
    this.#load();
    this.#current = this.#segments.at(-1)?.segment ?? this.#begin();
  }

  append(buffer: ReceiveBuffer, start: number, end: number, message: SyslogMessage, received: number): void {
    if (this.#current.append(buffer.bytes, start, end, message, received)) return;
    this.#current = this.#begin();
    this.#current.append(buffer.bytes, start, end, message, received);
  }

  get length(): number {
    return this.#segments.reduce((sum, { segment }) => sum + segment.length, 0);
  }

  get heldBytes(): number {
    const inFile = this.#segments.length + this.#early.length;
    return inFile * this.#segmentBytes + (this.#cold?.heldBytes ?? 0);
  }

  find(filter: EntryFilter): Entry[] {
    const found: Entry[] = [];
    for (let index = this.#segments.length - 1; index >= 0; index--) {
      if (!findIn(this.#segments[index]!.segment, filter, found)) return found;
    }
    for (let index = this.#early.length - 1; index >= 0; index--) {
      if (!findIn(new Segment(this.#early[index]!), filter, found)) return found;
    }
    this.#cold?.find(filter, found);
    return found;
  }

  release(): void {
    for (const { block } of this.#segments.splice(0)) block.release();
    this.#cold?.close();
    this.#early = [];
    this.#isReleased = true;
  }

  #goCold(segment: Buffer): void {
    if (this.#cold !== undefined) this.#cold.add(segment);
    else if (this.#early.push(Buffer.from(segment)) === 1) void this.#loadCold();
  }

  async #loadCold(): Promise<void> {
    const { ColdSegments } = await import('./cold-segments.js');
    if (this.#isReleased) return;
    this.#cold = new ColdSegments(8 * this.#segmentBytes, this.#coldBytes);
    for (const segment of this.#early.splice(0)) this.#cold.add(segment);
  }

  /** What an earlier process left. Segments of another size, those that are too many, and damaged ones are freed. */
  #load(): void {
    const pool = this.#pool;
    let block = pool.root(ROOT);
    while (block !== undefined) {
      const segment = new Segment(block);
      const after = this.#segments[0]?.segment;
      const isNext = after === undefined || segment.serial === after.serial - 1;
      const isOurs = block.length === this.#segmentBytes && isNext && segment.isWhole;
      if (!isOurs || this.#segments.length === this.#maxSegments) {
        this.#freeFrom(block, isNext);
        return;
      }
      this.#segments.unshift({ block, segment });
      block = segment.before === 0 ? undefined : pool.tryAt(segment.before);
    }
  }

  /** Frees a segment, and those before it if it is one of the sequence. */
  #freeFrom(first: MappedBuffer, isNext: boolean): void {
    let block: MappedBuffer | undefined = isNext ? first : undefined;
    this.#pool.transaction(() => {
      while (block !== undefined) {
        const { serial, before } = new Segment(block);
        this.#pool.free(block);
        block = before === 0 ? undefined : this.#pool.tryAt(before);
        if (block !== undefined && new Segment(block).serial !== serial - 1) block = undefined;
      }
      if (this.#segments.length === 0) this.#pool.setRoot(ROOT, null);
    });
  }

  /** Another segment, which is the newest from now on. */
  #begin(): Segment {
    const newest = this.#segments.at(-1);
    const next = this.#next();
    next.segment.clear((newest?.segment.serial ?? 0) + 1, newest?.block.handle ?? 0);
    this.#pool.setRoot(ROOT, next.block);
    this.#pool.commit();
    this.#segments.push(next);
    return next.segment;
  }

  /** A new block, or that of the oldest segment when there are enough, or no room for more. */
  #next(): Kept {
    if (this.#segments.length < this.#maxSegments) {
      try {
        const block = this.#pool.alloc(this.#segmentBytes);
        return { block, segment: new Segment(block) };
      } catch (error) {
        if (this.#segments.length < 2) throw error;
      }
    }
    const oldest = this.#segments.shift()!;
    this.#goCold(oldest.block);
    return oldest;
  }
}
