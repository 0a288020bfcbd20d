// Page caches, as the native side shows them (native/binding/page_methods.cc).
import type { FileFailure } from './file-binding.js';

/** How a pool keeps pages of a file. */
export interface PageFileOptions {
  /** Absolute. */
  readonly path: string;
  readonly pageBytes: number;
  /** Most that there may be. */
  readonly frames: number;
  /** The class of their blocks. */
  readonly tag: number;
  /** Permission bits. */
  readonly mode: number;
  /** Only read. */
  readonly reads: boolean;
  readonly direct: boolean;
  /** One of PAGE_CHECKSUM (./generated/codes.ts). */
  readonly checksum: number;
}

/** What is counted of a page cache. */
export interface NativePageFigures {
  /** Pages of the file. */
  readonly filePages: number;
  /** Frames: memory for a page each. */
  readonly frames: number;
  /** Pages that are in frames; of them those that are pinned, and those that are to be written. */
  readonly pages: number;
  readonly pinned: number;
  readonly dirty: number;
  /** Pins of pages that were not there. */
  readonly misses: number;
  /** Pages that prefetch() brought in. */
  readonly prefetches: number;
  /** Pages that were read and written, and with how many calls. */
  readonly reads: number;
  readonly writes: number;
  readonly writeCalls: number;
  /** Pages that were written in the background, before their frames were needed. */
  readonly writesAhead: number;
  /** Pages that had to go for others. */
  readonly evictions: number;
  /** Times that somebody had to write pages before another could come in. */
  readonly waits: number;
  readonly checkpoints: number;
  /** Reads that found a wrong checksum. */
  readonly damaged: number;
  readonly writeFailures: number;
}

/**
 * What a pool has that keeps pages. Frames and pages are numbers from 0. Faults are those of FILE_FAULT (./generated/codes.ts), as
 * numbers below 0; pageFailure() tells more.
 */
export interface NativePages {
  /** Once: the pool keeps pages of that file. What failed; undefined when nothing did. */
  holdPages(options: PageFileOptions): FileFailure | undefined;
  /** FRAME_ROW (./generated/memory.ts). undefined for a pool that keeps none. */
  pageRows(): ArrayBuffer | undefined;

  /** Lends a new frame of a block that is out; -1 when there are as many as may be. */
  addFrame(block: number): number;
  /** Lends an empty frame, or that of a page that has to go; -1 when there is none, or `mayEvict` is false and there may be more. */
  lendFrame(mayEvict: boolean): number;
  /** Takes back a frame that was lent and not used. */
  giveFrame(frame: number): void;
  /** Gives a block back of a clean page that was used so many times at most since the hand came by: its frame; -1 for none. */
  dropFrame(mostUse: number): number;

  /** The frame of the page, which is pinned then; or a PIN_STATUS as a number below 0. `reading` is one of READING. */
  pinPage(page: number, reading: number, mayEvict: boolean): number;
  /** The same: into a frame that is lent, if the page is in none. */
  pinPageInto(page: number, reading: number, frame: number): number;
  /** The same of a scan: into the frame that it used longest ago, if its turn is still that. */
  pinScanned(page: number, reading: number, mayEvict: boolean, again: number, turn: number): number;
  /** 1 when the page is to be read by readPages() now, 0 when there is no need or no such page, -1 when there is no frame. */
  prefetchPage(page: number, mayEvict: boolean): number;
  /** Reads, on another thread, those that are to be read. How many failed: see takeUnread(). undefined when Node.js cannot. */
  readPages(pages: Uint32Array): Promise<number> | undefined;
  /** A page that could not be read: `where` is its number. Each once. */
  takeUnread(): FileFailure | undefined;

  /** Writes all that is dirty, and syncs: a fault, or 0; now, or as a promise. */
  checkpoint(isNow: boolean): number | Promise<number>;
  /** How many of the checkpoints have ended that were begun as promises, or were to be. */
  checkpointsEnded(): number;
  /** What failed in the last checkpoint that has ended; undefined when nothing did. */
  checkpointFailure(): FileFailure | undefined;
  /** 1 when the page was written, 0 when it is not dirty. */
  flushPage(page: number): number;
  /** The first of the new pages. */
  growPages(count: number): number;
  pageCount(): number;
  /** Nothing is read or written from now on. */
  closePages(): void;
  /** Of the last call that failed. */
  pageFailure(): FileFailure;
  /** undefined for a pool that keeps none. */
  pageFigures(): NativePageFigures | undefined;
  pinnedPages(most: number): { readonly page: number; readonly pins: number }[];
  /** What contradicts itself in its books, in words. */
  pageContradiction(): string | undefined;
}
