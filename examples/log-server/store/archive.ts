import { close, fsync, open, writev } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Memory } from '../memory/memory.js';
import type { Source } from '../receive/message-sink.js';
import type { SyslogMessage } from '../syslog/message.js';
import { type ArchiveIndex, FileIndex } from './archive-index.js';
import { BlockStats } from './block-stats.js';

/** Linux takes at most 1024 pieces in one writev (IOV_MAX). */
const MAX_PIECES = 1024;
/** Enough to make a system call's cost vanish, little enough to keep acknowledgements frequent. */
const MAX_WRITE_BYTES = 2 * 1024 * 1024;
/** An index record for about this many bytes, or for what came in this time. */
const BLOCK_BYTES = 1024 * 1024;
const BLOCK_AGE_MS = 1000;

export interface ArchiveLimits {
  /** Bytes waiting to be written at which receivers are told to stop. They go on at half of it. */
  maxPending: number;
}

export interface ArchiveEvents {
  /** Below the limit again after congestion. */
  drained(): void;
  /** Bytes of these sources are in the file. */
  written(sources: Iterable<Source>): void;
  /** The file cannot be written: nothing that comes in from now on is kept. */
  failed(error: Error): void;
}

/** Makes the index of the archive at `path`. */
export type MakeIndex = (path: string, onError: (error: Error) => void) => Promise<ArchiveIndex>;

/** Bytes that wait to be written, where they were received. */
interface Piece {
  readonly buffer: Buffer;
  readonly start: number;
  end: number;
  messages: number;
  readonly source: Source;
}

/**
 * Appends frames to a file exactly as they were received. The file is a stream in RFC 6587's framings: any receiver
 * that detects them, this server included, reads it back, and no byte has to be added, removed or moved. That is what
 * lets the kernel take them (writev) from where the kernel put them (read).
 *
 * One write is in flight at a time, and whatever comes in meanwhile goes with the next: small writes when it is quiet,
 * large ones under load, without a timer. A piece's buffer is held until the write's callback.
 */
export class Archive {
  readonly path: string;
  /** What the next index record will say. Count messages here before their bytes are appended. */
  readonly block = new BlockStats();
  /** Bytes appended so far; those up to `writtenBytes` are in the file. */
  appendedBytes = 0;
  writtenBytes = 0;
  congested = false;

  readonly #memory: Memory;
  readonly #fd: number;
  readonly #index: ArchiveIndex;
  readonly #limits: ArchiveLimits;
  readonly #events: ArchiveEvents;
  #queue: Piece[] = [];
  #writing = false;
  #scheduled = false;
  #failed = false;
  #sealTimer: NodeJS.Timeout | undefined;
  #whenIdle: (() => void) | undefined;

  /** Creates a new archive, named after the time, in `directory`. `makeIndex`: an index file beside it if nothing else is given. */
  static async open(
    directory: string,
    memory: Memory,
    limits: ArchiveLimits,
    events: ArchiveEvents,
    makeIndex: MakeIndex = (path, onError) =>
      FileIndex.open(path.replace(/\.log$/, '.index'), memory, onError),
  ): Promise<Archive> {
    await mkdir(directory, { recursive: true });
    const name = `${new Date().toISOString().replace(/[:.]/g, '-')}-${process.pid}`;
    const path = join(directory, `${name}.log`);
    const fd = await promisify(open)(path, 'wx');
    const index = await makeIndex(path, events.failed);
    return new Archive(path, fd, index, memory, limits, events);
  }

  private constructor(
    path: string,
    fd: number,
    index: ArchiveIndex,
    memory: Memory,
    limits: ArchiveLimits,
    events: ArchiveEvents,
  ) {
    this.path = path;
    this.#fd = fd;
    this.#index = index;
    this.#memory = memory;
    this.#limits = limits;
    this.#events = events;
  }

  get pendingBytes(): number {
    return this.appendedBytes - this.writtenBytes;
  }

  /** Twice the limit is waiting: the sources that can be stopped are, so only those are left that cannot. */
  get overloaded(): boolean {
    return this.pendingBytes > 2 * this.#limits.maxPending;
  }

  count(message: SyslogMessage): void {
    this.block.count(message);
  }

  /** Appends whole frames. The buffer is retained until they are written. */
  append(buffer: Buffer, start: number, end: number, messages: number, source: Source): void {
    if (this.#failed) return;
    const last = this.#queue.at(-1);
    if (last !== undefined && last.buffer === buffer && last.end === start && last.source === source) {
      last.end = end;
      last.messages += messages;
    } else {
      this.#memory.retain(buffer);
      this.#queue.push({ buffer, start, end, messages, source });
    }
    this.appendedBytes += end - start;
    this.block.byteLength += end - start;
    if (this.pendingBytes > this.#limits.maxPending) this.congested = true;
    if (this.block.byteLength >= BLOCK_BYTES) this.#seal();
    else this.#sealTimer ??= setTimeout(() => this.#sealAged(), BLOCK_AGE_MS).unref();
    this.#schedule();
  }

  /** Writes what is left and closes the files, flushed to the disk. Files that nothing came for are removed. */
  async close(): Promise<void> {
    if (this.#writing || this.#queue.length > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
        this.#schedule();
      });
    }
    clearTimeout(this.#sealTimer);
    this.#seal();
    await this.#index.close();
    await promisify(fsync)(this.#fd);
    await promisify(close)(this.#fd);
    if (this.appendedBytes === 0) await Promise.all([rm(this.path), this.#index.remove()]);
  }

  /** Writes after this round of the event loop, so that what all sockets brought goes together. */
  #schedule(): void {
    if (this.#writing || this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#writeNext();
    });
  }

  #writeNext(): void {
    if (this.#queue.length === 0) {
      this.#whenIdle?.();
      return;
    }
    const pieces = this.#takePieces();
    this.#writing = true;
    this.#write(
      pieces,
      pieces.map(({ buffer, start, end }) => buffer.subarray(start, end)),
    );
  }

  #takePieces(): Piece[] {
    const queue = this.#queue;
    let count = 0;
    let bytes = 0;
    while (count < queue.length && count < MAX_PIECES && bytes < MAX_WRITE_BYTES) {
      bytes += queue[count]!.end - queue[count]!.start;
      count++;
    }
    if (count === queue.length) {
      this.#queue = [];
      return queue;
    }
    return queue.splice(0, count);
  }

  #write(pieces: Piece[], views: Buffer[]): void {
    writev(this.#fd, views, null, (error, written) => {
      if (error) return this.#fail(error, pieces);
      this.writtenBytes += written;
      const rest = skip(views, written);
      if (rest.length > 0) return this.#write(pieces, rest);
      this.#done(pieces);
    });
  }

  #done(pieces: Piece[]): void {
    const sources = new Set<Source>();
    for (const { buffer, start, end, messages, source } of pieces) {
      source.archivedBytes += end - start;
      source.archivedMessages += messages;
      sources.add(source);
      this.#memory.release(buffer);
    }
    this.#writing = false;
    this.#events.written(sources);
    if (this.congested && this.pendingBytes <= this.#limits.maxPending / 2) {
      this.congested = false;
      this.#events.drained();
    }
    this.#writeNext();
  }

  #fail(error: Error, pieces: Piece[]): void {
    for (const { buffer } of [...pieces, ...this.#queue]) this.#memory.release(buffer);
    this.#queue = [];
    this.#writing = false;
    this.#failed = true;
    this.#events.failed(error);
    this.#whenIdle?.();
  }

  #seal(): void {
    if (this.block.messages > 0) this.#index.append(this.block);
    this.block.reset(this.appendedBytes);
    if (this.#sealTimer !== undefined) {
      clearTimeout(this.#sealTimer);
      this.#sealTimer = undefined;
    }
  }

  #sealAged(): void {
    this.#seal();
    this.#index.flush();
  }
}

/** The views without their first `written` bytes: writev may write less than it was asked to. */
function skip(views: Buffer[], written: number): Buffer[] {
  let index = 0;
  let left = written;
  while (index < views.length && left >= views[index]!.length) left -= views[index++]!.length;
  if (index === views.length) return [];
  return [views[index]!.subarray(left), ...views.slice(index + 1)];
}
