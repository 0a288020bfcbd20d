import type { NativePool } from '../../addon/binding.js';
import { bytes, count, percent } from '../../base/text.js';
import type { Frames } from './frames.js';

/** What a {@link PageCache} has in memory, and what it has done. */
export interface PageCacheFigures {
  /** Pages of the file. */
  readonly filePages: number;
  /** Frames: memory for a page each. */
  readonly frames: number;
  /** Most frames that there may be. */
  readonly maxFrames: number;
  /** Pages that are in frames; of them those that are pinned, and those that are to be written. */
  readonly pages: number;
  readonly pinned: number;
  readonly dirty: number;
  /** Pins of pages that were there, and of others. */
  readonly hits: number;
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

/** Those of a cache that is closed and has everything back. */
const NOTHING: ReturnType<NativePool['pageFigures']> & object = {
  filePages: 0,
  frames: 0,
  pages: 0,
  pinned: 0,
  dirty: 0,
  misses: 0,
  prefetches: 0,
  reads: 0,
  writes: 0,
  writeCalls: 0,
  writesAhead: 0,
  evictions: 0,
  waits: 0,
  checkpoints: 0,
  damaged: 0,
  writeFailures: 0,
};

export function figuresOf({ native, settings, hits }: Frames): PageCacheFigures {
  const { misses, ...figures } = native.pageFigures() ?? NOTHING;
  return { ...figures, maxFrames: settings.frames, hits: hits[0]!, misses };
}

/** The same in words. */
export function figuresText(figures: PageCacheFigures, pageSize: number): string {
  const { hits, misses, pages, pinned, dirty, reads, writes, writeCalls, writesAhead } = figures;
  const pins = hits + misses;
  return [
    'pages',
    `  ${count(pages)} of ${count(figures.filePages)} pages are in memory (${bytes(pages * pageSize)}), ${count(pinned)} pinned, ${count(dirty)} dirty`,
    `  ${count(pins)} pins, ${percent(pins === 0 ? 0 : hits / pins)} of pages that were there; ${count(reads)} read, ${count(figures.prefetches)} of them ahead`,
    `  ${count(writes)} written with ${count(writeCalls)} calls, ${count(writesAhead)} of them ahead; ${count(figures.waits)} times somebody had to wait for that`,
    `  ${count(figures.evictions)} evicted, ${count(figures.checkpoints)} checkpoints, ${count(figures.damaged)} damaged, ${count(figures.writeFailures)} writes failed`,
  ].join('\n');
}
